"""The list of weaknesses, as Markdown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from boifi_core.errors import counted
from boifi_core.findings import Catalogue, Confirmation, FailureMode, MinimalFault
from boifi_core.history.readings import times
from boifi_core.models import Residual
from boifi_core.report.facts import fault_text
from boifi_core.report.smallest import also_text, points_told, seen_with, smallest_text
from boifi_core.report.tables import code, escape, number, numbers, table

_DETAILED = 12

ONLY_SEEN = "Seen, and not measured again before the budget ended"
"""Of which failures there is no verdict."""


def failures(found: Catalogue, left: Residual | None = None) -> str:
    """All weaknesses in a table, the first of them in detail, those that were only seen, and how much is left."""
    more = [] if left is None else [left_text(left)]
    if not found.modes:
        return "\n\n".join([none_found(found), *more])
    rows = [
        [
            mode.label,
            number(mode.severity),
            verdict_text(mode),
            escape(mode.sentence),
            escape(smallest_text(mode)),
            str(len(mode.trials)),
            str(replay_trial(mode)),
        ]
        for mode in found.surest_first
    ]
    head = ["failure", "severity", "verdict", "what happens", "smallest fault known", "trials", "replay"]
    parts = [f"{how_many(found)}.", by_itself(found), table(head, rows, right=(1, 5, 6)), beside(found), *more]
    parts += [_only_seen(found.only_seen)] if found.only_seen else []
    return "\n\n".join(filter(None, [*parts, *map(_one, found.surest_first[:_DETAILED])]))


def how_many(found: Catalogue) -> str:
    """`9 distinct failures (7 confirmed, 2 suspected); 5 more were only seen`."""
    sure = Counter(verdict_text(mode) for mode in found.surest_first)
    told = ", ".join(f"{n} {verdict}" for verdict, n in sure.items())
    more = len(found.only_seen)
    seen = f"; {more} more {'was' if more == 1 else 'were'} only seen" if more else ""
    return f"{counted(len(found.surest_first), 'distinct failure')} ({told}){seen}"


def by_itself(found: Catalogue) -> str | None:
    """A warning where fault-free runs look like failures; None where they do not."""
    if not found.fails_by_itself:
        return None
    alarms = f"{found.false_alarms} of {counted(found.controls, 'fault-free run')}"
    return (
        f"{alarms} between the trials looked like a failure: the target flakes or drifts by itself, or this machine is "
        "too busy. What follows is in doubt."
    )


def none_found(found: Catalogue) -> str:
    """What is said where there is no failure."""
    if not found.harmless:
        return "No trial was scored."
    return "No trial showed anything that the target does not do without a fault."


def verdict_text(mode: FailureMode) -> str:
    """`confirmed`, or that nobody measured it again."""
    return "not measured again" if mode.verdict is None else mode.verdict.value


def replay_trial(mode: FailureMode) -> int:
    """The trial that shows it again."""
    return mode.worst if mode.minimal is None else mode.minimal.trial


def beside(found: Catalogue) -> str:
    """What the trials came to that showed no failure, and the fault-free runs."""
    text = f"{counted(found.harmless, 'trial')} showed nothing that the target does not do anyway"
    text += f", {found.delayed} of them but slowness as long as the fault itself." if found.delayed else "."
    if not found.controls or found.fails_by_itself:
        return text  # which has a warning of its own
    alarms = "none" if not found.false_alarms else str(found.false_alarms)
    return f"{text} Of {counted(found.controls, 'fault-free run')} in between, {alarms} looked like a failure."


def left_text(left: Residual) -> str:
    """How much is left, in three sentences."""
    distinct = f"{left.modes} distinct, {left.new} of them shown by no trial before"
    shown = f"{left.failed} showed a failure ({distinct})" if left.failed else "none showed a failure"
    least = f"{left.left_at_least:.1f}".removesuffix(".0")
    return (
        f"How much is left: of {counted(left.draws, 'fault')} drawn by chance alone, {shown}. The chance that the next "
        f"shows a failure not seen yet is estimated at {left.estimate * 100:.0f} %, and is at most "
        f"{percent_up(left.upper)} % (at {left.level * 100:g} %). Failures not seen yet: {least} or more (Chao 1)."
    )


def percent_up(share: float) -> int:
    """Of an upper limit: never less than it is."""
    return math.ceil(share * 100 - 1e-9)


def _only_seen(modes: Sequence[FailureMode]) -> str:
    rows = [
        [
            mode.label,
            number(mode.severity),
            escape(mode.sentence),
            escape(fault_text(mode.smallest)),
            str(replay_trial(mode)),
        ]
        for mode in modes
    ]
    head = ["failure", "severity", "what happens", "worst fault", "replay"]
    return f"### {ONLY_SEEN}\n\n{table(head, rows, right=(1, 4))}"


def _one(mode: FailureMode) -> str:
    lines = [
        f"Worst: {escape(fault_text(mode.worst_plans))}, severity {mode.severity:.1f}, trial {mode.worst}; "
        f"all its trials: {numbers(mode.trials)}.",
        *([_confirmed(mode.confirmation)] if mode.confirmation else []),
        *([_minimal(mode, mode.minimal)] if mode.minimal else []),
        *([f"Seen with {', '.join(code(str(bound)) for bound in bounds)}."] if (bounds := seen_with(mode)) else []),
        *([f"Also with {escape(also)}."] if (also := also_text(mode)) else []),
        f"Again: {code(mode.replay)}",
        f"The same tomorrow: {code(mode.id)}",
    ]
    return f"### {mode.label}: {escape(mode.sentence)}\n\n" + "\n".join(f"- {line}" for line in lines)


def _confirmed(sure: Confirmation) -> str:
    level = f"{sure.level * 100:g} %"
    severity = f"severity {sure.severity:.1f}"
    if sure.severity_low is not None and sure.severity_high is not None:
        severity += f" ({sure.severity_low:.1f} to {sure.severity_high:.1f})"
    text = (
        f"{sure.verdict.value.capitalize()}: measured again {times(len(sure.readings))}, shown {times(sure.shown)} "
        f"({sure.low * 100:.0f} to {sure.high * 100:.0f} % of all runs, at {level}); {severity}."
    )
    rate = f"at most {sure.false_alarm_high * 100:.0f} % would"
    text += f" {sure.false_alarms} of {counted(sure.controls, 'fault-free run')} looked like it ({rate})"
    return f"{text}: as often as with the fault, so it is not the fault's." if sure.is_as_often_without else f"{text}."


def _minimal(mode: FailureMode, smallest: MinimalFault) -> str:
    text = f"Smallest fault: {escape(smallest_text(mode))}"
    if smallest.thresholds and not points_told(mode):
        text += "; " + ", ".join(escape(str(threshold)) for threshold in smallest.thresholds)
    if smallest.dropped:
        text += f"; not needed: {escape(', '.join(smallest.dropped))}"
    ended = "" if smallest.is_finished else "; the budget ended before all were"
    return f"{text}. {counted(smallest.tried, 'smaller fault')} tried{ended}."
