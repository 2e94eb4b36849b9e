# The sample sheet: what there is of each assembly.
import csv
from dataclasses import dataclass, field
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import validate


@dataclass(frozen=True)
class Sheet:
    """What the sample sheet says, with the paths of files as seen from the working directory."""

    contigs: dict[str, str] = field(default_factory=dict)  # of each assembly
    samples: dict[str, list[str]] = field(default_factory=dict)  # of each assembly, in order
    reads: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # of assembly and sample
    alignment: dict[tuple[str, str], str] = field(default_factory=dict)  # of assembly and sample


def read_sheet(path: Path, row_schema: str) -> Sheet:
    if not path.is_file():
        raise WorkflowError(f"{path}: there is no such sample sheet; name one by --config samples=SHEET")
    sheet = Sheet()
    with path.open(newline="", encoding="utf-8") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            filled = {name: value.strip() for name, value in row.items() if value and value.strip()}
            try:
                validate(filled, row_schema)
                add_row(sheet, filled, folder=path.parent)
            except (WorkflowError, ValueError) as error:
                raise WorkflowError(f"{path}, line {line}: {error}") from None
    if not sheet.contigs:
        raise WorkflowError(f"{path}: an empty sample sheet; a line names at least assembly and contigs")
    return sheet


def add_row(sheet: Sheet, row: dict[str, str], *, folder: Path) -> None:
    """Add an assembly, and a sample of it if the row has one. Files are relative to the sheet's folder."""
    files = {name: str(folder / value) for name, value in row.items() if name not in ("assembly", "sample")}
    assembly, sample = row["assembly"], row.get("sample")
    if sheet.contigs.setdefault(assembly, files["contigs"]) != files["contigs"]:
        raise ValueError(f"assembly {assembly} has other contigs in a line before")
    samples = sheet.samples.setdefault(assembly, [])
    reads = [files[name] for name in ("reads_1", "reads_2") if name in files]
    if (sample is None) != (not reads and "bam" not in files) or (reads and "bam" in files):
        raise ValueError("a sample has reads or a BAM, a line without a sample has neither")
    if reads and "reads_1" not in files:
        raise ValueError("reads that are not in pairs belong under reads_1")
    if sample is None:
        return
    if sample in samples:
        raise ValueError(f"sample {sample} of assembly {assembly} again; it has one line for each assembly")
    samples.append(sample)
    if reads:
        sheet.reads[assembly, sample] = reads
    else:
        sheet.alignment[assembly, sample] = files["bam"]
