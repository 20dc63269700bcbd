"""What the service keeps for itself in `<state>/service`: nothing that could not be made again.

So what is damaged there is moved aside, and said: which file, what is lost, and that it is made anew.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from boifi_core.errors import BoifiError
from boifi_core.storage.aside import damage_of, move_aside, move_database_aside

DATABASE = "prefect.db"


def _is_mapping(text: str) -> None:
    json.loads(text).items()


def _is_word(text: str) -> None:
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError("it holds no login")


def _any(_text: str) -> None:
    """Whatever it holds is right."""


_FILES: dict[str, tuple[Callable[[str], Any], str]] = {
    "api.json": (_is_mapping, "how commands on this machine find the service; it is written again"),
    "prefect-password": (_is_word, "the login of Prefect's UI; another is made"),
    "prefect-link": (_any, "the link to Prefect's UI; it is written again"),
    "prefect-port": (int, "which port Prefect's server had; it may be another now"),
    "prefect.log": (_any, "the log of Prefect's server; it begins anew"),
    "profiles.toml": (tomllib.loads, "Prefect's profiles; its own defaults hold, as in a new data dir"),
    "memo_store.toml": (tomllib.loads, "a note of Prefect's to itself; it is written again"),
}
"""What each file must hold, and what is lost with it."""

_FOLDERS = {"storage": "results that Prefect kept; BOIFI keeps none there"}


def heal(home: Path) -> list[str]:
    """Move aside what is damaged in the service's home; returns a line for each.

    Raises:
        BoifiError: it cannot be moved.
    """
    said = []
    for name, (check, lost) in _FILES.items():
        if why := _damage(home / name, check):
            said.append(_moved(home / name, why, lost, move_aside))
    for name, lost in _FOLDERS.items():
        if (home / name).exists() and not (home / name).is_dir():
            said.append(_moved(home / name, "it is no folder", lost, move_aside))
    return [*said, *heal_database(home)]


def heal_database(home: Path) -> list[str]:
    """The same for Prefect's database alone."""
    database = home / DATABASE
    why = damage_of(database) or _stranger(database)
    if why is None:
        return []
    lost = (
        "runs, logs and artifacts in Prefect's UI; a new one is made, and unfinished sessions and nights go on from "
        "their folders"
    )
    return [_moved(database, why, lost, move_database_aside)]


def _damage(path: Path, check: Callable[[str], Any]) -> str | None:
    if path.is_dir():
        return "it is no file"
    try:
        # What a log holds is nobody's business, and may be long.
        if check is not _any:
            check(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        return "it holds no text"
    except AttributeError:
        return "it holds no mapping"
    except ValueError as error:
        return " ".join(str(error).split())[:200]
    except OSError:
        return None  # whoever needs it says why it cannot be read
    return None


def _moved(path: Path, why: str, lost: str, move: Callable[[Path], Path | None]) -> str:
    try:
        aside = move(path)
    except OSError as error:
        said = f"{path} is damaged ({why}) and cannot be moved aside ({error.strerror}): remove it; lost: {lost}"
        raise BoifiError(said) from error
    return f"{path} is damaged ({why}): moved to {aside and aside.name}; lost: {lost}"


def _stranger(database: Path) -> str | None:
    """Why a sound SQLite database is none that this version of Prefect can go on with."""
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            found = [str(row[0]) for row in connection.execute("SELECT version_num FROM alembic_version")]
            tables = {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.Error:
        return None  # not there, or empty: Prefect makes its tables
    if found and "flow_run" not in tables:
        return "it has lost its tables"
    unknown = [version for version in found if not _is_known(version)]
    return f"it is of another version of Prefect ({unknown[0]})" if unknown else None


def _is_known(version: str) -> bool:
    prefect = importlib.util.find_spec("prefect")
    if prefect is None or prefect.origin is None:
        return True
    migrations = Path(prefect.origin).parent / "server" / "database" / "_migrations" / "versions" / "sqlite"
    files = list(migrations.glob("*.py"))
    return not files or any(version in path.name or version in path.read_text(encoding="utf-8") for path in files)
