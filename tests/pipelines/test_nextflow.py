"""The Nextflow workflow, which no Nextflow ran: every script and stub run in bash on the demo, and what names what."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import binner
from tests.pipelines import groovy
from tests.pipelines.demo import BAMS, COLUMNS, CONTIGS, GENOMES, bins, environment
from tests.pipelines.nextflow import FOLDER, PROCESSES, Task, parameters, read, settings

SAMPLE = {"id": "demo.S1", "assembly": "demo", "sample": "S1"}
ASSEMBLY = {"id": "demo"}
READS = [Path("S1_1.fq.gz"), Path("S1_2.fq.gz")]
GIVEN: dict[str, dict[str, Any]] = {  # the demo, as each process takes it
    "MINIMAP2_SORT": {"meta": SAMPLE, "contigs": CONTIGS, "reads": READS},
    "STROBEALIGN_SORT": {"meta": SAMPLE, "contigs": CONTIGS, "reads": READS},
    "STROBEALIGN_AEMB": {"meta": SAMPLE, "contigs": CONTIGS, "reads": READS},
    "BINNER_COVERAGE": {"meta": SAMPLE, "contigs": CONTIGS, "alignment": BAMS[0]},
    "BINNER_EMBED": {
        "meta": ASSEMBLY,
        "contigs": CONTIGS,
        "shard": 1,
        "shards": 2,
        "encoder": "whitening",
        "model": [],
    },
    "BINNER_RUN": {"meta": ASSEMBLY, "fasta": CONTIGS, "bam": BAMS, "depth": [], "abundance": [], "embedding": []},
}
SOURCES = [path for path in FOLDER.rglob("*") if path.suffix in (".nf", ".config") and "tests" not in path.parts]


@pytest.fixture
def programs(own_folder: Path) -> dict[str, str]:
    """binner, samtools as pysam has it, and mappers that only say which contigs there are."""
    found = environment(own_folder)
    folder = own_folder / "programs"
    samtools = "import sys, pysam; getattr(pysam.samtools, sys.argv[1])(*sys.argv[2:], catch_stdout=False)"
    (folder / "samtools").write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{samtools}' \"$@\"\n")
    table, header = r"printf 'contig_1\t1.5\n'", r"printf '@SQ\tSN:contig_1\tLN:4050\n'"
    for name in ("minimap2", "strobealign"):
        (folder / name).write_text(f'#!/bin/sh\ncase "$*" in --aemb*) {table};; *) {header};; esac\n')
    for path in folder.iterdir():
        path.chmod(0o755)
    return found


def test_every_process_is_here() -> None:
    assert set(GIVEN) == set(PROCESSES)


@pytest.mark.parametrize("name", sorted(PROCESSES))
def test_stubs(name: str, programs: dict[str, str], tmp_path: Path) -> None:
    found = Task(PROCESSES[name], tmp_path / "task", GIVEN[name], programs).run("stub")
    assert [emit for emit, files in found.items() if files] == [
        output.emit for output in PROCESSES[name].outputs if output.paths
    ]


@pytest.mark.parametrize("name", sorted(name for name in PROCESSES if not name.startswith("BINNER_")))
def test_mappers(name: str, programs: dict[str, str], tmp_path: Path) -> None:
    task = Task(PROCESSES[name], tmp_path / "task", GIVEN[name], programs)
    ((_, (file,)), *versions) = task.run("script").items()
    assert len(versions) == (1 if name == "STROBEALIGN_AEMB" else 2)
    assert file.stem == "S1"
    assert file.stat().st_size > 10


def test_the_demo(programs: dict[str, str], tmp_path: Path, alone: set[frozenset[str]]) -> None:
    """From BAMs to bins through the processes in turn: the bins of one command."""

    def task(name: str, folder: str, **given: Any) -> Task:
        return Task(PROCESSES[name], tmp_path / folder, GIVEN[name] | given, programs)

    depth = []
    for bam in BAMS:
        meta = {"id": f"demo.{bam.stem}", "assembly": "demo", "sample": bam.stem}
        depth += task("BINNER_COVERAGE", bam.stem, meta=meta, alignment=bam).run("script")["depth"]
    embedding = [task("BINNER_EMBED", f"shard{shard}", shard=shard).run("script")["embedding"][0] for shard in (1, 2)]
    last = task("BINNER_RUN", "run", bam=[], depth=depth, embedding=embedding)
    found = last.run("script")
    assert [path.name for path in found["bins"]] == [f"demo_{number + 1}.fa.gz" for number in range(GENOMES)]
    assert len(found["report"]) == 1
    assert len(found["multiqc"]) == 3
    assert set(bins(tmp_path / "run" / "demo").values()) == alone
    (command,) = {command for output in last.process.outputs for command in output.versions}
    assert last.bash(command).strip() == binner.__version__


def test_contigs_without_bins(programs: dict[str, str], tmp_path: Path) -> None:
    """No coverage, no embedding, no bins: the channels are there all the same."""
    contigs = tmp_path / "few.fa"
    contigs.write_text(">a\n" + "ACGGTTCA" * 200 + "\n>b\n" + "GGCATTAG" * 200 + "\n")
    task = Task(
        PROCESSES["BINNER_RUN"], tmp_path / "task", GIVEN["BINNER_RUN"] | {"fasta": contigs, "bam": []}, programs
    )
    found = task.run("script")
    assert found["bins"] == []
    assert found["bins_table"]


def test_gpu(programs: dict[str, str], tmp_path: Path) -> None:
    for gpu, device in ((True, "--device cuda"), (False, "--device cpu")):
        task = Task(PROCESSES["BINNER_EMBED"], tmp_path / str(gpu), GIVEN["BINNER_EMBED"], programs, gpu=gpu)
        script, _ = task.fill("script")
        assert device in script
    labels = {name for name, process in PROCESSES.items() if "label 'process_gpu'" in process.path.read_text()}
    assert labels == {"BINNER_EMBED", "BINNER_RUN"}


def test_a_folder_with_a_model(programs: dict[str, str], tmp_path: Path) -> None:
    """It is beside the task's other files, in a container too, under a name that is no encoder's."""
    (tmp_path / "small").symlink_to(Path(binner.__file__).parent / "models" / "whitening")

    def embedding(folder: str, **given: Any) -> bytes:
        task = Task(PROCESSES["BINNER_EMBED"], tmp_path / folder, GIVEN["BINNER_EMBED"] | given, programs)
        (found,) = task.run("script")["embedding"]
        return found.read_bytes()

    given = embedding("given", encoder="models/small", model=tmp_path / "small")
    assert given == embedding("named", encoder="whitening")


def test_what_is_tried_again() -> None:
    """Groovy adds before it makes a range: each range is in brackets of its own."""
    (codes,) = re.findall(r"task\.exitStatus in \((.+)\) \?", (FOLDER / "conf" / "base.config").read_text())
    for part in codes.split(" + "):
        assert re.fullmatch(r"\d+|\(\d+\.\.\d+\)", part)


def test_includes_and_channels() -> None:
    """Files that are included exist and have what is taken from them, and channels are those that are emitted."""
    for path in SOURCES:
        text = path.read_text()
        for name, place in re.findall(r"include \{ (\w+) +\} from '(.+)'", text):
            target = (path.parent / place).resolve()
            target = target / "main.nf" if target.is_dir() else target.with_suffix(".nf")
            assert re.search(rf"^(process|workflow) {name} \{{$", target.read_text(), re.MULTILINE), place
            emitted = set(re.findall(r"^    (\w+) += ", target.read_text().partition("emit:")[2], re.MULTILINE))
            if name in PROCESSES:
                emitted = {output.emit for output in read(target).outputs}
            assert set(re.findall(rf"{name}\.out\.(\w+)", text)) <= emitted
        for place in re.findall(r"includeConfig '(.+)'", text):
            assert (path.parent / place).is_file()


def test_parameters() -> None:
    """Those that are used are those of the configuration and of the schema, with the same defaults."""
    used = {name for path in SOURCES for name in re.findall(r"\bparams\.(\w+)", path.read_text())}
    params = parameters()
    assert used == set(params)
    schema = json.loads((FOLDER / "nextflow_schema.json").read_text())
    documented = {name: entry for group in schema["$defs"].values() for name, entry in group["properties"].items()}
    assert {name: entry.get("default") for name, entry in documented.items()} == params
    assert [entry["$ref"].rpartition("/")[2] for entry in schema["allOf"]] == list(schema["$defs"])


def test_settings_reach_the_command() -> None:
    params = parameters() | {"identity": 95, "quality": "checkm2", "minimap2_preset": "map-ont"}
    assert settings("BINNER_COVERAGE", params) == "--identity 95"
    assert settings("BINNER_COVERAGE", parameters()) == ""
    assert settings("BINNER_RUN", params).endswith("--seed 1 --quality checkm2")
    assert settings("MINIMAP2_SORT", params) == "-x map-ont"


def test_the_sheet_of_the_demo() -> None:
    header, *rows = (FOLDER / "assets" / "samplesheet.csv").read_text().splitlines()
    assert tuple(header.split(",")) == COLUMNS
    files = [FOLDER / "assets" / row.split(",")[column] for row in rows for column in (1, 5)]
    assert {path.resolve() for path in files} == {CONTIGS, *BAMS}


def test_the_module_for_nf_core() -> None:
    """meta.yml describes what the process takes and emits, and versions are this one's."""
    process = PROCESSES["BINNER_RUN"]
    folder = process.path.parent
    meta = yaml.safe_load((folder / "meta.yml").read_text())
    assert [next(iter(entry)) for entry in meta["input"][0]] == [name for _, name, _ in process.inputs]
    described = {name: next(iter(channel[0][1])) for name, channel in meta["output"].items() if name in meta["output"]}
    assert list(described) == [output.emit for output in process.outputs]
    assert [described[output.emit] for output in process.outputs if output.paths] == [
        path for output in process.outputs for path in output.paths
    ]
    for path in PROCESSES["BINNER_EMBED"].path.parent.glob("environment*.yml"):
        assert yaml.safe_load(path.read_text()) == yaml.safe_load((folder / path.name).read_text())
    for name in ("environment.yml", "environment.gpu.yml"):
        assert f"bioconda::binner={binner.__version__}" in yaml.safe_load((folder / name).read_text())["dependencies"]
    assert set(re.findall(r"binner:(\d[\d.]*)--", process.path.read_text())) == {binner.__version__}
    assert f"version         = '{binner.__version__}'" in (FOLDER / "nextflow.config").read_text()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a ?: 'none'", "none"),
        ("b.c ? \"<${b.c}>\" : ''", "<1>"),
        ("b.d ? 'x' : \"y\" + 'z'", "yz"),
        ('"${b.c ? "in ${b.c}" : \'\'} \\$HOME"', "in 1 $HOME"),
        ("files", ["f", "g"]),
        ('"${files} ${a}"', "f g null"),
    ],
)
def test_groovy(text: str, value: Any) -> None:
    assert groovy.evaluate(text, {"a": None, "b": {"c": 1}, "files": ["f", "g"]}) == value


@pytest.mark.parametrize("text", ["a.collect { it }", "a[0]", "'x", '"x', "(a", "a b"])
def test_groovy_beyond_us(text: str) -> None:
    with pytest.raises((groovy.NotUnderstoodError, AttributeError)):
        groovy.evaluate(text, {"a": "x"})
