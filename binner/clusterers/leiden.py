"""Communities of the neighbour graph at several resolutions, as they are."""

from __future__ import annotations

from collections.abc import Iterator

from binner.clusterers._scene import Scene
from binner.data import I32


def cluster(scene: Scene) -> Iterator[tuple[str, I32]]:
    """Leiden's communities (`binner.communities`)."""
    for resolution, labels in scene.communities.items():
        yield f"resolution {resolution:.2g}", labels
