"""Folders as finished runs leave them, and what a page of HTML says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from binner.artifacts import Cache
from binner.data import F32, Embedding, WindowEmbedding, Windows, digest

VOID = {"meta", "br", "hr", "img", "input", "link"}


def write(
    folder: Path,
    *,
    bins: tuple[str, ...] = ("bin_1", "bin_2"),
    contigs: tuple[str, ...] = ("a", "b", "c", "d", "e"),
    samples: tuple[str, ...] = ("S1", "S2"),
    assembly: str = "soil",
    extra: tuple[str, ...] = (),
    markers: bool = True,
    unknown: tuple[str, ...] = (),
    seed: int = 1,
) -> Path:
    """Results of a run: contigs go to the bins in turn, the last to none; `extra` columns of bins.tsv hold 12.5.

    Of the bins and contigs in `unknown` no depth is known.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    lengths = rng.integers(1000, 90_000, len(contigs))
    of = [bins[row % len(bins)] if bins and row < len(contigs) - 1 else "" for row in range(len(contigs))]
    depths = [f"depth:{sample}" for sample in samples]
    lines = [("contig", "length", "GC", "bin", "probability", "second_bin", *depths)]
    for row, name in enumerate(contigs):
        second = next((other for other in bins if other != of[row]), "") if row % 2 else ""
        depth = ("" if name in unknown else f"{x:.4g}" for x in rng.random(len(samples)) * 50)
        lines.append((name, str(lengths[row]), f"{30 + 40 * rng.random():.2f}", of[row], "0.75", second, *depth))
    _table(folder / "contigs.tsv", lines)
    head = ("bin", "bp", "contigs", "N50", "L50", "GC", "completeness", "contamination", "tier", *extra, *depths)
    lines = [head]
    for number, name in enumerate(bins):
        own = [length for length, found in zip(lengths.tolist(), of, strict=True) if found == name]
        quality = (
            (f"{95 - number % 90}", "1.25", "near-complete" if number < 5 else "low")
            if markers
            else ("", "", "unknown")
        )
        lines.append(
            (
                name,
                str(sum(own)),
                str(len(own)),
                "5000",
                "3",
                "51.5",
                *quality,
                *["12.5"] * len(extra),
                *["" if name in unknown else "7.5"] * len(samples),
            )
        )
    _table(folder / "bins.tsv", lines)
    record = {
        "versions": {"binner": "0.1.0", "numpy": "2"},
        "command": f"binner run {assembly}.fa.gz",
        "options": {
            "contigs": f"/data/{assembly}.fa.gz",
            "seed": 1,
            "coverage": {"bams": ["S1.bam"], "identity": None},
        },
        "inputs": [{"path": f"/data/{assembly}.fa.gz", "bytes": 1000, "fingerprint": "f"}],
        "host": {"name": "h", "system": "Linux", "cpus": 4, "threads": 2, "device": "cpu"},
        "stages": [
            {"name": "markers", "seconds": 3.25, "cpu_seconds": 6.5, "peak_memory": 123_000_000, "kept": False},
            {"name": "clustering", "seconds": 1.0, "cpu_seconds": 2.0, "peak_memory": 99_000_000, "kept": True},
        ],
        "summary": {"seconds": 4.5, "peak_memory": 123_000_000},
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def keep_embedding(folder: Path, names: tuple[str, ...], *, width: int = 8, seed: int = 1) -> None:
    """Leave the embedding of contigs of these names where a run keeps it."""
    rng = np.random.default_rng(seed)
    matrix: F32 = rng.normal(size=(len(names), width)).astype(np.float32)
    own = digest("\n".join(names))
    empty = np.zeros(0, np.int64)
    windows = WindowEmbedding(Windows(empty, empty, empty), np.zeros((0, width), np.float32), "toy", own)
    embedding = Embedding(matrix, np.full_like(matrix, 0.1), np.ones(width, np.float32), "toy", own)
    (folder / ".binner").mkdir(exist_ok=True)
    Cache(folder / ".binner").save("embedding", "key", (windows, embedding))


def _table(path: Path, lines: list[tuple[str, ...]]) -> None:
    path.write_text("".join("\t".join(line) + "\n" for line in lines))


@dataclass
class Page(HTMLParser):
    """A page as a browser without a script takes it. Raises AssertionError if elements are not nested."""

    text: list[str] = field(default_factory=list)  # of what is shown
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    data: str = ""  # of the script
    titles: list[str] = field(default_factory=list)  # of figures

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script" and self.tags[-1][1].get("id") == "data":
            self.data += data
        elif self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)
        if self.open and self.open[-1] == "h3":
            self.titles.append(data)

    @property
    def shown(self) -> str:
        """All text, a space between pieces."""
        return " ".join(" ".join(self.text).split())


def read(path: Path) -> Page:
    """The page in a file, whole and self-contained."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert page.open == [], "every element is closed"
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object")
        assert not {"src", "href", "srcset"} & attributes.keys(), "nothing is loaded"
        assert not [name for name in attributes if name.startswith("on")]
    assert sum(tag == "script" for tag, _ in page.tags) == 2
    return page
