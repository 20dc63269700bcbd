"""A lock on an open file, or on a folder, that ends with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def try_lock(file: IO[str]) -> bool:
    """Take the exclusive lock on `file` without waiting; False if another process has it.

    It is held until the file is closed, or its process dies.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock in this file; nobody does where there is none."""
    try:
        with path.open("r") as lock:
            return not try_lock(lock)
    except (FileNotFoundError, IsADirectoryError):
        return False


@contextmanager
def opened_folder(path: Path) -> Iterator[int]:
    """A descriptor of the folder, for `try_lock_folder`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def try_lock_folder(descriptor: int) -> bool:
    """Like `try_lock`, of a folder: whoever removes a lock file does not free what it stood for.

    True too where the file system locks no folders; there the file alone counts.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
