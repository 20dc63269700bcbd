"""Why a fault was tried, and how sure its severity is, in plain words."""

from __future__ import annotations

from boifi_core.history.readings import give_or_take, point_key
from boifi_core.models import Choice, Phase, Trial
from boifi_core.optimizer.recommendation import expectation
from boifi_core.report.facts import ReportInput, TriedFault

_WITHOUT_NEAREST = {
    "initial": "part of the first look around",
    "known": "an earlier session had found it",
    "improve": "the model hoped for a worse fault here",
    "explore": "little was known here",
    "probe": "to find where it stops, by one number alone",
    "remaining": "one of the last points left",
    "sample": "drawn by chance alone, to tell how much is left",
    "screen": "one of the ways in which each call can break",
    "pair": "a call, and the one that is made because it failed, broken at once",
    "novel": "to bring out a failure not known yet",
}


def tried_because(trial: Trial) -> str | None:
    """Why this trial was made; None where that was not kept."""
    if trial.phase == Phase.REPLAY:
        return "somebody replayed it"
    return None if trial.why is None else _reason(trial, trial.why)


def _reason(trial: Trial, why: Choice) -> str:
    nearest = next(iter(why.nearest), None)
    if nearest and why.reason == "verify":
        return f"to see whether trial {nearest.trial}'s failure shows again, beside fault-free runs"
    if nearest and why.reason == "minimise":
        return f"to see whether less than trial {nearest.trial}'s fault shows its failure"
    if why.reason == "confirm":
        earlier = f"trial {nearest.trial}'s {nearest.severity:.1f}" if nearest else "an earlier reading"
        return f"to see whether {earlier} comes again"
    if why.reason == "improve" and trial.predicted_mean is not None and trial.predicted_std is not None:
        text = f"the model expected {give_or_take(trial.predicted_mean, trial.predicted_std)}"
    else:
        text = _WITHOUT_NEAREST.get(why.reason, why.reason)
    if nearest is None or why.reason not in ("explore", "probe", "improve"):
        return text
    return f"{text}; the nearest before it, trial {nearest.trial}, had {nearest.severity:.1f}"


def expected(report: ReportInput, tried: TriedFault) -> tuple[float, float] | None:
    """What the model takes the recommended fault's severity for, and its standard deviation; None for any other."""
    best = report.best
    if best is None or not tried.is_of_point or point_key(best[0]) != point_key(tried.trial.point):
        return None
    return expectation(best)
