"""The folder of a training run: what a killed run left is taken up, and nothing is left by one that could not begin."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from binner.encoders.readable import readable
from binner.errors import OptionError
from binner.train import target

SETTINGS = "run.json"


@dataclass(frozen=True, slots=True)
class RunFolder:
    """`out` is where the model goes; what the run needs meanwhile is in `work` inside, and goes at the end."""

    out: Path

    @property
    def work(self) -> Path:
        """Packed genomes, tokenizer, state and log."""
        return self.out / "training"

    def holds_a_run(self) -> bool:
        """Whether a run has begun here."""
        return (self.work / SETTINGS).is_file()

    @contextmanager
    def held(self) -> Iterator[None]:
        """One run at a time. Raises OptionError."""
        with target.held(self.out, begun=self.work / SETTINGS):
            yield

    def check(self, settings: Mapping[str, object]) -> bool:
        """True if a run with these settings is to be taken up, False if one can begin; else raises OptionError."""
        target.check_free(self.out, begun=self.work / SETTINGS)
        if not self.holds_a_run():
            return False
        begun = self._begun()
        for name, value in _plain(settings).items():
            if begun.get(name) != value:
                raise OptionError(
                    f"-o {self.out}: holds a run that began with {name} {begun.get(name)}, not {value}; "
                    "give what it began with, or name a new folder"
                )
        return True

    def _begun(self) -> dict[str, object]:
        path = self.work / SETTINGS
        otherwise = f"remove {self.work} to begin anew, or name a new folder"
        with readable(path, what="the settings of a run", otherwise=otherwise):
            begun: dict[str, object] = dict(json.loads(path.read_text()))
            return begun

    def begin(self, settings: Mapping[str, object], prepare: Callable[[Path], None]) -> None:
        """Have `prepare` fill the working folder; it comes into being whole or, if that fails, not at all."""
        with target.made(self.out), target.unfinished(self.out) as unfinished:
            prepare(unfinished)
            (unfinished / SETTINGS).write_text(json.dumps(_plain(settings), indent=1))
            unfinished.replace(self.work)

    def finish(self, fill: Callable[[Path], None]) -> None:
        """Have `fill` write the results, move them to where they belong, and remove the working folder."""
        result = self.work / "result"
        shutil.rmtree(result, ignore_errors=True)
        result.mkdir()
        fill(result)
        target.move(result, self.out)
        shutil.rmtree(self.work)


def _plain(settings: Mapping[str, object]) -> dict[str, object]:
    """As JSON gives them back."""
    plain: dict[str, object] = json.loads(json.dumps(settings, default=str))
    return plain
