"""Token embeddings to start from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from binner.encoders.tokenizer import TOKENIZER, Tokenizer, text
from binner.train import packed as packing
from binner.train import sources, validation, vocabulary
from binner.train.packed import Packed
from binner.train.word_start import token_embeddings
from tests.train import simulated


@pytest.fixture(scope="module")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> Packed:
    folder = tmp_path_factory.mktemp("training")
    made = simulated.write(simulated.genomes(genera=10, genome_bp=30_000), folder / "genomes")
    packed = packing.pack_into(folder / "packed", sources.find(made))
    vocabulary.learn(packed, packed.folder / TOKENIZER, size=256, seed=1)
    return packed


def test_a_token_and_its_reverse_complement_start_alike(genomes: Packed) -> None:
    tokenizer = Tokenizer.load(genomes.folder)
    found = token_embeddings(genomes, np.arange(20), tokenizer, width=48, seed=1)
    assert found.shape == (len(tokenizer), 48)
    assert float(found.std()) == pytest.approx(1, rel=0.01)
    assert torch.equal(found, token_embeddings(genomes, np.arange(20), tokenizer, width=48, seed=1))
    known = tokenizer.backend.get_vocab()
    turned = {word: word[::-1].translate(str.maketrans("ACGT", "TGCA")) for word in known}
    pairs = [(known[word], known[other]) for word, other in turned.items() if other in known and other != word]
    assert len(pairs) > 50
    for one, other in pairs:
        torch.testing.assert_close(found[one], found[other])


def test_the_mean_over_tokens_tells_species_apart_from_the_start(genomes: Packed) -> None:
    tokenizer = Tokenizer.load(genomes.folder)
    pieces = validation.draw(genomes, np.arange(20), seed=1)
    found = token_embeddings(genomes, np.arange(20), tokenizer, width=48, seed=1)
    random = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    texts = [text(pieces.codes[a:b]) for a, b in zip(pieces.start, pieces.stop, strict=True)]
    ari = {}
    for name, table in (("learnt", found), ("random", random)):
        means = torch.stack([table[torch.from_numpy(ids).long()].mean(0) for ids in tokenizer.encode(texts)]).numpy()
        ari[name] = pieces.judge(means - means.mean(0)).ari
    assert ari["learnt"] > ari["random"] + 0.1
