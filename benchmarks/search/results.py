"""What is kept of the runs: one JSON line each, one file a peer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.trials import Course

FOLDER = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True)
class Result:
    """One run, as it is kept.

    Attributes:
        landscape, peer, seed, trials: which run it was.
        code: the hash of what it depends on (see `fingerprint.py`).
        truth, recommended, modes, r2, failed: see `Course`.
        propose_ms, record_ms: median and 95th percentile over the trials.
        seconds: of processor time, for the whole run.
        versions: Python, numpy, and the peer's libraries.
    """

    landscape: str
    peer: str
    seed: int
    trials: int
    code: str
    truth: tuple[float, ...]
    recommended: dict[int, float]
    modes: dict[str, int]
    propose_ms: tuple[float, float]
    record_ms: tuple[float, float]
    r2: float | None = None
    failed: str | None = None
    seconds: float = 0.0
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from other runs of its peer."""
        return self.landscape, self.seed

    def dump(self) -> str:
        """Its line."""
        return json.dumps(
            {name: value for name, value in asdict(self).items() if value is not None}, separators=(",", ":")
        )

    @classmethod
    def load(cls, line: str) -> Result:
        """The result that a line tells."""
        data: dict[str, Any] = json.loads(line)
        for name in ("truth", "propose_ms", "record_ms"):
            data[name] = tuple(data[name])
        data["recommended"] = {int(after): truth for after, truth in data["recommended"].items()}
        return cls(**data)


def spread_ms(times: Sequence[float]) -> tuple[float, float]:
    """Median and 95th percentile, milliseconds, short; zeros of nothing."""
    if not times:
        return 0.0, 0.0
    return round(float(np.median(times)), 2), round(float(np.quantile(times, 0.95)), 2)


def result_of(course: Course, **which: Any) -> Result:
    """What is kept of one run; `which` are the fields that the run itself does not know."""
    return Result(
        truth=tuple(course.truth),
        recommended=course.recommended,
        modes=course.modes,
        propose_ms=spread_ms(course.propose_ms),
        record_ms=spread_ms(course.record_ms),
        r2=course.r2,
        failed=course.failed,
        **which,
    )


class Store:
    """The results in one folder.

    Lines are only ever added while a benchmark runs, so a stop at any moment loses at most the run it was in; of
    several lines of one run the last one counts.
    """

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder

    def add(self, result: Result) -> None:
        """Keep one more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._path(result.peer).open("a") as file:
            file.write(result.dump() + "\n")

    def of(self, peer: str) -> dict[tuple[str, int], Result]:
        """The newest result of each run of one peer, by landscape and seed; a line cut short is passed over."""
        path = self._path(peer)
        lines = path.read_text().splitlines() if path.exists() else []
        return {result.key: result for result in _readable(lines)}

    def tidy(self, peer: str) -> None:
        """Drop the lines that newer ones have replaced."""
        newest = [self.of(peer)[key] for key in sorted(self.of(peer))]
        if newest:
            self._path(peer).write_text("".join(f"{result.dump()}\n" for result in newest))

    def _path(self, peer: str) -> Path:
        return self.folder / f"{re.sub('[^a-z0-9]+', '-', peer.lower())}.jsonl"


def _readable(lines: Iterable[str]) -> Iterable[Result]:
    for line in lines:
        try:
            yield Result.load(line)
        except ValueError:
            continue
