"""Moves what is damaged out of the way: it is kept, under another name, for whoever wants to look at it."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

_WITH_IT = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database; with another one it would be taken for that one's."""


def move_aside(path: Path) -> Path:
    """Give the file, or the folder, another name beside it: `<name>.damaged-<time>`; returns that.

    Raises:
        OSError: it has to stay.
    """
    moment = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    aside = path.with_name(f"{path.name}.damaged-{moment}")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{moment}-{number}")
    return path.rename(aside)


def damage_of(database: Path) -> str | None:
    """What is wrong with this SQLite database, in a line; None where it is sound, or not there.

    What only keeps it from being looked at (no room on the disk, another who writes) is no damage.
    """
    if not database.exists():
        return None
    if not database.is_file():
        return "it is no file"
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=rw", uri=True, timeout=10)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
    except sqlite3.DatabaseError as error:
        is_damage = getattr(error, "sqlite_errorname", "").startswith(_DAMAGE)
        return str(error) if is_damage else None
    return None if found == ["ok"] else " ".join(" ".join(found).split())[:200]


def move_database_aside(database: Path) -> Path | None:
    """`move_aside` of an SQLite database, with what lies beside it; None where there is no database."""
    for end in _WITH_IT:
        beside = database.with_name(database.name + end)
        with contextlib.suppress(FileNotFoundError):
            move_aside(beside)
    try:
        return move_aside(database)
    except FileNotFoundError:
        return None
