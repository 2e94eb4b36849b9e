"""Which processes join whom, and on what."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
import torch
from torch import distributed

from binner.train import processes

ROOT = Path(__file__).parent.parent.parent
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


TWO = """
import sys
from binner.errors import InputError
from binner.train.processes import first, together
def work():
    print("works", flush=True)
    if sys.argv[1] == "bad":
        raise InputError("no genomes")
    if sys.argv[1] == "terminated":
        sys.exit(143)
with together("cpu"):
    try:
        first(work)
    except InputError as error:
        sys.exit(f"Error: {error}")
    print("goes on", flush=True)
"""


@pytest.mark.parametrize("what", ["good", "bad", "terminated"])
def test_what_the_first_does_the_others_wait_for(what: str) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    started = []
    for rank in ("0", "1"):
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {**os.environ, **own, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        line = [sys.executable, "-c", TWO, what]
        started.append(subprocess.Popen(line, env=environment, text=True, stdout=PIPE, stderr=PIPE))
    (out, err), (out_of_other, err_of_other) = (process.communicate(timeout=100) for process in started)
    codes = [process.returncode for process in started]
    if what == "good":
        assert (codes, out, out_of_other) == ([0, 0], "works\ngoes on\n", "goes on\n")
    else:
        assert (codes, out, out_of_other) == ([1 if what == "bad" else 143, 2], "works\n", "")
        assert ("Error: no genomes" in err) == (what == "bad")
        assert "Traceback" not in err + err_of_other
        assert "Error" not in err_of_other


def test_one_alone_joins_nobody(done: list[tuple[Any, ...]]) -> None:
    with processes.together("auto", {}) as device:
        assert device == "cuda:0"
    with processes.together("auto", {"WORLD_SIZE": "2"}) as device:  # a scheduler's, not torchrun's
        assert device == "cuda:0"
    assert done == []
