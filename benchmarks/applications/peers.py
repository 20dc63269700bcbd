"""Who proposes the next point, knowing nothing of an application but its search space and what its trials showed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from boifi_core.models import Point, RawObservation
from boifi_core.space import SearchSpace


@dataclass(frozen=True)
class Told:
    """What a trial came to: its point, what was seen, and how severe that is (0 to 10); worked out when it is asked."""

    point: Point
    observe: Callable[[], RawObservation]
    judge: Callable[[RawObservation], float]

    @cached_property
    def observation(self) -> RawObservation:
        return self.observe()

    @cached_property
    def severity(self) -> float:
        return self.judge(self.observation)


Proposer = Callable[[Told | None], Point]
"""Told of the last trial (None before the first), gives the next point."""

Peer = Callable[[SearchSpace, int], Proposer]
"""Makes a proposer for a search space, from a seed."""

HIGH = 0.8
"""High percentages are in the upper fifth of what the space allows."""


def uniform(space: SearchSpace, seed: int) -> Proposer:
    """Each trial drawn from the space, whatever the others showed."""
    random = np.random.default_rng(seed)
    return lambda _: space.sample(random, 1)[0]


def high_percentages(space: SearchSpace, seed: int) -> Proposer:
    """The same, of faults that hit nearly all requests."""
    raised = space.dump()
    dimensions: list[dict[str, Any]] = raised["dimensions"]
    for each in dimensions:
        if each["name"].rpartition(".")[2] == "percentage":
            each["min"] = round(each["min"] + HIGH * (each["max"] - each["min"]))
    return uniform(SearchSpace.parse(raised), seed)


PEERS: Mapping[str, Peer] = {"uniform": uniform, "high percentages": high_percentages}
"""By name; one that is added here is measured too."""
