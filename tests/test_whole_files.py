"""Files are whole or as they were; links, devices and pipes stay what they are."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from binner.whole_files import whole, write_text


def test_a_file_is_replaced_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("before")
    with whole(path) as unfinished:
        unfinished.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("before")
    with pytest.raises(ValueError, match="half"), whole(path) as unfinished:
        unfinished.write_text("half")
        raise ValueError("half")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, whole(tmp_path / "t.tsv"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "t.tsv")


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_one(there: bool, tmp_path: Path) -> None:
    target, link = tmp_path / "far" / "t.tsv", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_text("before")
    link.symlink_to("far/t.tsv")
    write_text(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"
    assert list(target.parent.iterdir()) == [target]


def test_a_pipe_is_written_itself(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append(path.read_text()))
    reader.start()
    write_text(path, "text\n")
    reader.join()
    assert heard == ["text\n"]
    assert path.is_fifo()


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    write_text(tmp_path / "t.tsv", os.fsdecode(b"S\xff\n"))
    assert (tmp_path / "t.tsv").read_bytes() == b"S\\udcff\n"
