"""Files and folders of this machine's disk that are their user's alone."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

_FOLDER, _FILE = 0o700, 0o600


def make_private(folder: Path) -> None:
    """Make the folder, and what is missing above it, so that nobody else may enter; one that is there stays as it is.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_private(folder.parent)
    folder.mkdir(_FOLDER, exist_ok=True)


def close_to_others(folder: Path) -> None:
    """Take from everybody else what a data dir lets them read, where it is ours; what a group may do was decided.

    A folder that is more than a data dir stays: one for all to write in, and what this process works in or lives in.
    """
    with contextlib.suppress(OSError):
        found = folder.stat()
        is_shared = found.st_mode & stat.S_ISVTX or folder in (Path.home(), *(Path.cwd() / "_").parents)
        if found.st_mode & 0o007 and found.st_uid == os.geteuid() and not is_shared:
            folder.chmod(_FOLDER)


def write_private(path: Path, text: str) -> None:
    """Put this into the file, whatever was there before, for its user alone to read.

    Raises:
        OSError: it cannot be written.
    """
    fresh = path.with_name(f".{path.name}.part")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def read_private(path: Path) -> str | None:
    """What `write_private` put there; None where nothing can be read, or others may read it too or have written it."""
    try:
        with path.open(encoding="utf-8") as file:
            found = os.fstat(file.fileno())
            if found.st_mode & 0o077 or found.st_uid != os.geteuid():
                return None
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None
