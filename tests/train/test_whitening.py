"""The whitening as it is trained: its error law holds on genera that it has not seen, and validation keeps them out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from binner.data import Bool
from binner.encoders.whitening import Whitening
from binner.errors import OptionError
from binner.train import whitening
from binner.train.genomes import Genomes, draw_pieces
from binner.train.whitening import ERROR_LAW_BP, WhiteningOptions, genera_to_judge, train, validate
from tests.train import simulated

SMALL = WhiteningOptions(k=3, directions=12, shrinkage=3)  # so that 40 genomes are many


@pytest.fixture(scope="module")
def genomes() -> Genomes:
    return simulated.genomes(genera=20, genome_bp=150_000)


@pytest.fixture(scope="module")
def few() -> Genomes:
    """Enough where figures do not matter."""
    return simulated.genomes(genera=10, genome_bp=40_000)


def test_the_error_law_holds_on_genera_that_were_kept_out(genomes: Genomes) -> None:
    folds = validate(genomes, SMALL)
    assert [fold.genera for fold in folds] == [4] * 5
    ratio = np.array([fold.error_law for fold in folds])
    assert ratio.shape == (5, len(ERROR_LAW_BP))
    assert ratio.mean() == pytest.approx(1, abs=0.2)
    np.testing.assert_allclose(ratio.mean(0), 1, atol=0.35)
    assert all(0 < value <= 1 for fold in folds for value in (*fold.ari, *fold.ari_4mers))
    assert np.mean([fold.ari[0] for fold in folds]) > 0.4


def test_vectors_have_the_variances_that_the_encoder_states(genomes: Genomes) -> None:
    """On genomes of its own: between species the prior, within them its law, by direction."""
    keep = np.arange(40) % 4 < 2
    encoder = train(genomes, SMALL, keep=keep)
    start, stop, owner = draw_pieces(genomes, bp=6000, per_genome=40, rng=np.random.default_rng(7))
    own = keep[owner]
    vectors = encoder.embed(genomes.codes, start[own], stop[own]).reshape(20, 40, -1).astype(np.float64)
    within, means = vectors.var(1, ddof=1).mean(0), vectors.mean(1)
    np.testing.assert_allclose(within, encoder.variance(np.array([6000]))[0], rtol=0.35)
    np.testing.assert_allclose(means.var(0), encoder.prior, rtol=0.4, atol=0.1)
    np.testing.assert_allclose(means.mean(0), 0, atol=0.1 * np.sqrt(encoder.prior.max()))
    assert encoder.prior[0] > encoder.prior[-1], "the directions that separate species best come first"


def test_it_learns_from_the_genomes_in_keep_only(few: Genomes) -> None:
    keep = np.arange(20) % 3 > 0
    expected = train(few, SMALL, keep=keep)
    codes = few.codes.copy()
    for part in np.flatnonzero(~keep[few.genome]):
        codes[few.offsets[part] : few.offsets[part + 1]] = 0
    assert train(replace(few, codes=codes), SMALL, keep=keep).digest == expected.digest
    assert train(replace(few, codes=codes), SMALL).digest != train(few, SMALL).digest


def test_options_arrive(few: Genomes) -> None:
    encoder = train(few, WhiteningOptions(k=4, directions=7, reference=3000, per_genome=8))
    assert encoder.projection.shape == (136 + 3 * 64, 7)
    assert (encoder.k, encoder.window, encoder.reference) == (4, 3000, 3000)
    stiff = train(few, replace(SMALL, shrinkage=10))
    assert stiff.noise.mean() < 0.2 < train(few, SMALL).noise.mean(), "shrinkage leaves less than a variance of 1"


def test_the_same_seed_gives_the_same_encoder_and_figures(few: Genomes) -> None:
    assert train(few, SMALL).digest == train(few, SMALL).digest
    assert train(few, SMALL).digest != train(few, replace(SMALL, seed=2)).digest
    one, two = (repr(validate(few, SMALL, folds=2)) for _ in range(2))  # as text: nan is nan
    assert one == two


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_is_none(seed: int) -> None:
    with pytest.raises(OptionError, match=f"--seed must be from 0 to 4294967295, not {seed}"):
        WhiteningOptions(seed=seed)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[Bool]:
    """What each call of `train` keeps."""
    kept: list[Bool] = []

    def spy(genomes: Genomes, options: WhiteningOptions, *, keep: Bool) -> Whitening:
        kept.append(keep)
        return train(genomes, options, keep=keep)

    monkeypatch.setattr(whitening, "train", spy)
    return kept


def test_every_genus_is_kept_out_once_and_as_a_whole(few: Genomes, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = spied(monkeypatch)
    assert [fold.genera for fold in validate(few, SMALL)] == [2] * 5
    out = ~np.array(kept)
    np.testing.assert_array_equal(out.sum(0), 1)
    np.testing.assert_array_equal(out[:, ::2], out[:, 1::2])  # the two species of a genus


def test_genera_in_small_pieces_are_never_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of them is long enough to be judged on; they help to train where they can."""
    made = simulated.genomes(genera=8, genome_bp=40_000, sequences=5)
    lengths = np.diff(made.offsets)
    long = simulated.genomes(genera=6, genome_bp=40_000, seed=2)
    joined = Genomes(
        made.names + tuple(f"long_{name}" for name in long.names),
        np.concatenate([made.species, 16 + long.species]),
        np.concatenate([2 * made.genus, 2 * long.genus + 1]),  # ids that take turns
        np.concatenate([made.codes, long.codes]),
        np.concatenate([made.offsets, made.offsets[-1] + long.offsets[1:]]),
        np.concatenate([made.genome, 16 + long.genome]),
    )
    assert lengths.max() < 10_000
    assert genera_to_judge(made).tolist() == []
    assert genera_to_judge(joined).tolist() == [1, 3, 5, 7, 9, 11]
    kept = spied(monkeypatch)
    folds = validate(joined, SMALL)
    assert sorted(fold.genera for fold in folds) == [1, 1, 1, 1, 2]
    assert np.array(kept)[:, :16].all()
