"""What is kept of runs, a line of JSON each, only ever added: a benchmark that was broken off goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from benchmarks.search.fingerprint import code_of
from boifi_core.value import Value

Line = TypeVar("Line", bound=Value)

ROOT = Path(__file__).resolve().parent.parent


def code_by(patterns: Iterable[str], *beside: str) -> str:
    """A hash of the files of these patterns below the root, without comments, and of what counts beside them."""
    files = sorted({path for pattern in patterns for path in ROOT.glob(pattern)})
    parts = [f"{path.relative_to(ROOT)} {code_of(path.read_text())}" for path in files]
    return hashlib.sha256("\n".join([*parts, *beside]).encode()).hexdigest()[:12]


def lines_of(kind: type[Line], file: Path) -> Iterator[Line]:
    """All lines of this kind; those that were cut short, or are of an earlier kind, are passed over."""
    for line in file.read_text().splitlines() if file.exists() else ():
        try:
            yield kind.model_validate_json(line)
        except ValueError:
            continue


def add_line(line: Value, file: Path) -> None:
    """Keep one more."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as lines:
        lines.write(line.model_dump_json() + "\n")
