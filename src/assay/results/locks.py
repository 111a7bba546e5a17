"""One process at a time for each run, released by the kernel even when the process is killed."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from assay.results.disk import cannot_write


@contextmanager
def claim(path: Path) -> Generator[bool]:
    """Hold an exclusive ``flock`` on ``path`` while the block runs; yields False if it is held elsewhere.

    Never waits. The file stays behind: removing it would let two processes lock two files of one name.
    Every call opens the file anew, so that two claims within one process exclude each other as well.
    Raises ``CannotWrite`` where the file cannot be made or the file system knows no locks.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield _locked(descriptor, path)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise cannot_write(path, error) from error
    return True
