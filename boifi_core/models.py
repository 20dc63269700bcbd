"""The values that are handed on: frozen, checked when made, JSON in and out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from pydantic import AwareDatetime, Field

from boifi_core.faults.plan import FaultPlan
from boifi_core.value import Value

Point = dict[str, Any]
"""A point of the search space: dimension name to value; a dimension that does not apply is absent."""


class Dimension(Protocol):
    """What is known of a dimension of the search space wherever trials are told of."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def values(self) -> Sequence[Any]: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def log_scale(self) -> bool: ...


def _is_none(value: object) -> bool:
    return value is None


def _is_nothing(value: object) -> bool:
    return not value


class SeenCall(Value):
    """One call over the traces of a window that were fetched: who asks whom for what, how often, and how that ended.

    It is named by what its spans say, with the ids that only a target's other traces tell from words; by its session's
    names see `analyzer.seen`. `peer` and `asked` are whom its sender says that it asks, and what for; `received`,
    whether the one that was asked has a span of it.

    `seen` is how often it was made, `failed` how often that ended in an error; of those the failure `began` here (no
    call below it failed, nor was it cut off with its caller) with an answer that was `refused`, or that was `given_up`
    for want of one. `statuses` is how often each came: HTTP's, or its protocol's word for a failure. `tries` is how
    often one caller tried it at most. `longest_ms` is the longest it took; `gave_up_ms` are waits after which a caller
    gave up, ascending, ten that lie evenly where there were more. `share` is the share of the traces in which it is
    made, 0 to 1.
    """

    caller: str
    callee: str | None
    operation: str
    peer: str | None = Field(default=None, exclude_if=_is_none)
    asked: str | None = Field(default=None, exclude_if=_is_none)
    received: bool = True
    seen: int = Field(ge=1)
    failed: int = Field(default=0, ge=0, exclude_if=_is_nothing)
    began: int = Field(default=0, ge=0, exclude_if=_is_nothing)
    refused: int = Field(default=0, ge=0, exclude_if=_is_nothing)
    given_up: int = Field(default=0, ge=0, exclude_if=_is_nothing)
    statuses: dict[str, int] = Field(default={}, max_length=20, exclude_if=_is_nothing)
    tries: int = Field(default=1, ge=1)
    longest_ms: float | None = Field(default=None, ge=0)
    gave_up_ms: tuple[float, ...] = Field(default=(), max_length=10, exclude_if=_is_nothing)
    share: float = Field(gt=0, le=1)


MOST_CALLS = 2_000
"""Calls of a window that an observation keeps."""


class RawObservation(Value):
    """What was seen of the target in one measuring window.

    `status_code` is the most frequent one, `latency_ms` in milliseconds, `error_rate` 0 to 1, `timestamp` the window's
    start. A field that was missing or unusable is None, and `degraded` says why, one reason each. `trace_data` is the
    trace that stands for the whole, as JSON in any format that `boifi_core.traces` reads; `traces` has one for each
    kind of request, by kind, where the observer tells kinds apart, and `trace_kind` is the kind of `trace_data`.
    `quantiles_ms` are latencies by name (`p50`). `statuses` is how often each status came, by kind of request, where
    the observer tells kinds apart. `calls` are those of all the traces of the window that were fetched: of
    `traces_seen` of its `requests`. `broken` is how many answers broke each thing that was expected of them, in words,
    by kind of request; such a request has failed, and `wrong_rate` is the share of those whose status was good.
    `good_statuses` are those of 400 and above that were expected.
    """

    status_code: int | None = Field(default=None, ge=100, le=599)
    latency_ms: float | None = Field(default=None, ge=0)
    error_rate: float | None = Field(default=None, ge=0, le=1)
    logs: tuple[str, ...] = ()
    trace_data: str | None = None
    timestamp: AwareDatetime
    trace_kind: str | None = None
    traces: dict[str, str] = Field(default={})
    quantiles_ms: dict[str, float] = Field(default={})
    degraded: tuple[str, ...] = ()
    statuses: dict[str, dict[int, int]] = Field(default={}, exclude_if=_is_nothing)
    calls: tuple[SeenCall, ...] = Field(default=(), max_length=MOST_CALLS, exclude_if=_is_nothing)
    traces_seen: int | None = Field(default=None, ge=0, exclude_if=_is_none)
    requests: int | None = Field(default=None, ge=0, exclude_if=_is_none)
    broken: dict[str, dict[str, int]] = Field(default={}, exclude_if=_is_nothing)
    wrong_rate: float = Field(default=0.0, ge=0, le=1, exclude_if=_is_nothing)
    good_statuses: tuple[int, ...] = Field(default=(), exclude_if=_is_nothing)

    @property
    def tells_nothing(self) -> bool:
        """Whether it has not one sound field: then it is no observation of anything."""
        numbers = (self.status_code, self.latency_ms, self.error_rate)
        return all(number is None for number in numbers) and not (self.logs or self.trace_data or self.traces)

    def is_bad(self, status: int) -> bool:
        """Whether a request with this status failed by it."""
        return status >= 400 and status not in self.good_statuses

    @property
    def failed_rate(self) -> float | None:
        """The share of requests that failed otherwise than by what was expected of their answers; 0 to 1."""
        return None if self.error_rate is None else max(0.0, self.error_rate - self.wrong_rate)

    def broken_shares(self) -> dict[tuple[str, str], float]:
        """By kind of request and what was expected of it, the share of its requests whose answers broke that."""
        return {
            (kind, words): n / total
            for kind, counts in self.broken.items()
            if (total := sum(self.statuses.get(kind, {}).values()))
            for words, n in counts.items()
        }


