"""What every tower and the head must hold to, before and after they have learnt something."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from binner.refine.towers import LAYERS, TOWERS, Blend, Head

B, C = 12, 5


def rows_of(seed: int = 0) -> Tensor:
    return 3 * torch.randn(B, C, generator=torch.Generator().manual_seed(seed))


def head_of(names: tuple[str, ...], *, trained: bool = True) -> Head:
    """A head with any weights, or one that has learnt nothing."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        head = Head(names, [rows_of(place) for place in range(len(names))], hidden=16, shared=8)
        if trained:
            nn.init.normal_(head.join[-1].weight)  # type: ignore[arg-type]
    return head.eval()


@pytest.mark.parametrize("name", sorted(TOWERS))
def test_towers_are_finite_whatever_they_are_given(name: str) -> None:
    tower = TOWERS[name](rows_of(), hidden=16, shared=8)
    for rows in (rows_of(1), torch.zeros(B, C), 1e6 * rows_of(2)):
        vectors, plain = tower(rows)
        assert vectors.shape == (B, 8)
        assert plain.shape == (B, tower.width)
        assert torch.isfinite(vectors).all()
        assert float(plain.detach().norm(dim=1).max()) <= 1 + 1e-5


@pytest.mark.parametrize("name", sorted(TOWERS))
def test_towers_start_from_few_rows_and_from_none(name: str) -> None:
    for number in (0, 1):
        vectors, _ = TOWERS[name](rows_of()[:number], hidden=16, shared=8)(rows_of(1))
        assert torch.isfinite(vectors).all()


def test_plain_coverage_is_a_kernel_of_the_distance() -> None:
    tower = TOWERS["coverage"](rows_of(), hidden=16, shared=8)
    near, far = torch.zeros(1, C), torch.full((1, C), 40.0)
    (_, here), (_, there) = tower(near), tower(far)
    assert float((here * here).sum()) == pytest.approx(1, abs=1e-5)
    assert abs(float((here * there).sum())) < 0.5


def test_an_untrained_head_is_the_plain_metric() -> None:
    head = head_of(("sequence", "coverage"), trained=False)
    sequence, coverage = rows_of(1), rows_of(2)
    points, _ = head([sequence, coverage], torch.ones(B, 2))
    plain = [tower(rows)[1] for tower, rows in zip(head.towers, (sequence, coverage), strict=True)]
    torch.testing.assert_close(points, normalize(torch.cat(plain, -1), dim=-1))


@pytest.mark.parametrize("shown", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1)])
def test_any_subset_works_and_what_is_hidden_does_not_count(shown: tuple[int, ...]) -> None:
    head = head_of(("sequence", "composition", "coverage"))
    mask = torch.tensor(shown, dtype=torch.float32).expand(B, -1)
    inputs = [rows_of(place) for place in (1, 2, 3)]
    points, units = head(inputs, mask)
    assert points.shape == (B, head.width)
    torch.testing.assert_close(points.norm(dim=1), torch.ones(B))
    other = [rows if seen else 9 * rows + 1 for rows, seen in zip(inputs, shown, strict=True)]
    torch.testing.assert_close(head(other, mask)[0], points)
    assert [vectors.shape for vectors in units] == [(B, 8)] * 3


@pytest.mark.parametrize("layer", range(LAYERS))
def test_mixing(layer: int) -> None:
    head = head_of(("sequence", "coverage"))
    inputs, shown = [rows_of(1), rows_of(2)], torch.ones(B, 2)
    clean, _ = head(inputs, shown)
    partner = torch.arange(B).roll(1)
    whole, _ = head(inputs, shown, Blend(layer, torch.ones(B), partner))
    torch.testing.assert_close(whole, clean)
    mixed, _ = head(inputs, shown, Blend(layer, torch.full((B,), 0.6), partner))
    assert not torch.allclose(mixed, clean, atol=1e-2)
    own, joined = (clean * mixed).sum(1), (clean[partner] * mixed).sum(1)
    others = (mixed @ clean.T).mean(1)
    assert float((own - others).mean().detach()) > 0
    assert float((joined - others).mean().detach()) > 0


def test_the_layer_of_mixing_matters() -> None:
    head = head_of(("sequence",))
    blends = [Blend(layer, torch.full((B,), 0.5), torch.arange(B).flip(0)) for layer in range(LAYERS)]
    found = [head([rows_of(1)], torch.ones(B, 1), blend)[0] for blend in blends]
    assert not torch.allclose(found[0], found[-1], atol=1e-3)
