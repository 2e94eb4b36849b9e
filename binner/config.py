"""Options, frozen and checked where they are born: an impossible value raises OptionError with the option's name."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, get_args

from binner.errors import OptionError

EncoderName = Literal["whitening", "small"]
ClustererName = Literal["leiden", "reassign", "density", "merge"]
SourceName = Literal["tree", "split", "merge"]
LossName = Literal["multi-positive", "w-simclr"]
RefineTerm = Literal["halves", "hard", "mix", "markers", "clip", "density", "mmd", "self"]
Strands = Literal["both", "forward"]
QualityTool = Literal["checkm", "checkm2"]

STDIN = Path("-")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")  # of a model on huggingface.co: owner/name
SHORTEST_CONTIG = 200  # bp; below it neither composition nor the middle of a contig (its ends are cut) says anything
MOST_THREADS = 1024
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
FASTA_SUFFIXES = (".fa", ".fasta", ".fna", ".fas")  # of genomes and bins in a folder, in any case
_CONTIGS_SUFFIXES = (*FASTA_SUFFIXES, ".ffn", ".seq")  # that a file of contigs, which is named, may have too


def _require(holds: bool, message: str) -> None:  # noqa: FBT001
    if not holds:
        raise OptionError(message)


@dataclass(frozen=True, slots=True)
class CoverageConfig:
    """Where the depths come from; with no file and none in the headers, contigs are binned by their sequence alone."""

    bams: tuple[Path, ...] = ()  # BAM and CRAM files, a sample each
    depth: tuple[Path, ...] = ()  # tables of jgi_summarize_bam_contig_depths or CoverM
    abundance: tuple[Path, ...] = ()  # tables of strobealign --aemb, a sample each
    identity: float | None = None  # %, of reads that count; None: 97 for short reads, lower for long ones
    headers: bool = True  # without a file, the depth that the assembler wrote into the contigs' headers is a sample

    def __post_init__(self) -> None:
        if self.identity is not None:
            _require(0 <= self.identity <= 100, f"--identity is a percentage from 0 to 100, not {self.identity:g}")

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (*self.bams, *self.depth, *self.abundance)


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """What of the machine may be used."""

    threads: int = 1
    device: str = "auto"  # auto, cpu, cuda or cuda:N
    max_memory: int | None = None  # bytes; None: what the machine or the scheduler has

    def __post_init__(self) -> None:
        _require(
            1 <= self.threads <= MOST_THREADS, f"--threads must be from 1 to {MOST_THREADS:,}, not {self.threads:,}"
        )
        _require(
            re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", self.device) is not None,
            f"--device must be auto, cpu, cuda or cuda:N (as in cuda:0), not '{self.device}'",
        )
        if self.max_memory is not None:
            _require(self.max_memory > 0, f"--max-memory must be positive, not {self.max_memory}")


@dataclass(frozen=True, slots=True)
class EncoderConfig:
    """How an encoder reads contigs. None: as the encoder itself has it."""

    window: int | None = None  # bp
    strands: Strands = "both"
    max_windows: int | None = None  # of a contig; None: all
    devices: int = 1  # processes, each with a GPU

    def __post_init__(self) -> None:
        if self.window is not None:
            _require(
                self.window >= SHORTEST_CONTIG, f"--window must be at least {SHORTEST_CONTIG} bp, not {self.window:,}"
            )
        if self.max_windows is not None:
            _require(self.max_windows >= 1, f"--max-windows must be at least 1, not {self.max_windows}")
        _require(
            1 <= self.devices <= MOST_THREADS, f"--devices must be from 1 to {MOST_THREADS:,}, not {self.devices:,}"
        )
        _require(self.strands in get_args(Strands), f"--strands must be both or forward, not '{self.strands}'")


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` (from 1) of `of` parts of an assembly."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        _require(1 <= self.number <= self.of, f"--shard is I/N with I from 1 to N, not {self.number}/{self.of}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """From what was typed.

        >>> Shard.parse("2/8")
        Shard(number=2, of=8)
        """
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
        if match is None:
            raise OptionError(f"--shard is I/N, as in 2/8, not '{text}'")
        return cls(int(match[1]), int(match[2]))


def encoder_parts(encoder: str) -> tuple[str, ...]:
    """The encoders that are put side by side: those between the plus signs, unless a folder has them in its name.

    >>> encoder_parts("whitening+small")
    ('whitening', 'small')
    """
    return (encoder,) if _is_folder(encoder) else tuple(encoder.split("+"))


def _is_folder(name: str) -> bool:
    return os.path.isdir(name)  # noqa: PTH112 it is False, not an error, for names that are too long for one


def check_encoder_name(encoder: str) -> None:
    """Raise OptionError unless each part ships with binner, is a folder, or could be the name of a model on the hub."""
    known, parts = get_args(EncoderName), encoder_parts(encoder)
    for number, part in enumerate(parts):
        _require(
            part in known or _is_folder(part) or HUB_NAME.fullmatch(part) is not None,
            f"--encoder must be {' or '.join(known)}, a folder with a trained encoder, the name of a model on"
            f" huggingface.co (owner/name), or several of these with + between; '{part}' is neither",
        )
        _require(part not in parts[:number], f"--encoder {encoder}: '{part}' is named twice")


def check_min_length(length: int) -> None:
    """Raise OptionError if contigs of this length (bp) cannot be placed."""
    _require(
        length >= SHORTEST_CONTIG,
        f"--min-len must be at least {SHORTEST_CONTIG} bp, not {length:,}: shorter ones cannot be placed",
    )


def check_refine_terms(terms: Sequence[str]) -> None:
    """Raise OptionError unless all of them are known, and each is named once."""
    known = get_args(RefineTerm)
    for number, term in enumerate(terms):
        _require(term in known, f"--refine-terms are of {', '.join(known)}, with commas between, or none; not '{term}'")
        _require(term not in terms[:number], f"--refine-terms: '{term}' is named twice")


@dataclass(frozen=True, slots=True)
class QualityConfig:
    """Who judges the bins besides binner: a tool, or a table that one wrote."""

    by: str  # a QualityTool, or the path of a table
    markers: Path | None = None  # for CheckM: models or a marker set, in place of its own by lineage

    def __post_init__(self) -> None:
        _require(
            self.markers is None or self.by == "checkm",
            f"--checkm-markers goes with --quality checkm, not with {self.by}",
        )

    @property
    def table(self) -> Path | None:
        """The table, if it is one."""
        return None if self.by in get_args(QualityTool) else Path(self.by)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return tuple(file for file in (self.table, self.markers) if file is not None)


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Everything that `binner run` can be told."""

    contigs: Path  # `-` reads standard input
    others: tuple[Path, ...] = ()  # contigs of other assemblies
    multi: bool = False  # contigs of several assemblies, each of which gets bins of its own
    separator: str | None = None  # between assembly and contig in their names; None: what others write there
    out: Path | None = None  # None: `<name of the contigs>_binner` in the current folder
    coverage: CoverageConfig = field(default_factory=CoverageConfig)
    machine: MachineConfig = field(default_factory=MachineConfig)
    min_length: int = 1000  # bp, of the contigs that take part
    min_bin_size: int = 200_000  # bp
    encoder: str = "whitening"  # an EncoderName, a folder, a name on huggingface.co, or several with + between
    reading: EncoderConfig = field(default_factory=EncoderConfig)
    embedding: tuple[Path, ...] = ()  # what `binner embed` wrote, in place of an encoder
    bins: tuple[Path, ...] = ()  # of other binners: what is chosen among, in place of clusters
    split_chimeras: bool = False
    markers: bool = True
    all_genes: bool = False  # are called and searched for marker genes, not only where these are likely
    homologs: bool = True
    refine: bool = False
    refine_terms: tuple[RefineTerm, ...] | None = None  # what the head is trained for besides contrast; None: all
    also: tuple[SourceName, ...] = ()  # sources of further candidates
    recruit: bool = False  # contigs that are left over join bins
    seed: int = 1
    prefix: str = "bin"
    force: bool = False
    quality: QualityConfig | None = None  # None: by binner's marker genes alone
    report: bool = True

    def __post_init__(self) -> None:
        check_min_length(self.min_length)
        files = " ".join(map(str, self.assemblies))
        _require(
            self.multi or not self.others,
            f"{len(self.assemblies)} files of contigs ({files}): to bin several assemblies together, add --multi; reads"
            " go after -b",
        )
        _require(not self.others or STDIN not in self.assemblies, f"{files}: standard input stands alone; name files")
        _require(self.multi or self.separator is None, "--separator is for the contigs of --multi; add that")
        _require(
            self.separator is None or re.fullmatch(r"\S{1,20}", self.separator) is not None,
            f"--separator is one of up to 20 letters and signs, without blanks, not '{self.separator}'",
        )
        _require(self.min_bin_size >= 0, f"--min-bin-size must not be negative: {self.min_bin_size:,}")
        _require(0 <= self.seed < 2**32, f"--seed must be from 0 to {2**32 - 1}, not {self.seed}")
        _require(
            re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", self.prefix) is not None,
            f"--prefix goes into file names: letters, digits, '_', '.' and '-' (up to 100), not '{self.prefix}'",
        )
        check_encoder_name(self.encoder)
        _require(self.markers or not self.all_genes, "--all-genes are searched for markers: leave out --no-markers")
        _require(
            not (self.split_chimeras and self.embedding),
            "--split-chimeras cuts contigs, and --embedding is that of whole ones: leave one of them out",
        )
        if self.refine_terms is not None:
            check_refine_terms(self.refine_terms)
            _require(self.refine, "--refine-terms says what --refine trains for: add --refine, or leave it out")

    @property
    def assemblies(self) -> tuple[Path, ...]:
        """Every file of contigs."""
        return (self.contigs, *self.others)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file that is read."""
        return (*self.assemblies, *self.coverage.files, *self.embedding, *self.bins)

    @property
    def folder(self) -> Path:
        """Where the results go."""
        name = "multi" if self.others else assembly_name(self.contigs)
        return self.out if self.out is not None else Path(f"{name}_{'reclustered' if self.bins else 'binner'}")


def assembly_name(contigs: Path) -> str:
    """What the assembly is called: the name of its file without its suffixes.

    >>> assembly_name(Path("/data/soil.contigs.fa.gz")), assembly_name(Path("-"))
    ('soil.contigs', 'stdin')
    """
    if contigs == STDIN:
        return "stdin"
    return _without(_CONTIGS_SUFFIXES, plain_name(contigs)) or "contigs"


def fasta_stem(path: Path) -> str:
    """Name of a FASTA file in a folder of them, without its suffixes; empty if its name is not that of one.

    >>> fasta_stem(Path("x/g.1.FNA.gz")), fasta_stem(Path("bin_1.fa.fai"))
    ('g.1', '')
    """
    name = plain_name(path)
    stem = _without(FASTA_SUFFIXES, name)
    return stem if stem != name else ""


def plain_name(path: Path) -> str:
    r"""Name of a file, readable whatever its bytes are, without the suffix that a compression adds.

    >>> plain_name(Path("x/S1.tsv.gz")), plain_name(Path("S\udcff.bam"))  # the second is that of the bytes S, FF
    ('S1.tsv', 'S\ufffd.bam')
    """
    return _without(_COMPRESSIONS, os.fsencode(path.name).decode("utf-8", "replace"))


def _without(suffixes: Sequence[str], name: str) -> str:
    """The name without the one of the suffixes that it ends with, if any does."""
    return next((name[: -len(suffix)] for suffix in suffixes if name.lower().endswith(suffix)), name)
