"""A lock on an open file that ends with its process."""

from __future__ import annotations

import fcntl
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
    except FileNotFoundError:
        return False
