"""The values that are handed on: frozen, checked when made, JSON in and out."""

from __future__ import annotations

import math
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, field_validator, model_validator

Point = dict[str, Any]
"""A point of the search space: dimension name to value; a dimension that does not apply is absent."""


class Value(BaseModel):
    """Base of all values: frozen, and no field that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FaultType(StrEnum):
    """What is done to a request; read in any case."""

    DELAY = "delay"
    ABORT = "abort"
    ERROR_INJECTION = "error_injection"
    RATE_LIMIT = "rate_limit"

    @classmethod
    def _missing_(cls, value: object) -> FaultType | None:
        if not isinstance(value, str):
            return None
        return next((member for member in cls if member.value == value.lower()), None)


OTHER_NAMES = {
    "api": "target_path",
    "abort_http_status": "abort_status_code",
    "error_type": "error_message",
}
"""Names that other tools use for fields of a `FaultPlan`; `delay_seconds` is read too, times 1000."""

OWN_FIELDS: dict[FaultType, frozenset[str]] = {
    FaultType.DELAY: frozenset({"delay_ms"}),
    FaultType.ABORT: frozenset({"abort_status_code"}),
    FaultType.ERROR_INJECTION: frozenset({"abort_status_code", "error_message"}),
    FaultType.RATE_LIMIT: frozenset(),
}
"""Which of the type-specific fields a fault type reads; the others are ignored."""

_TYPE_FIELDS = frozenset().union(*OWN_FIELDS.values())


class FaultPlan(Value):
    """One fault: what is done, to which requests, to what share of them.

    `target_path` is a prefix unless it begins with `^`, then a regular expression. `target_method` None means all
    methods, `target_service` None every workload. `percentage` is the share of the matching requests, 0 to 100.
    `duration_seconds` is the policy's own expiry, `start_delay_ms` a wait within the request before the fault.
    `parameters` are for injectors that know them.
    """

    fault_type: FaultType
    target_path: Annotated[str, Field(min_length=1)] = "/"
    target_method: str | None = None
    target_service: str | None = None
    headers: dict[str, str] = {}
    percentage: float = Field(default=100.0, ge=0, le=100)
    delay_ms: int | None = Field(default=None, gt=0)
    abort_status_code: int | None = Field(default=None, ge=200, le=599)
    error_message: str | None = None
    duration_seconds: int | None = Field(default=None, gt=0)
    start_delay_ms: int = Field(default=0, ge=0)
    parameters: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _read_other_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = dict(data)
        for other, name in OTHER_NAMES.items():
            if other in data:
                if name in data:
                    raise ValueError(f"{other} and {name} are the same field; give one")
                data[name] = data.pop(other)
        if "delay_seconds" in data:
            if "delay_ms" in data:
                raise ValueError("delay_seconds and delay_ms are the same field; give one")
            data["delay_ms"] = seconds_to_ms(data.pop("delay_seconds"))
        try:
            own = OWN_FIELDS[FaultType(data["fault_type"])]
        except (KeyError, ValueError):
            return data
        return {name: value for name, value in data.items() if name not in _TYPE_FIELDS or name in own}

    @field_validator("target_service")
    @classmethod
    def _every_service(cls, service: str | None) -> str | None:
        return None if service in ("", "*") else service

    @field_validator("target_method")
    @classmethod
    def _upper_case(cls, method: str | None) -> str | None:
        if method is None or method.upper() in {"", "*", "ALL", "ANY"}:
            return None
        return method.upper()

    @model_validator(mode="after")
    def _has_its_own_fields(self) -> Self:
        if self.fault_type is FaultType.DELAY and self.delay_ms is None:
            raise ValueError("delay_ms is required for a delay")
        if self.fault_type in (FaultType.ABORT, FaultType.ERROR_INJECTION) and self.abort_status_code is None:
            object.__setattr__(self, "abort_status_code", 500)
        return self

    def __repr__(self) -> str:
        return f"FaultPlan({self})"

    def __str__(self) -> str:
        """One line for people: `delay 250 ms on POST payments/charge, 80 %`."""
        what = self.fault_type.value.replace("_", " ")
        if self.delay_ms is not None:
            what += f" {self.delay_ms} ms"
        if self.abort_status_code is not None:
            what += f" {self.abort_status_code}"
        if self.error_message is not None:
            what += f" {self.error_message!r}"
        if self.start_delay_ms:
            what += f" after {self.start_delay_ms} ms"
        gap = " " if self.target_path.startswith("^") and self.target_service else ""
        where = f"{self.target_service or ''}{gap}{self.target_path}"
        method = f"{self.target_method} " if self.target_method else ""
        who = "".join(f", {name}: {value}" for name, value in self.headers.items())
        return f"{what} on {method}{where}{who}, {self.percentage:g} %"


def seconds_to_ms(seconds: Any) -> Any:
    """Seconds as whole milliseconds; what is no number passes through, for validation to name."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        return seconds
    return round(seconds * 1000)


