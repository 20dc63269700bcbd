"""What the page's charts show, as values that JSON can hold."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from boifi_core.history.readings import rankable
from boifi_core.models import Dimension, Trial
from boifi_core.report.curves import Curve
from boifi_core.report.facts import ReportInput, fault_text
from boifi_core.report.influence import influences
from boifi_core.report.sections.course import incumbents
from boifi_core.report.sections.dimensions import through_text

_LONGEST = 200


def chart_data(report: ReportInput) -> dict[str, Any]:
    """The trials, the dimensions as axes, the model's curves, and the shares of importance."""
    axes = [Axis(dimension, report.trials) for dimension in report.dimensions]
    curves = {curve.dimension: curve for curve in report.curves}
    by_model = dict(report.importance.dimensions) if report.importance else {}
    shares = influences(report.trials, report.dimensions)
    return {
        "total": report.total_trials,
        "baseline": report.baseline_severity,
        "trials": _trials(report, axes),
        "axes": [axis.data() for axis in axes],
        "curves": [_curve(curves[axis.name], axis, report) if axis.name in curves else None for axis in axes],
        "importance": [{"name": each.name, "model": by_model.get(each.name), "trials": each.share} for each in shares],
    }


def _trials(report: ReportInput, axes: Sequence[Axis]) -> list[dict[str, Any]]:
    counting = {trial.trial for trial in rankable(report.trials)}
    return [
        {
            "n": trial.trial,
            "severity": trial.severity if trial.trial in counting else None,
            "soFar": so_far,
            "phase": trial.phase,
            "status": trial.status.value,
            "mode": mode.label if (mode := report.catalogue.mode_of(trial.trial)) else None,
            "fault": fault_text(trial.plans)[:_LONGEST],
            "point": [axis.place(trial.point[axis.name]) if axis.name in trial.point else None for axis in axes],
        }
        for trial, so_far in zip(report.trials, incumbents(report.trials), strict=True)
    ]


class Axis:
    """A dimension as an axis: numbers stand for themselves, categories for their place on it, from 0."""

    def __init__(self, dimension: Dimension, trials: Sequence[Trial]) -> None:
        self.name = dimension.name
        self._dimension = dimension
        tried = (trial.point[self.name] for trial in trials if self.name in trial.point)
        values = [] if dimension.type != "categorical" else map(_label, [*dimension.values, *tried])
        self._places = {label: place for place, label in enumerate(dict.fromkeys(values))}

    def place(self, value: Any) -> Any:
        return self._places[_label(value)] if self._places else value

    def data(self) -> dict[str, Any]:
        dimension = self._dimension
        if self._places:
            return {"name": self.name, "labels": [label[:_LONGEST] for label in self._places]}
        bounds = {"low": dimension.low, "high": dimension.high, "log": dimension.log_scale}
        return {"name": self.name, "whole": dimension.type == "integer", **bounds}


def _label(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _curve(curve: Curve, axis: Axis, report: ReportInput) -> dict[str, Any]:
    mean, std = np.array(curve.mean), np.array(curve.std)
    return {
        "values": [axis.place(value) for value in curve.values],
        "mean": _finite(curve.mean),
        "low": _finite(np.clip(mean - std, 0, 10).tolist()),
        "high": _finite(np.clip(mean + std, 0, 10).tolist()),
        "average": _finite(curve.average),
        "through": through_text(report, curve)[:_LONGEST],
    }


def _finite(values: Iterable[float]) -> list[float | None]:
    return [round(value, 3) if math.isfinite(value) else None for value in values]
