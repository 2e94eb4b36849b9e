"""Plots as SVG in a few strokes: axes, and many points in few elements. Colours are the page's (`report.css`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
import numpy.typing as npt

from binner.data import F64, I64

LEFT, RIGHT, TOP, BOTTOM = 66, 14, 14, 44  # px, from the edges of a plot to its axes
LETTER = 6.2  # px, of a label
_UNITS = ((1e9, "Gb"), (1e6, "Mb"), (1e3, "kb"))
# Outlines around the origin for a mark of an area of about 4, so that classes differ in more than their colour
_SHAPES = {
    "disc": "M-1.13 0a1.13 1.13 0 1 0 2.26 0a1.13 1.13 0 1 0-2.26 0z",
    "diamond": "M0-1.45L1.45 0 0 1.45-1.45 0z",
    "triangle": "M0-1.5L1.5 1.1-1.5 1.1z",
    "square": "M-1-1H1V1H-1z",
    "cross": "M-1.4-.7L-.7-1.4 0-.7 .7-1.4 1.4-.7 .7 0 1.4 .7 .7 1.4 0 .7-.7 1.4-1.4 .7-.7 0z",
}

Values = npt.NDArray[np.float64] | npt.NDArray[np.int64]
Warp = Callable[[F64], F64]


def bp(number: float) -> str:
    """A length as people write it.

    >>> bp(5_665_779), bp(21_129), bp(800)
    ('5.67 Mb', '21.1 kb', '800 bp')
    """
    for size, unit in _UNITS:
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:.0f} bp"


def _same(values: F64) -> F64:
    return values


@dataclass(frozen=True, slots=True)
class Axis:
    """Where values lie between 0 and 1, with the ticks to read them by."""

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    warp: Warp = _same

    def place(self, values: Values) -> F64:
        """Values as shares of the axis; what is beyond its ends lies on them."""
        ends = self.warp(np.array([self.low, self.high]))
        warped = self.warp(np.clip(values.astype(np.float64), self.low, self.high))
        share: F64 = (warped - ends[0]) / max(float(ends[1] - ends[0]), 1e-12)
        return share


def linear(label: str, low: float, high: float, *, write: Callable[[float], str] = "{:g}".format) -> Axis:
    """An axis with about five round ticks."""
    span = max(high - low, 1e-9)
    size = 10 ** math.floor(math.log10(span / 4))
    step = next(size * factor for factor in (1, 2, 5, 10) if span / (size * factor) <= 6)
    ticks = [round(step * number, 10) for number in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return Axis(label, low, low + span, tuple((tick, write(tick)) for tick in ticks))


def logarithmic(label: str, low: float, high: float, *, write: Callable[[float], str] = "{:g}".format) -> Axis:
    """An axis of logarithms, from `low` (above 0), with a tick at each power of ten, or more where there are few."""
    high = max(high, low * 1.01)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1,) if len(decades) > 4 else (1, 3) if len(decades) > 3 else (1, 2, 5)
    ticks = [factor * 10.0**decade for decade in decades for factor in factors]
    return Axis(label, low, high, tuple((tick, write(tick)) for tick in ticks if low <= tick <= high), np.log)


@dataclass(frozen=True, slots=True)
class Plot:
    """A frame of axes, in px."""

    x: Axis
    y: Axis
    width: int = 560
    height: int = 400
    bare: bool = False  # no ticks: the axes mean nothing by themselves

    def across(self, values: Values) -> F64:
        """Horizontal places, px."""
        left = 14 if self.bare else LEFT
        places: F64 = left + (self.width - left - RIGHT) * self.x.place(values)
        return places

    def up(self, values: Values) -> F64:
        """Vertical places, px."""
        bottom = 26 if self.bare else BOTTOM
        places: F64 = TOP + (self.height - bottom - TOP) * (1 - self.y.place(values))
        return places

    def rectangle(self, x: tuple[float, float], y: tuple[float, float], *, css: str) -> str:
        """A rectangle between two values on each axis."""
        left, right = self.across(np.array(x))
        bottom, top = self.up(np.array(y))
        return (
            f'<rect class="{css}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{bottom - top:.1f}"/>'
        )

    def draw(self, body: Iterable[str], *, described: str) -> str:
        """The picture; `described` is what those hear who do not see it."""
        left, right = self.across(np.array([self.x.low, self.x.high]))
        bottom, top = self.up(np.array([self.y.low, self.y.high]))
        parts = [] if self.bare else [*self._ticks(left, right, top, bottom)]
        middle = (left + right) / 2, (top + bottom) / 2
        parts += [
            *body,
            f'<path class="axis" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>',
            f'<text class="label" x="{middle[0]:.0f}" y="{self.height - 6}">{escape(self.x.label)}</text>',
        ]
        if not self.bare:
            turned = f'transform="translate(13 {middle[1]:.0f})rotate(-90)"'
            parts.append(f'<text class="label" {turned}>{escape(self.y.label)}</text>')
        return picture(parts, self.width, self.height, described=described)

    def _ticks(self, left: float, right: float, top: float, bottom: float) -> Iterator[str]:
        for axis, places in ((self.x, self.across), (self.y, self.up)):
            at = places(np.array([value for value, _ in axis.ticks], np.float64))
            for place, (_, text) in zip(at.tolist(), axis.ticks, strict=True):
                if axis is self.x:
                    yield f'<path class="grid" d="M{place:.1f} {top:.1f}V{bottom:.1f}"/>'
                    yield f'<text class="tick x" x="{place:.1f}" y="{bottom + 15:.1f}">{escape(text)}</text>'
                else:
                    yield f'<path class="grid" d="M{left:.1f} {place:.1f}H{right:.1f}"/>'
                    yield f'<text class="tick y" x="{left - 6:.1f}" y="{place + 3.5:.1f}">{escape(text)}</text>'


def picture(parts: Iterable[str], width: int, height: int, *, described: str) -> str:
    """An SVG element for the page."""
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(described)}">'
    return "".join([head, *parts, "</svg>"])


def dots(x: F64, y: F64, *, size: float, css: str, extra: str = "") -> str:
    """Points as one element, whatever their number: lines of no length with round ends, `size` px across."""
    steps = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    return f'<path class="dots {css}" stroke-width="{size:g}" d="{steps}"{extra}/>'


def mark(shape: str, x: float, y: float, *, radius: float, css: str, extra: str = "", title: str = "") -> str:
    """A point of a shape of its own, with what a browser says when it is pointed at."""
    said = f"<title>{escape(title)}</title>" if title else ""
    place = f'transform="translate({x:.1f} {y:.1f})scale({radius:.2f})"'
    return f'<path class="mark {css}" {place} d="{_SHAPES[shape]}"{extra}>{said}</path>'


def labels(names: Sequence[str], x: F64, y: F64, *, inside: tuple[int, int], most: int = 40) -> str:
    """Names at points, in order of importance: those that would cover an earlier one are left out.

    `inside` is the width and the height of the picture, px.
    """
    taken: list[tuple[float, float, float, float]] = []
    found: list[str] = []
    for name, across, up in zip(names, x.tolist(), y.tolist(), strict=True):
        half = LETTER * len(name) / 2
        across = min(max(across, half + 2), inside[0] - half - 2)
        box = (across - half, up - 7.0, across + half, up + 7.0)
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken):
            continue
        taken.append(box)
        found.append(f'<text class="name" x="{across:.1f}" y="{up + 4:.1f}">{escape(name)}</text>')
        if len(found) == most:
            break
    return "".join(found)


def bars(x: F64, width: float, low: F64, high: F64, *, css: str) -> str:
    """Upright bars as one element: between `low` and `high` (px), `width` px wide, from `x` on."""
    outline = "".join(
        f"M{a:.2f} {b:.1f}h{width:.2f}V{c:.1f}h{-width:.2f}z"
        for a, b, c in zip(x.tolist(), low.tolist(), high.tolist(), strict=True)
    )
    return f'<path class="bar {css}" d="{outline}"/>'


def size_classes(lengths: I64) -> I64:
    """Class of size (0 to 5) of contigs, see DIAMETERS."""
    return np.searchsorted(np.array(SIZES[1:]), lengths, side="right").astype(np.int64)


SIZES = (0, 2500, 5000, 10_000, 25_000, 100_000)  # bp, from which a contig is in a class
DIAMETERS = (2.2, 3.0, 4.0, 5.5, 8.0, 12.0)  # px, of its point
