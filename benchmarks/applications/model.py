"""A simulated service application as values: services, what they answer, whom they ask for it, and how they cope."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

BEHAVIOURS = ("refused", "wrong", "given_up", "shut", "full")
"""How a call can fail for its caller: it was refused (503, 429), answered wrongly (any other 4xx or 5xx), given up
after its time-out (504), or not made, since its breaker is open or no connection is free."""


@dataclass(slots=True)
class Latch:
    """Something that shuts after failures in a row, and opens again by itself.

    Attributes:
        scope: what is shut: `call`, as by a circuit breaker; `service`, that of the callee, for all who call it, as by
            an overload that keeps itself up; `application`, as by a gateway that takes itself out of service.
        after: how many of the call's failures in a row shut it.
        on: which of the `BEHAVIOURS` count; `slow` too, above `slow_ms`.
        for_ms: how long it stays shut.
        slow_ms: from how long on an answered call counts as slow; 0 where none does.
    """

    scope: str
    after: int
    on: tuple[str, ...]
    for_ms: float
    slow_ms: float = 0.0


@dataclass(slots=True)
class Call:
    """What an operation asks of another.

    Attributes:
        number: tells it from the others of its application.
        caller, callee: operations, by number.
        stage: calls of one stage are made at once, the stages one after another.
        share: of the times that its stage is reached, how often it is made (the rest is spared by a cache, say).
        times: how often in a row it is made each time.
        timeout_ms: after which its caller gives up.
        tries: how often it is tried at most, after failures of the kinds in `retries`, with `backoff_ms` between.
        copes_with: with which of the `BEHAVIOURS` the caller can do without its answer; it fails with any other.
        swallows: failures that the caller takes for an answer, and goes on with a wrong one.
        fallback: a call that is made in its place where the caller copes; None: something ready.
        fallback_ms: how long that takes.
        pool: how many may be under way at once; 0: any number. Who finds none free for `pool_wait_ms` fails (full).
        latch: what shuts after its failures.
        is_message: handed over by a queue: nobody waits for it, and no fault is injected into it.
        is_spare: made only as another call's fallback.
    """

    number: int
    caller: int
    callee: int
    stage: int
    share: float = 1.0
    times: int = 1
    timeout_ms: float = 1000.0
    tries: int = 1
    retries: tuple[str, ...] = ()
    backoff_ms: float = 5.0
    copes_with: tuple[str, ...] = ()
    swallows: tuple[str, ...] = ()
    fallback: int | None = None
    fallback_ms: float = 0.2
    pool: int = 0
    pool_wait_ms: float = 50.0
    latch: Latch | None = None
    is_message: bool = False
    is_spare: bool = False


@dataclass(slots=True)
class Operation:
    """What a service answers.

    Attributes:
        number: tells it from the others of its application.
        service: by number.
        method, path, route: as asked for (`/cart/17`), and as the service knows it (`/cart/{id}`).
        own_ms: how long it works itself, median.
        spread: of that, the standard deviation of its logarithm.
        store: what it asks a database or cache of its own for (`redis GET`), which takes part of its own time.
        calls: the numbers of its calls, by stage.
    """

    number: int
    service: int
    method: str
    path: str
    route: str
    own_ms: float
    spread: float
    store: str | None = None
    calls: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Service:
    """A service; `workers` is how many requests it works on at once (0: any number), `flakes` the share that it refuses
    without any reason."""

    name: str
    workers: int = 0
    flakes: float = 0.0


@dataclass(slots=True)
class Kind:
    """A kind of request that customers make: of an operation of the first service."""

    name: str
    operation: int
    weight: int


@dataclass(slots=True)
class Cause:
    """Which faults bring something out: what they hit, and how hard.

    Attributes:
        service, method, path: what is hit: one operation.
        statuses: the statuses of aborts that do; empty: no abort does.
        low_ms, high_ms: the delays that do; without `low_ms` no delay does.
        low_percentage, high_percentage: of the requests.
    """

    service: str
    method: str
    path: str
    statuses: tuple[int, ...] = ()
    low_ms: float | None = None
    high_ms: float = 1e9
    low_percentage: float = 0.0
    high_percentage: float = 100.0


@dataclass(slots=True)
class Weakness:
    """One planted weakness.

    Attributes:
        id: of its kind and its call.
        kind: a name of `weaknesses.KINDS`.
        call: where it sits; `caller` and `callee` are the same in words.
        behaviour: of that call: `refused`, `wrong`, `given_up` or `slow` (but not given up).
        event: what the simulation notes of a request that shows it.
        causes: the faults that bring it out, all at once: one, or two.
        touches: the calls that it depends on, by number: of these none has another weakness.
        point: of the search space, one that does.
        shown: how many requests of a window show it by that point.
    """

    id: str
    kind: str
    call: int
    caller: str
    callee: str
    behaviour: str
    event: str
    causes: tuple[Cause, ...]
    touches: tuple[int, ...]
    point: dict[str, Any] = field(default_factory=dict)
    shown: int = 0


@dataclass(slots=True)
class Application:
    """A simulated service application, with what is wrong with it.

    Attributes:
        seed: that it was made from.
        services: the first is where customers come in.
        kinds: of request.
        timeout_ms: after which a customer gives up.
        concurrency: how many customers wait at the same time.
        space: the search space, as a session file has it.
        weaknesses: the truth.
    """

    seed: int
    services: list[Service]
    operations: list[Operation]
    calls: list[Call]
    kinds: list[Kind]
    timeout_ms: float
    concurrency: int
    space: dict[str, Any] = field(default_factory=dict)
    weaknesses: list[Weakness] = field(default_factory=list)

    def service_of(self, operation: int) -> str:
        """The name of the service whose operation it is."""
        return self.services[self.operations[operation].service].name

    def text(self) -> str:
        """All of it as JSON: two applications are the same if this is."""
        return json.dumps(asdict(self), sort_keys=True)
