"""Which processes join whom, and on what."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import distributed

from binner.train import processes

TORCHRUN = {"WORLD_SIZE": "4", "RANK": "3", "LOCAL_RANK": "1"}


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What was asked of torch."""
    seen: list[tuple[Any, ...]] = []
    monkeypatch.setattr(processes, "choose_device", lambda asked: "cuda:0" if asked == "auto" else asked)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: seen.append(("set", device)))
    monkeypatch.setattr(
        distributed,
        "init_process_group",
        lambda backend, *, timeout, device_id=None: seen.append((backend, device_id)),
    )
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: seen.append(("end",)))
    return seen


def test_each_has_the_gpu_of_its_local_rank(done: list[tuple[Any, ...]]) -> None:
    with processes.together("auto", TORCHRUN) as device:
        assert device == "cuda:1"
    assert done == [("set", "cuda:1"), ("nccl", torch.device("cuda:1")), ("end",)]


def test_without_gpus(done: list[tuple[Any, ...]]) -> None:
    with pytest.raises(ValueError, match="no"), processes.together("cpu", TORCHRUN) as device:
        assert device == "cpu"
        raise ValueError("no")
    assert done == [("gloo", None), ("end",)]


def test_one_alone_joins_nobody(done: list[tuple[Any, ...]]) -> None:
    with processes.together("auto", {}) as device:
        assert device == "cuda:0"
    with processes.together("auto", {"WORLD_SIZE": "2"}) as device:  # a scheduler's, not torchrun's
        assert device == "cuda:0"
    assert done == []
