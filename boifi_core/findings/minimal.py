"""The smallest fault that still shows a failure, step by step: fewer faults, narrower, shorter, then fewer requests.

What is asked next follows from the history alone, so that a session that was killed goes on where it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import MINIMISE, FactKind, FailureMode, MinimalFault, Threshold
from boifi_core.findings.region import Dimension
from boifi_core.history.readings import plans_key
from boifi_core.models import Phase, Trial

Plans = tuple[FaultPlan, ...]

MOST_TRIALS = 14
"""More than so many are not spent on one failure."""

CLOSE_ENOUGH = {"delay_ms": 0.16, "percentage": 0.7}
"""A threshold is known when what fails and what holds differ by no more than this share of what fails.

The middle between them is then within a tenth of a delay's true threshold. That of a percentage chance blurs anyway.
"""

_BLANK = {"delay_ms": 1, "percentage": 0.0}
"""Stand for any value where faults are compared but for one field."""

_UNITS = {"delay_ms": "ms", "percentage": "%"}
_ALL_METHODS = frozenset({"", "*", "ALL", "ANY"})
_NEARLY = 0.9
"""A trial with this share of its failure's severity is nearly as bad."""

_HARDLY_FEWER = 0.8
"""What this share of the requests does not show, the rest would hardly bring out either."""

_SEEN_OUTSIDE = frozenset({FactKind.STATUS, FactKind.LOG, FactKind.LATENCY})
"""What is known of a failure without any trace."""

_SURE = 2
"""Readings of the smallest fault."""


@dataclass(frozen=True)
class Question:
    """A fault of which must be known whether it shows the failure of the trial `start`."""

    start: int
    plans: Plans


class _Open(Exception):
    def __init__(self, plans: Plans) -> None:
        self.plans = plans


def question(
    mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], dimensions: Sequence[Dimension]
) -> Question | None:
    """What to try next for this failure; None where its smallest fault is known, or too much was tried."""
    shrinking = _Shrinking(mode, trials, home, dimensions)
    if shrinking.plans is None or shrinking.open is None or shrinking.tried >= MOST_TRIALS:
        return None
    return Question(shrinking.start, shrinking.open)


def minimal_fault(
    mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], dimensions: Sequence[Dimension]
) -> MinimalFault | None:
    """The smallest fault known to show this failure; None where none was looked for.

    Args:
        trials: those with a real score, by number.
        home: the failure that each trial showed, by its id.
        dimensions: of the search space; they bound how small a fault may be.
    """
    if not any(_began_with(trial, home) == mode.id for trial in trials):
        return None
    shrinking = _Shrinking(mode, trials, home, dimensions)
    if shrinking.plans is None:
        return None
    shown = [trial for trial in shrinking.readings(shrinking.plans) if home.get(trial.trial) == mode.id]
    if not shown:
        return None
    return MinimalFault(
        trial=shown[0].trial,
        plans=shown[0].plans,
        severity=fmean(trial.severity or 0.0 for trial in shown),
        thresholds=tuple(shrinking.thresholds),
        dropped=tuple(shrinking.dropped),
        tried=shrinking.tried,
        is_finished=shrinking.open is None,
    )


