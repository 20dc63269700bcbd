"""Severity over trials, in characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_WIDTH = 72
_TOP = 10


def chart(severities: Sequence[float | None], width: int = _WIDTH) -> str:
    """One column for each trial, 0 at the bottom and 10 at the top.

    `*` is a trial that set a new highest severity, `o` another one, `-` the highest so far, `x` below the axis a trial
    without a score. With more trials than columns a column shows the worst of its trials.

    Args:
        severities: by trial; None where a trial has no score.
    """
    columns = _columns(severities, width)
    rows = [[" "] * len(columns) for _ in range(_TOP + 1)]
    best: float | None = None
    for index, column in enumerate(columns):
        worst = max((value for value in column if value is not None), default=None)
        is_new = worst is not None and (best is None or worst > best)
        best = worst if is_new else best
        if best is not None:
            rows[round(best)][index] = "-"
        if worst is not None:
            rows[round(worst)][index] = "*" if is_new else "o"
    lines = [f"{level:>2} |{''.join(rows[level])}".rstrip() for level in range(_TOP, -1, -1)]
    unscored = "".join("x" if any(value is None for value in column) else " " for column in columns)
    lines += [f"   +{'-' * len(columns)}"]
    lines += [f"    {unscored}".rstrip()] if unscored.strip() else []
    lines += [_axis(len(severities), len(columns))]
    return "\n".join(lines)


def _columns(severities: Sequence[float | None], width: int) -> list[Sequence[float | None]]:
    n = min(len(severities), width)
    edges = [index * len(severities) // n for index in range(n + 1)] if n else [0]
    return [severities[low:high] for low, high in pairwise(edges)]


def _axis(n: int, width: int) -> str:
    """The first and the last trial's place under the columns."""
    last = str(n)
    gap = width - 1 - len(last)
    return "    1" + (" " * gap + last if gap > 0 else "")
