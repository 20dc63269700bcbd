"""Requests played through an application, with faults in force, in virtual time: a simple discrete model.

Requests are played one after the other in the order in which they begin, each as a whole. What they share (connections,
workers, breakers) is kept as the moments until which it is taken, so that a request that begins while another is under
way finds it so. No clock is looked at and nothing is waited for.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from random import Random
from typing import NamedTuple

from benchmarks.applications.graph import stages, typical_ms
from benchmarks.applications.model import Application, Call, Kind, Latch, Operation
from boifi_core.faults.plan import FaultPlan

PAUSE_MS = 2_000.0
"""Virtual time that passes between two windows."""

REST_MS = 60_000.0
"""After so long nothing of what is planted is left."""

STORM = 5
"""Tries of one call within one request from which on they are a storm."""

_HOP_MS = 0.25
_REFUSED = (429, 503)
_FOREVER = math.inf


class Step(NamedTuple):
    """What a trace tells of: an operation served, a call made (one try), a message, or a store that was asked.

    Attributes:
        parent: the step within which it happened, by its place; -1 for the first.
        kind: `server`, `client`, `producer`, `consumer`, `store`.
        what: the operation's number; of a client or producer the callee's, of a store its owner's.
        caller: the operation that did it.
    """

    parent: int
    kind: str
    what: int
    caller: int
    start_ms: float
    end_ms: float
    status: int


@dataclass(slots=True)
class Played:
    """One request, as it went."""

    kind: Kind
    start_ms: float
    latency_ms: float
    status: int
    text: str
    steps: list[Step]
    is_wrong: bool
    events: frozenset[tuple[int, str]]


@dataclass(slots=True)
class Window:
    """What was played in one measuring window.

    Attributes:
        requests: in the order in which they began.
        events: what the truth is told by: of how many requests each event was noted, by call and event.
    """

    requests: list[Played] = field(default_factory=list)

    @property
    def events(self) -> Counter[tuple[int, str]]:
        return Counter(event for played in self.requests for event in played.events)


class _Fault(NamedTuple):
    share: float
    delay_ms: float
    status: int | None
    until_ms: float


class Player:
    """An application that is up: what outlasts a request, and a window, is kept here.

    Args:
        application: is not changed.
        seed: two players of one application and seed that are asked the same play the same.
    """

    def __init__(self, application: Application, seed: int) -> None:
        self.application = application
        self.clock_ms = 0.0
        self._random = Random(f"{application.seed} {len(application.services)} {seed}")
        self._operations = application.operations
        self._calls = application.calls
        self._stages = [stages(application, operation) for operation in application.operations]
        self._usual_ms = typical_ms(application)
        self._faults: list[tuple[_Fault, ...]] = []
        self._in_row = [0] * len(application.calls)
        self._shut_until = [0.0] * len(application.calls)
        self._down_until = [0.0] * len(application.services)
        self._down_by = [0] * len(application.services)
        self._closed_until, self._closed_by = 0.0, 0
        self._free = [_heap(service.workers) for service in application.services]
        self._pools = [_heap(call.pool) for call in application.calls]
        self._drift = 1.0
        self._steps: list[Step] = []
        self._events: set[tuple[int, str]] = set()
        self._tries: Counter[int] = Counter()
        self._text, self._is_wrong = "", False

    def window(self, plans: Sequence[FaultPlan], count: int) -> Window:
        """Play so many requests, with these faults in force from the first to the last (or their own end)."""
        made = self.application
        self.clock_ms += PAUSE_MS
        # The machine is never quite the same from one minute to the next.
        self._drift = self._random.lognormvariate(0.0, 0.06)
        self._faults = [self._hitting(operation, plans) for operation in self._operations]
        customers = [self.clock_ms + each * 1.5 for each in range(made.concurrency)]
        window = Window()
        for kind in mixed(made.kinds, count):
            start_ms = heappop(customers)
            played = self._request(kind, start_ms)
            window.requests.append(played)
            heappush(customers, start_ms + played.latency_ms + self._random.uniform(0.5, 2.0))
        self.clock_ms = max(customers)
        return window

    def rest(self) -> None:
        """Let so much time pass that whatever was shut or full is as before."""
        self.clock_ms += REST_MS

    def _hitting(self, operation: Operation, plans: Sequence[FaultPlan]) -> tuple[_Fault, ...]:
        service = self.application.services[operation.service].name
        return tuple(
            _Fault(
                plan.percentage / 100,
                float(plan.wait_ms),
                plan.abort_status_code,
                _FOREVER if plan.duration_seconds is None else self.clock_ms + 1000 * plan.duration_seconds,
            )
            for plan in plans
            if hits(plan, service, operation.method, operation.path)
        )

    def _request(self, kind: Kind, at_ms: float) -> Played:
        self._steps, self._events, self._text, self._is_wrong = [], set(), "", False
        self._tries.clear()
        limit_ms = at_ms + self.application.timeout_ms
        if self._closed_until > at_ms:
            self._events.add((self._closed_by, "closed"))
            end_ms, status, self._text = at_ms + 1.0, 503, "not ready"
            self._steps.append(Step(-1, "server", kind.operation, kind.operation, at_ms, end_ms, status))
        else:
            end_ms, status, _ = self._asked(kind.operation, kind.operation, at_ms, limit_ms, -1)
        if end_ms > limit_ms:
            end_ms, status, self._text = limit_ms, 504, f"no answer within {self.application.timeout_ms:g} ms"
        self._events |= {(number, "storm") for number, tries in self._tries.items() if tries >= STORM}
        text = self._text if status >= 400 else ""
        return Played(kind, at_ms, end_ms - at_ms, status, text, self._steps, self._is_wrong, frozenset(self._events))

    def _asked(self, number: int, caller: int, at_ms: float, limit_ms: float, parent: int) -> tuple[float, int, bool]:
        """An operation is asked by who waits until `limit_ms`: when it answers, what, and whether it did its work."""
        delay_ms, status = 0.0, None
        for fault in self._faults[number]:
            if at_ms < fault.until_ms and self._random.random() < fault.share:
                delay_ms += fault.delay_ms
                status = fault.status or status
        at_ms += delay_ms
        if status is not None:
            return at_ms + 0.3, status, False
        if at_ms > limit_ms:
            # Whoever delays it, a proxy, hears that nobody waits any longer, and does not pass it on.
            return at_ms, 504, False
        place = self._operations[number].service
        if self._down_until[place] > at_ms:
            self._events.add((self._down_by[place], "down"))
            return at_ms + 3.0 * self._usual_ms[number], 503, False
        flakes = self.application.services[place].flakes
        if flakes and self._random.random() < flakes:
            return at_ms + 0.5, 503, False
        end_ms, status = self._serve(number, at_ms, limit_ms, parent, "server")
        return end_ms, status, status < 400

    def _serve(self, number: int, at_ms: float, limit_ms: float, parent: int, kind: str) -> tuple[float, int]:
        operation = self._operations[number]
        place = len(self._steps)
        self._steps.append(Step(parent, kind, number, number, at_ms, at_ms, 0))
        began_ms = at_ms
        free = self._free[operation.service]
        if free:
            at_ms = max(at_ms, free[0])
        own_ms = self._own_ms(operation)
        now_ms = at_ms + 0.5 * own_ms
        if operation.store is not None:
            self._steps.append(Step(place, "store", number, number, at_ms + 0.1 * own_ms, now_ms, 0))
        status = 200
        for stage in self._stages[number]:
            end_ms = now_ms
            for call in stage:
                if call.share < 1.0 and self._random.random() >= call.share:
                    continue
                if call.is_message:
                    self._send(call, now_ms, place)
                    continue
                ended_ms, failed = self._make(call, now_ms, limit_ms, place)
                end_ms = max(end_ms, ended_ms)
                if failed is not None and status == 200:
                    status = 504 if failed == "given_up" else 500
            now_ms = end_ms
            if status != 200:
                break
        end_ms = now_ms + 0.5 * own_ms if status == 200 else now_ms + 0.2
        if free:
            heapreplace(free, max(free[0], at_ms + own_ms))
        self._steps[place] = Step(parent, kind, number, number, began_ms, end_ms, status)
        return end_ms, status

    def _own_ms(self, operation: Operation) -> float:
        """How long an operation works itself this time."""
        own_ms = operation.own_ms * self._drift * math.exp(operation.spread * self._random.gauss(0.0, 1.0))
        # Now and then there is a pause of the collector, a cold page.
        return 4.0 * own_ms if self._random.random() < 0.004 else own_ms

    def _send(self, call: Call, at_ms: float, parent: int) -> None:
        """Hand a message over; whoever takes it may fail, and gets it again."""
        place = len(self._steps)
        self._steps.append(Step(parent, "producer", call.callee, call.caller, at_ms, at_ms + 0.4, 0))
        at_ms += self._random.uniform(1.0, 6.0)
        for _ in range(call.tries):
            self._tries[call.number] += 1
            at_ms, status = self._serve(call.callee, at_ms, _FOREVER, place, "consumer")
            if status < 400:
                return
            at_ms += call.backoff_ms

    def _make(self, call: Call, at_ms: float, limit_ms: float, parent: int) -> tuple[float, str | None]:
        """Make a call as often as it is made; when that is over, and how it failed if its caller fails by it."""
        for _ in range(call.times):
            began_ms = at_ms
            at_ms, failed = self._once(call, at_ms, limit_ms, parent)
            if at_ms > limit_ms >= began_ms:
                self._events.add((call.number, "overrun"))
            if failed is not None:
                return at_ms, failed
        return at_ms, None

    def _once(self, call: Call, at_ms: float, limit_ms: float, parent: int) -> tuple[float, str | None]:
        number, latch = call.number, call.latch
        if latch is not None and self._shut_until[number] > at_ms:
            end_ms = at_ms + 0.1
            failed: str | None = "shut"
        else:
            end_ms, failed = self._tried(call, at_ms, parent)
            if latch is not None:
                self._judge(call, latch, failed, end_ms - at_ms, end_ms)
        if failed is None:
            return end_ms, None
        if failed in call.swallows:
            self._events.add((number, f"swallowed:{failed}"))
            self._is_wrong = True
            return end_ms, None
        if failed in call.copes_with:
            if call.fallback is None:
                return end_ms + call.fallback_ms, None
            return self._make(self._calls[call.fallback], end_ms, limit_ms, parent)
        self._events.add((number, f"broke:{failed}"))
        self._text = f"{self.application.service_of(call.caller)}: {self.application.service_of(call.callee)} {failed}"
        return end_ms, failed

    def _tried(self, call: Call, at_ms: float, parent: int) -> tuple[float, str | None]:
        pool = self._pools[call.number]
        worked = 0
        for _ in range(call.tries):
            if pool and pool[0] > at_ms:
                if pool[0] - at_ms > call.pool_wait_ms:
                    self._events.add((call.number, "pool"))
                    return at_ms + call.pool_wait_ms, "full"
                at_ms = pool[0]
            self._tries[call.number] += 1
            place = len(self._steps)
            self._steps.append(Step(parent, "client", call.callee, call.caller, at_ms, at_ms, 0))
            limit_ms = at_ms + call.timeout_ms
            end_ms, status, did = self._asked(call.callee, call.caller, at_ms + _HOP_MS, limit_ms, place)
            end_ms += _HOP_MS
            worked += did
            if worked > 1 and self._operations[call.callee].method == "POST":
                self._events.add((call.number, "twice"))
            failed = None if status < 400 else "refused" if status in _REFUSED else "wrong"
            if end_ms > limit_ms:
                end_ms, status, failed = limit_ms, 0, "given_up"
            self._steps[place] = Step(parent, "client", call.callee, call.caller, at_ms, end_ms, status)
            if pool:
                heapreplace(pool, end_ms)
            if failed is None or failed not in call.retries:
                break
            at_ms = end_ms + call.backoff_ms
        return end_ms, failed

    def _judge(self, call: Call, latch: Latch, failed: str | None, took_ms: float, now_ms: float) -> None:
        is_bad = failed in latch.on or (failed is None and 0 < latch.slow_ms < took_ms)
        self._in_row[call.number] = self._in_row[call.number] + 1 if is_bad else 0
        if self._in_row[call.number] < latch.after:
            return
        self._in_row[call.number] = 0
        if latch.scope == "call":
            self._shut_until[call.number] = now_ms + latch.for_ms
        elif latch.scope == "service":
            place = self._operations[call.callee].service
            self._down_until[place], self._down_by[place] = now_ms + latch.for_ms, call.number
        else:
            self._closed_until, self._closed_by = now_ms + latch.for_ms, call.number


def hits(plan: FaultPlan, service: str, method: str, path: str) -> bool:
    """Whether a fault is injected into what is asked of a service so."""
    if plan.target_service not in (None, service) or plan.target_method not in (None, method):
        return False
    where = plan.target_path
    return re.match(where, path) is not None if where.startswith("^") else path.startswith(where)


def mixed(kinds: Sequence[Kind], count: int) -> list[Kind]:
    """`count` requests by weight, spread evenly and the same each time, as the probe does."""
    total = sum(kind.weight for kind in kinds)
    credit = [0.0] * len(kinds)
    found = []
    for _ in range(count):
        for place, kind in enumerate(kinds):
            credit[place] += kind.weight
        chosen = max(range(len(kinds)), key=lambda place: (credit[place], -place))
        credit[chosen] -= total
        found.append(kinds[chosen])
    return found


def _heap(size: int) -> list[float]:
    heap = [0.0] * size
    heapify(heap)
    return heap
