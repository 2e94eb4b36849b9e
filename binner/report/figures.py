"""The figures of a report, each an SVG; they raise whatever goes wrong, and `page` sees to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from binner.data import F64, I64
from binner.report import svg
from binner.report.results import TIERS, BinRow, Results
from binner.report.svg import Plot

SHAPES = dict(zip(TIERS, ("disc", "diamond", "triangle", "cross", "square"), strict=True))
COLOURS = 7  # of bins, in report.css
SHALLOWEST = 0.1  # x; what is less deep is drawn there
FEW, SMALLEST = 3000, 0.5  # points that are drawn in full size; the smallest share of it
COLUMNS = 60  # of the histogram of lengths


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Contigs that are drawn, R of N."""

    results: Results
    rows: I64  # (R,)
    colours: I64  # (B,), of each bin

    @property
    def bins(self) -> I64:
        """(R,), index of the bin of each, -1 = none."""
        return self.results.contigs.bins[self.rows]

    @property
    def diameters(self) -> tuple[float, ...]:
        """Of a point of each class of size, px: smaller where there are many."""
        scale = min(1.0, max(SMALLEST, math.sqrt(FEW / max(len(self.rows), 1))))
        return tuple(scale * diameter for diameter in svg.DIAMETERS)


def tiers(results: Results) -> str:
    """How many bins are of each tier, and how much of the assembly is in them."""
    rows = [(tier, [found for found in results.bins if found.tier_class == tier]) for tier in TIERS]
    rows = [(tier, of) for tier, of in rows if of]
    total = int(results.contigs.lengths.sum()) or 1
    rest = int(results.contigs.lengths[results.contigs.bins < 0].sum())
    most = max([1, *(len(of) for _, of in rows)])
    parts = ['<text class="tick m" x="225" y="14">bins</text><text class="tick m" x="425" y="14">share of bp</text>']
    lines = [(tier, len(of), sum(found.bp for found in of)) for tier, of in rows] + [("in no bin", 0, rest)]
    for number, (name, count, size) in enumerate(lines):
        y = 24 + 30 * number
        css = f"t-{name}" if name in TIERS else "none"
        if name in TIERS:
            parts.append(svg.mark(SHAPES[name], 10, y + 10, radius=5, css=css))
        parts.append(f'<text class="row" x="22" y="{y + 14}">{name}</text>')
        if name in TIERS:
            parts.append(
                f'<rect class="bar {css}" x="130" y="{y}" width="{max(150 * count / most, 1):.1f}" height="20"/>'
            )
            parts.append(f'<text class="row" x="{136 + 150 * count / most:.1f}" y="{y + 14}">{count:,}</text>')
        share = 100 * size / total
        width = max(1.1 * share, 1)
        parts.append(f'<rect class="bar {css}" x="330" y="{y}" width="{width:.1f}" height="20"/>')
        parts.append(f'<text class="row" x="{336 + width:.1f}" y="{y + 14}">{svg.bp(size)}, {share:.1f} %</text>')
    said = "; ".join(f"{name}: {count} bins, {svg.bp(size)}" for name, count, size in lines)
    return svg.picture(parts, 560, 30 + 30 * len(lines), described=said)


def quality(results: Results, judge: int) -> str:
    """Completeness against contamination of the bins, as one judge has them, with the bounds of the tiers."""
    known = [(number, found, found.quality[judge]) for number, found in enumerate(results.bins)]
    known = [each for each in known if np.isfinite(each[2][:2]).all()]
    high = 1.2 * max([12.0, *(verdict.contamination for _, _, verdict in known)])
    ticks = tuple((value, f"{value:g}") for value in (0, 1, 5, 10, 25, 50, 100, 200, 400) if value <= high)
    plot = Plot(
        svg.Axis("completeness, %", -3, 103, tuple((share, f"{share}") for share in range(0, 101, 20))),
        svg.Axis("contamination, % (square-root scale)", -high / 900, high, ticks, _root),
        height=440,
    )
    parts = [
        plot.rectangle((50, 100), (0, 10), css="zone medium"),
        plot.rectangle((90, 100), (0, 5), css="zone near"),
    ]
    x = plot.across(np.array([verdict.completeness for _, _, verdict in known]))
    y = plot.up(np.array([verdict.contamination for _, _, verdict in known]))
    for row in range(len(known)):
        number, found, verdict = known[row]
        tier = verdict.tier_class
        parts.append(
            svg.mark(
                SHAPES[tier],
                *(x[row], y[row]),
                radius=3.5 + 1.6 * math.sqrt(found.bp / 1e6),
                css=f"b t-{tier}",
                extra=f' data-b="{number}"',
                title=f"{found.name}: {verdict.completeness:g} % complete, {verdict.contamination:g} % contaminated",
            )
        )
    names = [found.name for _, found, _ in known]
    parts.append(svg.labels(names, x, y - 14, inside=(plot.width, plot.height), most=25))
    return plot.draw(parts, described=f"Completeness and contamination of {len(known)} bins, as in the table of bins")


