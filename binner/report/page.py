"""The page: what a run found, in numbers, figures and tables, with all that it needs inside.

Whatever comes from files (names of contigs, bins and samples, paths) is escaped, in text and in the data for the
script; the page's policy lets a browser run its own script alone, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from importlib import resources
from typing import Any

import numpy as np

from binner.data import n50
from binner.memory import format_size
from binner.report import figures, svg
from binner.report.gallery import gallery
from binner.report.results import TIERS, BinRow, Results

MOST_LISTED = 20_000  # contigs, of all bins together
LONGEST_NAME = 60  # letters of the name of a contig
MOST_STRIPS = 60  # samples that fit into the strip of depths of a bin


def html(results: Results) -> str:
    """The report."""
    script = _asset("report.js")
    own = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{own}'; base-uri 'none'"
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(results.assembly)}: bins by binner</title>",
            f"<style>{_asset('report.css')}</style>\n</head>\n<body>\n<main>",
            *_head(results),
            *gallery(results),
            *_bins(results),
            *_run(results.record),
            "</main>",
            f'<script type="application/json" id="data">{_data(results)}</script>',
            f"<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def _asset(name: str) -> str:
    return resources.files("binner.report").joinpath(name).read_text(encoding="utf-8")


def _head(results: Results) -> Iterator[str]:
    contigs, record = results.contigs, results.record
    binned = contigs.bins >= 0
    whole, inside = int(contigs.lengths.sum()), int(contigs.lengths[binned].sum())
    when = datetime.fromtimestamp((results.folder / "run.json").stat().st_mtime, UTC)
    version = record["versions"].get("binner", "")
    yield f"<header><h1>{escape(results.assembly)}</h1>"
    yield f"<p>Bins by binner {escape(version)}, {when.day} {when:%B %Y, %H:%M} UTC</p></header>"
    counts = [(tier, sum(found.tier_class == tier for found in results.bins)) for tier in TIERS[:2]]
    samples = len(results.samples)
    tiles = [
        (f"{len(results.bins):,}", "bins", ", ".join(f"{count:,} {tier}" for tier, count in counts if count)),
        (f"{100 * inside / max(whole, 1):.1f} %", "of the bp in bins", f"{svg.bp(inside)} of {svg.bp(whole)}"),
        (f"{int(binned.sum()):,}", "contigs in bins", f"of {len(contigs):,} that took part"),
        (f"{samples:,}", f"sample{'s' * (samples != 1)}", "with depths" if samples else "binned by sequence alone"),
        (
            *(_seconds(record["summary"]["seconds"]), "run time"),
            f"and {format_size(int(record['summary']['peak_memory']))} of memory",
        ),
    ]
    if len(contigs):
        longest = svg.bp(int(contigs.lengths.max()))
        tiles.insert(3, (svg.bp(n50(contigs.lengths)[0]), "N50 of the contigs", f"the longest has {longest}"))
    yield '<section class="tiles">'
    for number, what, more in tiles:
        yield f"<div><b>{escape(number)}</b><span>{escape(what)}</span><small>{escape(more)}</small></div>"
    yield "</section>"


def _seconds(seconds: float) -> str:
    """Time as people say it.

    >>> _seconds(0.04), _seconds(13.4), _seconds(150), _seconds(7260)
    ('0.0 s', '13.4 s', '2 min 30 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"


def _bins(results: Results) -> Iterator[str]:
    """The table of bins; the script opens the contigs of one below its line."""
    if not results.bins:
        yield "<section><h2>Bins</h2>"
        yield "<p>There are none: no group of contigs was large enough (--min-bin-size).</p></section>"
        return
    yield '<section class="wide"><h2>Bins</h2>'
    yield '<p class="script">A click on a bin, here or in a figure, shows its contigs and where they lie.</p>'
    yield "<noscript><p>The contigs of each bin are in contigs.tsv.</p></noscript>"
    yield '<div class="scroll"><table id="bins"><thead><tr>'
    heads = [("bin", ""), ("tier", ""), *((name, "n") for name in ("size", "contigs", "N50", "GC, %"))]
    for judge in results.judges:
        by = f" ({judge.name})" if judge.name else ""
        heads += [(f"completeness{by}, %", "n"), (f"contamination{by}, %", "n")]
    if results.samples:
        heads.append(("depth, x" + " (sum)" * (len(results.samples) > 1), "n"))
    if 1 < len(results.samples) <= MOST_STRIPS:
        heads.append(("by sample", ""))
    yield "".join(f'<th scope="col" class="{css}">{escape(text)}</th>' for text, css in heads)
    yield "</tr></thead><tbody>"
    for number, found in enumerate(results.bins):
        yield f'<tr data-b="{number}">{"".join(_bin_cells(found, number, len(results.samples)))}</tr>'
    yield "</tbody></table></div></section>"


def _bin_cells(found: BinRow, number: int, samples: int) -> Iterator[str]:
    button = f'<button type="button" data-b="{number}" aria-expanded="false">{escape(found.name)}</button>'
    yield f'<th scope="row">{button}</th>'
    tier = found.tier_class
    shape = svg.mark(figures.SHAPES[tier], 7, 7, radius=3.6, css=f"t-{tier}")
    icon = f'<svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">{shape}</svg>'
    yield f'<td class="tier">{icon}{escape(found.tier)}</td>'
    numbers = ((found.bp, svg.bp(found.bp)), (found.contigs, f"{found.contigs:,}"), (found.n50, svg.bp(found.n50)))
    yield from (f'<td class="n" data-v="{value}">{text}</td>' for value, text in numbers)
    yield f'<td class="n">{_percent(found.gc)}</td>'
    for complete, contaminated, _ in found.quality:
        share = 0.0 if math.isnan(complete) else min(complete, 100)
        yield f'<td class="n meter" style="--share:{share:.1f}%">{_percent(complete)}</td>'
        yield f'<td class="n">{_percent(contaminated)}</td>'
    if samples:
        depth = sum(found.depth)
        yield f'<td class="n">{"" if math.isnan(depth) else f"{depth:.3g}"}</td>'
    if 1 < samples <= MOST_STRIPS:
        yield f"<td>{figures.profile(found)}</td>"


def _run(record: Mapping[str, Any]) -> Iterator[str]:
    """How the bins were made: time and memory of the stages, command, inputs, versions, options."""
    stages = record["stages"]
    total = sum(float(stage["seconds"]) for stage in stages) or 1.0
    yield "<section><h2>Run</h2>"
    yield f"<p>Command</p><pre>{escape(record.get('command') or '(not by the command line)')}</pre>"
    rows = [
        (
            stage["name"] + (" (from an earlier run)" if stage["kept"] else ""),
            *(f"{float(stage[name]):.2f}" for name in ("seconds", "cpu_seconds")),
            format_size(int(stage["peak_memory"])),
            f'<td class="share"><i style="width:{100 * float(stage["seconds"]) / total:.1f}%"></i></td>',
        )
        for stage in stages
    ]
    yield '<div class="scroll"><table class="small"><thead><tr><th scope="col">stage</th>'
    yield "".join(f'<th scope="col" class="n">{text}</th>' for text in ("time, s", "CPU time, s", "memory"))
    yield '<th scope="col">share of the time</th></tr></thead><tbody>'
    for name, *numbers, share in rows:
        cells = "".join(f'<td class="n">{escape(text)}</td>' for text in numbers)
        yield f'<tr><th scope="row">{escape(name)}</th>{cells}{share}</tr>'
    yield "</tbody></table></div>"
    host = record["host"]
    yield f"<p>{escape(_host(host))}</p>"
    yield '<div class="columns">'
    yield _pairs("Inputs", ((entry["path"], f"{format_size(int(entry['bytes']))}") for entry in record["inputs"]))
    yield _pairs("Options", _flat(record["options"]))
    yield _pairs("Versions", record["versions"].items())
    yield "</div></section>"


def _host(host: Mapping[str, Any]) -> str:
    threads = host.get("threads")
    return f"{threads} thread{'s' * (threads != 1)} of {host.get('cpus')}, {host.get('device')}, {host.get('system')}"


def _flat(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, object]]:
    """Options that were set, or have a value by default, by their names; nested ones with a point between."""
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        elif value is not None and value != []:
            yield f"{above}{name}", shlex.join(map(str, value)) if isinstance(value, list) else value


