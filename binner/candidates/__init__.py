"""Sources of further candidates, which come after the clusterers and know marker genes and votes; none by default.

One file each, one line in SOURCES. What they propose has no vote: the judge chooses among it and all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from binner.candidates import merge, split, tree
from binner.candidates._given import Given
from binner.data import I32, Clustering

__all__ = ["SOURCES", "Given", "more"]

Source = Callable[[Given], Iterator[I32]]
SOURCES: dict[str, Source] = {"tree": tree.propose, "split": split.propose, "merge": merge.propose}


def more(names: Sequence[str], given: Given) -> list[Clustering]:
    """What the sources propose; partitions in which nothing is, or that are there already, are left out."""
    seen = {clustering.labels.tobytes() for clustering in given.clusterings}
    found: list[Clustering] = []
    for name in names:
        for number, labels in enumerate(SOURCES[name](given)):
            if (labels >= 0).any() and labels.tobytes() not in seen:
                seen.add(labels.tobytes())
                found.append(Clustering(labels, f"{name} {number}", votes=False))
    return found
