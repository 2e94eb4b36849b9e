"""Stand-ins for the stages that take long, to test what runs them: bins are what the names of the contigs say."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

import binner
from binner.data import (
    F32,
    Bin,
    Clustering,
    Contigs,
    Embedding,
    Genes,
    Homologs,
    Markers,
    Refined,
    WindowEmbedding,
    Windows,
)

MODELS = Path(binner.__file__).parent / "models"
GENES = ("universal:a", *(f"bacteria:{number}" for number in range(9)))  # each contig has the first one
Call = Callable[[str], None]


def modules(call: Call) -> dict[str, Any]:
    """A module for each stage; `call` hears its name when it runs. Contigs are called <genome>_<number>."""

    def embed(contigs: Contigs, **options: Any) -> tuple[WindowEmbedding, Embedding]:
        call("embed")
        options["progress"](1, 1)
        genomes = [float(name.rpartition(":")[2].split("_")[0][1:]) for name in contigs.names]
        matrix = np.stack([genomes, contigs.lengths], axis=1).astype(np.float32)
        first = np.zeros(len(matrix), np.int64)
        windows = Windows(np.arange(len(matrix)), first, contigs.lengths)
        return WindowEmbedding(windows, matrix, "fake", contigs.names_digest), Embedding(
            matrix, np.ones_like(matrix), np.ones(2, np.float32), "fake", contigs.names_digest
        )

    def propose(embedding: Embedding, coverage: object, lengths: object, **options: Any) -> list[Clustering]:
        call("propose")
        return [Clustering(embedding.matrix[:, 0].astype(np.int32), "by name")]

    def choose(clusterings: list[Clustering], lengths: Any, **options: Any) -> list[Bin]:
        call("choose")
        labels = clusterings[0].labels
        groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        bins = [Bin(rows, int(lengths[rows].sum()), 1.0) for rows in groups]
        return [found for found in bins if found.size >= options["min_bin_size"]]

    def compare(contigs: Contigs, **options: Any) -> Homologs:
        call("compare")
        return Homologs(np.zeros((0, 2), np.int64), np.zeros(0, np.int64), contigs.names_digest)

    def locate(encoder: str) -> Path:
        return Path(encoder) if Path(encoder).is_dir() else MODELS / encoder

    def fit(evidence: Any, **options: Any) -> Refined:
        call(f"refine for {','.join(options['config']['terms'])}")
        ones = np.ones((len(evidence["lengths"]), 2), np.float32)
        return Refined(ones, ones[:, 0])

    return {
        "refine": SimpleNamespace(
            fit=fit,
            Evidence=lambda lengths, sequence, **rest: {"lengths": lengths, "sequence": sequence, **rest},
            RefineConfig=lambda terms=("all",): {"terms": terms},
        ),
        "encoders": SimpleNamespace(load=lambda *options: None, locate=locate),
        "embed": SimpleNamespace(embed=embed, embed_parts=lambda contigs, **options: [embed(contigs, **options)]),
        "adaptation": SimpleNamespace(adapt=lambda windows, embedding: (windows, embedding)),
        "clusterers": SimpleNamespace(propose=propose),
        "select": SimpleNamespace(choose=choose),
        "homologs": SimpleNamespace(find=compare),
        **_modules_of_genes(call),
    }


def markers_of(contigs: Contigs, *, copies: int) -> Markers:
    counts = np.zeros((len(contigs), len(GENES)), np.uint8)
    counts[:, 0] = copies
    return Markers(GENES, counts, 0 * counts, contigs.names_digest)


def _modules_of_genes(call: Call) -> dict[str, Any]:
    def find(contigs: Contigs, **options: Any) -> Markers:
        call("find")
        return markers_of(contigs, copies=1)

    def call_genes(contigs: Contigs, **options: Any) -> Genes:
        call("call genes")
        rows = np.arange(len(contigs))
        none = np.zeros(len(contigs), bool)
        text, offsets = np.zeros(0, np.uint8), np.zeros(len(contigs) + 1, np.int64)
        return Genes(rows, 0 * rows, contigs.lengths, none, none, text, offsets, contigs.names_digest)

    def among(called: Genes, contigs: Contigs, **options: Any) -> Markers:
        assert len(called) == len(contigs)
        call("among")
        return markers_of(contigs, copies=2)

    def completeness(markers: Markers, bins: Sequence[Bin]) -> tuple[F32, F32]:
        call("completeness")
        return np.full(len(bins), 95, np.float32), np.full(len(bins), 1, np.float32)

    return {
        "genes": SimpleNamespace(call=call_genes),
        "markers": SimpleNamespace(find=find, among=among, completeness=completeness),
    }


def main() -> None:
    """`python -m tests.fakes CALLS STAGE ARGS`: binner with these; note their names, stand still at STAGE."""
    from binner import cli

    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job, as CI may be, ignores it
    calls, stop, *args = sys.argv[1:]

    def call(name: str) -> None:
        with Path(calls).open("a") as file:
            file.write(f"{name}\n")
        if name == stop:
            time.sleep(600)

    for name, module in modules(call).items():
        sys.modules[f"binner.{name}"] = module
        setattr(binner, name, module)
    cli.main(args)


if __name__ == "__main__":
    main()
