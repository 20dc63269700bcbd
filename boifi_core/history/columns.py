"""A trial as one row of a session's history, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import TypeAdapter

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import (
    Aftermath,
    Choice,
    Control,
    Dimension,
    RawObservation,
    SeenCall,
    SeverityScore,
    StepDurations,
    Trial,
)

VERSION = "7"
"""Of the columns; in every part's metadata under `boifi_history`."""

TIMESTAMP = pa.timestamp("us", tz="UTC")

BEFORE_POINT = {
    "session_id": pa.string(),
    "trial": pa.int64(),
    "status": pa.string(),
    "reason": pa.string(),
    "phase": pa.string(),
    "started_at": TIMESTAMP,
    "finished_at": TIMESTAMP,
    "severity": pa.float64(),
    "bug_score": pa.float64(),
    "performance_score": pa.float64(),
    "structure_score": pa.float64(),
    "predicted_mean": pa.float64(),
    "predicted_std": pa.float64(),
    "status_code": pa.int64(),
    "latency_ms": pa.float64(),
    "error_rate": pa.float64(),
    "plans": pa.string(),
}
STEPS = tuple(StepDurations.model_fields)
AFTER_POINT = {
    **dict.fromkeys(STEPS, pa.float64()),
    "observation": pa.string(),
    "breakdown": pa.string(),
    "fallback": pa.string(),
    "why": pa.string(),
    "control": pa.string(),
    "retries": pa.int64(),
    "unobserved": pa.string(),
    "in_force_ms": pa.float64(),
    "gone_ms": pa.float64(),
    "calls": pa.string(),
    "held_ms": pa.float64(),
    "healed_ms": pa.float64(),
    "aftermath": pa.string(),
}
"""`breakdown`, `fallback` and `unobserved` are the score's, `why` is why it was chosen, `control` the fault-free run,
`calls` are the observation's, `aftermath` is what stayed; all JSON."""

_ADDED = (
    {"why"},
    {"control"},
    {"retries"},
    {"unobserved", "in_force_ms", "gone_ms"},
    {"calls"},
    {"held_ms", "healed_ms", "aftermath"},
)
LATER = tuple(set().union(*_ADDED[n:]) for n in range(len(_ADDED)))
"""The columns that histories of version 1, 2, … are without."""

_PLANS = TypeAdapter(tuple[FaultPlan, ...])
_CALLS = TypeAdapter(tuple[SeenCall, ...])
_INT64 = range(-(2**63), 2**63)


def schema(dimensions: Sequence[Dimension]) -> pa.Schema:
    """The columns of a history over these dimensions, in order."""
    point = {f"point.{dimension.name}": column_type(dimension) for dimension in dimensions}
    columns = {**BEFORE_POINT, **point, **AFTER_POINT}
    return pa.schema(list(columns.items()), metadata={"boifi_history": VERSION})


def is_earlier(columns: pa.Schema, dimensions: Sequence[Dimension]) -> bool:
    """Whether these are the columns that a history over these dimensions had in an earlier version."""
    now = schema(dimensions)
    return any(columns.equals(pa.schema([field for field in now if field.name not in later])) for later in LATER)


def column_type(dimension: Dimension) -> pa.DataType:
    """The dimension's own type; text, as JSON, where its categories have no common one."""
    if dimension.type == "integer":
        return pa.int64()
    if dimension.type == "real":
        return pa.float64()
    kinds = {type(value) for value in dimension.values}
    if kinds == {str}:
        return pa.string()
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int} and all(value in _INT64 for value in dimension.values):
        return pa.int64()
    return pa.float64() if kinds == {float} else pa.string()


def is_json(dimension: Dimension) -> bool:
    """Whether the column holds JSON text for want of a common type."""
    return column_type(dimension) == pa.string() and any(not isinstance(value, str) for value in dimension.values)


