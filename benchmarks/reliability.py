"""How right probabilities are: expected calibration error, and the reliability diagram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from binner.data import F64, Bool

STEPS = 10  # equal parts of the probabilities
LEAST = 30  # contigs in a point of the diagram
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777", "#000000")
SIDE, LEFT, TOP = 330, 50, 40  # px


class Outcome(Protocol):
    """Chances (M,) that something is so, and whether it is."""

    @property
    def chance(self) -> F64: ...  # noqa: D102
    @property
    def right(self) -> Bool: ...  # noqa: D102


Task = tuple[str, int]


def steps(chance: F64, right: Bool) -> tuple[F64, F64, F64]:
    """Number, mean chance and share that is right, of each of STEPS equal parts of [0, 1]."""
    place = np.minimum((chance * STEPS).astype(np.int64), STEPS - 1)
    number = np.bincount(place, minlength=STEPS).astype(np.float64)
    least = np.maximum(number, 1)
    return number, np.bincount(place, chance, STEPS) / least, np.bincount(place, right, STEPS) / least


def calibration_error(chance: F64, right: Bool) -> float:
    """Expected calibration error (Naeini et al. 2015): mean over all of |mean chance - share right| of their step."""
    number, mean, share = steps(chance, right)
    return float(number @ np.abs(mean - share) / max(number.sum(), 1))


def table(own: Mapping[Task, Outcome], second: Mapping[Task, Outcome]) -> str:
    """Markdown: how many contigs of each task are right, what was foretold, and the error."""
    rows = [
        "| task | in a bin | right | foretold | ECE | with a second | right | foretold | ECE |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for task, outcome in own.items():
        cells = [*_cells(outcome), *_cells(second[task])]
        rows.append(f"| {task[0]}, {task[1]} | " + " | ".join(cells) + " |")
    means = [np.mean([calibration_error(each.chance, each.right) for each in kind.values()]) for kind in (own, second)]
    rows.append(f"| mean | | | | {means[0]:.3f} | | | | {means[1]:.3f} |")
    return "\n".join(rows)


def _cells(outcome: Outcome) -> list[str]:
    if not len(outcome.right):
        return ["0", "", "", ""]
    error = calibration_error(outcome.chance, outcome.right)
    return [str(len(outcome.right)), f"{outcome.right.mean():.3f}", f"{outcome.chance.mean():.3f}", f"{error:.3f}"]


def svg(own: Mapping[Task, Outcome], second: Mapping[Task, Outcome]) -> str:
    """Share that is right against the probability: a panel for own bins and one for second ones, a line a set."""
    names = list(dict.fromkeys(name for name, _ in own))
    width, height = 2 * (SIDE + LEFT) + 140, SIDE + TOP + 50
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="11" fill="#1d2733">'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for panel, (title, kind) in enumerate((("probability", own), ("second_probability", second))):
        parts.append(f'<g transform="translate({LEFT + panel * (SIDE + LEFT)} {TOP})">{_frame(title)}')
        for number, name in enumerate(names):
            tasks = [outcome for task, outcome in kind.items() if task[0] == name]
            chance = np.concatenate([outcome.chance for outcome in tasks])
            right = np.concatenate([outcome.right for outcome in tasks])
            parts.append(_line(chance, right, COLOURS[number % len(COLOURS)]))
        parts.append("</g>")
    for number, name in enumerate(names):
        x, y = 2 * (SIDE + LEFT) + 16, TOP + 14 + 20 * number
        parts.append(f'<rect x="{x}" y="{y - 9}" width="14" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>')
        parts.append(f'<text x="{x + 20}" y="{y}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _frame(title: str) -> str:
    parts = [f'<text x="0" y="-14" font-size="13">{title}</text>']
    for tick in range(6):
        at = SIDE * tick / 5
        parts.append(f'<path d="M0 {SIDE - at:.0f}h{SIDE}M{at:.0f} 0v{SIDE}" stroke="#dddddd"/>')
        parts.append(f'<text x="-6" y="{SIDE - at + 4:.0f}" text-anchor="end">{tick / 5:.1f}</text>')
        parts.append(f'<text x="{at:.0f}" y="{SIDE + 15}" text-anchor="middle">{tick / 5:.1f}</text>')
    parts.append(f'<path d="M0 {SIDE}L{SIDE} 0" stroke="#888888" stroke-dasharray="4 4"/>')
    parts.append(f'<text x="{SIDE / 2}" y="{SIDE + 34}" text-anchor="middle">foretold</text>')
    parts.append(f'<text transform="translate(-34 {SIDE / 2}) rotate(-90)" text-anchor="middle">share right</text>')
    return "".join(parts)


def _line(chance: F64, right: Bool, colour: str) -> str:
    number, mean, share = steps(chance, right)
    ends = [(SIDE * m, SIDE * (1 - s)) for n, m, s in zip(number, mean, share, strict=True) if n >= LEAST]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in ends)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in ends)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>{dots}'
