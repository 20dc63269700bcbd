"""Files that were lost or damaged, in every way that tests try."""

import os
import shutil
from pathlib import Path


def remove(path):
    """As by `rm -rf`, with what SQLite keeps beside a database."""
    for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)


def fill(path, data):
    """Another content, in the same file where there is one: who has it open sees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(data)


def become_folder(path):
    """A folder of this name, with a file in it."""
    remove(path)
    path.mkdir(parents=True)
    (path / "something").write_text("in the way")


DAMAGE = {
    "deleted": remove,
    "random bytes": lambda path: fill(path, os.urandom(5000)),
    "zero bytes": lambda path: fill(path, b""),
    "a folder": become_folder,
    "cut": lambda path: fill(path, path.read_bytes()[: path.stat().st_size // 2] if path.is_file() else b"{"),
}
"""What becomes of a file, by name."""


def put_aside(path: Path) -> list[str]:
    """What of this file was moved out of the way."""
    return sorted(each.name for each in path.parent.glob(f"{path.name}.damaged-*"))