def row(trial: Trial, dimensions: Sequence[Dimension]) -> dict[str, Any]:
    """One value for each column; None where there is none."""
    score, seen = trial.score, trial.observation
    cells: dict[str, Any] = {
        "session_id": trial.session_id,
        "trial": trial.trial,
        "status": trial.status.value,
        "reason": trial.reason,
        "phase": trial.phase,
        "started_at": trial.started_at,
        "finished_at": trial.finished_at,
        "predicted_mean": trial.predicted_mean,
        "predicted_std": trial.predicted_std,
        "plans": _PLANS.dump_json(trial.plans, exclude_none=True).decode(),
        **{step: getattr(trial.durations, step) for step in STEPS},
        "why": None if trial.why is None else trial.why.model_dump_json(),
        "control": None if trial.control is None else trial.control.model_dump_json(),
        "retries": trial.retries,
        "in_force_ms": trial.in_force_ms,
        "gone_ms": trial.gone_ms,
        "held_ms": trial.held_ms,
        "healed_ms": trial.healed_ms,
        "aftermath": None if trial.aftermath is None else trial.aftermath.model_dump_json(),
    }
    for dimension in dimensions:
        if dimension.name in trial.point:
            value = trial.point[dimension.name]
            cells[f"point.{dimension.name}"] = _dumps(value) if is_json(dimension) else value
    if score is not None:
        cells |= {
            "severity": score.total_score,
            "bug_score": score.bug_score,
            "performance_score": score.performance_score,
            "structure_score": score.structure_score,
            "breakdown": _dumps(score.breakdown),
            "fallback": _dumps(score.fallback),
            "unobserved": _dumps(score.unobserved),
        }
    if seen is not None:
        cells |= {
            "status_code": seen.status_code,
            "latency_ms": seen.latency_ms,
            "error_rate": seen.error_rate,
            "observation": seen.model_dump_json(exclude={"calls"}),
            "calls": _CALLS.dump_json(seen.calls).decode() if seen.calls else None,
        }
    return cells


def trial_from(cells: Mapping[str, Any], dimensions: Sequence[Dimension]) -> Trial:
    """The trial that `row` was given.

    Raises:
        ValueError, KeyError: the cells are no trial's.
    """
    point = {}
    for dimension in dimensions:
        value = cells[f"point.{dimension.name}"]
        if value is not None:
            point[dimension.name] = json.loads(value) if is_json(dimension) else value
    score, why, control, aftermath = None, cells.get("why"), cells.get("control"), cells.get("aftermath")
    if cells["severity"] is not None:
        score = SeverityScore(
            total_score=cells["severity"],
            bug_score=cells["bug_score"],
            performance_score=cells["performance_score"],
            structure_score=cells["structure_score"],
            breakdown=json.loads(cells["breakdown"]),
            fallback=json.loads(cells["fallback"]),
            unobserved=json.loads(cells.get("unobserved") or "[]"),
        )
    return Trial(
        session_id=cells["session_id"],
        trial=cells["trial"],
        status=cells["status"],
        reason=cells["reason"],
        phase=cells["phase"],
        started_at=cells["started_at"],
        finished_at=cells["finished_at"],
        point=point,
        plans=_PLANS.validate_json(cells["plans"]),
        observation=_observation(cells),
        score=score,
        predicted_mean=cells["predicted_mean"],
        predicted_std=cells["predicted_std"],
        durations=StepDurations(**{step: cells[step] for step in STEPS}),
        why=None if why is None else Choice.model_validate_json(why),
        control=None if control is None else Control.model_validate_json(control),
        retries=cells.get("retries") or 0,
        in_force_ms=cells.get("in_force_ms"),
        gone_ms=cells.get("gone_ms"),
        held_ms=cells.get("held_ms"),
        healed_ms=cells.get("healed_ms"),
        aftermath=None if aftermath is None else Aftermath.model_validate_json(aftermath),
    )


def _observation(cells: Mapping[str, Any]) -> RawObservation | None:
    if cells["observation"] is None:
        return None
    seen = RawObservation.model_validate_json(cells["observation"])
    calls = cells.get("calls")
    return seen if calls is None else seen.model_copy(update={"calls": _CALLS.validate_json(calls)})


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
