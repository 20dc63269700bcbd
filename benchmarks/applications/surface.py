"""What the planting of weaknesses has to know of an application: who is patient, who is seen, who is asked often."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from benchmarks.applications.graph import reached_calls, typical_ms
from benchmarks.applications.model import Application, Call


class Surface:
    """An application as it is now, looked at from outside.

    Attributes:
        usual_ms: how long each operation usually takes.
        fronts: the operations that customers ask for.
        has_pairs: whether its search space allows two faults at once.
        taken: the calls that a weakness depends on.
    """

    def __init__(self, made: Application) -> None:
        self._made = made
        self.usual_ms = typical_ms(made)
        self.fronts = {kind.operation: kind.weight for kind in made.kinds}
        self.has_pairs = any("." in each["name"] for each in made.space["dimensions"])
        self.taken = {number for weakness in made.weaknesses for number in weakness.touches}
        self._incoming: dict[int, list[Call]] = defaultdict(list)
        for call in reached_calls(made):
            self._incoming[call.callee].append(call)
        self._requests = self._shares()
        self._seen: dict[int, bool] = {}

    def incoming(self, operation: int) -> list[Call]:
        """The calls by which others ask for it and wait for the answer."""
        return [call for call in self._incoming[operation] if not call.is_message]

    def patience_ms(self, operation: int) -> float | None:
        """How long the most patient of those waits who ask for it; None where nobody waits."""
        waits = [call.timeout_ms for call in self.incoming(operation)]
        if operation in self.fronts:
            waits.append(self._made.timeout_ms)
        return max(waits, default=None)

    def is_seen(self, operation: int) -> bool:
        """Whether some customers see it when this operation fails."""
        if operation not in self._seen:
            self._seen[operation] = operation in self.fronts or any(
                "wrong" not in call.copes_with and not call.swallows and self.is_seen(call.caller)
                for call in self.incoming(operation)
            )
        return self._seen[operation]

    def requests(self, call: int) -> float:
        """In what share of the requests a call is made, about."""
        return self._requests.get(call, 0.0)

    def a_leaf(self, call: Call, random: Random) -> int | None:
        """An operation that can be asked in this call's place: one that asks nobody, of another service."""
        taken = {self._made.operations[number].service for number in (call.caller, call.callee)}
        reached = {each.callee for each in reached_calls(self._made) if not each.is_message}
        found = [
            number
            for number in sorted(reached)
            if not self._made.operations[number].calls
            and self._made.operations[number].method == "GET"
            and self._made.operations[number].service not in taken
            and self.usual_ms[number] < 15
        ]
        return random.choice(found) if found else None

    def _shares(self) -> dict[int, float]:
        total = sum(self.fronts.values())
        found: dict[int, float] = defaultdict(float)

        def go(operation: int, share: float) -> None:
            for number in self._made.operations[operation].calls:
                call = self._made.calls[number]
                found[number] += share * call.share
                if not call.is_message:
                    go(call.callee, share * call.share)

        for operation, weight in self.fronts.items():
            go(operation, weight / total)
        return found
