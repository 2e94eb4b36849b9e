"""What each term of the refinement head is worth, on metagenomes whose genomes are known.

python -m benchmarks.refinement DATA_DIR --keep FOLDER [--sets mini12] [--regimes one,few-deep,missing] [--seeds 1,2,3]

Every set in DATA_DIR (as `python -m benchmarks` has them) is binned in each regime of coverage by each variant of the
head: `plain` is binner without it, `untrained` the metric it starts from, `contrast` without any other term, `all` with
every one of them, `without-TERM` and `with-TERM` all but one and one alone. A row of the table is a variant with a
seed: near-complete genomes of the bins chosen with marker genes and without, those for which some cluster of the
refined points qualifies, and some candidate of all; seconds of the head, on as many threads as are given.

What does not depend on the variant is computed once and kept in FOLDER. Rows go to the table as they are there, and the
same command takes up where it was stopped. At the end medians over the seeds are printed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.arguments import parser_of, say, several
from benchmarks.regimes import REGIMES
from benchmarks.rows import append, read
from benchmarks.tasks import CONTIGS, DEPTHS, TRUTH, find_sets
from binner import artifacts, clusterers, coverage, embed, fasta, homologs, markers, refine, select, space
from binner.adaptation import adapt
from binner.data import I64, Clustering, Contigs, Coverage, Embedding, Homologs, Markers, WindowEmbedding
from binner.evaluate.bins import overlap, score
from binner.evaluate.tables import Pairs, Truth, read_truth
from binner.refine import TERMS, Evidence, RefineConfig
from binner.runtime import granted_threads, limit_threads
from binner.stages import Stages

MIN_LENGTH, MIN_BIN = 1000, 200_000  # bp, as by default
PLAIN, UNTRAINED = "plain", "untrained"
FIGURES = ("chosen", "chosen_without_markers", "refined_oracle", "oracle", "seconds")


def variants() -> dict[str, RefineConfig | None]:
    """Every variant by its name; None: without the head."""
    whole = RefineConfig()
    return {
        PLAIN: None,
        UNTRAINED: replace(whole, steps=0),
        "contrast": replace(whole, terms=()),
        "all": whole,
        **{f"without-{term}": replace(whole, terms=tuple(t for t in TERMS if t != term)) for term in TERMS},
        **{f"with-{term}": replace(whole, terms=(term,)) for term in TERMS},
    }


@dataclass(frozen=True, slots=True)
class Row:
    """A variant in a regime of a set with a seed, as texts."""

    set: str
    regime: str
    variant: str
    seed: str
    code: str  # version of what was run
    genomes: str = ""
    chosen: str = ""  # near-complete genomes
    chosen_without_markers: str = ""
    refined_oracle: str = ""  # of which some cluster of the refined points is near-complete
    oracle: str = ""  # some cluster of any
    seconds: str = ""  # of the head

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from other measurements."""
        return self.set, self.regime, self.variant, self.seed, self.code


@dataclass(frozen=True, slots=True, eq=False)
class Assembly:
    """A set, and what does not depend on the regime."""

    name: str
    contigs: Contigs
    truth: Truth
    embedded: tuple[WindowEmbedding, Embedding]
    coverage: Coverage | None
    markers: Markers
    homologs: Homologs


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    limit_threads(options.threads)
    try:
        unknown = [*set(options.regimes) - set(REGIMES), *set(options.variants) - set(variants())]
        if unknown:
            raise ValueError(f"not known: {', '.join(unknown)}; there are {', '.join([*REGIMES, *variants()])}")
        options.keep.mkdir(parents=True, exist_ok=True)
        stages = Stages(options.threads, cache=artifacts.Cache(options.keep))
        code = artifacts.code_version("refine")[:8]
        for folder in find_sets(options.data, options.sets):
            ahead = [
                Row(folder.name, regime, variant, str(seed), code)
                for regime in options.regimes
                for seed in options.seeds
                for variant in options.variants
            ]
            done = {row.key for row in read(options.out, Row)}
            ahead = [row for row in ahead if row.key not in done]
            if ahead:
                for row in measure(load(folder, stages), ahead, stages):
                    append(options.out, row)
        print(markdown(read(options.out, Row)))
    except (ValueError, OSError) as error:
        parser.error(str(error))


def load(folder: Path, stages: Stages) -> Assembly:
    """Read a set; its embedding, marker genes and homologs are kept."""
    contigs = fasta.read(folder / CONTIGS, min_length=MIN_LENGTH)
    embedded = stages.run(
        f"{folder.name}-embedding",
        "Embedding",
        lambda progress: adapt(*embed.embed(contigs, encoder="whitening", progress=progress)),
        key=artifacts.key(contigs.digest, artifacts.code_version("embed"), artifacts.code_version("adaptation")),
    )
    genes = stages.run(
        f"{folder.name}-markers",
        "Markers",
        lambda progress: markers.find(contigs, threads=stages.threads, progress=progress),
        key=artifacts.key(contigs.digest, artifacts.code_version("markers")),
    )
    relatives = stages.run(
        f"{folder.name}-homologs",
        "Homologs",
        lambda progress: homologs.find(contigs, threads=stages.threads, progress=progress),
        key=artifacts.key(contigs.digest, artifacts.code_version("homologs")),
    )
    table = folder / DEPTHS
    whole = coverage.read(contigs, depth=[table]) if table.exists() else None
    return Assembly(folder.name, contigs, read_truth(folder / TRUTH), embedded, whole, genes, relatives)


