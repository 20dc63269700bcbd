"""The policies in force, and how they come and go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo.mesh.envoy import Envoy, RoutesRefused
from demo.mesh.policy import Policy, PolicyRefused, Rule
from demo.mesh.routes import SLOTS

_IDLE_S = 2.0
_POLL_S = 0.01


@dataclass(frozen=True)
class _Held:
    policy: Policy
    as_given: dict[str, Any]
    expiry: asyncio.TimerHandle | None


class Faults:
    """The policies of one mesh, by name; every change returns when it shows on the wire."""

    def __init__(self, envoy: Envoy) -> None:
        self._envoy = envoy
        self._held: dict[str, _Held] = {}
        self._one_change = asyncio.Lock()
        self._expiring: set[asyncio.Task[bool]] = set()
        self.changed_at = datetime.now(UTC)
        """When the latest change was complete."""

    def list(self) -> list[dict[str, Any]]:
        """Every policy in force, as it was given."""
        return [held.as_given for held in self._held.values()]

    def get(self, name: str) -> dict[str, Any] | None:
        """The policy of this name, as it was given."""
        held = self._held.get(name)
        return None if held is None else held.as_given

    async def put(self, policy: Policy, as_given: dict[str, Any]) -> None:
        """Put a policy in force, in place of the one of its name; its time begins anew.

        Raises:
            PolicyRefused: there are too many faults, or Envoy cannot take this one. What was in force still is.
        """
        async with self._one_change:
            others = {name: held for name, held in self._held.items() if name != policy.name}
            rules = _rules(others) + list(policy.rules)
            if len(rules) > SLOTS:
                raise PolicyRefused(f"at most {SLOTS} faults at a time, this would make {len(rules)}")
            try:
                await self._envoy.apply(rules)
            except RoutesRefused as error:
                raise PolicyRefused(f"Envoy cannot take it: {error}") from None
            self._end_expiry(policy.name)
            self._held = {**others, policy.name: _Held(policy, as_given, self._expiry(policy))}
            self.changed_at = datetime.now(UTC)

    async def remove(self, name: str) -> bool:
        """Take a policy out of force, and wait until none of its faults holds a request; False if there is none."""
        async with self._one_change:
            if name not in self._held:
                return False
            others = {other: held for other, held in self._held.items() if other != name}
            await self._envoy.apply(_rules(others))
            self._end_expiry(name)
            self._held = others
            if not others:
                await self._idle()
            self.changed_at = datetime.now(UTC)
            return True

    async def close(self) -> None:
        """Let no policy expire any more."""
        for name in self._held:
            self._end_expiry(name)
        for task in self._expiring:
            task.cancel()

    async def _idle(self) -> None:
        """Taking a fault out of force does not free the requests that it holds: wait for them, but not for ever."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _IDLE_S
        while loop.time() < end and await self._envoy.active_faults() > 0:
            await asyncio.sleep(_POLL_S)

    def _expiry(self, policy: Policy) -> asyncio.TimerHandle | None:
        if policy.duration_s == 0:
            return None
        return asyncio.get_running_loop().call_later(policy.duration_s, self._expire, policy.name)

    def _expire(self, name: str) -> None:
        task = asyncio.create_task(self.remove(name))
        self._expiring.add(task)
        task.add_done_callback(self._expiring.discard)

    def _end_expiry(self, name: str) -> None:
        held = self._held.get(name)
        if held is not None and held.expiry is not None:
            held.expiry.cancel()


def _rules(held: dict[str, _Held]) -> list[Rule]:
    return [rule for each in held.values() for rule in each.policy.rules]
