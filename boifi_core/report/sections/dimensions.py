"""What each dimension did: by the trials, and by the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from boifi_core.errors import counted
from boifi_core.history.readings import point_key
from boifi_core.report.curves import Curve
from boifi_core.report.facts import ReportInput, fault_text
from boifi_core.report.influence import Influence
from boifi_core.report.tables import Table, number, percent

_GROUPS = 24
_PAIRS = 5

_GOOD_R2 = 0.5
"""Below this, the model explains less than half of the differences."""


@dataclass(frozen=True)
class Axis:
    """What is told of one dimension beside its chart."""

    name: str
    about: str
    notes: tuple[str, ...]
    tables: tuple[Table, ...]


def importance(report: ReportInput, found: Sequence[Influence]) -> Table:
    """The share of each dimension in the differences in severity, the largest first."""
    by_model = dict(report.importance.dimensions) if report.importance else {}
    order = sorted(found, key=lambda each: (-by_model.get(each.name, 0.0), -(each.share or 0.0)))
    rows = tuple((each.name, percent(each.share), percent(by_model.get(each.name))) for each in order)
    head = ("dimension", "among the trials", "by the model")
    caption = "How much of the differences in severity goes along with each dimension"
    return Table(caption, head, rows, frozenset({1, 2}), names=0)


def importance_notes(report: ReportInput, named: Callable[[str], str] = str) -> tuple[str, ...]:
    """Which dimensions matter only together, and how far the model can be believed; `named` shows a name."""
    notes = []
    if report.importance is not None and report.importance.pairs:
        worst = report.importance.pairs[:_PAIRS]
        pairs = [f"{named(one)} with {named(other)} {percent(share)}" for one, other, share in worst]
        notes.append(f"Only together, beyond what each does alone: {', '.join(pairs)}.")
    if report.accuracy is not None:
        worth = "" if report.accuracy >= _GOOD_R2 else " That is poor: take what it says as a guess."
        notes.append(
            f"How well the model predicts a trial from all others: R² {report.accuracy:.2f} "
            f"(1: exactly; 0: no better than their mean).{worth}"
        )
    return tuple(notes)


def untold(found: Influence, n_shown: int) -> list[str]:
    """What the table of a dimension's groups does not show, if it shows so many of them."""
    tried = [group for group in found.groups if group.n]
    notes = []
    if len(tried) > n_shown:
        notes.append(f"{counted(len(tried) - n_shown, 'milder value')} left out")
    if len(tried) < len(found.groups):
        notes.append(f"{counted(len(found.groups) - len(tried), 'value')} never scored")
    if found.n_absent:
        notes.append(f"absent in {counted(found.n_absent, 'scored trial')}")
    return notes


def axes(report: ReportInput, found: Sequence[Influence]) -> tuple[Axis, ...]:
    """What is told of each dimension, in the order of the charts."""
    of_dimension = {curve.dimension: curve for curve in report.curves}
    return tuple(_axis(report, each, of_dimension.get(each.name)) for each in found)


def through_text(report: ReportInput, curve: Curve | None) -> str:
    """Around which trial the curve is drawn."""
    if curve is None or curve.through is None:
        return ""
    key = point_key(curve.through)
    trial = next((trial for trial in report.trials if point_key(trial.point) == key), None)
    return "" if trial is None else f"around trial {trial.trial}: {fault_text(trial.plans)}"


def _axis(report: ReportInput, found: Influence, curve: Curve | None) -> Axis:
    tried = sorted((group for group in found.groups if group.n), key=lambda group: -(group.mean or 0.0))
    shown = [group for group in found.groups if group in tried[:_GROUPS]]
    notes = tuple(f"{note[0].upper()}{note[1:]}." for note in untold(found, len(shown)))
    rows = tuple((group.label, str(group.n), number(group.mean), number(group.highest)) for group in shown)
    head = (found.name, "trials", "mean", "highest")
    tables = [Table(f"What the trials show along {found.name}", head, rows, frozenset({1, 2, 3}))] if rows else []
    if curve is not None:
        tables.append(_curve(curve))
    return Axis(found.name, through_text(report, curve), notes, tuple(tables))


def _curve(curve: Curve) -> Table:
    rows = tuple(
        (f"{value:.4g}" if isinstance(value, float) else str(value), _number(mean), _number(std), _number(average))
        for value, mean, std, average in zip(curve.values, curve.mean, curve.std, curve.average, strict=True)
    )
    head = (curve.dimension, "expected", "give or take", "average over the space")
    return Table(f"What the model expects along {curve.dimension}", head, rows, frozenset({1, 2, 3}))


def _number(value: float) -> str:
    return number(None if value != value else value)
