"""Losses over several processes: the same value and gradient as in one with the whole batch."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import normalize

from binner.fit import average_gradients
from binner.losses import LOSSES, MIXED_LOSSES, gather

RANKS, PER_RANK, WIDTH = 2, 3, 5
PARTNER = torch.tensor([1, 2, 0, 5, 3, 4])  # within each process' rows
SHARE = torch.tensor([0.5, 0.6, 0.7, 0.8, 0.9, 1.0])


def network() -> nn.Linear:
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return nn.Linear(WIDTH, WIDTH, bias=False)


def data() -> Tensor:
    return torch.randn(RANKS * PER_RANK, 2, WIDTH, generator=torch.Generator().manual_seed(1))


def loss_of(model: nn.Linear, name: str, rows: slice) -> Tensor:
    views = normalize(model(data()[rows]), dim=-1)
    if name in LOSSES:
        return LOSSES[name](gather(views), temperature=0.1)
    partner = gather(PARTNER[rows])  # rows of the whole batch
    return MIXED_LOSSES[name](
        gather(views[:, 0]), gather(views[:, 1]), share=gather(SHARE[rows]), partner=partner, temperature=0.1
    )


def one_rank(rank: int, name: str, folder: str) -> None:
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=RANKS)
    model = network()
    value = loss_of(model, name, slice(rank * PER_RANK, (rank + 1) * PER_RANK))
    value.backward()  # type: ignore[no-untyped-call]
    average_gradients(model)
    assert model.weight.grad is not None
    torch.save([value.detach(), model.weight.grad], Path(folder) / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize("name", ["w-simclr", "mi-mix"])
def test_two_processes_agree_with_one(name: str, tmp_path: Path) -> None:
    spawn(one_rank, (name, str(tmp_path)), nprocs=RANKS)  # type: ignore[no-untyped-call]
    model = network()
    value = loss_of(model, name, slice(None))
    value.backward()  # type: ignore[no-untyped-call]
    assert model.weight.grad is not None
    for rank in range(RANKS):
        found, gradient = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(found, value.detach())
        torch.testing.assert_close(gradient, model.weight.grad)


def test_one_process_alone_keeps_its_rows() -> None:
    rows = data()
    assert gather(rows) is rows
