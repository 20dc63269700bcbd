"""What a probe and a tracer make of simulated windows, and the plan's severity of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.search.mesh import Mesh
from benchmarks.search.simulation import WINDOW, Simulation, simulate
from benchmarks.search.stream import Fixed, Fresh, Numbers, Stream
from boifi_core.analyzer.distance import edit_distance
from boifi_core.faults.plan import FaultPlan

WINDOWS_OF_TRUTH = 70
"""Windows that the truth is the mean of."""

_WEIGHTS = {"bug_score": 10.0, "performance_score": 2.0, "structure_score": 5.0}
_BURST = 0.8


@dataclass(frozen=True)
class Truth:
    """The noise-free side of a point.

    Attributes:
        severity: the mean over many windows.
        events: how large a share of the requests met what, by `event caller > callee`.
        latency_ms: mean over the windows of their 95th percentile.
        error_rate: share of requests with a status of 400 or above.
    """

    severity: float
    events: dict[str, float]
    latency_ms: float
    error_rate: float

    def share(self, event: str) -> float:
        """How many requests met the event, 0 to 1; above 1 where one request meets it several times."""
        return self.events.get(event, 0.0)


class Laboratory:
    """Takes readings of a mesh, and knows the truth."""

    def __init__(self, mesh: Mesh) -> None:
        self.mesh = mesh
        self._stream = Fixed(WINDOWS_OF_TRUTH * WINDOW)
        calm = simulate(mesh, (), self._stream, WINDOWS_OF_TRUTH, None)
        self._usual_ms = calm.durations_ms.sum(axis=1) / np.maximum((calm.counts > 0).sum(axis=1), 1)
        # An operation that is never called without a fault has no usual duration.
        self._usual_ms[self._usual_ms == 0] = np.inf
        self._usual_traces = [_commonest(calm.counts[:, calm.route == kind]) for kind in range(len(mesh.routes))]

    def read(self, plans: Sequence[FaultPlan], rng: np.random.Generator) -> dict[str, float]:
        """One window's signals, `severity` among them."""
        return {name: float(values[0]) for name, values in self._signals(plans, Fresh(rng, WINDOW), 1)[1].items()}

    def truth(self, plans: Sequence[FaultPlan]) -> Truth:
        """The mean over many windows without the bursts of unrelated failures."""
        run, signals = self._signals(plans, self._stream, WINDOWS_OF_TRUTH)
        return Truth(
            severity=float(signals["severity"].mean()),
            events=run.events,
            latency_ms=float(signals["latency_ms"].mean()),
            error_rate=float(signals["error_rate"].mean()),
        )

    def _signals(
        self, plans: Sequence[FaultPlan], stream: Stream, windows: int
    ) -> tuple[Simulation, dict[str, Numbers]]:
        run = simulate(self.mesh, plans, stream, windows, self._usual_ms)
        self._disturb(run, stream)
        status, latency_ms = run.by_window(run.status), np.sort(run.by_window(run.latency_ms), axis=1)
        # The 95th percentile of 30 lies 0.55 of the way from the 28th to the 29th.
        place = 0.95 * (WINDOW - 1)
        below, part = int(place), place - int(place)
        p95_ms = latency_ms[:, below] * (1 - part) + latency_ms[:, below + 1] * part
        error_rate = (status >= 400).mean(axis=1)
        signals = {
            "bug_score": _bug(status, error_rate, run.by_window(run.logged).any(axis=1)),
            "performance_score": self._performance(p95_ms),
            **self._structure(run),
            "latency_ms": p95_ms,
            "error_rate": error_rate,
        }
        total = sum(weight * signals[name] for name, weight in _WEIGHTS.items())
        return run, {"severity": total / sum(_WEIGHTS.values()), **signals}

    def _disturb(self, run: Simulation, stream: Stream) -> None:
        noise = self.mesh.noise
        if noise.background:
            run.status = np.where(stream.uniform("background") < noise.background, 503, run.status)
        if noise.bursts and isinstance(stream, Fresh) and stream.uniform("burst")[0] < noise.bursts:
            run.status = np.where(stream.uniform("burst") < _BURST, 503, run.status)

    def _performance(self, latency_ms: Numbers) -> Numbers:
        low, high = self.mesh.baseline_ms, self.mesh.threshold_ms
        points = 9.0 * np.clip((latency_ms - low) / (high - low), 0.0, 1.0)
        return np.where(latency_ms > high, 10.0, points)

    def _structure(self, run: Simulation) -> dict[str, Numbers]:
        """Each window's commonest trace of each kind against the usual one; the worst kind counts."""
        marks = np.random.default_rng(0).random(len(run.counts) + 2)
        looks = marks[:-2] @ run.counts + marks[-2] * (run.error_spans > 0) + marks[-1] * run.is_slow
        _, first, which = np.unique(looks.round(9), return_index=True, return_inverse=True)
        best = np.full(run.windows, -1.0)
        chosen = np.zeros(run.windows, dtype=int)
        for kind, usual in enumerate(self._usual_traces):
            mine = run.by_window(run.route == kind)
            rows = np.nonzero(mine)[0]
            tally = np.zeros((run.windows, len(first)))
            np.add.at(tally, (rows, run.by_window(which)[mine]), 1)
            typical = tally.argmax(axis=1)
            points = np.zeros(len(first))
            for look in np.unique(typical):
                points[look] = _changes(run, int(first[look]), usual)
            better = points[typical] > best
            best = np.where(better, points[typical], best)
            chosen = np.where(better, first[typical], chosen)
        return {
            "structure_score": best,
            "span_count": run.counts[:, chosen].sum(axis=0),
            "error_spans": run.error_spans[chosen],
            "retries": run.retries[chosen],
        }


def _bug(status: Numbers, error_rate: Numbers, logged: Numbers) -> Numbers:
    codes = np.unique(status)
    modal = codes[np.array([(status == code).sum(axis=1) for code in codes]).argmax(axis=0)]
    return np.select([modal >= 500, modal >= 400, logged, error_rate > 0], [10.0, 8.0, 6.0, 3.0], 0.0)


def _changes(run: Simulation, request: int, usual: Numbers) -> float:
    counts = run.counts[:, request]
    points = 3.0 * (counts.sum() > 1.5 * usual.sum()) + 2.0 * (run.error_spans[request] > 0)
    points += 5.0 * (edit_distance(_spans(counts), _spans(usual)) > 2) + 2.0 * run.is_slow[request]
    return float(min(points, 10.0))


def _spans(counts: Numbers) -> list[int]:
    return [number for number, count in enumerate(counts) for _ in range(int(count))]


def _commonest(counts: Numbers) -> Numbers:
    shapes, tally = np.unique(counts, axis=1, return_counts=True)
    return shapes[:, tally.argmax()]
