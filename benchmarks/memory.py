"""What memory processes hold, as Linux tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    """Megabytes (of 1,000,000 bytes) of one process.

    Attributes:
        rss_mb: all of its pages that are in memory.
        pss_mb: the same, but of a page that several processes share only its part.
        peak_mb: the highest `rss_mb` so far.
    """

    rss_mb: float
    pss_mb: float
    peak_mb: float


def memory_of(pid: int) -> Memory:
    """A process's memory now."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    status = Path(f"/proc/{pid}/status").read_text()
    return Memory(_megabytes("Rss", rollup), _megabytes("Pss", rollup), _megabytes("VmHWM", status))


def children_of(pid: int) -> list[int]:
    """The processes that it started and that are still there."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in texts for child in text.split()]


def _megabytes(name: str, text: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"no {name} in {text[:200]!r}")
    return int(found[1]) * 1024 / 1_000_000
