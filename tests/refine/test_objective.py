"""The terms of the objective: each can be switched off, each teaches the head something."""

from __future__ import annotations

from itertools import islice
from typing import get_args

import numpy as np
import pytest
import torch

from binner.config import RefineTerm
from binner.losses import LOSSES
from binner.refine.links import Links
from binner.refine.modalities import Modality
from binner.refine.objective import Objective
from binner.refine.options import PUBLISHED, TERMS, RefineConfig, Regime
from binner.refine.towers import Head
from binner.refine.views import Batch, Views
from tests.refine.made import coverages, sequences

CONTIGS = 40
ADDED = {"clip", "density", "mmd", "self"}


def setting(config: RefineConfig, *, samples: int = 2, mixed: bool = False) -> tuple[Objective, Batch]:
    made: list[Modality] = [sequences([10] * CONTIGS)]
    if samples:
        made.append(coverages(CONTIGS, samples, counting=0.001, absent=(2,)))
    counts = np.zeros((CONTIGS, 1), np.uint8)
    counts[:5] = 1
    links = Links(counts > 0, counts > 0, np.array([[0, 1], [2, 3]])) if "markers" in config.terms else None
    views = Views(made, np.full(CONTIGS, 10_000, np.int64), np.arange(CONTIGS), links=links)
    batches = views.batches(config, Regime(0.2, 2, 16), np.random.default_rng(0))
    batch = next(islice(batches, 1 if mixed else 0, None))
    typical = [torch.from_numpy(each.whole(np.arange(CONTIGS))) for each in made]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head = Head([each.name for each in made], typical, hidden=16, shared=8)
    return Objective(head, config, temperature=0.2, device="cpu"), batch


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("views", [2, 4])
def test_all_terms_are_there_and_finite(mixed: bool, views: int) -> None:
    objective, batch = setting(RefineConfig(contigs=20, views=views), mixed=mixed)
    assert (batch.mix is not None) == mixed
    terms = objective.terms(batch)
    assert set(terms) == ADDED | {"contrast"} == set(PUBLISHED)
    total = objective(batch)
    assert float(total.detach()) == pytest.approx(sum(PUBLISHED[name] * float(terms[name].detach()) for name in terms))
    total.backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad for weight in objective.head.towers.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("term", sorted(ADDED))
@pytest.mark.parametrize("mixed", [False, True])
def test_a_term_alone_changes_the_towers(term: RefineTerm, mixed: bool) -> None:
    objective, batch = setting(RefineConfig(terms=(term, "mix"), contigs=20), mixed=mixed)
    terms = objective.terms(batch)
    assert set(terms) == {term, "contrast"}
    terms[term].backward()  # type: ignore[no-untyped-call]
    assert any(weight.grad is not None and weight.grad.abs().max() > 0 for weight in objective.head.towers.parameters())


def test_without_coverage_nothing_is_aligned() -> None:
    objective, batch = setting(RefineConfig(contigs=20), samples=0)
    assert set(objective.terms(batch)) == {"contrast", "self"}


@pytest.mark.parametrize(("terms", "loss"), [((), "multi-positive"), (("hard",), "w-simclr")])
def test_contrast_alone_is_the_loss_of_the_points(terms: tuple[RefineTerm, ...], loss: str) -> None:
    objective, batch = setting(RefineConfig(terms=terms, contigs=20))
    points, _ = objective.head(
        [torch.from_numpy(values) for values in batch.inputs], torch.from_numpy(batch.shown) * 1.0
    )
    assert float(objective(batch).detach()) == pytest.approx(float(LOSSES[loss](points, temperature=0.2).detach()))


def test_contigs_with_the_same_gene_cost_more() -> None:
    objective, batch = setting(RefineConfig(terms=("markers",), contigs=20))
    assert batch.weight is not None
    plain = Batch(batch.inputs, batch.present, batch.shown, batch.trusted, None, None)
    assert float(objective(batch).detach()) > float(objective(plain).detach())


def test_the_names_of_terms() -> None:
    assert set(get_args(RefineTerm)) == set(TERMS) == ADDED | {"halves", "hard", "mix", "markers"}
