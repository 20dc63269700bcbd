"""The report for people, as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from boifi_core.errors import counted
from boifi_core.models import RawObservation, Trial
from boifi_core.report.advice import advice
from boifi_core.report.facts import ReportInput, TriedFault, overview, pareto_front, tried_faults, why
from boifi_core.report.failures import failures
from boifi_core.report.influence import Group, Influence, influences
from boifi_core.report.reasons import tried_because
from boifi_core.report.sections import dimensions, faults, session, worst
from boifi_core.report.tables import Table, code, code_cell, escape, number, plain, table
from boifi_core.report.text_chart import chart

_GROUPS = 12


def markdown(report: ReportInput) -> str:
    """The whole report. Text from the target and the user is shown as text, whatever it contains."""
    found = tried_faults(report)
    sections = [
        f"# {escape(report.name)}: what the faults did",
        _told(report),
        "## Weaknesses\n\n" + failures(report.catalogue, report.left),
        "## Severity over the trials\n\n" + _curve(report.trials),
        "## The worst fault\n\n" + _best(report, found),
        f"## The {faults.WORST} worst faults\n\n" + _worst(report, found),
        "## Pareto front of the three scores\n\n" + _front(found),
        "## What each dimension did\n\n" + _dimensions(report),
        "## Time per step\n\n" + _steps(report.trials),
        "## Errors\n\n" + _errors(report.trials),
        "## The session\n\n" + _session(report, found),
        "## What to try next\n\n" + _list(advice(report)),
    ]
    return "\n\n".join(sections) + "\n"


def _told(report: ReportInput) -> str:
    """Which session this is, in a line; the section at the end has all its facts."""
    ended = report.status + (f": {report.reason}" if report.reason else "")
    return f"Session {code(report.session_id)} against {escape(report.target)}, {escape(ended)}."


def _session(report: ReportInput, found: Sequence[TriedFault]) -> str:
    rows = [(what, escape(fact)) for what, fact in overview(report, found)]
    return table(["Session", code_cell(report.session_id)], rows)


def _best(report: ReportInput, found: Sequence[TriedFault]) -> str:
    if not found:
        return "No trial was scored."
    best = found[0]
    measured = worst.measured_text(report, best)
    parts = [
        f"**{escape(best.fault)}**",
        f"Severity **{best.severity:.1f}**, {measured}. In trial {best.trial.trial}: {worst.scores_text(best)}.",
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
    told = faults.worst_faults(report, found)
    rows = tuple((str(place), *row) for place, row in enumerate(told.rows, 1))
    right = frozenset({0, *(column + 1 for column in told.right)})
    return f"{intro}\n\n{Table(told.caption, ('#', *told.head), rows, right).markdown()}"


def _front(found: Sequence[TriedFault]) -> str:
    front = pareto_front(found)
    if not front:
        return "No trial was scored."
    intro = "No other fault is worse than one of these in one score without being milder in another."
    hidden = len(front) - faults.FRONT
    more = f"\n\nAnd {counted(hidden, 'more fault')}." if hidden > 0 else ""
    return f"{intro}\n\n{faults.front(front[: faults.FRONT]).markdown()}{more}"


def _dimensions(report: ReportInput) -> str:
    found = influences(report.trials, report.dimensions)
    intro = (
        "How much of the differences in severity goes along with each dimension alone (–: too few trials to tell). "
        "Among the trials: the search prefers bad values, so take these as hints. By the model: what it expects over "
        "the whole space, tried or not."
    )
    overall = dimensions.importance(report, found).markdown()
    return "\n\n".join([intro, overall, *dimensions.importance_notes(report, code), *map(_one_dimension, found)])


def _one_dimension(influence: Influence) -> str:
    tried = [group for group in influence.groups if group.n]
    shown = sorted(tried, key=lambda group: -(group.mean or 0.0)) if len(tried) > _GROUPS else tried
    rows = [_group_row(group) for group in shown[:_GROUPS]]
    notes = dimensions.untold(influence, len(rows))
    body = table([code_cell(influence.name), "trials", "mean", "highest"], rows, right=(1, 2, 3)) if rows else ""
    note = f"{code(influence.name)}: {', '.join(notes)}." if notes else ""
    return "\n\n".join(filter(None, [body, note]))


def _group_row(group: Group) -> list[str]:
    return [escape(group.label), str(group.n), number(group.mean), number(group.highest)]


def _steps(trials: Sequence[Trial]) -> str:
    told = session.steps(trials)
    if not told.rows:
        return "No step was timed."
    whole_ms = median(trial.took_s * 1000 for trial in trials)
    return f"{told.markdown()}\n\nA whole trial took {whole_ms:.0f} ms (median)."


def _errors(trials: Sequence[Trial]) -> str:
    told = session.errors(trials)
    if not trials:
        return "No trial was made."
    return told.markdown() if told.rows else "None: every trial was scored on sound data."


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "Nothing in particular."
