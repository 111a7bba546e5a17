"""What happens when the system refuses to write."""

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import CannotWrite
from assay.results.disk import make_folder, remove_file, sweep, write_file


def refuse(code: int) -> Any:
    """A system call that fails with the given error."""

    def refused(*args: Any, **kwargs: Any) -> Any:
        raise OSError(code, os.strerror(code))

    return refused


CODES = [
    (errno.ENOSPC, "no space"),
    (errno.EROFS, "read-only"),
    (errno.EACCES, "may not write"),
    (errno.EIO, "disk"),
]


@pytest.mark.parametrize(("code", "words"), CODES)
@pytest.mark.parametrize("call", ["fsync", "open", "replace", "write"])
def test_refusal_is_a_sentence_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int, words: str
) -> None:
    """Whichever call fails, only the old file should be left, and the text should help."""
    path = tmp_path / "a.json"
    write_file(path, b"old")
    if call == "fsync":
        monkeypatch.setattr(os, "fsync", refuse(code))
    elif call == "write":
        _fail_on_write(monkeypatch, code)
    else:
        monkeypatch.setattr(Path, call, refuse(code))
    with pytest.raises(CannotWrite, match=words) as caught:
        write_file(path, b"new")
    monkeypatch.undo()
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def _fail_on_write(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Let files open, but not take any content."""
    really_open = Path.open

    def opened(self: Path, *args: Any, **kwargs: Any) -> Any:
        file = really_open(self, *args, buffering=0, **kwargs)
        return _Full(file, code)

    monkeypatch.setattr(Path, "open", opened)


class _Full:
    """A file on a full disk."""

    def __init__(self, file: Any, code: int) -> None:
        self.file, self.code = file, code

    def __enter__(self) -> "_Full":
        return self

    def __exit__(self, *reason: object) -> None:
        self.file.close()

    def write(self, content: bytes) -> int:
        raise OSError(self.code, os.strerror(self.code))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into read-only folders")
def test_read_only_folder(tmp_path: Path) -> None:
    """A folder without write permission should be refused with words."""
    tmp_path.chmod(0o500)
    with pytest.raises(CannotWrite, match="may not write"):
        write_file(tmp_path / "a.json", b"x")


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    """A run folder inside a plain file cannot be made; the text should name it."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotWrite, match="file"):
        make_folder(tmp_path / "file" / "records")


def test_remove_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Removing should be silent where there is nothing, and a sentence where it is forbidden."""
    remove_file(tmp_path / "absent")
    (tmp_path / "a").write_bytes(b"x")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse(errno.EROFS))
        with pytest.raises(CannotWrite, match="read-only"):
            remove_file(tmp_path / "a")
    remove_file(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_sweep_takes_old_leftovers_only(tmp_path: Path) -> None:
    """What a process killed long ago left should go; a file that may still be written should stay."""
    old, fresh, real = tmp_path / ".a.json.1.tmp", tmp_path / ".b.json.2.tmp", tmp_path / "c.json"
    for path in (old, fresh, real):
        path.write_bytes(b"x")
    long_ago = time.time() - 7200
    os.utime(old, (long_ago, long_ago))
    os.utime(real, (long_ago, long_ago))
    sweep(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [fresh.name, real.name]
