"""The refinement head: a small network, trained on this assembly alone, that joins sequence and coverage.

Views of a contig (`views`) are spans of it, in each modality (`modalities`) with the error that so short a stretch has;
towers (`towers`) map them to one space. Views of one contig are positives, those of others negatives, and of those the
ones that hold the same single-copy gene (`links`) weigh most. The modalities are aligned where a contig is long and
deep, and matched as distributions elsewhere (`objective`). The head starts as a plain metric and learns what to add.
"""

from binner.refine.fitting import Evidence, fit
from binner.refine.options import TERMS, RefineConfig

__all__ = ["TERMS", "Evidence", "RefineConfig", "fit"]
