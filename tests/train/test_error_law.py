"""The error law: what was put in is found, held-out genera set the scale, and the command writes it into the folder."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from binner import encoders
from binner.config import EncoderConfig, MachineConfig
from binner.data import F32, N_CODE, silent
from binner.encoders.error_law import ERROR_LAW, ErrorLaw
from binner.errors import InputError, OptionError
from binner.train.error_law import ErrorLawOptions, Pieces, draw, fit, train_error_law
from binner.train.model_card import measure
from binner.train.packed import pack_into
from binner.train.sources import Source, find
from tests.encoders import toy
from tests.train import simulated

CPU = MachineConfig(device="cpu")


def simulate(*, genomes: int, pieces: int, width: int, seed: int = 0) -> tuple[F32, Pieces]:
    """Genome means with variance 4 in three directions, noise 1 in all; two genomes in a genus."""
    rng = np.random.default_rng(seed)
    genome = np.repeat(np.arange(genomes), pieces)
    means = np.zeros((genomes, width))
    means[:, :3] = rng.normal(0, 2, (genomes, 3))
    vectors = (means[genome] + rng.normal(0, 1, (len(genome), width)) + 7).astype(np.float32)
    start = np.arange(len(genome))
    return vectors, Pieces(np.zeros(len(genome), np.uint8), start, start + 1, genome, genome, genome // 2)


def test_known_variances_are_found() -> None:
    vectors, pieces = simulate(genomes=200, pieces=20, width=8)
    law = fit(vectors, pieces, ErrorLawOptions(directions=3, shrinkage=0.0), reference=2000)
    share = law.prior / (law.prior + law.noise)
    np.testing.assert_allclose(law.noise / share**2, 1, rtol=0.05)
    np.testing.assert_allclose(law.prior / share**2, 4, rtol=0.25)
    np.testing.assert_allclose(law.centre, vectors.mean(0), atol=0.05)
    np.testing.assert_allclose(
        law.variance(np.array([500, 2000, 8000]))[:, 0], law.noise[0] * np.array([4, 1, 0.25]), rtol=1e-5
    )


def test_genera_kept_out_set_the_scale(caplog: pytest.LogCaptureFixture) -> None:
    """Many directions, few pieces: those that the map was fitted on scatter less than others do."""
    vectors, pieces = simulate(genomes=40, pieces=6, width=60)
    new, rest = simulate(genomes=200, pieces=6, width=60, seed=9)
    with caplog.at_level(logging.INFO):
        law = fit(vectors, pieces, ErrorLawOptions(directions=10, shrinkage=0.01), reference=1000)
    assert "genera kept out scatter" in caplog.text
    mapped = (new - law.centre) @ law.projection
    observed = np.concatenate([mapped[rest.genome == g].var(0, ddof=1, keepdims=True) for g in range(200)]).mean(0)
    assert observed.mean() == pytest.approx(law.noise.mean(), rel=0.35)
    few = replace(pieces, genus=pieces.genus * 0)
    with caplog.at_level(logging.WARNING):
        alone = fit(vectors, few, ErrorLawOptions(directions=10, shrinkage=0.01), reference=1000)
    assert "too few to check" in caplog.text
    assert observed.mean() > 1.2 * alone.noise.mean()


def test_pieces_come_from_all_over_a_genome(tmp_path: Path) -> None:
    sequences = {"a": toy.bases(5000, seed=1), "b": toy.bases(900, seed=2), "c": toy.bases(1000, seed=3)}
    (tmp_path / "g.fa").write_text("".join(f">{name}\n{text}\n" for name, text in sequences.items()))
    (tmp_path / "short.fa").write_text(f">x\n{toy.bases(500, seed=4)}\n")
    sources = [Source(name, tmp_path / f"{name}.fa", name, name) for name in ("g", "short")]
    pieces = draw(sources, bp=1000, number=40, seed=1)
    texts = [
        "".join("ACGT"[code] for code in pieces.codes[s:e]) for s, e in zip(pieces.start, pieces.stop, strict=True)
    ]
    assert len(texts) == 40
    assert all(len(text) == 1000 and any(text in whole for whole in sequences.values()) for text in texts)
    assert len(set(texts)) > 30
    assert set(pieces.genome.tolist()) == {0}


def test_no_piece_spans_a_gap(tmp_path: Path) -> None:
    text = toy.bases(6000, seed=1)
    (tmp_path / "g.fa").write_text(f">a\n{text[:2000]}{'N' * 3000}{text[2000:]}\n>b\n{'N' * 2000}\n")
    pieces = draw([Source("g", tmp_path / "g.fa", "g", "g")], bp=1000, number=40, seed=1)
    assert len(pieces.start) == 40
    assert N_CODE not in pieces.codes


@pytest.fixture(scope="module")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("genomes") / "data"
    return simulated.write(simulated.genomes(genera=6, genome_bp=12_000), folder)


def test_a_law_is_fitted_and_used(genomes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = toy.write_model(tmp_path / "model")
    codes = np.random.default_rng(0).integers(0, 4, 3000).astype(np.uint8)
    ends = np.array([0, 1000]), np.array([1000, 3000])
    before = encoders.load(str(folder))
    before.embed(codes, *ends)
    assert f"binner train errors GENOMES --encoder {folder}" in caplog.text
    caplog.clear()
    options = ErrorLawOptions(pieces=4, directions=5)
    law = train_error_law(genomes, folder, options, config=EncoderConfig(window=1500), machine=CPU)
    after = encoders.load(str(folder))
    vectors = after.embed(codes, *ends)
    assert "binner train errors" not in caplog.text
    assert vectors.shape == (2, 5)
    assert after.window == law.reference == 1500
    assert after.digest != before.digest
    np.testing.assert_array_equal(after.prior, law.prior)
    raw = before.vectors(codes, *ends)  # type: ignore[attr-defined]
    np.testing.assert_allclose(vectors, (raw - law.centre) @ law.projection, atol=1e-3)
    assert not list(folder.glob(".*"))


@pytest.mark.usefixtures("own_folder")
def test_a_folder_with_the_name_of_another_encoder(genomes: Path) -> None:
    toy.write_model(Path("small"))
    options = ErrorLawOptions(pieces=4, directions=5)
    law = train_error_law(genomes, Path("small"), options, config=EncoderConfig(window=1500), machine=CPU)
    assert encoders.load("./small").prior.tolist() == law.prior.tolist()


def test_a_law_knows_its_strands(genomes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = toy.write_model(tmp_path / "model")
    forward = EncoderConfig(window=1500, strands="forward")
    options = ErrorLawOptions(pieces=4, directions=5)
    law = train_error_law(genomes, folder, options, config=forward, machine=CPU)
    window = np.zeros(1500, np.uint8), np.array([0]), np.array([1500])
    encoders.load(folder, forward).embed(*window)
    assert "apart" not in caplog.text
    encoders.load(folder).embed(*window)
    assert "apart was measured with --strands forward. Measure it with `binner train errors" in caplog.text
    assert f"--encoder {folder} --strands both`" in caplog.text
    assert ErrorLaw.load(folder, width=len(law.centre)).strands == "forward"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("window", "message"), [(20_000, "0 species have a sequence of 20,000 bp, and the law needs 10")]
)
def test_too_few_genomes(genomes: Path, tmp_path: Path, window: int, message: str) -> None:
    folder = toy.write_model(tmp_path / "model")
    with pytest.raises(InputError, match=message):
        train_error_law(genomes, folder, ErrorLawOptions(), config=EncoderConfig(window=window), machine=CPU)


@pytest.mark.parametrize("length", [1500, 2999])
def test_genomes_without_room_for_two_pieces_say_nothing(genomes: Path, tmp_path: Path, length: int) -> None:
    """With one window each their pieces are all the same: a noise of 0, and no law."""
    (tmp_path / "short").mkdir()
    for number in range(12):
        (tmp_path / "short" / f"{number}.fa").write_text(f">a\n{toy.bases(length, seed=number)}\n")
    folder, window = toy.write_model(tmp_path / "model"), EncoderConfig(window=1500)
    with pytest.raises(
        InputError, match=r"short: 0 species .* 1,500 bp, .* needs 10 \(it counts where the genome has room"
    ):
        train_error_law(tmp_path / "short", folder, ErrorLawOptions(), config=window, machine=CPU)
    assert not (folder / ERROR_LAW).exists()
    both = [*find(genomes), *find(tmp_path / "short")]
    assert set(draw(both, bp=1500, number=4, seed=1).genome.tolist()) == set(range(12))


@pytest.mark.parametrize(("bp", "measured"), [(4000, True), (2000, False)])
def test_a_trained_model_without_enough_genomes_says_so(
    bp: int, measured: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = toy.write_model(tmp_path / "model")
    files = [tmp_path / f"{number}.fa" for number in range(12)]
    for number, path in enumerate(files):
        path.write_text(f">a\n{toy.bases(bp, seed=number)}\n")
    packed = pack_into(tmp_path / "packed", [Source(path.stem, path, path.stem, path.stem) for path in files])
    measure(folder, packed, ErrorLawOptions(pieces=4, directions=3), machine=CPU, progress=silent)
    assert (folder / ERROR_LAW).exists() == measured
    assert ("no error law: 0 species have room for two pieces of 2,000 bp" in caplog.text) == (not measured)


def test_a_whitening_has_its_own(genomes: Path) -> None:
    folder = encoders.MODELS / "whitening"
    with pytest.raises(InputError, match="not a network"):
        train_error_law(genomes, folder, ErrorLawOptions(), config=EncoderConfig(), machine=CPU)
    assert len(find(genomes)) == 12


@pytest.mark.parametrize("name", ["pieces", "directions", "seed"])
def test_options_that_cannot_be(name: str) -> None:
    with pytest.raises(OptionError, match=f"--{name}"):
        ErrorLawOptions(**{name: -1})


def test_a_law_that_does_not_fit(tmp_path: Path) -> None:
    law = ErrorLaw.plain(4, reference=100)
    assert ErrorLaw.load(tmp_path, width=4) is None
    law.save(tmp_path)
    again = ErrorLaw.load(tmp_path, width=4)
    assert again is not None
    assert again.digest == law.digest
    assert again.fitted
    with pytest.raises(InputError, match="vectors 4 wide, and the model's are 5 wide"):
        ErrorLaw.load(tmp_path, width=5)
    for content in (b"", b"no law", (tmp_path / ERROR_LAW).read_bytes()[:-3]):
        (tmp_path / ERROR_LAW).write_bytes(content)
        with pytest.raises(InputError, match="no error law"):
            ErrorLaw.load(tmp_path, width=4)
    with pytest.raises(ValueError, match="positive"):
        ErrorLaw(law.centre, law.projection, law.noise * 0, law.prior, 100)
