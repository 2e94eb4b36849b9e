"""What a command takes: seconds, CPU seconds and memory, of it and of all that it starts.

`measure` starts this file with a Python of its own, for a process is born with the peak memory of the one that starts
it: 10 MB here, which no binner undercuts, and not those of the benchmark.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_KIB = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB elsewhere
_NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took."""

    code: int  # exit code; negative: the signal that ended it
    seconds: float
    cpu_seconds: float  # user + system
    peak_memory: int  # bytes, of the largest of its processes


def measure(command: Sequence[str], log: Path, *, threads: int) -> Usage:
    """Run a command to its end, with what it says written to `log`, and the usual libraries held to `threads`."""
    result = log.with_suffix(".usage.json")
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    with log.open("wb") as file:
        subprocess.run(
            [sys.executable, "-I", "-S", __file__, str(result), *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, **limits},
            check=True,
        )
    return Usage(**json.loads(result.read_text()))


def _main(result: str, command: list[str]) -> None:
    began = time.perf_counter()
    child = os.fork()
    if not child:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.stderr.write(f"{command[0]}: {error.strerror}\n")
            os._exit(_NOT_FOUND)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    taken = [os.waitstatus_to_exitcode(status), seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB]
    keys = ("code", "seconds", "cpu_seconds", "peak_memory")
    Path(result).write_text(json.dumps(dict(zip(keys, taken, strict=True))))


if __name__ == "__main__":
    _main(sys.argv[1], sys.argv[2:])
