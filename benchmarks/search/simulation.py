"""What happens to each request of some windows: vectorised over the requests, recursive over the calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.mesh import Call, Mesh, Pool, Route
from benchmarks.search.pressure import Pressure, queueing
from benchmarks.search.stream import Numbers, Stream
from boifi_core.faults.plan import FaultPlan

Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

WINDOW = 30
"""Requests in a window."""

SLOW = 5.0
"""A span is a bottleneck above this times its usual duration."""

_TRIP_AFTER = 4
_REFUSED_MS = 1.0


class Simulation:
    """One pass.

    Args:
        mesh: the target.
        plans: the faults.
        stream: the chance; as long as all windows together.
        windows: how many.
        usual_ms: each operation's duration without faults, in the mesh's order; None: unknown yet.
        pressure: from the passes before; empty in the first.

    Attributes:
        latency_ms, status: of each request as the probe sees it.
        counts: spans of each operation, shape (operations, requests).
        error_spans, retries: number in each request's trace.
        is_slow, logged: whether a request has a bottleneck, and whether it left an ERROR line.
        route: each request's kind.
        load, trips: what a further pass needs to know, and whether a breaker opens in it.
        events: share of all requests with this event, by `event caller > callee`.
    """

    def __init__(
        self,
        mesh: Mesh,
        plans: Sequence[FaultPlan],
        stream: Stream,
        windows: int,
        usual_ms: Numbers | None,
        pressure: Pressure | None = None,
    ) -> None:
        n = windows * WINDOW
        self.mesh = mesh
        self.windows = windows
        self.load = Pressure()
        self.trips = False
        self.latency_ms = np.zeros(n)
        self.status = np.full(n, 200)
        self.counts = np.zeros((len(mesh.order), n))
        self.durations_ms = np.zeros((len(mesh.order), n))
        self.error_spans = np.zeros(n)
        self.retries = np.zeros(n)
        self.is_slow = np.zeros(n, dtype=bool)
        self.logged = np.zeros(n, dtype=bool)
        self.events: dict[str, float] = {}
        self._plans = plans
        self._stream = stream
        self._usual_ms = usual_ms
        self.pressure = pressure or Pressure()
        self._position = np.tile(np.arange(WINDOW), windows)
        self.route = np.tile(_mix(mesh.routes), windows)
        for number, route in enumerate(mesh.routes):
            asked = self.route == number
            took, status = self._call("edge", route.call, asked, f"{number}")
            self.latency_ms = np.where(asked, took, self.latency_ms)
            self.status = np.where(asked, status, self.status)

    def by_window(self, numbers: NDArray[np.generic]) -> NDArray[np.generic]:
        """The same with one row for each window."""
        return numbers.reshape(self.windows, WINDOW)

    def _call(self, caller: str, call: Call, active: Mask, key: str) -> tuple[Numbers, Codes]:
        """How long the caller waits, and the status that it goes on with, 200 where it does not call."""
        edge = f"{caller} > {call.to}"
        total = np.zeros(len(active))
        status = np.full(len(active), 200)
        pending = active
        if call.breaker is not None:
            pending = self._past_breaker(edge, call.breaker, active)
            status[active & ~pending] = 503
            total[active & ~pending] = _REFUSED_MS
            self._note("refused", edge, active & ~pending)
        tried = pending
        for attempt in range(1 + call.retries):
            if not pending.any():
                break
            took, answer = self._attempt(edge, call, pending, f"{key}/{call.to}#{attempt}")
            if attempt:
                took = took + call.backoff_ms * 2 ** (attempt - 1)
                self.retries += pending
                self._note("retried", edge, pending)
            total += np.where(pending, took, 0.0)
            status = np.where(pending, answer, status)
            pending = pending & (status >= 500)
        if call.lenient:
            status[np.isin(status, list(call.lenient))] = 200
        failed = active & (status >= 400)
        if call.breaker is not None:
            share = self.load.failed[edge] = _share(self.by_window(failed & tried), self.by_window(tried))
            self.trips |= bool((share > call.breaker).any())
        return self._after_failure(edge, call, failed, total, status, key) if failed.any() else (total, status)

    def _after_failure(
        self, edge: str, call: Call, failed: Mask, total: Numbers, status: Codes, key: str
    ) -> tuple[Numbers, Codes]:
        self._note("failed", edge, failed)
        caller = edge.partition(" > ")[0]
        if call.fallback is not None:
            self._note("fell back", edge, failed)
            took, answer = self._call(caller, Call(call.fallback), failed, f"{key}/{call.to}!")
            total = total + took
            status = np.where(failed, answer, status)
            failed = failed & (status >= 400)
        if call.on_failure == "swallow":
            self.logged |= failed
            self._note("swallowed", edge, failed)
        if call.on_failure != "fail":
            status = np.where(failed, 200, status)
        return total, status

    def _attempt(self, edge: str, call: Call, active: Mask, key: str) -> tuple[Numbers, Codes]:
        took, status = self._serve(call.to, active, key)
        late = active & (took > call.timeout_ms)
        if late.any():
            self._note("timed out", edge, late)
            took = np.minimum(took, call.timeout_ms)
            status = np.where(late, 504, status)
        self.error_spans += active & (status >= 400)
        return took, status

    def _serve(self, name: str, active: Mask, key: str) -> tuple[Numbers, Codes]:
        operation, number = self.mesh.operations[name], self.mesh.order[name]
        service = name.partition(" ")[0]
        took = operation.work_ms * np.exp(self.mesh.noise.jitter * self._stream.normal(key))
        status = np.full(len(active), 200)
        took, status = self._inject(name, active, took, status, key)
        pool = self.mesh.pools.get(service)
        if pool is not None and service in self.pressure.busy_ms:
            took, status = self._queue(service, pool, active, took, status, key)
        for stage in operation.stages:
            slowest = np.zeros(len(active))
            going = active & (status < 400)
            if not going.any():
                break
            for call in stage:
                waited, answer = self._call(name, call, going, key)
                slowest = np.maximum(slowest, waited)
                status = np.where(going & (answer >= 400) & (status < 400), answer, status)
            took = took + slowest
        self.counts[number] += active
        self.durations_ms[number] = np.maximum(self.durations_ms[number], np.where(active, took, 0.0))
        if self._usual_ms is not None:
            self.is_slow |= active & (took > SLOW * self._usual_ms[number])
        if pool is not None:
            self._measure(service, active, took)
        return took, status

    def _inject(self, name: str, active: Mask, took: Numbers, status: Codes, key: str) -> tuple[Numbers, Codes]:
        for number, plan in enumerate(self._plans):
            if not _concerns(plan, name):
                continue
            hit = active & (self._stream.uniform(f"{key}@{number}") < plan.percentage / 100)
            tier = plan.parameters.get("tier", "any")
            if tier != "any":
                hit &= self._tier() == list(self.mesh.tiers).index(tier)
            if plan.fault_type == "delay":
                took = took + hit * float(plan.start_delay_ms + (plan.delay_ms or 0))
            else:
                took = np.where(hit, plan.start_delay_ms + _REFUSED_MS, took)
                status = np.where(hit, plan.abort_status_code or 500, status)
        return took, status

    def _tier(self) -> Codes:
        edges = np.cumsum(list(self.mesh.tiers.values()))
        return np.searchsorted(edges, self._stream.uniform("tier"))

    def _queue(
        self, service: str, pool: Pool, active: Mask, took: Numbers, status: Codes, key: str
    ) -> tuple[Numbers, Codes]:
        wait_ms, too_many = queueing(
            pool, self.mesh.load_rps, self.pressure.busy_ms[service], self.pressure.calls[service]
        )
        refused = active & (status < 400) & (self._stream.uniform(f"{key}%") < too_many.repeat(WINDOW))
        self._note("no room", service, refused)
        return np.where(refused, pool.queue_ms, took + wait_ms.repeat(WINDOW)), np.where(refused, 503, status)

    def _measure(self, service: str, active: Mask, took: Numbers) -> None:
        for into, numbers in ((self.load.busy_ms, active * took), (self.load.calls, active)):
            into[service] = into.get(service, 0.0) + self.by_window(numbers).mean(axis=1)

    def _past_breaker(self, edge: str, threshold: float, active: Mask) -> Mask:
        if edge not in self.pressure.failed:
            return active
        opened = (self.pressure.failed[edge] > threshold).repeat(WINDOW)
        return active & ~(opened & (self._position >= _TRIP_AFTER))

    def _note(self, event: str, where: str, which: Mask) -> None:
        name = f"{event} {where}"
        self.events[name] = self.events.get(name, 0.0) + float(which.mean())


def simulate(
    mesh: Mesh, plans: Sequence[FaultPlan], stream: Stream, windows: int, usual_ms: Numbers | None
) -> Simulation:
    """The windows under these faults; one pass more for breakers, and one for pools."""
    run = Simulation(mesh, plans, stream, windows, usual_ms)
    if run.trips:
        run = Simulation(mesh, plans, stream, windows, usual_ms, Pressure(failed=run.load.failed))
    if mesh.pools:
        # What an open breaker keeps out is no load on the pools, but full pools don't open breakers here.
        pressure = Pressure(failed=run.pressure.failed, busy_ms=run.load.busy_ms, calls=run.load.calls)
        run = Simulation(mesh, plans, stream, windows, usual_ms, pressure)
    return run


def _concerns(plan: FaultPlan, name: str) -> bool:
    service, method, path = name.split(" ")
    return (
        plan.target_service in (None, service)
        and plan.target_method in (None, method)
        and path.startswith(plan.target_path)
    )


def _mix(routes: Sequence[Route]) -> Codes:
    """Which kind each request of a window is: spread evenly, as a probe that takes turns does."""
    cuts = np.cumsum([route.share for route in routes])
    return np.searchsorted(cuts / cuts[-1], (np.arange(WINDOW) * 7 % WINDOW + 0.5) / WINDOW)


def _share(some: NDArray[np.generic], of: NDArray[np.generic]) -> Numbers:
    return some.sum(axis=1) / np.maximum(of.sum(axis=1), 1)