class _Shrinking:
    """How far one failure's fault was made smaller.

    Attributes:
        start: the number of the trial that it began with.
        plans: the smallest known to show the failure; None where there is nothing to begin with.
        open: the fault to try next; None where all is known.
    """

    def __init__(
        self, mode: FailureMode, trials: Sequence[Trial], home: Mapping[int, str], dimensions: Sequence[Dimension]
    ) -> None:
        self._mode = mode
        self._trials = trials
        self._home = home
        self._floors = _floors(dimensions)
        self._dimensions = dimensions
        self._needs_typical = mode.worst not in mode.faint
        self.thresholds: list[Threshold] = []
        self.dropped: list[str] = []
        made = [trial for trial in trials if _began_with(trial, home) == mode.id]
        self.tried = len(made)
        self.start = made[0].why.nearest[0].trial if made and made[0].why else _clearest(mode, trials)
        first = next((trial for trial in trials if trial.trial == self.start), None)
        self.plans = None if first is None or not first.plans else first.plans
        self.open: Plans | None = None
        if self.plans is None:
            return
        try:
            self._shrink()
        except _Open as unknown:
            self.open = unknown.plans

    @property
    def _is_untraced(self) -> bool:
        facts = self._mode.signature
        return bool(facts) and all(fact.kind in _SEEN_OUTSIDE and fact.request is None for fact in facts)

    def readings(self, plans: Plans) -> list[Trial]:
        """All trials of these faults."""
        key = plans_key(plans)
        return [trial for trial in self._trials if plans_key(trial.plans) == key]

    def _is_shown(self, trial: Trial) -> bool:
        shows = self._home.get(trial.trial) == self._mode.id
        return shows and not (self._needs_typical and trial.trial in self._mode.faint)

    def _shrink(self) -> None:
        begun = self._best
        self._drop_faults()
        for index in range(len(self._best)):
            self._shorten(index)
        # Of fewer requests, some still show it when the typical ones do not any more; but where no call tells that it
        # is this failure, that most of them fail is all that does.
        self._needs_typical &= self._is_untraced
        self._all_at_once()
        for index in range(len(self._best)):
            self._narrow(index)
            self._thin_out(index)
        if plans_key(self._best) != plans_key(begun) and len(self.readings(self._best)) < _SURE:
            raise _Open(self._best)

    @property
    def _best(self) -> Plans:
        assert self.plans is not None
        return self.plans

    def _shows(self, plans: Plans) -> bool:
        """By most of its readings; asks for one more where they are even."""
        seen = [self._is_shown(trial) for trial in self.readings(plans)]
        if 2 * sum(seen) == len(seen):
            raise _Open(plans)
        return 2 * sum(seen) > len(seen)

    def _drop_faults(self) -> None:
        """Leave out one fault after the other: what is left needs each of its faults (1-minimal).

        Source: Zeller & Hildebrandt (2002), Simplifying and isolating failure-inducing input, IEEE Trans. Software
        Engineering 28, 183-200; with the two or three faults of a trial, halves are single faults.
        """
        index = 0
        while len(self._best) > 1 and index < len(self._best):
            fewer = self._best[:index] + self._best[index + 1 :]
            if self._shows(fewer):
                self.dropped.append(str(self._best[index]))
                self.plans = fewer
            else:
                index += 1

    def _all_at_once(self) -> None:
        """Narrower, and with the fewest requests that the space allows: often that shows it, and all is said."""
        begun = self._best
        narrower = {index: left[0] for index in range(len(begun)) if (left := self._narrower(index))}
        for index, narrow in narrower.items():
            self.plans = self._with(index, *narrow)
        for index, plan in enumerate(begun):
            self.plans = self._with(index, "percentage", min(plan.percentage, self._least_percentage))
        least, self.plans = self._best, begun
        if plans_key(least) != plans_key(begun) and self._shows(least):
            for index, narrow in narrower.items():
                self._drop_what_is_beside(index, *narrow)
            self.plans = least

    def _narrow(self, index: int) -> None:
        """Fewer methods, a longer path, where the search space names any."""
        asked: set[tuple[str, str]] = set()
        while left := [candidate for candidate in self._narrower(index) if candidate not in asked]:
            asked.add(left[0])
            if self._shows(self._with(index, *left[0])):
                self._drop_what_is_beside(index, *left[0])

    def _narrower(self, index: int) -> list[tuple[str, str]]:
        """The narrower methods and paths that may show it, as fields to replace."""
        candidates = _narrower(self._best[index], self._dimensions)
        return [candidate for candidate in candidates if not self._is_ruled_out(index, *candidate)]

    def _drop_what_is_beside(self, index: int, field: str, value: str) -> None:
        wide = "other methods" if field == "target_method" else self._best[index].target_path
        self.dropped.append(f"{wide} beside {value}")
        self.plans = self._with(index, field, value)

    def _is_ruled_out(self, index: int, field: str, value: str) -> bool:
        """Whether no trial of the narrower fault showed it, although one that is as strong was made."""
        plan = self._best[index]
        seen = self._of_the_call(index, plan.model_copy(update={field: value}))
        narrow = [(other, shows) for other, shows in seen if getattr(other, field) == value]
        shortest = self._shortest_seen(index) or 0.0
        return not any(shows for _, shows in narrow) and any(
            (other.delay_ms or 0) >= shortest and other.percentage >= _HARDLY_FEWER * plan.percentage
            for other, _ in narrow
        )

    def _shorten(self, index: int) -> None:
        """The shortest delay, by bisection between what fails and the longest that is known to hold."""
        if self._best[index].delay_ms is None or "delay_ms" not in self._floors:
            return
        self._meet_more(index)
        self._bisect(index, "delay_ms", max(1.0, self._floors["delay_ms"]))

    def _meet_more(self, index: int) -> None:
        """As many requests as any trial met: of few, a failure shows by chance, and its threshold would be chance."""
        most = max((plan.percentage for trial in self._trials for plan in trial.plans), default=0.0)
        if "percentage" in self._floors and self._best[index].percentage < _HARDLY_FEWER * most:
            stronger = self._with(index, "percentage", most)
            if self._shows(stronger):
                self.plans = stronger

    def _thin_out(self, index: int) -> None:
        """The smallest percentage; the least that the space allows is tried first, since most failures show there."""
        if "percentage" in self._floors:
            floor = self._least_percentage
            if self._best[index].percentage > floor:
                self._shows(self._with(index, "percentage", floor))
            self._bisect(index, "percentage", floor)

    @property
    def _least_percentage(self) -> float:
        return max(1.0, float(round(self._floors.get("percentage", 100.0))))

    def _bisect(self, index: int, field: str, floor: float) -> None:
        """Ask halfway between what fails and what holds, until they are close; both are measured in the end."""
        while True:
            fails, holds, is_measured = self._bracket(index, field, floor)
            self.plans = self._with(index, field, fails)
            if fails <= floor:
                self._found(index, field, fails, None)
                return
            if not _is_close(field, fails, holds):
                # Shares of requests are told apart by their ratio.
                middle = (fails + holds) / 2 if field == "delay_ms" else math.sqrt(fails * holds)
                least = holds if is_measured else holds - 1
                guess = self._guess(index, fails, least) if field == "delay_ms" else None
                self._shows(self._with(index, field, guess or float(round(middle))))
            elif is_measured:
                self._found(index, field, fails, holds)
                return
            else:
                # It may be known from a trial of more requests or methods only.
                self._shows(self._with(index, field, holds))

    def _bracket(self, index: int, field: str, floor: float) -> tuple[float, float, bool]:
        """The smallest value that fails, the largest below it that holds, and whether that was measured with the rest.

        Failing begins where the fewest readings of these faults contradict it: one that chance made odd does not
        outweigh several. Of two such values the larger one is taken, since what lies between may fail in another way.
        """
        now = float(getattr(self._best[index], field))
        below = {value: said for value, said in self._measured(index, field).items() if value < now}
        mostly = {value: 2 * sum(said) - len(said) for value, said in below.items()}

        def contradicted(least: float) -> int:
            return sum(shows != (value >= least) for value, said in below.items() for shows in said)

        fail = [now, *(value for value in below if mostly[value] > 0)]
        fails = min(fail, key=lambda value: (contradicted(value), -value))
        held = [value for value in below if value < fails and mostly[value] < 0]
        told = [value for value in self._held(index) if value < fails] if field == "delay_ms" else []
        holds = max([*held, *told, floor])
        return fails, holds, holds in held

    def _measured(self, index: int, field: str) -> dict[float, list[bool]]:
        """Whether each reading of these faults showed it, by the value of this field."""
        pattern = plans_key(self._with(index, field, _BLANK[field]))
        said: dict[float, list[bool]] = {}
        for trial in self._trials:
            if len(trial.plans) == len(self._best):
                value = getattr(trial.plans[index], field)
                other = trial.plans[index].model_copy(update={field: _BLANK[field]})
                if plans_key((*trial.plans[:index], other, *trial.plans[index + 1 :])) == pattern and value is not None:
                    said.setdefault(float(value), []).append(self._is_shown(trial))
        return said

    def _found(self, index: int, field: str, fails: float, holds: float | None) -> None:
        label = f"{self._best[index].target_service or self._best[index].target_path} {field}"
        self.thresholds.append(
            Threshold(
                dimension=field if len(self._best) == 1 else label,
                fails_at=fails,
                holds_at=holds,
                unit=_UNITS[field],
            )
        )

    def _with(self, index: int, field: str, value: object) -> Plans:
        whole = int(value) if field == "delay_ms" and isinstance(value, float) else value
        smaller = self._best[index].model_copy(update={field: whole})
        return (*self._best[:index], smaller, *self._best[index + 1 :])

    def _held(self, index: int) -> list[float]:
        """Delays of the same call that did not show the failure, although hardly fewer requests had them."""
        plan = self._best[index]
        return [
            float(other.delay_ms or 0)
            for other, shows in self._of_the_call(index, plan)
            if not shows
            and other.target_method in (None, plan.target_method)
            and other.percentage >= _HARDLY_FEWER * plan.percentage
        ]

    def _guess(self, index: int, fails: float, least: float) -> float | None:
        """A delay between these at which the threshold may be: the shortest seen, or a time-out that was run into.

        A delay as long as the time-out exceeds it, and so does one that is shorter by what the call takes anyway.
        """
        waited = {round(fact.value) for fact in self._mode.signature if fact.kind is FactKind.TIMES_OUT and fact.value}
        seen = self._shortest_seen(index)
        just_below = math.ceil((1 - CLOSE_ENOUGH["delay_ms"]) * fails) if fails in waited else None
        guesses = [*sorted(waited, reverse=True), just_below, seen]
        return next((float(guess) for guess in guesses if guess is not None and least < guess < fails), None)

    def _shortest_seen(self, index: int) -> float | None:
        """The shortest delay of the same call that showed it, with whatever percentage: a good place to look."""
        seen = self._of_the_call(index, self._best[index])
        return min((float(other.delay_ms or 0) for other, shows in seen if shows), default=None)

    def _of_the_call(self, index: int, plan: FaultPlan) -> list[tuple[FaultPlan, bool]]:
        """The trials with a fault at the place of this one, alone and of its type, and whether each showed it."""
        if len(self._best) > 1:
            return []
        return [
            (trial.plans[0], self._is_shown(trial))
            for trial in self._trials
            if len(trial.plans) == 1 and _call(trial.plans[0]) == _call(plan)
        ]


