"""What is known of a trained species model: its error law, its figures, its card."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from binner import encoders
from binner.config import MachineConfig
from binner.data import I64, U8, Progress
from binner.encoders.error_law import Lawful
from binner.shipped import FIGURE
from binner.train import error_law
from binner.train.error_law import ErrorLawOptions, Pieces
from binner.train.options import SpeciesOptions
from binner.train.packed import Packed
from binner.train.pairs import laid_out
from binner.train.stretches import places, varied
from binner.train.validation import Verdict

logger = logging.getLogger(__name__)

CARD = "README.md"
LAW_BP = {"quick": 200_000_000, "slow": 8_000_000}  # bp that the error law is fitted on, at most
FEWEST_PIECES = 2  # of a genome: one says nothing of what lies within


def measure(
    folder: Path, genomes: Packed, options: ErrorLawOptions, *, machine: MachineConfig, progress: Progress
) -> None:
    """Fit the error law of the model in `folder` and write it there, if there are enough species to fit it on."""
    encoder = encoders.load(folder, machine=machine)
    assert isinstance(encoder, Lawful)
    budget = LAW_BP["quick" if encoder.quick else "slow"]
    number = int(np.clip(budget // (encoder.window * len(genomes.names)), FEWEST_PIECES, options.pieces))
    pieces = _draw(genomes, bp=encoder.window, number=number, most_bp=budget, seed=options.seed)
    if (species := len(np.unique(pieces.species))) < error_law.FEWEST_SPECIES:
        logger.warning(
            "the model has no error law: %d species have room for two pieces of %s bp, and the law needs %d. Measure it"
            " on other genomes with `binner train errors`, maybe at a smaller --window",
            *(species, f"{encoder.window:,}", error_law.FEWEST_SPECIES),
        )
        return
    vectors = encoder.vectors(pieces.codes, pieces.start, pieces.stop, progress=progress)
    error_law.fit(vectors, pieces, options, reference=encoder.window).save(folder)


def _draw(genomes: Packed, *, bp: int, number: int, most_bp: int, seed: int) -> Pieces:
    """`number` pieces of `bp` from each genome with room for two that lie apart, or from as many as `most_bp` allow."""
    rng = np.random.default_rng([seed, 7])
    owner, start, stop = genomes.stretches
    roomy = np.flatnonzero(varied(start, stop, bp=bp, row=owner, rows=len(genomes.names)))
    chosen = rng.permutation(roomy)[: max(1, most_bp // (bp * number))]
    codes: list[U8] = []
    owners: list[int] = []
    for genome in np.sort(chosen).tolist():
        own = owner == genome
        begins = places(start[own], stop[own], bp=bp, number=number, rng=rng)
        codes += [genomes.codes(begin, begin + bp) for begin in begins]
        owners += [genome] * number
    of = np.array(owners, np.int64)
    return Pieces(*laid_out(codes), of, genomes.species[of], genomes.genus[of])


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """The model card: data, command, figures."""

    about: str  # what it is
    command: Sequence[str]
    options: SpeciesOptions
    weights: int
    start: str | None  # the model that it started from
    genomes: Packed
    held_out: I64  # species
    rows: Sequence[Mapping[str, str]]  # of the log
    verdicts: Mapping[str, Verdict]  # of others, on the same pieces
    digest: str  # of what was written

    def text(self) -> str:
        """Markdown."""
        genomes = self.genomes
        settings = ", ".join(f"{name} {value:g}" for name, value in asdict(self.options).items())
        looks = [
            (int(row["step"]), Verdict(float(row["ari"]), float(row["recovered"]))) for row in self.rows if row["ari"]
        ]
        chosen = max(looks, key=lambda look: look[1].score, default=None)
        known = {**({"this model": chosen[1]} if chosen else {}), **self.verdicts}
        table = [f"| {name} | {verdict.ari:.3f} | {verdict.recovered:.3f} |" for name, verdict in known.items()]
        curve = [f"| {step} | {verdict.ari:.3f} | {verdict.recovered:.3f} |" for step, verdict in looks]
        figure = (
            f"\n{FIGURE.format(model=chosen[1].ari, four_mers=self.verdicts['4-mers'].ari)}"
            if chosen and "4-mers" in self.verdicts
            else ""
        )
        origin = f"started from {Path(self.start).name}" if self.start else "trained from scratch"
        return f"""# A species-aware model of DNA

{self.about}, of {self.weights:,} weights, {origin}. It maps pieces of DNA to vectors of which those of one species \
lie close together.

- Data: {len(genomes.names)} genomes, {genomes.bp / 1e6:,.1f} Mb, {len(np.unique(genomes.species))} species in \
{len(np.unique(genomes.genus))} genera.
- Command: `{shlex.join(self.command)}`
- Settings: {settings}.
- Training: {self.rows[-1]["step"] if self.rows else 0} steps in {self.rows[-1]["seconds"] if self.rows else 0} s; \
the weights are those after step {chosen[0] if chosen else "-"}. `log.csv` has every step.
- Digest: {self.digest} (weights, tokenizer, error law).
- Use: `binner run --encoder FOLDER`.{figure}

## Genera kept out of training

{len(self.held_out)} species. K-means ARI (K = number of species), and the share of species for which K-medoid makes a \
bin with F1 above 0.5 (unbinned pieces count as missed); pieces of 1-4 kb.

| vectors | ARI | recovered |
|---|---|---|
{chr(10).join(table)}

| step | ARI | recovered |
|---|---|---|
{chr(10).join(curve)}
"""