def _pairs(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    rows = "".join(f'<tr><th scope="row">{escape(str(name))}</th><td>{escape(str(of))}</td></tr>' for name, of in pairs)
    return f'<details><summary>{title}</summary><table class="small">{rows}</table></details>'


def _data(results: Results) -> str:
    """What the script knows: of each bin its name, the longest of its contigs, and how many more there are."""
    contigs = results.contigs
    order = np.lexsort((-contigs.lengths, contigs.bins))
    starts = np.searchsorted(contigs.bins[order], np.arange(len(results.bins) + 1))
    each = max(1, MOST_LISTED // max(1, len(results.bins)))
    bins = []
    for number, found in enumerate(results.bins):
        rows = order[starts[number] : starts[number + 1]][:each]
        depth = contigs.depth[rows].sum(1)
        bins.append(
            {
                "name": found.name,
                "about": f"{found.tier}, {svg.bp(found.bp)} in {found.contigs:,} contigs",
                "contigs": [_short(contigs.names[row]) for row in rows.tolist()],
                "length": contigs.lengths[rows].tolist(),
                "gc": [_or_none(gc, ".1f") for gc in contigs.gc[rows].tolist()],
                "depth": [_or_none(x, ".3g") for x in depth.tolist()] if results.samples else [],
                "probability": [round(p, 2) for p in contigs.probability[rows].tolist()],
                "second": contigs.second[rows].tolist(),
                "more": found.contigs - len(rows),
            }
        )
    text = json.dumps(bins, separators=(",", ":"))
    # Nothing in it can end the element that it stands in
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _or_none(value: float, digits: str) -> float | None:
    return None if math.isnan(value) else float(format(value, digits))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 12]}…{name[-11:]}"
