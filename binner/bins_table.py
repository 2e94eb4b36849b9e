"""What the columns of `bins.tsv` hold that several write or read: depths, and how good a bin is."""

from __future__ import annotations

DEPTH = "depth:"  # and the name of the sample
NEAR_COMPLETE, MEDIUM, LOW, CONTAMINATED, UNKNOWN = "near-complete", "medium", "low", "contaminated", "unknown"


def tier(completeness: float, contamination: float) -> str:
    """The class of a bin by MIMAG's bounds on completeness and contamination (%), Bowers et al. 2017.

    MIMAG's "high quality" also asks for rRNA and tRNA genes, which binner does not look for: "near-complete" says what
    is known. MIMAG has no class for bins of 10 % contamination and more.
    """
    if contamination >= 10:
        return CONTAMINATED
    if completeness > 90 and contamination < 5:
        return NEAR_COMPLETE
    return MEDIUM if completeness >= 50 else LOW


def quality_cells(percent: tuple[float, float] | None) -> tuple[str, str, str]:
    """Completeness, contamination (%) and the tier as they are written; None: nobody has judged the bin.

    >>> quality_cells((95.125, 0.5)), quality_cells(None)
    (('95.12', '0.50', 'near-complete'), ('', '', 'unknown'))
    """
    return ("", "", UNKNOWN) if percent is None else (f"{percent[0]:.2f}", f"{percent[1]:.2f}", tier(*percent))
