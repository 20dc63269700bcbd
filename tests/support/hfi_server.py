"""A real HTTP server that keeps strictly to the HFI wire, and misbehaves reproducibly where it is told to.

As a program: `python tests/support/hfi_server.py --port 8080 --fail-share 0.2`; its first line is its address.
"""

from __future__ import annotations

import argparse
import json
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hfi_handler import Handler, Received
from hfi_landscape import landscape
from hfi_policy import Fault, read_policy
from loopback import Loopback

FAILURES = ("500", "503", "cut", "cut after")
"""How an answer fails: `cut` before anything was done, `cut after` when it was done and only the answer is lost."""

MUTATORS: tuple[Callable[[dict[str, Any]], Any], ...] = (
    lambda observation: {name: value for name, value in observation.items() if name != "status_code"},
    lambda observation: {**observation, "status_code": "200"},
    lambda observation: {**observation, "status_code": 0},
    lambda observation: {**observation, "latency_ms": None},
    lambda observation: {**observation, "latency_ms": float("nan")},
    lambda observation: {**observation, "latency_ms": -5},
    lambda observation: {**observation, "error_rate": 37.5},
    lambda observation: {**observation, "error_rate": True},
    lambda observation: {**observation, "logs": "one line"},
    lambda observation: {**observation, "logs": [1, None, "ok"]},
    lambda observation: {**observation, "trace_data": "{no json"},
    lambda observation: {**observation, "trace_data": json.loads(observation["trace_data"])},
    lambda observation: {**observation, "timestamp": "yesterday"},
    lambda observation: {name: value for name, value in observation.items() if name != "timestamp"},
    lambda observation: [observation],
    lambda observation: None,
)
"""Each makes of a sound observation what a collector out of order sends."""


@dataclass
class Knobs:
    """How the server misbehaves; may be changed while it runs. The same seed and requests give the same failures.

    Attributes:
        fail_share: share of all answers that fail, each as one of `failures`.
        malformed_share: share of observations that one of `mutators` spoils.
        stale_share: share of observations that are an hour old.
        drip_s: pause before each byte of an answer.
        oversized: whether observations have a body without end.
        raw_answer: if not None, sent instead of any answer.
        observations: whether there is an observation endpoint.
        ready: what `/v1/ready` says; None for 404.
        clock_offset_s: how far its clock is ahead, `Date` header included.
        token: the bearer token that it demands.
    """

    seed: int = 0
    fail_share: float = 0.0
    failures: Sequence[str] = FAILURES
    malformed_share: float = 0.0
    mutators: Sequence[Callable[[dict[str, Any]], Any]] = MUTATORS
    stale_share: float = 0.0
    drip_s: float = 0.0
    oversized: bool = False
    raw_answer: bytes | None = None
    observations: bool = True
    ready: bool | None = True
    clock_offset_s: float = 0.0
    token: str | None = None


@dataclass
class HfiServer(Loopback):
    """The server; a context manager that listens inside. `delay_field` is the one that it reads.

    `respond` makes of the faults in force an observation without timestamp. `received` has every request, `log` is a
    file that gets them as lines of JSON.
    """

    port: int = 0
    delay_field: str = "fixed_delay_ms"
    respond: Callable[[Sequence[Fault]], dict[str, Any]] = landscape
    knobs: Knobs = field(default_factory=Knobs)
    log: Path | None = None
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._guard = threading.RLock()
        self._policies: dict[str, tuple[dict[str, Any], list[Fault], float]] = {}
        self._observed = 0

    def handler(self) -> type[Handler]:
        return Handler

    def now(self) -> datetime:
        """By its own clock."""
        return datetime.now(UTC) + timedelta(seconds=self.knobs.clock_offset_s)

    def active(self) -> dict[str, dict[str, Any]]:
        """The policies in force by name; those past their expiry are gone."""
        with self._guard:
            now = time.monotonic()
            self._policies = {name: entry for name, entry in self._policies.items() if entry[2] > now}
            return {name: document for name, (document, _, _) in self._policies.items()}

    def injected(self) -> list[Received]:
        """What was asked to be put in force by trials: all but the fault of almost nothing of a first look."""
        posts = self.requests("POST")
        return [post for post in posts if post.body["metadata"]["name"].split("-")[2] != "0000"]

    def faults(self) -> list[Fault]:
        """The rules in force."""
        with self._guard:
            self.active()
            return [fault for _, faults, _ in self._policies.values() for fault in faults]

    def apply(self, document: Any) -> None:
        """Put a policy in force; raises RefusedError for what the wire forbids."""
        faults = read_policy(document, delay_field=self.delay_field)
        longest_s = max(fault.duration_seconds for fault in faults)
        expires = time.monotonic() + longest_s if longest_s > 0 else float("inf")
        with self._guard:
            self._policies[document["metadata"]["name"]] = (document, faults, expires)

    def clear(self, name: str) -> bool:
        """Whether it was there."""
        with self._guard:
            return self._policies.pop(name, None) is not None

    def observation(self) -> Any:
        """The observation of this moment, spoiled or stale where the knobs say so."""
        with self._guard:
            self._observed += 1
            chance = random.Random(f"{self.knobs.seed} observation {self._observed}")
        made_at = self.now()
        if chance.random() < self.knobs.stale_share:
            made_at -= timedelta(hours=1)
        observation = {**self.respond(self.faults()), "timestamp": made_at.isoformat()}
        if chance.random() < self.knobs.malformed_share:
            return chance.choice(self.knobs.mutators)(observation)
        return observation

    def record(self, request: Received) -> str | None:
        """Note the request; how it is to fail, if it is."""
        with self._guard:
            self.received.append(request)
            chance = random.Random(f"{self.knobs.seed} request {len(self.received)}")
        return chance.choice(self.knobs.failures) if chance.random() < self.knobs.fail_share else None

    def write_log(self, request: Received) -> None:
        if self.log is not None:
            entry = {"method": request.method, "path": request.path, "status": request.status, "body": request.body}
            with self._guard, self.log.open("a") as file:
                file.write(json.dumps(entry) + "\n")

    def requests(self, method: str, path: str = "") -> list[Received]:
        """Those received with this method, whose path begins so."""
        return [each for each in self.received if each.method == method and each.path.startswith(path)]


def main() -> None:
    parser = argparse.ArgumentParser(description="A server that keeps to the HFI wire.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-field", choices=["fixed_delay", "fixed_delay_ms"], default="fixed_delay_ms")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fail-share", type=float, default=0.0)
    parser.add_argument("--malformed-share", type=float, default=0.0)
    parser.add_argument("--stale-share", type=float, default=0.0)
    parser.add_argument("--no-observations", action="store_true")
    parser.add_argument("--token")
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()
    knobs = Knobs(
        seed=given.seed,
        fail_share=given.fail_share,
        malformed_share=given.malformed_share,
        stale_share=given.stale_share,
        observations=not given.no_observations,
        token=given.token,
    )
    with HfiServer(port=given.port, delay_field=given.delay_field, knobs=knobs, log=given.log) as server:
        print(server.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