def _call(plan: FaultPlan) -> tuple[object, ...]:
    return (
        plan.fault_type,
        plan.target_service,
        plan.target_path,
        plan.headers,
        plan.start_delay_ms,
        plan.abort_status_code,
    )


def _clearest(mode: FailureMode, trials: Sequence[Trial]) -> int:
    """The trial to begin with: of those nearly as bad as the worst, by the same faults, one that met most requests.

    A failure that strikes few of them shows by chance, and so would its threshold.
    """
    by_number = {trial.trial: trial for trial in trials}
    worst = by_number.get(mode.worst)
    if worst is None:
        return mode.worst
    alike = [
        trial
        for number in mode.trials
        if (trial := by_number.get(number)) is not None
        and trial.phase not in (Phase.MINIMISE, Phase.REPLAY)
        and _places(trial.plans) == _places(worst.plans)
        and (trial.severity or 0.0) >= _NEARLY * mode.severity
    ]
    return min(
        [worst, *alike], key=lambda trial: (-sum(plan.percentage for plan in trial.plans), trial is not worst)
    ).trial


def _places(plans: Plans) -> list[tuple[str, str, str]]:
    return sorted((plan.fault_type, plan.target_service or "", plan.target_path) for plan in plans)


def _began_with(trial: Trial, home: Mapping[int, str]) -> str | None:
    """The failure that the trial was to show with a smaller fault, if it was made for that."""
    if trial.why is None or trial.why.reason != MINIMISE or not trial.why.nearest:
        return None
    return home.get(trial.why.nearest[0].trial)


