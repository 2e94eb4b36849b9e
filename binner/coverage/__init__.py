"""Depth of coverage of the contigs, sample by sample: from alignments (BAM, CRAM), or from tables of other tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from binner.coverage import alignments
from binner.coverage.tables import Samples, read_abundance, read_depth, sample_name, write_jgi
from binner.data import Contigs, Coverage, Progress, Windows, silent

__all__ = ["MEMORY", "read", "write_jgi"]

MEMORY = 4 << 30  # bytes


def read(
    contigs: Contigs,
    *,
    bams: Sequence[Path] = (),
    depth: Sequence[Path] = (),
    abundance: Sequence[Path] = (),
    identity: float | None = None,
    reference: Path | None = None,
    threads: int = 1,
    memory: int = MEMORY,
    scratch: Path | None = None,
    windows: Windows | None = None,
    progress: Progress = silent,
) -> Coverage | None:
    """Depth of the contigs in every sample: of `bams`, then of `depth`, then of `abundance`; None if none is given.

    bams: BAM or CRAM, a sample each, in any order, without an index. depth: tables of jgi_summarize_bam_contig_depths
    or CoverM. abundance: tables of strobealign --aemb, a sample each. identity: the least identity (%) of reads that
    count; None: 97 for short reads, for long ones what their errors leave. reference: the FASTA the contigs came from,
    for CRAM; what is needed of it is copied to a folder in `scratch` (None: the system's). windows: parts of contigs
    whose depth in `bams` is wanted. threads: so many alignments are read at once. memory: bytes that those not
    sorted by contig may take then, 4 a bp each; one at a time is always read. progress: in bytes of the alignments,
    called from their threads.

    Contigs are known by the first word of their name. Raises InputError for a file that cannot be used.
    """
    found: list[Samples] = []
    along = None
    if bams:
        settings = alignments.Settings(identity, reference, threads, memory, scratch, windows)
        depths = alignments.measure(bams, contigs, settings, progress=progress)
        found += [
            Samples([sample_name(path)], each.mean[:, None], each.variance[:, None])
            for path, each in zip(bams, depths, strict=True)
        ]
        along = np.stack([each.along for each in depths], 1) if windows is not None else None
    found += [read_depth(path, contigs) for path in depth]
    found += [read_abundance(path, contigs) for path in abundance]
    if not found:
        return None
    return Coverage(
        _unique([name for samples in found for name in samples.names]),
        np.concatenate([samples.mean for samples in found], axis=1),
        np.concatenate([samples.variance for samples in found], axis=1),
        contigs.names_digest,
        along,
    )


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names of samples, numbered where one comes again, without what would break a table.

    >>> _unique(["gut", "soil", "gut", "gut_2"])
    ('gut', 'soil', 'gut_2', 'gut_2_2')
    """
    taken: dict[str, None] = {}  # in order
    for name in names:
        base = unique = " ".join(name.split()) or "sample"
        number = 1
        while unique in taken:
            number += 1
            unique = f"{base}_{number}"
        taken[unique] = None
    return tuple(taken)
