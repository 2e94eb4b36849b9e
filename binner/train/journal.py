"""The log of a training run: a CSV with a row for each step, and TensorBoard's files beside it where asked for."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from binner.errors import OptionError

COLUMNS = ("step", "seconds", "loss", "rate", "gradient", "ari", "recovered")


class Journal:
    """Writes rows; a run that is taken up goes on behind the last step it takes again."""

    def __init__(self, path: Path, *, tensorboard: Path | None = None) -> None:
        self.path = path
        self.board = _board(tensorboard) if tensorboard else None
        self.figures: dict[str, float] = {}  # of the look that belongs to the step to come
        self.began: float | None = None

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Take note of a step."""
        if self.began is None:
            self.began = time.monotonic() - self._cut(step)
        row = {"step": step, "seconds": round(time.monotonic() - self.began, 1), **figures, **self.figures}
        with self.path.open("a", newline="") as out:
            csv.DictWriter(out, COLUMNS).writerow({name: _shown(value) for name, value in row.items()})
        if self.board:
            for name, value in {**figures, **self.figures}.items():
                self.board.add_scalar(name, value, step)
        self.figures = {}

    def rows(self) -> list[dict[str, str]]:
        """What has been written."""
        if not self.path.exists():
            return []
        with self.path.open(newline="") as lines:
            # A row is torn, so that its last cells are missing, where the machine went down.
            return [row for row in csv.DictReader(lines) if None not in row.values() and row["step"].isdecimal()]

    def close(self) -> None:
        """Let go of TensorBoard's files."""
        if self.board:
            self.board.close()

    def _cut(self, step: int) -> float:
        """Leave out rows from `step` on, which a killed run wrote behind its last state; seconds until there."""
        kept = [row for row in self.rows() if int(row["step"]) < step]
        with self.path.open("w", newline="") as out:
            writer = csv.DictWriter(out, COLUMNS)
            writer.writeheader()
            writer.writerows({name: row.get(name, "") for name in COLUMNS} for row in kept)
        return float(kept[-1]["seconds"]) if kept else 0.0


def _shown(value: float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _board(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise OptionError(f"--tensorboard {folder}: tensorboard is not installed; pip install tensorboard") from None
    return SummaryWriter(str(folder))