def depth_gc(shown: Shown) -> str:
    """Depth of contigs, summed over the samples, against their GC."""
    contigs, samples = shown.results.contigs, len(shown.results.samples)
    there = np.isfinite(contigs.gc[shown.rows] + contigs.depth[shown.rows].sum(1))
    shown = replace(shown, rows=shown.rows[there])
    depth, gc = contigs.depth[shown.rows].sum(1), contigs.gc[shown.rows]
    low, high = _middle(gc)
    summed = f", sum of {samples} samples" if samples > 1 else ""
    bottom = max(SHALLOWEST, float(np.quantile(depth, 0.001)) / 2)
    plot = Plot(
        svg.linear("GC, %", low - 2, high + 2),
        svg.logarithmic(f"depth, x{summed}", bottom, max(float(np.quantile(depth, 0.999)) * 1.5, 2 * bottom)),
    )
    return _scatter(plot, shown, (gc, depth), described="Depth against GC")


def map_of(shown: Shown, places: F64) -> str:
    """Contigs as `layout` has them, (R, 2)."""
    low, high = np.quantile(places, [0.001, 0.999], axis=0)
    margin = 0.06 * np.maximum(high - low, 1e-6)
    (left, bottom), (right, top) = (low - margin).tolist(), (high + margin).tolist()
    label = "neighbours in composition" + (" and coverage" if shown.results.samples else "") + " lie together"
    plot = Plot(svg.Axis(label, left, right), svg.Axis("", bottom, top), bare=True)
    return _scatter(plot, shown, (places[:, 0], places[:, 1]), described="Map of the embedding")


def contig_lengths(results: Results) -> str:
    """How much of the assembly is in contigs of a length: in bins, and in none."""
    lengths, binned = results.contigs.lengths, results.contigs.bins >= 0
    x = svg.logarithmic("length of contigs", float(lengths.min()), float(lengths.max()) * 1.01, write=svg.bp)
    edges = np.geomspace(x.low, x.high, COLUMNS + 1)
    column = np.clip(np.searchsorted(edges, lengths, side="right") - 1, 0, COLUMNS - 1)
    inside = np.bincount(column[binned], lengths[binned], COLUMNS)
    both = np.bincount(column, lengths, COLUMNS)
    plot = Plot(x, svg.linear("in contigs of that length", 0, 1.05 * both.max(), write=svg.bp), width=1160, height=250)
    left = plot.across(edges[:-1])
    width = float(plot.across(edges[1:2])[0] - left[0]) - 1
    zero = plot.up(np.zeros(COLUMNS))
    body = [
        svg.bars(left, width, zero, plot.up(inside), css="binned"),
        svg.bars(left, width, plot.up(inside), plot.up(both), css="none"),
    ]
    return plot.draw(body, described="Distribution of bp over the lengths of contigs")


def bin_sizes(results: Results) -> str:
    """Sizes of bins from the largest on, by tier; nothing without bins."""
    if not results.bins:
        return ""
    sizes = np.array([found.bp for found in results.bins], np.float64)
    x = svg.linear("bins, from the largest", 0.5, len(sizes) + 0.5)
    x = replace(x, ticks=tuple(tick for tick in x.ticks if tick[0] == int(tick[0])))
    plot = Plot(x, svg.linear("size", 0, 1.05 * float(sizes.max()), write=svg.bp), height=240)
    left = plot.across(np.arange(0.5, len(sizes)))
    step = float(np.diff(plot.across(np.array([0.5, 1.5])))[0])
    gap = min(0.2 * step, 4)
    tier = np.array([found.tier_class for found in results.bins])
    present = [name for name in TIERS if (tier == name).any()]
    zero = plot.up(np.zeros(len(sizes)))
    body = [
        svg.bars(
            left[tier == name] + gap / 2, step - gap, zero[tier == name], plot.up(sizes[tier == name]), css=f"t-{name}"
        )
        for name in present
    ]
    return plot.draw(body, described="Sizes of the bins, as in the table of bins")


