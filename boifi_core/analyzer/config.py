"""Weights and thresholds of the analyzer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator
from typing_extensions import TypedDict  # pydantic reads typing's own only from Python 3.12 on

from boifi_core.errors import InvalidInput
from boifi_core.models import Value
from boifi_core.validation import invalid_input

Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Weights(TypedDict, total=False):
    """Share of each dimension in the total; only their ratios matter."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    bug: Weight
    perf: Weight
    struct: Weight


DEFAULT_WEIGHTS = Weights(bug=10.0, perf=2.0, struct=5.0)


class AnalyzerConfig(Value):
    """What the three scorers measure against.

    `weights` that are left out keep their default. `baseline_latency_ms` is what is normal and `threshold_latency_ms`
    what is just acceptable. `span_increase_threshold` is a share (0.5: half as many spans again),
    `edit_distance_threshold` a number of operations; both must be exceeded to count.
    """

    weights: Weights = Field(default=DEFAULT_WEIGHTS, validate_default=True)
    baseline_latency_ms: float = Field(default=200.0, gt=0)
    threshold_latency_ms: float = Field(default=1000.0, gt=0)
    span_increase_threshold: float = Field(default=0.5, ge=0)
    edit_distance_threshold: int = Field(default=2, ge=0)

    @field_validator("weights")
    @classmethod
    def _fill_in(cls, weights: Weights) -> Weights:
        return {**DEFAULT_WEIGHTS, **weights}

    @model_validator(mode="after")
    def _baseline_below_threshold(self) -> Self:
        if self.baseline_latency_ms >= self.threshold_latency_ms:
            raise ValueError(
                f"baseline_latency_ms must be below threshold_latency_ms, "
                f"got {self.baseline_latency_ms:g} and {self.threshold_latency_ms:g}"
            )
        return self

    @classmethod
    def parse(cls, data: Any, *, field: str = "analyzer") -> AnalyzerConfig:
        """Read a mapping; raises `InvalidInput` with `field` in front of the path."""
        try:
            return cls.model_validate({} if data is None else data)
        except ValidationError as error:
            raise invalid_input(error, field, cls) from None

    @classmethod
    def from_yaml(cls, path: str | Path) -> AnalyzerConfig:
        """Read a YAML file: the fields themselves, or under `analyzer`.

        Raises:
            InvalidInput: no such file, no YAML, or a field that cannot be.
        """
        try:
            data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise InvalidInput(str(path), f"cannot be read ({error.strerror})") from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(str(path), f"must be YAML ({' '.join(str(error).split())})") from None
        if isinstance(data, dict) and "analyzer" in data:
            return cls.parse(data["analyzer"])
        return cls.parse(data, field="")