def measure(made: Assembly, ahead: Sequence[Row], stages: Stages) -> Iterator[Row]:
    """The rows with what came of them; regimes that the set has no coverage for are left out."""
    for row in ahead:
        if made.coverage is None and row.regime != "contigs":
            continue
        depths = REGIMES[row.regime](made.coverage, made.contigs.lengths) if made.coverage else None
        say(f"{row.set}, {row.regime}: {row.variant}, seed {row.seed}")
        yield _measured(row, made, depths, stages)


def _measured(row: Row, made: Assembly, depths: Coverage | None, stages: Stages) -> Row:
    lengths, embedding = made.contigs.lengths, made.embedded[1]
    how: dict[str, Any] = {"seed": int(row.seed), "threads": stages.threads, "homologs": made.homologs}
    depth = space.depths(depths, embedding, lengths)
    plain = stages.run(
        f"{row.set}-{row.regime}-{row.seed}",
        "Clustering without the head",
        lambda _: clusterers.propose(embedding, depth, lengths, **how),
        key=artifacts.key(made.contigs.digest, artifacts.code_version("clusterers"), artifacts.code_version("embed")),
    )
    config = variants()[row.variant]
    refined: list[Clustering] = []
    if config is not None:
        evidence = Evidence(lengths, made.embedded, coverage=depths, depth=depth, markers=made.markers)
        points = stages.run(
            "refinement", "Refining", lambda _: refine.fit(evidence, config=config, seed=how["seed"], device="cpu")
        )
        row = replace(row, seconds=f"{stages.reports[-1].cpu_seconds:.3f}")
        refined = clusterers.propose(embedding, depth, lengths, metrics=(), refined=points, **how)
    chosen = [
        select.choose(
            [*plain, *refined], lengths, markers=genes, homologs=made.homologs, min_bin_size=MIN_BIN, depth=depth
        )
        for genes in (made.markers, None)
    ]
    return replace(
        row,
        genomes=str(score(overlap(made.truth, [])).genomes),
        chosen=_recovered(made, [each.rows for each in chosen[0]]),
        chosen_without_markers=_recovered(made, [each.rows for each in chosen[1]]),
        refined_oracle=_recovered(made, list(_clusters(refined, lengths))) if refined else "",
        oracle=_recovered(made, list(_clusters([*plain, *refined], lengths))),
    )


def _clusters(clusterings: Sequence[Clustering], lengths: I64) -> Iterator[I64]:
    """Every cluster that could be a bin."""
    for clustering in clusterings:
        yield from (rows for rows in clustering.clusters() if lengths[rows].sum() >= MIN_BIN)


def _recovered(made: Assembly, clusters: Sequence[I64]) -> str:
    """Genomes for which some cluster is near-complete."""
    pairs: Pairs = [(made.contigs.names[row], str(number)) for number, rows in enumerate(clusters) for row in rows]
    return str(score(overlap(made.truth, pairs)).near_complete)


def markdown(rows: Sequence[Row]) -> str:
    """Medians over the seeds, a line for each variant and regime of each set."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.set, row.regime, row.variant, row.code), []).append(row)
    lines = ["| set, regime | variant | seeds | " + " | ".join(name.replace("_", " ") for name in FIGURES) + " |"]
    lines.append("|---" * (len(FIGURES) + 3) + "|")
    for (name, regime, variant, _), group in groups.items():
        cells = []
        for figure in FIGURES:
            values = [float(text) for row in group if (text := str(getattr(row, figure)))]
            cells.append(f"{median(values):g}" if values else "")
        lines.append(f"| {name}, {regime} | {variant} | {len(group)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("benchmarks.refinement", __doc__)
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--keep", type=Path, required=True, metavar="FOLDER", help="for what is computed once")
    parser.add_argument("--sets", type=several(str), default=[], help="comma-separated names  [default: all]")
    parser.add_argument(
        "--regimes",
        type=several(str),
        default=["one", "few-deep", "missing"],
        help=f"of {','.join(REGIMES)}  [default: one,few-deep,missing]",
    )
    parser.add_argument("--variants", type=several(str), default=list(variants()), help="[default: all of them]")
    parser.add_argument("--seeds", type=several(int), default=[1, 2, 3], help="[default: 1,2,3]")
    parser.add_argument("--threads", type=int, default=granted_threads(), help="[default: %(default)s]")
    parser.add_argument(
        "--out", type=Path, default=Path("refinement.tsv"), metavar="TABLE", help="rows are added to it"
    )
    return parser


if __name__ == "__main__":
    main()
