"""Files that are either whole or absent, and that survive a power cut."""

import errno
import os
import time
from pathlib import Path

from assay.core.errors import CannotWrite

_REASONS = {
    errno.EACCES: "you may not write there; choose another folder or change its permissions",
    errno.EPERM: "you may not write there; choose another folder or change its permissions",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOSPC: "no space is left on the disk; free some and run again, finished runs are kept",
    errno.EDQUOT: "your disk quota is used up; free some space and run again, finished runs are kept",
}
_STALE_S = 3600.0
"""Temporary files older than this were left by a process that was killed; a write takes far less."""


def write_file(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step, on the disk before this returns.

    Writes a temporary file in the same folder, syncs it, renames it over ``path`` and syncs the folder.
    Raises ``CannotWrite`` and removes the temporary file where the system refuses any of these steps.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        _remove(temporary)


def remove_file(path: Path) -> None:
    """Remove a file for good, if it exists, or raise ``CannotWrite``."""
    try:
        if path.exists():
            path.unlink()
            _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Put the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create a folder with its parents, or raise ``CannotWrite``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from error


def sweep(folder: Path) -> None:
    """Remove the temporary files that killed processes left in a folder, where that is allowed."""
    for leftover in folder.glob(".*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > _STALE_S:
                leftover.unlink()
        except OSError:  # a read-only folder can still be read, and another process may be sweeping too
            continue


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """Say in a sentence why a path cannot be written and what to do."""
    reason = _REASONS.get(error.errno or 0, f"{error.strerror or error}; check the disk and run again")
    return CannotWrite(f"cannot write {path}: {reason}")


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:  # the error that brought us here matters more than the leftover
        return