def status_class(status: int) -> int:
    """1 to 5, as HTTP has them; a 304 says that what the client has is good, which is as well as a 200."""
    return 2 if status == 304 else status // 100


def most_frequent(statuses: Mapping[int, int]) -> int:
    """The status that stands for these counts: the most frequent of those that most requests share.

    All that failed (400 and above) are together there, and those that did not by their class: 200 and 201 are equally
    well. Of equally frequent ones the highest.
    """
    shared: dict[int, int] = {}
    for status, count in statuses.items():
        fate = min(status_class(status), 4)
        shared[fate] = shared.get(fate, 0) + count
    most = max(shared, key=lambda fate: (shared[fate], fate))
    alike = [status for status in statuses if min(status_class(status), 4) == most]
    return max(alike, key=lambda status: (statuses[status], status))


class SeverityScore(Value):
    """How bad it was, 0 to 10, in all and in the three dimensions.

    `breakdown` has the parts of each dimension for the reader (`bug.status_5xx`, `struct.span_increase`).
    `fallback` names the dimensions whose scorer failed: such a score is neutral, and neither trains nor wins.
    `unobserved` names those that nothing was seen of: they are left out of the total. Before it was kept they were not.
    """

    total_score: float = Field(ge=0, le=10)
    bug_score: float = Field(ge=0, le=10)
    performance_score: float = Field(ge=0, le=10)
    structure_score: float = Field(ge=0, le=10)
    breakdown: dict[str, float] = Field(default={})
    fallback: tuple[str, ...] = ()
    unobserved: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)


class TrialStatus(StrEnum):
    """`scored` and `degraded` carry a score; `skipped` timed out; `failed` broke otherwise."""

    SCORED = "scored"
    DEGRADED = "degraded"
    SKIPPED = "skipped"
    FAILED = "failed"


class Phase(StrEnum):
    """Why a trial was made: the phases of today; a trial may have another that somebody added."""

    SETTLE = "settle"
    SCREEN = "screen"
    INITIAL = "initial"
    SEARCH = "search"
    CONFIRM = "confirm"
    MINIMISE = "minimise"
    REPLAY = "replay"


class StepDurations(Value):
    """Wall time of each of a trial's steps, milliseconds; None where the step was not reached."""

    propose_ms: float | None = None
    apply_ms: float | None = None
    observe_ms: float | None = None
    score_ms: float | None = None
    record_ms: float | None = None


class Near(Value):
    """An earlier trial like the one proposed: its number, and how severe it was."""

    trial: int = Field(ge=1)
    severity: float


class Choice(Value):
    """Why a fault was tried.

    `reason` is what the trial was for: `initial`, `known`, `explore`, `probe`, `improve`, `confirm`, `remaining`, by
    the optimizer; `sample`, drawn by chance alone; `verify`, to see whether a failure shows again, and `minimise`,
    whether a smaller fault shows it too.
    `promise` is the acquisition function's value, None where it did not decide. `nearest` are the most similar trials
    known then, most similar first; of `verify` and `minimise` it is the one trial whose failure is looked for.
    """

    reason: str
    promise: float | None = None
    nearest: tuple[Near, ...] = ()


class Control(Value):
    """A fault-free run just before a trial, and how severe the analyzer takes it for."""

    observation: RawObservation
    severity: float = Field(ge=0, le=10)


class Aftermath(Control):
    """What a fault left behind: the last window in which the target was watched, and still not as before.

    It began `after_ms` milliseconds after the fault was gone. `is_down` says that a session could not go on so.
    """

    after_ms: float = Field(ge=0)
    is_down: bool = False