def profile(found: BinRow) -> str:
    """The depths of a bin as a strip of bars, one for each sample; the deepest is full, what is not known empty."""
    depths = np.nan_to_num(found.depth).tolist()
    most = max(depths) or 1.0
    width = 5 * len(depths)
    body = "".join(
        f'<rect x="{5 * number}" y="{14 - 14 * depth / most:.1f}" width="4" height="{14 * depth / most:.1f}"/>'
        for number, depth in enumerate(depths)
    )
    return f'<svg class="strip" viewBox="0 0 {width} 14" width="{width}" height="14" aria-hidden="true">{body}</svg>'


def colours_of(centres: F64) -> I64:
    """A colour for each bin (B, 2): few are told apart, so that bins that are close get different ones.

    From the largest bin on, each takes the colour whose nearest bearer is farthest.
    """
    colours = np.zeros(len(centres), np.int64)
    nearest = np.full((COLOURS, len(centres)), np.inf)
    for number, centre in enumerate(centres):
        distance = nearest[:, number]
        colours[number] = number if number < COLOURS else int(np.argmax(distance))
        square = ((centres - centre) ** 2).sum(1)
        nearest[colours[number]] = np.minimum(nearest[colours[number]], square)
    return colours


def _scatter(plot: Plot, shown: Shown, values: tuple[F64, F64], *, described: str) -> str:
    """Contigs as points, `values` for those `shown`: those of no bin below, and long ones below short ones."""
    x, y = plot.across(values[0]), plot.up(values[1])
    results, of = shown.results, shown.bins
    size = svg.size_classes(results.contigs.lengths[shown.rows])
    group = (of + 1) * len(svg.SIZES) + size
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    pieces = [(int(of[rows[0]]), int(size[rows[0]]), rows) for rows in np.split(order, starts[1:]) if len(rows)]
    pieces.sort(key=lambda piece: (piece[0] >= 0, -piece[1]))
    parts = []
    for number, large, rows in pieces:
        css = "none" if number < 0 else f"b k{shown.colours[number]}"
        extra = "" if number < 0 else f' data-b="{number}"'
        parts.append(svg.dots(x[rows], y[rows], size=shown.diameters[large], css=css, extra=extra))
    middle = [(number, np.flatnonzero(of == number)) for number in range(len(results.bins))]
    middle = [(number, rows) for number, rows in middle if len(rows)]
    names = [results.bins[number].name for number, _ in middle]
    centre = np.array([(np.median(x[rows]), np.median(y[rows])) for _, rows in middle]).reshape(-1, 2)
    parts.append(svg.labels(names, centre[:, 0], centre[:, 1] - 11, inside=(plot.width, plot.height)))
    return plot.draw(parts, described=f"{described} of {len(shown.rows)} contigs in {len(results.bins)} bins")


def _root(values: F64) -> F64:
    root: F64 = np.sign(values) * np.sqrt(np.abs(values))
    return root


def _middle(values: F64) -> tuple[float, float]:
    low, high = np.quantile(values, [0.002, 0.998]).tolist()
    return low, high


def size_key(shown: Shown) -> Iterator[str]:
    """What the sizes of points mean, in the words of the caption."""
    for start, stop, width in zip(svg.SIZES, (*svg.SIZES[1:], 0), shown.diameters, strict=True):
        text = f"up to {svg.bp(stop)}" if not start else f"{svg.bp(start)} and more" if not stop else ""
        dot = svg.dots(np.array([7.0]), np.array([7.0]), size=width, css="none")
        yield f'<span class="key"><svg viewBox="0 0 14 14" width="14" height="14">{dot}</svg>{text}</span>'
