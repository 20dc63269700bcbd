"""A small service mesh on paper: operations, the calls between them, and how callers guard themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

OnFailure = Literal["fail", "ignore", "swallow"]


@dataclass(frozen=True)
class Call:
    """One call from an operation to another, named `service METHOD /path`.

    Attributes:
        to: the operation that is called.
        timeout_ms: of each attempt.
        retries: further attempts after a status of 500 or above, or a time-out.
        backoff_ms: before the first retry; doubles with each.
        fallback: the operation that is called after all attempts failed; its answer then counts.
        on_failure: `fail` hands the status up, `ignore` goes on, `swallow` goes on with a wrong 200 and an ERROR line.
        lenient: statuses that the caller takes for an answer, such as 404 for "nothing there".
        breaker: share of failed calls in a window above which the circuit opens; None: there is none.
    """

    to: str
    timeout_ms: float = math.inf
    retries: int = 0
    backoff_ms: float = 0.0
    fallback: str | None = None
    on_failure: OnFailure = "fail"
    lenient: frozenset[int] = frozenset()
    breaker: float | None = None


@dataclass(frozen=True)
class Operation:
    """What a service does for one path and method: its own work, then its stages one after the other.

    The calls of one stage run in parallel; a failed one ends the operation after its stage.
    """

    work_ms: float
    stages: tuple[tuple[Call, ...], ...] = ()


@dataclass(frozen=True)
class Route:
    """A kind of request that the probe sends: the call at the edge, and its share of a window."""

    call: Call
    share: float


@dataclass(frozen=True)
class Pool:
    """How many requests a service works on at once, and how long one waits for its turn before it gets 503."""

    size: int
    queue_ms: float


@dataclass(frozen=True)
class Noise:
    """What is left to chance in a window.

    Attributes:
        jitter: standard deviation of the logarithm of every work time.
        background: share of requests that fail by themselves, with 503.
        bursts: share of windows in which something unrelated goes down and most requests fail.
    """

    jitter: float = 0.2
    background: float = 0.0
    bursts: float = 0.0


@dataclass(frozen=True)
class Mesh:
    """A target.

    Attributes:
        operations: by name, `service METHOD /path`; callees before callers or after, as you like.
        routes: what the probe asks for.
        baseline_ms, threshold_ms: of the performance score.
        pools: by service.
        load_rps: requests a second at the edge.
        tiers: share of the requests that carry each value of the header `tier`.
    """

    operations: Mapping[str, Operation]
    routes: tuple[Route, ...]
    baseline_ms: float
    threshold_ms: float
    pools: Mapping[str, Pool] = field(default_factory=dict)
    load_rps: float = 20.0
    tiers: Mapping[str, float] = field(default_factory=dict)
    noise: Noise = Noise()

    @cached_property
    def order(self) -> dict[str, int]:
        """A number for each operation, depth first from the routes: the order of a trace's spans."""
        seen: dict[str, int] = {}
        for route in self.routes:
            self._number(route.call, seen)
        return seen

    def _number(self, call: Call, seen: dict[str, int]) -> None:
        for name in (call.to, call.fallback):
            if name is not None and name not in seen:
                seen[name] = len(seen)
                for stage in self.operations[name].stages:
                    for below in stage:
                        self._number(below, seen)
