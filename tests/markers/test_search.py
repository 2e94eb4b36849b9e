"""The profile search: HMMER's own hits, cutoffs and all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyhmmer
import pytest

from binner.data import I64
from binner.markers import profiles, search
from binner.markers.search import Hits

ROWS = range(3, len(profiles.load()), 12)  # profiles of all sets


@pytest.fixture(scope="module")
def proteins() -> list[bytes]:
    """Relatives of the profiles' consensus, whole and cut, and random sequences."""
    rng = np.random.default_rng(1)
    letters = np.frombuffer(b"ACDEFGHIKLMNPQRSTVWY", np.uint8)
    found = []
    for row in ROWS:
        text = np.frombuffer(str(profiles.load()[row].hmm.consensus).upper().encode(), np.uint8).copy()
        changed = rng.random(len(text)) < 0.2
        text[changed] = letters[rng.integers(0, 20, int(changed.sum()))]
        whole = text.tobytes()
        found += [whole, whole[: len(whole) // 2], whole[len(whole) // 3 : len(whole) // 2]]
    return found + [letters[rng.integers(0, 20, 300)].tobytes() for _ in range(10)]


def everything(proteins: list[bytes]) -> list[I64]:
    return [np.arange(len(proteins)) if row in ROWS else np.arange(0) for row in range(len(profiles.load()))]


def test_hits_are_those_of_hmmsearch(proteins: list[bytes]) -> None:
    """The early exit that the cutoffs allow loses nothing."""
    hits = search.search(proteins, everything(proteins), threads=2)
    alphabet = pyhmmer.easel.Alphabet.amino()
    block = pyhmmer.easel.DigitalSequenceBlock(
        alphabet,
        [
            pyhmmer.easel.TextSequence(name=str(i).encode(), sequence=p.decode()).digitize(alphabet)
            for i, p in enumerate(proteins)
        ],
    )
    expected = []
    for row in ROWS:
        profile = profiles.load()[row]
        for hit in pyhmmer.plan7.Pipeline(alphabet).search_hmm(profile.hmm, block):
            domain = max(domain.score for domain in hit.domains)
            if hit.score >= profile.cutoff and domain >= profile.domain_cutoff:
                expected.append((int(hit.name), row, hit.score))
    assert len(expected) >= len(ROWS)
    assert list(zip(hits.protein.tolist(), hits.profile.tolist(), strict=True)) == [e[:2] for e in sorted(expected)]
    np.testing.assert_allclose(hits.bits, [e[2] for e in sorted(expected)], rtol=1e-4)


def test_what_is_too_long_for_hmmer_is_no_gene(proteins: list[bytes]) -> None:
    """A gene at the end of a repeat: found where both together are as long as HMMER takes."""
    gene = proteins[0]
    for residues, fits in ((search.LONGEST, True), (search.LONGEST + 1, False)):
        repeat = b"A" * (residues - len(gene)) + gene
        named = [np.arange(2) if row == ROWS[0] else np.arange(0) for row in range(len(profiles.load()))]
        found = search.search([repeat, gene], named, threads=1)
        assert found.protein.tolist() == ([0, 1] if fits else [1])


def test_only_the_pairs_that_are_named(proteins: list[bytes]) -> None:
    whole = search.search(proteins, everything(proteins), threads=1)
    pairs = [np.arange(0)] * len(profiles.load())
    row, protein = int(whole.profile[0]), int(whole.protein[0])
    pairs[row] = np.array([protein])
    hits = search.search(proteins, pairs, threads=1)
    assert (hits.protein.tolist(), hits.profile.tolist()) == ([protein], [row])
    assert hits.bits[0] == whole.bits[0]


def test_threads_and_blocks_do_not_matter(proteins: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    one = search.search(proteins, everything(proteins), threads=1)
    monkeypatch.setattr(search, "BLOCK", 3)
    seen: list[tuple[int, int]] = []
    three = search.search(
        proteins, everything(proteins), threads=3, progress=lambda done, total: seen.append((done, total))
    )
    for name in ("protein", "profile", "bits"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
    assert seen[-1] == (len(seen), len(seen)) and len(seen) > len(ROWS)


def test_nothing_to_search() -> None:
    hits = search.search([], [np.arange(0)] * len(profiles.load()), threads=2)
    assert len(hits.protein) == len(hits.profile) == len(hits.bits) == 0


def test_what_is_no_table_of_hits() -> None:
    hits = Hits(np.zeros(2, np.int64), np.zeros(2, np.int64), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match="scores of hits: shape"):
        replace(hits, bits=hits.bits[:1])
