"""What was measured, session by session: a benchmark that was broken off goes on where it was.

One JSON line each, only ever added. A session counts as long as the code that it was made by is the same.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from benchmarks.findings.told import Told
from benchmarks.search.fingerprint import code_of
from boifi_core.value import Value
from demo.tracing import Tracing

ROOT = Path(__file__).resolve().parent.parent.parent
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
    """A hash of the code that a session is made by, without its comments."""
    files = sorted({path for pattern in _MADE_BY for path in ROOT.glob(pattern)})
    parts = [f"{path.relative_to(ROOT)} {code_of(path.read_text())}" for path in files]
    return hashlib.sha256("\n".join([*parts, _SESSION.read_text()]).encode()).hexdigest()[:12]


def of(key: Key, file: Path = FILE) -> Kept | None:
    """What is kept of this session; a line that was cut short is passed over."""
    lines = file.read_text().splitlines() if file.exists() else []
    found = None
    for line in lines:
        try:
            kept = Kept.model_validate_json(line)
        except ValueError:
            continue
        if kept.key == key and kept.code == code():
            found = kept
    return found


def add(kept: Kept, file: Path = FILE) -> Kept:
    """Keep one more."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(kept.model_dump_json() + "\n")
    return kept
