"""What every pass works on: faults that show a failure, whether others show it too, and which are the simpler ones."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from boifi_core.faults import kinds
from boifi_core.faults.kinds import Scale
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import FailureMode, Threshold
from boifi_core.history.readings import plans_key
from boifi_core.models import Dimension, Trial

Plans = tuple[FaultPlan, ...]

HARDLY_FEWER = 0.8
"""What this share of the requests does not show, the rest would hardly bring out either."""


class Unknown(Exception):
    """Whether these faults show the failure must be measured first."""

    def __init__(self, plans: Plans) -> None:
        super().__init__(plans)
        self.plans = plans


def simplicity(plans: Plans) -> tuple[Any, ...]:
    """The order in which faults are simpler, the simplest first; of two faults that both show a failure it is the less.

    Fewer come before all else: what is said of one fault says little of another. Then milder ones, since from where on
    a service breaks is what people ask. Then narrower ones: one method, a longer path. How many requests they meet
    comes last: a share only says how often it shows.
    """
    return (
        len(plans),
        [plan.strength for plan in plans],
        [(plan.target_method is None, -len(plan.target_path)) for plan in plans],
        [plan.percentage for plan in plans],
    )


def replaced(plans: Plans, index: int, field: str, value: object) -> Plans:
    """The same faults, but for one field of one of them."""
    return (*plans[:index], plans[index].model_copy(update={field: value}), *plans[index + 1 :])


class Base:
    """One failure's fault, as far as it was made smaller.

    Attributes:
        plans: the smallest faults known to show the failure.
        needs_typical: whether the typical requests must show it, or any.
        mode: the failure.
        trials: all that are known.
        dimensions: of the search space.
        floors: the smallest values that the space allows, by the plan's field; one that is not searched has none.
        thresholds, dropped: what was found on the way, for `MinimalFault`.
    """

    def __init__(
        self,
        plans: Plans,
        mode: FailureMode,
        trials: Sequence[Trial],
        home: Mapping[int, str],
        dimensions: Sequence[Dimension],
    ) -> None:
        self.plans = plans
        self.mode = mode
        self.trials = trials
        self.dimensions = dimensions
        self.floors = _floors(dimensions)
        self.needs_typical = mode.worst not in mode.faint
        self.thresholds: list[Threshold] = []
        self.dropped: list[str] = []
        self._home = home

    def shows(self, plans: Plans) -> bool:
        """Whether these faults show the failure, by most of their readings.

        Raises:
            Unknown: there are none, or as many that show it as others.
        """
        seen = [self.is_shown_by(trial) for trial in self.readings(plans)]
        if 2 * sum(seen) == len(seen):
            raise Unknown(plans)
        return 2 * sum(seen) > len(seen)

    def is_shown_by(self, trial: Trial) -> bool:
        """Whether one trial showed the failure, in the same kinds of request."""
        shows = self._home.get(trial.trial) == self.mode.label and trial.trial not in self.mode.fewer_kinds
        return shows and not (self.needs_typical and trial.trial in self.mode.faint)

    def readings(self, plans: Plans) -> list[Trial]:
        """All trials of these faults."""
        key = plans_key(plans)
        return [trial for trial in self.trials if plans_key(trial.plans) == key]

    def at_the_place(self, plan: FaultPlan) -> list[tuple[FaultPlan, bool]]:
        """The trials with a fault of this one's kind at its place, and whether each showed it; none beside others."""
        if len(self.plans) > 1:
            return []
        here = place(plan)
        return [
            (trial.plans[0], self.is_shown_by(trial))
            for trial in self.trials
            if len(trial.plans) == 1 and place(trial.plans[0]) == here
        ]

    def mildest_seen(self, index: int) -> float | None:
        """The mildest fault at the same place that showed it, however many requests it met: a good place to look."""
        seen = self.at_the_place(self.plans[index])
        return min((float(other.strength) for other, shows in seen if shows), default=None)


def place(plan: FaultPlan) -> tuple[Hashable, ...]:
    """What faults have in common that differ only in how much of them there is, and in their methods."""
    own = tuple(getattr(plan, field.name) for field in plan.kind.fields if field is not plan.kind.milder)
    headers = tuple(sorted(plan.headers.items()))
    return plan.fault_type, plan.target_service, plan.target_path, headers, plan.start_delay_ms, own


def _floors(dimensions: Sequence[Dimension]) -> dict[str, float]:
    floors = {}
    for dimension in dimensions:
        word = dimension.name.rpartition(".")[2]
        field = kinds.field_of(word)
        if isinstance(field, Scale):
            lowest = dimension.low if dimension.low is not None else field.mildest(_numbers(dimension))
            if lowest is not None:
                floors[field.name] = float(lowest * field.factor(word))
    return floors


def _numbers(dimension: Dimension) -> list[float]:
    return [value for value in dimension.values if isinstance(value, (int, float)) and not isinstance(value, bool)]
