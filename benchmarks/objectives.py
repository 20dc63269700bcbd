"""What BOIFI's sessions are asked for in benchmarks, by what they look for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHARES: Mapping[str, tuple[float, float]] = {"severity": (0.0, 0.0), "modes": (0.0, 0.0), "both": (0.3, 0.1)}
"""By objective, the shares of the trials that screen, and that are drawn by chance alone."""

DEFAULT = "both"


def asked(objective: str, optimizer: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The keys of a session file for an objective; `optimizer` has further ones of that block."""
    screen, sample = SHARES[objective]
    return {
        "optimizer": {**(optimizer or {}), "objective": objective},
        "screen": {"share": screen},
        "sample": {"share": sample},
    }
