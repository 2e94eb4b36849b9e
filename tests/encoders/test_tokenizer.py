"""The checkpoint's own tokenizer, without the padding and the truncation baked into it; what it gets to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend

from binner import fasta
from binner.encoders.tokenizer import Tokenizer, text
from binner.errors import InputError
from tests.encoders import toy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    toy.write_tokenizer(tmp_path / "tokenizer.json")
    return tmp_path


def test_neither_padded_nor_cut(folder: Path) -> None:
    baked = Backend.from_file(str(folder / "tokenizer.json"))
    assert {len(baked.encode(toy.bases(length, seed=1)).ids) for length in (4, 1000)} == {toy.BAKED}
    tokenizer = Tokenizer.load(folder)
    short, long = tokenizer.encode(["ACGT", toy.bases(1000, seed=1)])
    assert len(short) <= 6
    assert len(long) > 150
    for ids in (short, long):
        assert ids.dtype == np.int32
        assert (ids[0], ids[-1]) == (1, 2)
        assert not np.isin(ids, [0, tokenizer.pad_id]).any()
    assert tokenizer.pad_id == 3
    words = [str(tokenizer.backend.id_to_token(token)) for token in long[1:-1]]
    assert "".join(words) == toy.bases(1000, seed=1)


def test_lower_case_and_n_never_reach_it(folder: Path, tmp_path: Path) -> None:
    """Case is lost when FASTA is read; single N are left out."""
    sequence = toy.bases(300, seed=2)
    (tmp_path / "x.fa").write_text(f">a\n{sequence}\n>b\n{sequence.lower()}\n>c\n{sequence[:100]}N{sequence[100:]}\n")
    contigs = fasta.read(tmp_path / "x.fa")
    assert text(contigs[0]) == text(contigs[1]) == text(contigs[2]) == sequence
    tokenizer = Tokenizer.load(folder)
    assert 0 in tokenizer.encode([sequence.lower()])[0], "what would become of it"
    assert not (tokenizer.encode([text(contigs[2])])[0] == 0).any()


def test_the_other_strand() -> None:
    codes = np.random.default_rng(0).integers(0, 5, 500).astype(np.uint8)
    other = np.where(codes == 4, 4, 3 - codes)[::-1].astype(np.uint8)
    assert text(codes, reverse=True) == text(other)
    assert text(codes) != text(other)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe"])
def test_what_is_no_tokenizer(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(InputError, match=r"tokenizer\.json") as caught:
        Tokenizer.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_tokenizer_without_padding(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text().replace("[PAD]", "[pad]"))
    with pytest.raises(InputError, match=r"no token \[PAD\]"):
        Tokenizer.load(folder)
