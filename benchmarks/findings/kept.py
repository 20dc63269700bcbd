"""What was measured, session by session; each counts as long as the code that it was made by is the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from benchmarks.findings.told import Told
from benchmarks.lines import ROOT, add_line, code_by, lines_of
from boifi_core.value import Value
from demo.tracing import Tracing

FILE = ROOT / ".cache" / "findings.jsonl"

_MADE_BY = (
    "boifi_core/**/*.py",
    "demo/**/*.py",
    "benchmarks/findings/*.py",
    "benchmarks/plain.py",
    "benchmarks/objectives.py",
    "cli/demo.py",
)
_SESSION = ROOT / "demo" / "session.yaml"


class Key(Value):
    """Which session it was; one `without` faults has no weaknesses to tell."""

    tracing: Tracing
    seed: int
    trials: int
    objective: str = "severity"
    without: bool = False


class Alarms(Value):
    """What a session without faults came to."""

    modes: int
    confirmed: int
    controls: int
    false_alarms: int


class Kept(Value):
    """A session's line."""

    code: str
    key: Key
    told: Told | None = None
    alarms: Alarms | None = None


@cache
def code() -> str:
    """A hash of the code that a session is made by."""
    return code_by(_MADE_BY, _SESSION.read_text())


def of(key: Key, file: Path = FILE) -> Kept | None:
    """What is kept of this session."""
    found = [kept for kept in lines_of(Kept, file) if kept.key == key and kept.code == code()]
    return found[-1] if found else None


def add(kept: Kept, file: Path = FILE) -> Kept:
    """Keep one more."""
    add_line(kept, file)
    return kept
