# What rules take and ask for.
import shlex

validate(config, workflow.source_path("../schemas/config.schema.yaml"))
SHEET = read_sheet(Path(config["samples"]), workflow.source_path("../schemas/samples.schema.yaml"))
MAPPER = config["mapping"]["tool"]
FORMAT = config["mapping"]["format"]
NODE_CLASS = config["embed"]["node_class"]
SHARDS = config["embed"]["shards"]


wildcard_constraints:
    assembly="[A-Za-z0-9_.-]+",
    sample="[A-Za-z0-9_.-]+",
    shard=r"\d+",
    shards=r"\d+",


def contigs_of(wildcards) -> str:
    return SHEET.contigs[wildcards.assembly]


def reads_of(wildcards) -> list[str]:
    return SHEET.reads[wildcards.assembly, wildcards.sample]


def megabytes(wildcards) -> float:
    """Size of the contigs' file, which memory goes by."""
    path = Path(SHEET.contigs[wildcards.assembly])
    return path.stat().st_size / 1e6 if path.exists() else 0.0


def memory(*, base: int, per_megabyte: float):
    """MB for a job: more for larger contigs, and more at each attempt."""
    return lambda wildcards, attempt: int((base + per_megabyte * megabytes(wildcards)) * attempt)


def option(name: str, values) -> str:
    """The option with its values; nothing if there are none."""
    values = [values] if isinstance(values, (str, int, float)) else list(values or [])
    return shlex.join([name, *map(str, values)]) if values else ""


def reference_of(wildcards) -> list[str]:
    """What CRAM is written against; BAM needs nothing."""
    return [f"results/reference/{wildcards.assembly}.fa"] if FORMAT == "cram" else []


def sorting(wildcards, input) -> str:
    """Options of samtools sort; its memory is 512 MB a thread."""
    return f"-@ 2 -m 512M -O {FORMAT} {option('--reference', input.reference)}"


def suffix_of(path: str) -> str:
    return "cram" if path.endswith(".cram") else "bam"


def given_alignment(wildcards) -> str:
    return SHEET.alignment[wildcards.assembly, wildcards.sample]


def alignment_of(wildcards) -> str:
    """A file that is named for the sample, for so binner calls it."""
    place = f"{wildcards.assembly}/{wildcards.sample}"
    given = SHEET.alignment.get((wildcards.assembly, wildcards.sample))
    if given is not None:
        return f"results/alignments/given/{place}.{suffix_of(given)}"
    return f"results/alignments/{MAPPER}/{place}.{FORMAT}"


def embedding_of(wildcards) -> list[str]:
    return [f"results/embedding/{wildcards.assembly}/{i + 1}_of_{SHARDS}.npz" for i in range(SHARDS)]


def by_aemb(assembly: str, sample: str) -> bool:
    """Whether a sample's coverage comes as abundances: alignments that are there are used in any case."""
    return MAPPER == "strobealign_aemb" and (assembly, sample) in SHEET.reads


def abundance_of(wildcards) -> list[str]:
    assembly = wildcards.assembly
    return [f"results/abundance/{assembly}/{name}.tsv" for name in SHEET.samples[assembly] if by_aemb(assembly, name)]


def depth_of(wildcards) -> list[str]:
    assembly = wildcards.assembly
    return [f"results/depth/{assembly}/{name}.tsv" for name in SHEET.samples[assembly] if not by_aemb(assembly, name)]


def quality_of(wildcards) -> list[str]:
    return [f"results/quality/{wildcards.assembly}.done"] if config["quality"] else []
