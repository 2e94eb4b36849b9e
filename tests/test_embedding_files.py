"""Embeddings as files: shards make the whole in any order, and a file that does not belong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from binner import embedding_files
from binner.concatenation import Embedded, concatenate
from binner.config import EncoderConfig, Shard
from binner.data import Contigs
from binner.embed import embed, part
from binner.errors import InputError


@pytest.fixture(scope="module")
def contigs() -> Contigs:
    rng = np.random.default_rng(1)
    lengths = rng.integers(200, 9000, 12)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Contigs(tuple(f"c{i}" for i in range(12)), rng.integers(0, 4, offsets[-1]).astype(np.uint8), offsets)


@pytest.fixture
def shards(contigs: Contigs, tmp_path: Path) -> list[Path]:
    return [write(tmp_path / f"{number}.npz", contigs, Shard(number, 3)) for number in (1, 2, 3)]


def write(path: Path, contigs: Contigs, shard: Shard, *, window: int | None = None) -> Path:
    embedded = embed(part(contigs, shard), encoder="whitening", config=EncoderConfig(window=window))
    embedding_files.save(path, [embedded], contigs, shard)
    return path


def assert_equal(one: Embedded, two: Embedded) -> None:
    np.testing.assert_allclose(one[0].matrix, two[0].matrix, atol=1e-4)
    np.testing.assert_array_equal(one[0].windows.contig, two[0].windows.contig)
    np.testing.assert_allclose(one[1].matrix, two[1].matrix, atol=1e-4)
    np.testing.assert_array_equal(one[1].variance, two[1].variance)
    assert one[1].names_digest == two[1].names_digest


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_shards_are_the_whole(contigs: Contigs, shards: list[Path], order: list[int], tmp_path: Path) -> None:
    whole = embed(contigs, encoder="whitening")
    assert_equal(embedding_files.load([shards[i] for i in order], contigs), whole)
    embedding_files.save(tmp_path / "whole.npz", [whole], contigs, Shard())
    assert_equal(embedding_files.load([tmp_path / "whole.npz"], contigs), whole)


def test_of_other_contigs(contigs: Contigs, shards: list[Path]) -> None:
    with pytest.raises(InputError, match=r"1\.npz: the embedding of other contigs; embed these, with the same -m"):
        embedding_files.load(shards, contigs.select(np.arange(11)))
    codes = contigs.codes.copy()
    codes[0] = (codes[0] + 1) % 4
    with pytest.raises(InputError, match="of other contigs"):
        embedding_files.load(shards, Contigs(contigs.names, codes, contigs.offsets))


def test_missing_and_double_shards(contigs: Contigs, shards: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2\.npz: one of 3 shards, and no file has shard 1, 3"):
        embedding_files.load(shards[1:2], contigs)
    again = write(tmp_path / "again.npz", contigs, Shard(2, 3))
    with pytest.raises(InputError, match=r"again\.npz: shard 2 of 3, and so is .*2\.npz"):
        embedding_files.load([*shards, again], contigs)


def test_shards_of_different_kinds(contigs: Contigs, shards: list[Path], tmp_path: Path) -> None:
    other = write(tmp_path / "other.npz", contigs, Shard(2, 4))
    with pytest.raises(InputError, match=r"other\.npz: made with 4 shards, unlike .*1\.npz"):
        embedding_files.load([shards[0], other], contigs)
    embedded = embed(part(contigs, Shard(2, 3)), encoder="whitening")
    windows = type(embedded[0])(embedded[0].windows, embedded[0].matrix, "another", embedded[0].names_digest)
    embedding_files.save(other, [(windows, embedded[1])], contigs, Shard(2, 3))
    with pytest.raises(InputError, match=r"1\.npz: one of 3 shards by whitening \w+, and no file has shard 2"):
        embedding_files.load([shards[0], other, shards[2]], contigs)


def test_files_of_several_encoders_are_put_side_by_side(contigs: Contigs, shards: list[Path], tmp_path: Path) -> None:
    one = embed(contigs, encoder="whitening")
    two = embed(contigs, encoder="whitening", config=EncoderConfig(window=900))
    embedding_files.save(tmp_path / "two.npz", [two], contigs, Shard())
    embedding_files.save(tmp_path / "both.npz", [one, two], contigs, Shard())
    expected = concatenate([one, two])
    assert expected[1].matrix.shape[1] == 2 * one[1].matrix.shape[1]
    assert_equal(embedding_files.load([*shards, tmp_path / "two.npz"], contigs), expected)
    assert_equal(embedding_files.load([tmp_path / "both.npz"], contigs), expected)


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\3\4 cut off"])
def test_what_is_no_embedding(contigs: Contigs, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.npz: no embedding that `binner embed` wrote") as caught:
        embedding_files.load([path], contigs)
    assert "\n" not in str(caught.value)


def test_another_archive(contigs: Contigs, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.zeros(3))
    with pytest.raises(InputError, match="no embedding"):
        embedding_files.load([tmp_path / "x.npz"], contigs)
