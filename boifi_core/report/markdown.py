"""The report for people, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from boifi_core.history.readings import give_or_take, times
from boifi_core.models import RawObservation, Trial
from boifi_core.report.advice import advice
from boifi_core.report.facts import ReportInput, TriedFault, kinds, overview, pareto_front, tried_faults, why
from boifi_core.report.failures import failures
from boifi_core.report.influence import Group, Influence, influences
from boifi_core.report.reasons import expected, tried_because
from boifi_core.report.steps import step_times, troubles
from boifi_core.report.tables import code, code_cell, counted, escape, number, numbers, percent, plain, table
from boifi_core.report.text_chart import chart

_WORST = 10
_FRONT = 12
_GROUPS = 12
_PAIRS = 5

_GOOD_R2 = 0.5
"""Below this, the model explains less than half of the differences."""


def markdown(report: ReportInput) -> str:
    """The whole report. Text from the target and the user is shown as text, whatever it contains."""
    found = tried_faults(report)
    sections = [
        f"# {escape(report.name)}: what the faults did",
        table(
            ["Session", code_cell(report.session_id)], [(what, escape(fact)) for what, fact in overview(report, found)]
        ),
        "## The worst fault\n\n" + _best(report, found),
        "## How it fails\n\n" + failures(report.catalogue),
        "## Severity over the trials\n\n" + _curve(report.trials),
        f"## The {_WORST} worst faults\n\n" + _worst(report, found),
        "## Pareto front of the three scores\n\n" + _front(found),
        "## What each dimension did\n\n" + _dimensions(report),
        "## Time per step\n\n" + _steps(report.trials),
        "## Errors\n\n" + _errors(report.trials),
        "## What to try next\n\n" + _list(advice(report)),
    ]
    return "\n\n".join(sections) + "\n"


def _best(report: ReportInput, found: Sequence[TriedFault]) -> str:
    if not found:
        return "No trial was scored."
    best = found[0]
    bug, performance, structure = best.scores
    measured = f"measured {times(len(best.severities))}{_range(best)}{_expected(report, best)}"
    scores = f"bugs {bug:.1f}, performance {performance:.1f}, structure {structure:.1f}"
    parts = [
        f"**{escape(best.fault)}**",
        f"Severity **{best.severity:.1f}**, {measured}. In trial {best.trial.trial}: {scores}.",
        f"Why: {escape(why(best, report))}.",
    ]
    reason = tried_because(best.first)
    if reason is not None:
        parts.append(f"Tried first in trial {best.first.trial}: {escape(reason)}.")
    if best.trial.observation is not None:
        parts.append(_beside_baseline(best.trial.observation, report.baseline))
    if best.score.breakdown:
        points = ", ".join(f"{code(name)} {value:.3g}" for name, value in best.score.breakdown.items())
        parts.append(f"Points given: {points}.")
    if best.is_of_point:
        point = ", ".join(code(f"{name}: {value}") for name, value in best.trial.point.items())
        parts.append(f"The point: {point or 'empty'}.")
    again = f"boifi replay {report.session_id[:8]} {best.trial.trial}{report.out}"
    parts.append(f"To see it again, as long as the target is there:\n\n```\n{plain(again)}\n```")
    return "\n\n".join(parts)


def _range(tried: TriedFault) -> str:
    if len(tried.severities) == 1:
        return ""
    return f" ({min(tried.severities):.1f} to {max(tried.severities):.1f})"


def _expected(report: ReportInput, tried: TriedFault) -> str:
    told = expected(report, tried)
    return "" if told is None else f"; by all trials together the model takes it for {give_or_take(*told)}"


def _beside_baseline(seen: RawObservation, baseline: RawObservation | None) -> str:
    rows = zip(
        ["Most frequent status", "Latency, ms", "Failed requests"], _measured(baseline), _measured(seen), strict=True
    )
    return table(["", "without a fault", "with it"], rows, right=(1, 2))


def _measured(observation: RawObservation | None) -> list[str]:
    """Status, latency and error rate for cells."""
    if observation is None:
        return ["–"] * 3
    rate = observation.error_rate
    status = "–" if observation.status_code is None else str(observation.status_code)
    return [status, number(observation.latency_ms), "–" if rate is None else f"{rate * 100:.1f} %"]


def _curve(trials: Sequence[Trial]) -> str:
    if not trials:
        return "No trial was made."
    legend = (
        "Each column is a trial: `*` the worst so far, `o` another one, `-` the highest severity so far, "
        "`x` a trial without a score."
    )
    return f"```\n{chart([trial.severity for trial in trials])}\n```\n\n{legend}"


def _worst(report: ReportInput, found: Sequence[TriedFault]) -> str:
    if not found:
        return "No trial was scored."
    intro = (
        "Of faults with the same types at the same places the worst stands for all; `alike` says how many were scored."
    )
    rows = [
        [
            str(place),
            number(tried.severity),
            times(len(tried.severities)),
            str(tried.trial.trial),
            str(alike),
            escape(tried.fault),
            escape(why(tried, report)),
            escape(tried_because(tried.first) or "–"),
        ]
        for place, (tried, alike) in enumerate(kinds(found)[:_WORST], 1)
    ]
    head = ["#", "severity", "measured", "trial", "alike", "fault", "why", "why it was tried"]
    return f"{intro}\n\n{table(head, rows, right=(0, 1, 3, 4))}"


def _front(found: Sequence[TriedFault]) -> str:
    front = pareto_front(found)
    if not front:
        return "No trial was scored."
    intro = "No other fault is worse than one of these in one score without being milder in another."
    rows = [[*map(number, tried.scores), str(tried.trial.trial), escape(tried.fault)] for tried in front]
    more = f"\n\nAnd {counted(len(rows) - _FRONT, 'more fault')}." if len(rows) > _FRONT else ""
    head = ["bugs", "performance", "structure", "trial", "fault"]
    return f"{intro}\n\n{table(head, rows[:_FRONT], right=(0, 1, 2, 3))}{more}"


def _dimensions(report: ReportInput) -> str:
    found = influences(report.trials, report.dimensions)
    shares = sorted(found, key=lambda influence: -(influence.share or 0.0))
    by_model = dict(report.importance.dimensions) if report.importance else {}
    shares.sort(key=lambda influence: -by_model.get(influence.name, 0.0))
    rows = [
        [code_cell(influence.name), percent(influence.share), percent(by_model.get(influence.name))]
        for influence in shares
    ]
    intro = (
        "How much of the differences in severity goes along with each dimension alone (–: too few trials to tell). "
        "Among the trials: the search prefers bad values, so take these as hints. By the model: what it expects over "
        "the whole space, tried or not."
    )
    overall = table(["dimension", "among the trials", "by the model"], rows, right=(1, 2))
    return "\n\n".join([intro, overall, *_model(report), *map(_one_dimension, found)])


def _model(report: ReportInput) -> list[str]:
    """Which dimensions act together, and how far the model is to be believed."""
    parts = []
    if report.importance is not None and report.importance.pairs:
        named = [f"{code(one)} with {code(other)} {percent(share)}" for one, other, share in report.importance.pairs]
        parts.append(f"Only together, beyond what each does alone: {', '.join(named[:_PAIRS])}.")
    if report.accuracy is not None:
        worth = "" if report.accuracy >= _GOOD_R2 else " That is poor: take what it says as a guess."
        parts.append(
            f"How well the model predicts a trial from all others: R² {report.accuracy:.2f} "
            f"(1: exactly; 0: no better than their mean).{worth}"
        )
    return parts


def _one_dimension(influence: Influence) -> str:
    tried = [group for group in influence.groups if group.n]
    shown = sorted(tried, key=lambda group: -(group.mean or 0.0)) if len(tried) > _GROUPS else tried
    rows = [_group_row(group) for group in shown[:_GROUPS]]
    notes = []
    if len(shown) > _GROUPS:
        notes.append(f"{counted(len(shown) - _GROUPS, 'milder value')} left out")
    if len(tried) < len(influence.groups):
        notes.append(f"{counted(len(influence.groups) - len(tried), 'value')} never scored")
    if influence.n_absent:
        notes.append(f"absent in {counted(influence.n_absent, 'scored trial')}")
    body = table([code_cell(influence.name), "trials", "mean", "highest"], rows, right=(1, 2, 3)) if rows else ""
    note = f"{code(influence.name)}: {', '.join(notes)}." if notes else ""
    return "\n\n".join(filter(None, [body, note]))


def _group_row(group: Group) -> list[str]:
    return [escape(group.label), str(group.n), number(group.mean), number(group.highest)]


def _steps(trials: Sequence[Trial]) -> str:
    times = step_times(trials)
    if not times:
        return "No step was timed."
    rows = [
        [time.step, str(time.n), number(time.median_ms), number(time.p95_ms), number(time.total_s)] for time in times
    ]
    whole_ms = median((trial.finished_at - trial.started_at).total_seconds() * 1000 for trial in trials)
    head = ["step", "trials", "median, ms", "95th percentile, ms", "in all, s"]
    return f"{table(head, rows, right=(1, 2, 3, 4))}\n\nA whole trial took {whole_ms:.0f} ms (median)."


def _errors(trials: Sequence[Trial]) -> str:
    found = troubles(trials)
    if not trials:
        return "No trial was made."
    if not found:
        return "None: every trial was scored on sound data."
    rows = [
        [str(len(trouble.trials)), trouble.status, escape(trouble.reason), numbers(trouble.trials)] for trouble in found
    ]
    return table(["trials", "what", "reason", "which"], rows, right=(0,))


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "Nothing in particular."
