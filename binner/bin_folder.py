"""The folder of bins, which users and other tools write into too: only what binner wrote there is ever removed.

The list in `bins/.binner` says which files those are, with their checksums: a file edited since is its editor's.
"""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

from binner.errors import InputError

MANIFEST = ".binner"  # in the folder of bins: checksum, size and name of what was written
LINE = re.compile(r"^([0-9a-f]{8})\t(\d+)\t(.+)$", re.MULTILINE)
REPLACED = ".bins.old"  # beside the folder of bins, while it is exchanged
KEPT = ".kept"  # added to the name of a foreign file that would cover one of ours


def check(out: Path, *, prefixes: Sequence[str]) -> None:
    """Raise InputError if `out/bins` holds files that binner did not write where it would write its own.

    Those are called `<prefix>_<number>.fa`. Cheap and harmless: to be called before hours of work.
    """
    bins = out / "bins"
    if bins.is_symlink() or (bins.exists() and not bins.is_dir()):
        raise InputError(f"{bins}: not a folder of binner's: remove it, or give another folder with -o")
    ours = re.compile(rf"({'|'.join(map(re.escape, prefixes))})_\d+\.fa")
    clash = sorted(name for name in _foreign(bins) if ours.fullmatch(name))
    if clash:
        raise InputError(
            f"{bins / clash[0]}: not written by binner, or changed since ({len(clash)} such files):"
            " move it away, or choose another --prefix or -o"
        )


def sign(bins: Path, written: dict[str, tuple[int, int]]) -> None:
    """Note what was written into `bins`: CRC-32 and size (bytes) of each file by its name."""
    lines = (f"{checksum:08x}\t{size}\t{name}\n" for name, (checksum, size) in written.items())
    (bins / MANIFEST).write_text("".join(lines), encoding="utf-8")


def swap(out: Path, new: Path) -> None:
    """Make the folder `new` `out/bins`; of the old one, what is not binner's moves along and the rest is removed."""
    bins = out / "bins"
    if bins.exists():
        bins.rename(out / REPLACED)
    new.rename(bins)
    settle(out)


def settle(out: Path) -> None:
    """Finish a swap, or put the old bins back if it was killed before there were new ones."""
    old, bins = out / REPLACED, out / "bins"
    if not old.exists():
        return
    if not bins.exists():
        old.rename(bins)
        return
    for name in _foreign(old):
        (old / name).rename(bins / (f"{name}{KEPT}" if (bins / name).exists() else name))
    shutil.rmtree(old)


def _foreign(bins: Path) -> list[str]:
    """Names of what is in a folder of bins and was not written there by binner, or was changed since."""
    ours: dict[str, tuple[int, int]] = {}
    if (bins / MANIFEST).is_file():
        for checksum, size, name in LINE.findall((bins / MANIFEST).read_text(encoding="utf-8", errors="replace")):
            ours[name] = int(checksum, 16), int(size)
    if not bins.is_dir():
        return []
    return [path.name for path in bins.iterdir() if path.name != MANIFEST and not _is_as_written(path, ours)]


def _is_as_written(path: Path, ours: dict[str, tuple[int, int]]) -> bool:
    if path.name not in ours or path.is_symlink() or not path.is_file():
        return False
    checksum, size = ours[path.name]
    if path.stat().st_size != size:
        return False
    found = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found = zlib.crc32(block, found)
    return found == checksum
