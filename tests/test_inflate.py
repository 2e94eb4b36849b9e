"""Text comes out of every compression, told by its first bytes, and damage is one clear line."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from binner import inflate
from binner.errors import InputError

TEXT = np.random.default_rng(1).integers(32, 127, 3 * inflate.BLOCK + 5, np.uint8).tobytes()


def zstd(data: bytes) -> bytes:
    """Two frames, as `cat a.zst b.zst` makes them, which do not say how long they are."""
    packer = zstandard.ZstdCompressor(write_content_size=False, write_checksum=True)
    return packer.compress(data[:1000]) + packer.compress(data[1000:])


def two(pack: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    return lambda data: pack(data[:1000]) + pack(data[1000:])


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": two(gzip.compress),
    "bzip2": two(bz2.compress),
    "xz": two(lzma.compress),
    "zstd": zstd,
}


def write(folder: Path, data: bytes) -> Path:
    path = folder / "text.gz"  # whatever is in it
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("pack", [bytes, *PACK.values()], ids=["plain", *PACK])
def test_every_byte_arrives(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    blocks = list(inflate.blocks(write(tmp_path, pack(TEXT))))
    assert b"".join(blocks) == TEXT
    assert all(blocks)
    assert not list(inflate.blocks(write(tmp_path, b"")))


def test_zstd_with_a_long_window(tmp_path: Path) -> None:
    frame = bytearray(zstandard.ZstdCompressor(write_content_size=False).compress(TEXT))
    frame[5] = (30 - 10) << 3  # the descriptor of the window, as zstd --long=30 has it
    assert b"".join(inflate.blocks(write(tmp_path, bytes(frame)))) == TEXT


@pytest.mark.parametrize("magic", [b"\x50", b"\x5f"])
def test_zstd_frames_that_are_skipped(tmp_path: Path, magic: bytes) -> None:
    skipped = magic + b"\x2a\x4d\x18\x03\0\0\0" + b"any"
    assert b"".join(inflate.blocks(write(tmp_path, skipped + zstd(TEXT) + skipped))) == TEXT
    with pytest.raises(InputError, match="ends too early"):
        list(inflate.blocks(write(tmp_path, skipped[:6])))


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
@pytest.mark.parametrize("left_out", [1, 7, 10_000])
def test_truncated(tmp_path: Path, pack: Callable[[bytes], bytes], left_out: int) -> None:
    path = write(tmp_path, pack(TEXT)[:-left_out])
    with pytest.raises(InputError, match=rf"{path}: the compressed file (ends too early|is damaged)"):
        list(inflate.blocks(path))


@pytest.mark.parametrize("behind", [b"x", b"garbage", b"more than a header of gzip's is long"])
def test_something_behind_the_end(tmp_path: Path, behind: bytes) -> None:
    path = write(tmp_path, gzip.compress(TEXT) + behind)
    with pytest.raises(InputError, match=r"gz: the compressed file .*something else is behind its end\)?: remove"):
        list(inflate.blocks(path))


@pytest.mark.parametrize("pack", PACK.values(), ids=PACK)
def test_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    data = pack(TEXT)
    middle = len(data) // 2
    path = write(tmp_path, data[:middle] + bytes(64) + data[middle + 64 :])
    with pytest.raises(InputError, match=rf"{path}: the compressed file (ends too early|is damaged)"):
        list(inflate.blocks(path))


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(inflate.blocks(tmp_path / "none"))
    with pytest.raises(InputError, match="a folder"):
        list(inflate.blocks(tmp_path))


def test_where_the_system_does_not_say_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stat(path: Path, **how: bool) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", stat)  # told so, as root may look into every folder
    for look in (inflate.is_folder, inflate.open_file):
        with pytest.raises(InputError, match=r"one\.fa: cannot be read: Permission denied"):
            look(tmp_path / "one.fa")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_without_permission(tmp_path: Path) -> None:
    path = write(tmp_path, b"text")
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        list(inflate.blocks(path))
