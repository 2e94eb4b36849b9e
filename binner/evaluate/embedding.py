"""Encoders compared on contigs whose genomes are known, with the frequencies of 4-mers beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from binner import embed, fasta, inputs
from binner.config import EncoderConfig, MachineConfig, check_encoder_name
from binner.data import F32, I64, Contigs, Progress, silent
from binner.encoders.kmers import count
from binner.errors import InputError, OptionError
from binner.evaluate import protocols
from binner.evaluate.kmedoid import similarity_threshold
from binner.evaluate.protocols import Figure
from binner.evaluate.tables import read_labels
from binner.runtime import choose_device
from binner.space import unit_rows
from binner.stages import Watch, unwatched

LOGGER = logging.getLogger(__name__)

FOUR_MERS = "4-mers"


@dataclass(frozen=True, slots=True)
class SampleOptions:
    """Which contigs take part, and how much of them."""

    min_length: int = 1_000  # bp, of contigs whose neighbours are looked at
    long: int = 2_500  # bp, of those that are clustered, classified and binned
    most_bp: int = 20_000  # of each contig are read; 0: all
    members: int = 10  # such contigs a genome needs
    per_genome: int = 100  # at most are clustered and classified
    seed: int = 0  # of the choice of these

    def __post_init__(self) -> None:
        if self.per_genome < self.members:
            raise OptionError(f"--per-genome must be at least {self.members}, not {self.per_genome}")
        if self.most_bp < 0:
            raise OptionError(f"--max-bp must be 0 (all) or positive, not {self.most_bp}")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Contigs of known genomes."""

    contigs: Contigs  # cut to `SampleOptions.most_bp`
    lengths: I64  # (N,), bp, before they were cut
    labels: I64  # (N,), of the genome
    long: I64  # rows that are binned
    drawn: I64  # rows that are clustered and classified


def draw(contigs: Contigs, genome_of: Mapping[str, str], options: SampleOptions) -> Sample:
    """The contigs whose genome is known. Raises InputError unless two genomes have enough long ones."""
    known = np.array([name in genome_of for name in contigs.names], np.bool_)
    rows = np.flatnonzero(known & (contigs.lengths >= options.min_length))
    _, labels = np.unique([genome_of[contigs.names[row]] for row in rows], return_inverse=True)
    lengths = contigs.lengths[rows]
    ids, counts = np.unique(labels[lengths >= options.long], return_counts=True)
    enough = ids[counts >= options.members]
    if len(enough) < 2:
        raise InputError(
            f"{len(enough)} genomes have {options.members} contigs of {options.long} bp or more each, of"
            f" {len(rows)} contigs whose genome is known: two are needed"
        )
    long = np.flatnonzero((lengths >= options.long) & np.isin(labels, enough))
    order = np.random.default_rng(options.seed).permutation(long)
    drawn = np.sort(np.concatenate([order[labels[order] == genome][: options.per_genome] for genome in enough]))
    return Sample(_cut(contigs.select(rows), options.most_bp), lengths, labels.astype(np.int64), long, drawn)


def _cut(contigs: Contigs, most_bp: int) -> Contigs:
    """The first `most_bp` of each contig; 0 keeps all."""
    if not most_bp:
        return contigs
    pieces = [contigs[row][:most_bp] for row in range(len(contigs))]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(piece) for piece in pieces])])
    return Contigs(contigs.names, np.concatenate(pieces), offsets)


def four_mers(contigs: Contigs) -> F32:
    """Frequencies of the canonical 4-mers, (N, 136)."""
    counts = count(contigs.codes, contigs.offsets[:-1], contigs.offsets[1:], k=4)
    frequencies: F32 = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return frequencies


def judge(matrix: F32, sample: Sample, *, progress: Progress = silent) -> list[Figure]:
    """All figures of the embedding (N, D) of a sample.

    The threshold of the K-medoid is learnt from the genomes of the contigs that are drawn, which are binned too: as
    published it comes from another sample of the same species.
    """
    drawn, of_drawn = matrix[sample.drawn], sample.labels[sample.drawn]
    threshold = similarity_threshold(unit_rows(drawn), of_drawn)
    steps: tuple[Callable[[], list[Figure]], ...] = (
        lambda: protocols.cluster(drawn, of_drawn),
        lambda: protocols.classify(drawn, of_drawn),
        lambda: protocols.recover(matrix[sample.long], sample.labels[sample.long], threshold=threshold),
        lambda: protocols.neighbours(matrix, sample.labels, sample.lengths),
    )
    figures: list[Figure] = []
    for done, step in enumerate(steps, 1):
        figures += step()
        progress(done, len(steps))
    return figures


def compare(
    truth: Path,
    contigs: Path,
    encoders: Sequence[str],
    *,
    options: SampleOptions,
    config: EncoderConfig | None = None,
    machine: MachineConfig | None = None,
    watch: Watch = unwatched,
) -> dict[str, list[Figure]]:
    """Figures of each encoder and of 4-mers; `truth` as in `tables.read_labels`. Raises InputError and OptionError."""
    config, machine = config or EncoderConfig(), machine or MachineConfig()
    device = choose_device(machine.device)
    for number, encoder in enumerate(encoders):
        check_encoder_name(encoder)
        if encoder in (FOUR_MERS, *encoders[:number]):
            raise OptionError(f"--encoder {encoder}: given twice")
        inputs.check_encoder(encoder, config, device=device)
    genome_of = read_labels(truth)
    every = fasta.read(contigs, min_length=options.min_length)
    if not genome_of.keys() & set(every.names):
        raise InputError(f"{truth}: names no contig of {options.min_length} bp or more of {contigs}")
    sample = draw(every, genome_of, options)
    LOGGER.info(
        "%d contigs of %d genomes; %d of %d genomes are binned, %d clustered and classified",
        *(len(sample.labels), len(np.unique(sample.labels))),
        *(len(sample.long), len(np.unique(sample.labels[sample.long])), len(sample.drawn)),
    )
    running = MachineConfig(machine.threads, device, machine.max_memory)
    figures = {}
    for encoder in (FOUR_MERS, *encoders):
        with watch(f"Embedding with {encoder}") as progress:
            if encoder == FOUR_MERS:
                matrix = four_mers(sample.contigs)
            else:
                _, embedded = embed.embed(
                    sample.contigs, encoder=encoder, config=config, machine=running, progress=progress
                )
                matrix = embedded.matrix
        with watch(f"Judging {encoder}") as progress:
            figures[encoder] = judge(matrix, sample, progress=progress)
    return figures


def table(figures: Mapping[str, Sequence[Figure]]) -> str:
    """A line for each figure of each encoder, tabs between."""
    head = ("encoder", *(field.name for field in fields(Figure)))
    rows = [(encoder, *astuple(figure)) for encoder, each in figures.items() for figure in each]
    return "".join("\t".join(_cell(cell) for cell in row) + "\n" for row in (head, *rows))


def _cell(cell: object) -> str:
    if isinstance(cell, float):
        return "" if np.isnan(cell) else f"{cell:.6g}"
    return str(cell)