def _is_close(field: str, fails: float, holds: float) -> bool:
    return fails - holds <= max(1.0, CLOSE_ENOUGH[field] * fails)


def _floors(dimensions: Sequence[Dimension]) -> dict[str, float]:
    """The smallest values that the space allows, by the plan's field; a field that is not searched has none."""
    floors = {}
    for dimension in dimensions:
        field = dimension.name.rpartition(".")[2]
        factor = 1000.0 if field == "delay_seconds" else 1.0
        lowest = dimension.low if dimension.low is not None else _lowest(dimension)
        if field in ("delay_ms", "delay_seconds", "percentage") and lowest is not None:
            floors["percentage" if field == "percentage" else "delay_ms"] = lowest * factor
    return floors


def _lowest(dimension: Dimension) -> float | None:
    numbers = [value for value in dimension.values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    return float(min(numbers)) if numbers else None


def _narrower(plan: FaultPlan, dimensions: Sequence[Dimension]) -> list[tuple[str, str]]:
    """The methods and paths of the space that are part of the plan's, as fields to replace."""
    found = []
    for dimension in dimensions:
        field = dimension.name.rpartition(".")[2]
        values = [value for value in dimension.values if isinstance(value, str)]
        if field == "target_method" and plan.target_method is None:
            found += [("target_method", value) for value in values if value.upper() not in _ALL_METHODS]
        elif field in ("target_path", "api") and not plan.target_path.startswith("^"):
            found += [
                ("target_path", value)
                for value in values
                if value != plan.target_path and value.startswith(plan.target_path)
            ]
    return list(dict.fromkeys(found))
