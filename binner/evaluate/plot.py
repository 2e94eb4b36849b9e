"""The figures of encoders as one picture, an SVG of four panels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from binner.evaluate.protocols import Figure

_COLOURS = ("#777777", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
_WIDTH, _HEIGHT = 400, 250  # px, of a panel
_LEFT, _TOP, _BOTTOM, _RIGHT = 46, 34, 40, 14  # px, from its edge to its axes
_LEGEND_ROW = 20

_PANELS = (  # title, protocol, metric, what the horizontal axis says
    ("K-means: clusters and species", "K-means", None, ""),
    ("Species from few sequences: macro F1", "few-shot", "macro F1", "sequences of each species"),
    ("K-medoid: species recovered", "K-medoid", "species by F1 (all)", "F1 above"),
    ("Nearest neighbours of the same species", "neighbours", "purity", "length of the contig"),
)

Points = dict[str, float]  # height by place on the horizontal axis


def svg(figures: Mapping[str, Sequence[Figure]]) -> str:
    """The picture of `figures`, which are those of each encoder."""
    colours = {name: _COLOURS[row % len(_COLOURS)] for row, name in enumerate(figures)}
    head = 12 + _LEGEND_ROW * len(figures)
    width, height = 2 * _WIDTH, head + 2 * _HEIGHT
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="11" fill="#1d2733">'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for row, (name, colour) in enumerate(colours.items()):
        y = 16 + _LEGEND_ROW * row
        parts.append(f'<rect x="{_LEFT}" y="{y - 9}" width="14" height="10" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + 20}" y="{y}">{escape(name)}</text>')
    for number, (title, protocol, metric, axis) in enumerate(_PANELS):
        lines = {name: _points(each, protocol, metric) for name, each in figures.items()}
        x, y = _WIDTH * (number % 2), head + _HEIGHT * (number // 2)
        parts.append(f'<g transform="translate({x} {y})">{_panel(title, lines, axis=axis, colours=colours)}</g>')
    return "\n".join([*parts, "</svg>\n"])


def _points(figures: Sequence[Figure], protocol: str, metric: str | None) -> Points:
    """Values by `at`, or by the name of the metric where a panel shows several."""
    return {
        figure.at if metric else figure.metric: figure.value
        for figure in figures
        if figure.protocol == protocol and metric in (None, figure.metric) and figure.at != "all"
    }


def _panel(title: str, lines: Mapping[str, Points], *, axis: str, colours: Mapping[str, str]) -> str:
    places = list(dict.fromkeys(place for points in lines.values() for place in points))
    top = max([1.0, *(value for points in lines.values() for value in points.values())])
    top = 5 * math.ceil(top / 5) if top > 1 else 1.0  # counts get whole ticks
    across, up = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    step = across / max(len(places), 1)
    parts = [f'<text x="{_LEFT}" y="22" font-size="13">{escape(title)}</text>']
    for tick in range(6):
        y = _TOP + up * (1 - tick / 5)
        parts.append(f'<path d="M{_LEFT} {y:.1f}h{across}" stroke="#dddddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{top * tick / 5:.3g}</text>')
    for number, place in enumerate(places):
        x = _LEFT + step * (number + 0.5)
        parts.append(f'<text x="{x:.1f}" y="{_TOP + up + 15}" text-anchor="middle">{escape(place)}</text>')
    parts.append(f'<text x="{_LEFT + across / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(axis)}</text>')
    for name, points in lines.items():
        ends = [
            (_LEFT + step * (places.index(place) + 0.5), _TOP + up * (1 - max(value, 0.0) / top))
            for place, value in points.items()
        ]
        colour = colours[name]
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in ends]
        if ends and axis:  # metrics have no order
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    if not places:
        parts.append(f'<text x="{_LEFT + across / 2}" y="{_TOP + up / 2}" text-anchor="middle">too few contigs</text>')
    return "".join(parts)
