"""Weights and thresholds of the analyzer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from boifi_core.errors import InvalidInput
from boifi_core.models import RawObservation
from boifi_core.value import Value

Latency = Annotated[float, Field(gt=0, le=86_400_000)]

_DEFAULT_BASELINE_MS = 200.0

MARGIN = 1.5
"""`auto` takes for normal what is this times the slowest fault-free observation: another one may well be slower."""

ACCEPTABLE = 5.0
"""`auto` takes for just acceptable this times what is normal, as the default thresholds have it."""

Weight = Annotated[float, Field(gt=0, le=1_000_000_000, allow_inf_nan=False)]


class Weights(TypedDict, total=False):
    """Share of each dimension in the total; only their ratios matter."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    bug: Weight
    perf: Weight
    struct: Weight


DEFAULT_WEIGHTS = Weights(bug=10.0, perf=2.0, struct=5.0)


class AnalyzerConfig(Value):
    """What the three scorers measure against.

    `profile` is how points are given: by the plan's steps, or graded, without any; with `worst` the total is the worst
    of the graded scores, whatever their weights (see `profiles.py`).
    `weights` that are left out keep their default. `baseline_latency_ms` is what is normal and `threshold_latency_ms`
    what is just acceptable; `auto` takes them from the fault-free observations. `span_increase_threshold` is a share
    (0.5: half as many spans again), `edit_distance_threshold` a number of operations; both must be exceeded to count.
    """

    profile: Literal["plan", "graded", "worst"] = "plan"
    weights: Weights = Field(default=DEFAULT_WEIGHTS, validate_default=True)
    baseline_latency_ms: Latency | Literal["auto"] = _DEFAULT_BASELINE_MS
    threshold_latency_ms: Latency | Literal["auto"] = 1000.0
    span_increase_threshold: float = Field(default=0.5, ge=0, le=1_000_000)
    edit_distance_threshold: int = Field(default=2, ge=0, le=1_000_000)

    @field_validator("weights")
    @classmethod
    def _fill_in(cls, weights: Weights) -> Weights:
        return {**DEFAULT_WEIGHTS, **weights}

    @model_validator(mode="after")
    def _baseline_below_threshold(self) -> Self:
        baseline_ms, threshold_ms = self.baseline_latency_ms, self.threshold_latency_ms
        if isinstance(baseline_ms, str) or isinstance(threshold_ms, str) or baseline_ms < threshold_ms:
            return self
        raise ValueError(
            f"baseline_latency_ms must be below threshold_latency_ms, got {baseline_ms:g} and {threshold_ms:g}"
        )

    def limits_ms(self, fault_free: Sequence[RawObservation] = ()) -> tuple[float, float]:
        """What is normal and what just acceptable, with numbers for `auto` from these observations.

        Where no latency is known, the defaults stand for it.

        Raises:
            InvalidInput: the threshold that is set does not fit the normal that was taken from them.
        """
        baseline_ms, threshold_ms = self.baseline_latency_ms, self.threshold_latency_ms
        slowest = max((o.latency_ms for o in fault_free if o.latency_ms), default=_DEFAULT_BASELINE_MS / MARGIN)
        normal_ms = MARGIN * slowest if isinstance(baseline_ms, str) else baseline_ms
        acceptable_ms = ACCEPTABLE * normal_ms if isinstance(threshold_ms, str) else threshold_ms
        if normal_ms >= acceptable_ms:
            rule = f"must be above what is normal by the fault-free observations, {normal_ms:g} ms"
            raise InvalidInput("analyzer.threshold_latency_ms", rule, threshold_ms)
        return normal_ms, acceptable_ms

    def resolved(self, fault_free: Sequence[RawObservation]) -> AnalyzerConfig:
        """The same with `limits_ms` in place of `auto`."""
        normal_ms, acceptable_ms = self.limits_ms(fault_free)
        return self.model_copy(update={"baseline_latency_ms": normal_ms, "threshold_latency_ms": acceptable_ms})
