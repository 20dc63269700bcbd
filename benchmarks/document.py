"""The figures in docs/benchmarks.md, each kind between two markers."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.table import Table

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"

_PACKAGES = ("scikit-learn", "scikit-optimize", "prefect")


def machine() -> str:
    """What the figures were measured on, and when."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return (
        f"{date.today().isoformat()}, {os.cpu_count()} cores ({platform.machine()}, {platform.system()}), "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, {packages}"
    )


def replaced(text: str, name: str, tables: Sequence[Table], measured: str) -> str:
    """`text` with these tables in place of what stood between the markers of `name`.

    Raises:
        ValueError: the markers are not there exactly once.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    body = "\n\n".join([begin, f"Measured {measured}.", *(table.markdown() for table in tables), end])
    new, count = re.subn(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: body, text, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"{begin} … {end} must be there once, is {count} times")
    return new


def write(name: str, tables: Sequence[Table], measured: str, path: Path = DOCUMENT) -> None:
    """Put the tables of one benchmark into the docs; `measured` is what `machine` said before it."""
    path.write_text(replaced(path.read_text(), name, tables, measured))