class Trial(Value):
    """One experiment, whole: what was proposed, what was sent, what was seen, how bad it was, and how long it took.

    `trial` counts from 1; 0 is the settling trial, which no budget, model or finding knows. `plans` are as sent (after
    the injector's rounding). `why` is None where nobody chose the point (a replay), and in histories from before it was
    kept. `control` is the fault-free run just before it, where there was one: that which a confirming trial is
    interleaved with, or the window in which the target was seen to be back. The plans of a `minimise` trial are smaller
    than those of its point. `retries` is how often injector and observer were asked again after an answer that was no
    good. `in_force_ms` and `gone_ms` are from the injector's answers until the fault counted as in force, and until it
    counted as gone; None where neither was waited for. `held_ms` is how long its faults were in force, where they were
    held for longer than its window took. Where the target was watched afterwards, `healed_ms` is from when the fault
    was gone until the beginning of the first window that was as before; where there was none in time, `aftermath` is
    what stayed.
    """

    session_id: str
    trial: int = Field(ge=0)
    status: TrialStatus
    reason: str | None = None
    phase: str = Field(pattern=r"^[a-z_]+$")
    started_at: AwareDatetime
    finished_at: AwareDatetime
    point: Point
    plans: tuple[FaultPlan, ...] = ()
    observation: RawObservation | None = None
    score: SeverityScore | None = None
    predicted_mean: float | None = None
    predicted_std: float | None = None
    durations: StepDurations = StepDurations()
    why: Choice | None = None
    control: Control | None = None
    retries: int = Field(default=0, ge=0)
    in_force_ms: float | None = Field(default=None, ge=0)
    gone_ms: float | None = Field(default=None, ge=0)
    held_ms: float | None = Field(default=None, ge=0, exclude_if=_is_none)
    healed_ms: float | None = Field(default=None, ge=0, exclude_if=_is_none)
    aftermath: Aftermath | None = Field(default=None, exclude_if=_is_none)

    @property
    def stays_down(self) -> bool:
        """Whether the target did not come back by itself after it."""
        return self.aftermath is not None and self.aftermath.is_down

    @property
    def severity(self) -> float | None:
        """The total score, 0 to 10; None where nothing was scored."""
        return None if self.score is None else self.score.total_score

    @property
    def took_s(self) -> float:
        """From its start to its end by the time of day, seconds; 0 where that was set back between the two."""
        return max(0.0, (self.finished_at - self.started_at).total_seconds())

    @property
    def trains(self) -> bool:
        """Whether the model may learn from it: a real score, with status code and latency sound."""
        return (
            self.score is not None
            and not self.score.fallback
            and self.observation is not None
            and self.observation.status_code is not None
            and self.observation.latency_ms is not None
        )


class SessionStatus(StrEnum):
    """Where a session stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


ENDED = (SessionStatus.COMPLETED, SessionStatus.FAILED)
"""Where a session stands for good."""


class BestResult(Value):
    """The fault that is the worst by all that is known: not the luckiest reading, but the one to expect most of.

    `fault_plans` are all plans of its trial, number `iteration`; of several trials of it, the one nearest to their
    mean, which is `severity_score`. `readings` is how often it was measured. `expected_severity` is what the model
    takes for its severity without noise, give or take `expected_std`; None while there is no model.
    """

    fault_plans: tuple[FaultPlan, ...]
    severity_score: float = Field(ge=0, le=10)
    iteration: int = Field(ge=1)
    readings: int = Field(default=1, ge=1)
    expected_severity: float | None = None
    expected_std: float | None = None


class HistoryEntry(Value):
    """One line of a session's progress: the trial's plans and its score."""

    iteration: int
    fault_plans: tuple[FaultPlan, ...]
    score: SeverityScore | None


class OptimizationProgress(Value):
    """How far a session is and what it has found."""

    current_iteration: int
    total_iterations: int
    best_result: BestResult | None = None
    history: tuple[HistoryEntry, ...] = ()


class Residual(Value):
    """What a session's free draws tell of the failures that none of its trials has shown yet.

    Of `draws` faults drawn by chance alone, and scored, `failed` showed a failure: `modes` different ones, `new` of
    which no trial before had shown. `estimate` is the chance that the next free draw shows a failure not seen yet (Good
    and Turing), `upper` its upper limit at `level`. `left_at_least` is a lower bound of how many failures were not seen
    yet (Chao 1).
    """

    draws: int = Field(ge=1)
    failed: int = Field(ge=0)
    modes: int = Field(ge=0)
    new: int = Field(ge=0)
    estimate: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)
    level: float = Field(gt=0, lt=1)
    left_at_least: float = Field(ge=0)


class SessionState(Value):
    """A session as others see it; derived from its history, never the other way round.

    `remarks` say which phases were left out, or over before the budget was, one line each, and why. `left` is what its
    free draws tell of the failures not seen yet, None without any.
    """

    session_id: str
    name: str
    status: SessionStatus
    reason: str | None = None
    created_at: datetime
    updated_at: datetime
    progress: OptimizationProgress
    error_message: str | None = None
    errors: tuple[str, ...] = ()
    remarks: tuple[str, ...] = Field(default=(), exclude_if=lambda remarks: not remarks)
    left: Residual | None = Field(default=None, exclude_if=lambda left: left is None)