class RawObservation(Value):
    """What was seen of the target in one measuring window.

    `status_code` is the most frequent one, `latency_ms` in milliseconds, `error_rate` 0 to 1, `timestamp` the window's
    start. A field that was missing or unusable is None, and `degraded` says why, one reason each. `trace_data` is the
    trace that stands for the whole, as JSON in any format that `boifi_core.traces` reads; `traces` has one for each
    kind of request, by kind, where the observer tells kinds apart, and `trace_kind` is the kind of `trace_data`.
    `quantiles_ms` are latencies by name (`p50`).
    """

    status_code: int | None = Field(default=None, ge=100, le=599)
    latency_ms: float | None = Field(default=None, ge=0)
    error_rate: float | None = Field(default=None, ge=0, le=1)
    logs: tuple[str, ...] = ()
    trace_data: str | None = None
    timestamp: AwareDatetime
    trace_kind: str | None = None
    traces: dict[str, str] = {}
    quantiles_ms: dict[str, float] = {}
    degraded: tuple[str, ...] = ()


class SeverityScore(Value):
    """How bad it was, 0 to 10, in all and in the three dimensions.

    `breakdown` has the parts of each dimension for the reader (`bug.status_5xx`, `struct.span_increase`).
    `fallback` names the dimensions whose scorer failed: such a score is neutral, and neither trains nor wins.
    """

    total_score: float = Field(ge=0, le=10)
    bug_score: float = Field(ge=0, le=10)
    performance_score: float = Field(ge=0, le=10)
    structure_score: float = Field(ge=0, le=10)
    breakdown: dict[str, float] = {}
    fallback: tuple[str, ...] = ()


class TrialStatus(StrEnum):
    """`scored` and `degraded` carry a score; `skipped` timed out; `failed` broke otherwise."""

    SCORED = "scored"
    DEGRADED = "degraded"
    SKIPPED = "skipped"
    FAILED = "failed"


class Phase(StrEnum):
    """Why a trial was made."""

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
    the optimizer; `verify`, to see whether a failure shows again, and `minimise`, whether a smaller fault shows it too.
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


class Trial(Value):
    """One experiment, whole: what was proposed, what was sent, what was seen, how bad it was, and how long it took.

    `trial` counts from 1. `plans` are as sent (after the injector's rounding). `why` is None where nobody chose the
    point (a replay), and in histories from before it was kept. `control` is the fault-free run that a confirming trial
    was interleaved with. The plans of a `minimise` trial are smaller than those of its point. `retries` is how often
    injector and observer were asked again after an answer that was no good.
    """

    session_id: str
    trial: int = Field(ge=1)
    status: TrialStatus
    reason: str | None = None
    phase: Phase
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

    @property
    def severity(self) -> float | None:
        """The total score, 0 to 10; None where nothing was scored."""
        return None if self.score is None else self.score.total_score

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

    @property
    def fault_plan(self) -> FaultPlan | None:
        """The first of the plans; None where the trial injected nothing."""
        return self.fault_plans[0] if self.fault_plans else None


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


class SessionState(Value):
    """A session as others see it; derived from its history, never the other way round."""

    session_id: str
    name: str
    status: SessionStatus
    reason: str | None = None
    created_at: datetime
    updated_at: datetime
    progress: OptimizationProgress
    error_message: str | None = None
    errors: tuple[str, ...] = ()
