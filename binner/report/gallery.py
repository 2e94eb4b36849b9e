"""The figures of the page with titles and captions. One that cannot be drawn is left out, and the page says so."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from html import escape

import numpy as np

from binner.artifacts import Cache
from binner.data import F64, I64, Coverage, Embedding, digest
from binner.report import figures
from binner.report.figures import Shown
from binner.report.results import Results
from binner.workspace import INSIDE

logger = logging.getLogger(__name__)

MOST_CONTIGS = 20_000  # that are drawn

_TIERS = (
    "Near-complete: completeness above 90 % and contamination below 5 %. Medium: at least 50 % and below 10 %. Low:"
    " less complete, below 10 %. Contaminated: 10 % and more. The bounds are those of MIMAG, whose “high quality”"
    " also asks for rRNA and tRNA genes, which binner does not look for. The bars: a bin each, by its size."
)
_QUALITY = (
    "A mark for each bin, its size by bp, its shape and colour by tier. Shaded: the bounds of near-complete (darker)"
    " and of medium."
)
_POINTS = "A point for each contig, its size by length, its colour by bin; grey is in no bin. Colours repeat."
_MAP = (
    "Contigs that are neighbours in the space in which they are clustered are neighbours here; distances between groups"
    f" mean little. {_POINTS}"
)
_LENGTHS = "The bp in contigs of each length: blue in bins, grey in none."


class LeftOutError(Exception):
    """A figure for which something is missing, in words for people."""


def gallery(results: Results) -> Iterator[str]:
    """Every figure, in the order of the page."""
    if not len(results.contigs):
        yield "<p>No contig was long enough to take part (--min-len): there is nothing to draw.</p>"
        return
    rows = _longest(results.contigs.lengths)
    places, missing = _places(results, rows)
    shown = Shown(results, rows, _colours(results, rows, places))
    part = ""
    if len(rows) < len(results.contigs):
        share = 100 * results.contigs.lengths[rows].sum() / results.contigs.lengths.sum()
        part = f" Drawn are the {len(rows):,} longest of {len(results.contigs):,} contigs, {share:.0f} % of the bp."
    by = f", by {results.judges[0].by}" if len(results.judges) > 1 else ""
    yield '<section class="figures">'
    yield _figure(f"Bins by tier{by}", lambda: figures.tiers(results) + figures.bin_sizes(results), _TIERS)
    yield from _quality(results)
    if results.samples:
        yield _figure("Depth and GC", lambda: figures.depth_gc(shown), f"{_POINTS}{part}", sizes=shown)
    yield _figure(
        "Map of the contigs",
        lambda: figures.map_of(shown, _there(places, missing)),
        f"{_MAP}{part}",
        sizes=shown,
    )
    yield _figure("Lengths of contigs", lambda: figures.contig_lengths(results), _LENGTHS, css="broad")
    yield "</section>"


def _quality(results: Results) -> Iterator[str]:
    """A figure for each judge that judged any bin."""
    for number, judge in enumerate(results.judges):

        def draw(number: int = number) -> str:
            return figures.quality(results, number)

        if any(math.isfinite(found.quality[number][0]) for found in results.bins):
            yield _figure(f"Completeness and contamination, by {judge.by}", draw, _QUALITY)


def _figure(title: str, draw: Callable[[], str], text: str, *, sizes: Shown | None = None, css: str = "") -> str:
    try:
        drawn = draw()
    except LeftOutError as reason:
        return _without(title, str(reason))
    except Exception as error:  # whatever it is: the other figures are worth having
        _warn(title, error)
        return _without(title, "it failed; binner.log has the details")
    keys = f'<p class="keys">{"".join(figures.size_key(sizes))}</p>' if sizes else ""
    caption = f"<figcaption>{escape(text)}</figcaption>"
    return f'<figure class="{css}"><h3>{escape(title)}</h3>{drawn}{keys}{caption}</figure>'


def _without(title: str, why: str) -> str:
    return f"<figure><h3>{escape(title)}</h3><p>Not drawn: {escape(why)}.</p></figure>"


def _warn(what: str, error: Exception) -> None:
    logger.warning("report: '%s' cannot be drawn (%s: %s)", what, type(error).__name__, error)
    logger.debug("report: %s", what, exc_info=error)


def _longest(lengths: I64) -> I64:
    """Rows of the contigs that are drawn, ascending."""
    if len(lengths) <= MOST_CONTIGS:
        return np.arange(len(lengths))
    return np.sort(np.argsort(-lengths, kind="stable")[:MOST_CONTIGS])


def _places(results: Results, rows: I64) -> tuple[F64 | None, str]:
    """Places of contigs on the map, or why there are none."""
    contigs = results.contigs
    embedding: Embedding | None = Cache(results.folder / INSIDE).latest("embedding", item=1)
    if embedding is None:
        return None, f"no embedding is kept in {results.folder / INSIDE} (any more)"
    own = digest("\n".join(contigs.names))
    if embedding.names_digest != own:
        why = f"the embedding kept in {results.folder / INSIDE} is that of other contigs"
        logger.warning("report: no map: %s", why)
        return None, why
    try:
        from binner.report import layout

        depth = contigs.depth.astype(np.float32)
        coverage = Coverage(results.samples, depth, depth * 0, own) if results.samples else None
        return layout.lay_out(embedding, coverage, contigs.lengths, rows=rows), ""
    except Exception as error:  # as for figures
        _warn("map of the contigs", error)
        return None, "it failed; binner.log has the details"


def _there(places: F64 | None, missing: str) -> F64:
    if places is None:
        raise LeftOutError(missing)
    return places


def _colours(results: Results, rows: I64, places: F64 | None) -> I64:
    """A colour for each bin, by where it lies on the map, or by depth and GC."""
    contigs = results.contigs
    if places is None:
        depth = np.log10(np.nan_to_num(contigs.depth[rows]).sum(1) + figures.SHALLOWEST)
        places = np.column_stack([np.nan_to_num(contigs.gc[rows]) / 10, depth])
    of = contigs.bins[rows]
    count = np.maximum(np.bincount(of[of >= 0], minlength=len(results.bins)), 1)
    centres = [np.bincount(of[of >= 0], column[of >= 0], len(results.bins)) / count for column in places.T]
    return figures.colours_of(np.column_stack(centres))
