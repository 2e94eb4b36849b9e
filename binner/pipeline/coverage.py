"""`binner coverage`: from alignments to a table of depths."""

from __future__ import annotations

import tempfile
from pathlib import Path

from binner import fasta, inputs
from binner.config import CoverageConfig, MachineConfig
from binner.errors import OptionError
from binner.memory import granted
from binner.stages import Stages, Watch, unwatched


def write_coverage(
    table: Path,
    contigs: Path,
    config: CoverageConfig,
    *,
    machine: MachineConfig,
    min_length: int,
    watch: Watch = unwatched,
) -> None:
    """Write the depths of contigs of `min_length` bp and more to `table`, as jgi_summarize_bam_contig_depths does.

    Raises InputError and OptionError; `table` is then as it was.
    """
    from binner import coverage

    inputs.check_files((contigs, *config.files))
    if min_length < 1:
        raise OptionError(f"--min-len must be at least 1 bp, not {min_length}")
    if not config.files:
        raise OptionError("no coverage to read: name alignments after -b, or tables after --depth or --abundance")
    inputs.check_target(table, sources=(contigs, *config.files))
    stages = Stages(machine.threads, watch)
    with tempfile.TemporaryDirectory() as folder, inputs.readable(contigs, Path(folder)) as source:
        found = stages.run("contigs", "Reading contigs", lambda _: fasta.read(source, min_length=min_length))
        depths = stages.run(
            "coverage",
            "Measuring coverage",
            lambda progress: inputs.measure(
                found,
                config,
                source=source,
                threads=machine.threads,
                memory=granted(machine.max_memory) // 2,
                scratch=Path(folder),
                progress=progress,
            ),
        )
        coverage.write_jgi(table, found, depths)
