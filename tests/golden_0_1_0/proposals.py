"""Whole sessions against the shop that is plain arithmetic, as lines to compare."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.golden_0_1_0 import driver, target

DATA = Path(__file__).parent / "data"
SESSIONS = DATA / "sessions"
SEEDS = (1, 2, 3)
EARLIER = {"again": "one-fault"}
"""Of which session another one learns before its first trial."""


def names() -> list[str]:
    """Of the session files."""
    return sorted(path.stem for path in SESSIONS.glob("*.yaml"))


def session_file(name: str, seed: int) -> dict[str, Any]:
    """A session file's value with this seed."""
    return {**yaml.safe_load((SESSIONS / f"{name}.yaml").read_text()), "seed": seed}


def lines(name: str, seed: int, data: Path) -> Iterator[str]:
    """One line of JSON a trial: number, phase, reason, point, plans, severity, and what the model expected."""
    asked = session_file(name, seed)
    if name in EARLIER:
        earlier = session_id(EARLIER[name], seed)
        for _ in driver.trials(session_file(EARLIER[name], seed), earlier, data, target.respond):
            pass
        asked["warm_start"] = [earlier]
    for trial in driver.trials(asked, session_id(name, seed), data, target.respond):
        made = trial.model_dump(mode="json", exclude_defaults=True)
        expected = [made.get("predicted_mean"), made.get("predicted_std")]
        why = made["why"]["reason"]
        yield json.dumps(
            [trial.trial, made["phase"], why, made["point"], made.get("plans", []), trial.severity, expected],
            separators=(",", ":"),
        )


def session_id(name: str, seed: int) -> str:
    return f"{names().index(name):07}{seed}-0000-4000-8000-000000000000"


def recorded(name: str, seed: int) -> Path:
    """Where the lines of 0.1.0 are."""
    return DATA / "proposals" / f"{name}-{seed}.jsonl"
