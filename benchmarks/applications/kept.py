"""What is kept of runs; what other code made is made anew."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from benchmarks.applications.modes import Modes
from benchmarks.lines import ROOT, add_line, code_by, lines_of
from boifi_core.value import Value

FILE = ROOT / ".cache" / "applications.jsonl"

_NAMES = "generate graph model peers play run space spans surface target truth weaknesses"
_OWN = tuple(f"benchmarks/applications/{name}.py" for name in _NAMES.split())
_OF_PEERS = (*_OWN, "boifi_core/faults/*.py", "boifi_core/space/*.py", "boifi_core/value.py")
_SESSION = (
    "benchmarks/applications/session.py",
    "benchmarks/applications/modes.py",
    "benchmarks/plain.py",
    "benchmarks/objectives.py",
)
_OF_SESSIONS = (*_OWN, *_SESSION, "boifi_core/**/*.py")


class Key(Value):
    """Which run it was.

    Attributes:
        application, services: what the application was made from.
        search: a peer's name, or `BOIFI` and its objective.
        seed: the search's, and of what is chance in the application.
        trials: how many it made.
        traced: whether the application reports spans.
    """

    application: int
    services: int
    search: str
    seed: int
    trials: int
    traced: bool = True


class Came(Value):
    """What came of a run: the kind of each weakness that was planted, the first trial that brought each out, and, of a
    session, what its modes tell of them."""

    planted: dict[str, str]
    first: dict[str, int]
    modes: Modes | None = None


class Kept(Value):
    """A run's line."""

    code: str
    key: Key
    came: Came


@cache
def code(is_session: bool) -> str:
    """A hash of the code that a run is made by."""
    return code_by(_OF_SESSIONS if is_session else _OF_PEERS)


def code_for(key: Key) -> str:
    """The code that makes this run."""
    return code(key.search.startswith("BOIFI"))


def of(key: Key, file: Path = FILE) -> Came | None:
    """What is kept of this run."""
    found = [kept.came for kept in lines_of(Kept, file) if kept.key == key and kept.code == code_for(key)]
    return found[-1] if found else None


def add(key: Key, came: Came, file: Path = FILE) -> Came:
    """Keep one more."""
    add_line(Kept(code=code_for(key), key=key, came=came), file)
    return came
