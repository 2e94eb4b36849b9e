"""The loss of the species model over several processes: that of one process with the whole batch, and its gradient."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed
from torch.multiprocessing.spawn import spawn

from binner.encoders.transformer import Transformer, TransformerConfig
from binner.fit import average_gradients
from binner.train.batches import Batch, Mix, View
from binner.train.network import SpeciesNetwork

RANKS, PAIRS, TOKENS = 2, 4, 12  # pairs of each process
PARTNER = torch.tensor([[1, 2, 3, 0], [2, 3, 1, 0]])  # rows of each process
SHAPE = TransformerConfig(vocabulary=30, width=16, layers=2, heads=2, inner=16, dropout=0.0)


def batch(*, mixed: bool) -> tuple[Batch, Batch]:
    """Those of the two processes; views of the first process have padding."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(5, SHAPE.vocabulary, (RANKS, 2, PAIRS, TOKENS), generator=generator)
    share = 0.5 + 0.5 * torch.rand(RANKS, PAIRS, generator=generator)
    masks = [torch.arange(TOKENS) < torch.tensor([[12], [9], [12], [7]]), None]

    def of(rank: int) -> Batch:
        views = [View(part, masks[rank]) for part in ids[rank]]
        mix = Mix(1, share[rank], PARTNER[rank]) if mixed else None
        return Batch(views[0], views[1], mix, None)

    return of(0), of(1)


def joined(*, mixed: bool) -> Batch:
    """The batch of one process that has them all."""
    parts = batch(mixed=mixed)

    def views(which: str) -> View:
        found = [getattr(part, which) for part in parts]
        masks = [torch.ones_like(v.ids, dtype=torch.bool) if v.mask is None else v.mask for v in found]
        return View(torch.cat([v.ids for v in found]), torch.cat(masks))

    mix = None
    if mixed:
        shares = torch.cat([part.mix.share for part in parts if part.mix])
        mix = Mix(1, shares, torch.cat([row + rank * PAIRS for rank, row in enumerate(PARTNER)]))
    return Batch(views("first"), views("second"), mix, None)


def loss_and_gradients(whole: Batch) -> list[Tensor]:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        network = SpeciesNetwork(Transformer(SHAPE))
    value = network.loss(whole, temperature=0.1, distil=0.0)
    value.backward()  # type: ignore[no-untyped-call]
    average_gradients(network)
    return [value.detach(), *(weight.grad for weight in network.parameters() if weight.grad is not None)]


def one_rank(rank: int, mixed: bool, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=RANKS)
    torch.save(loss_and_gradients(batch(mixed=mixed)[rank]), Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize("mixed", [False, True], ids=["w-simclr", "mi-mix"])
def test_two_processes_agree_with_one(mixed: bool, tmp_path: Path) -> None:
    spawn(one_rank, (mixed, str(tmp_path)), nprocs=RANKS)  # type: ignore[no-untyped-call]
    expected = loss_and_gradients(joined(mixed=mixed))
    for rank in range(RANKS):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert len(found) == len(expected) > 10
        for own, one in zip(found, expected, strict=True):
            torch.testing.assert_close(own, one, rtol=1e-4, atol=1e-6)
