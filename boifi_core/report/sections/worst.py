"""The worst fault: how sure that is, why it was tried, and what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.analyzer.service import DIMENSIONS
from boifi_core.history.readings import give_or_take, times
from boifi_core.models import RawObservation
from boifi_core.report.facts import ReportInput, TriedFault, why
from boifi_core.report.reasons import expected, tried_because
from boifi_core.report.tables import Table, number, percent


def measured_text(report: ReportInput, tried: TriedFault) -> str:
    """How often the fault was measured, between which severities, and what the model makes of that."""
    text = f"measured {times(len(tried.severities))}"
    if len(tried.severities) > 1:
        text += f" ({min(tried.severities):.1f} to {max(tried.severities):.1f})"
    told = expected(report, tried)
    return text if told is None else f"{text}; by all trials together the model takes it for {give_or_take(*told)}"


def scores_text(tried: TriedFault) -> str:
    """Its three scores; one that was not observed is none."""
    named = zip(DIMENSIONS, ("bugs", "performance", "structure"), tried.scores, strict=True)
    unseen = tried.score.unobserved
    return ", ".join(f"{name} {'not observed' if key in unseen else f'{score:.1f}'}" for key, name, score in named)


def worst(report: ReportInput, found: Sequence[TriedFault]) -> tuple[tuple[str, str], ...]:
    """Pairs of a label and a text; none without a scored trial."""
    if not found:
        return ()
    best = found[0]
    lines = [
        ("Severity", f"{best.severity:.1f}, {measured_text(report, best)}"),
        ("Scores", scores_text(best)),
        ("Why", why(best, report)),
    ]
    reason = tried_because(best.first)
    if reason is not None:
        lines.append((f"Tried in trial {best.first.trial}", reason))
    if best.score.breakdown:
        points = ", ".join(f"{name} {value:.3g}" for name, value in best.score.breakdown.items())
        lines.append(("Points given", points))
    if best.is_of_point:
        point = ", ".join(f"{name}: {value}" for name, value in best.trial.point.items())
        lines.append(("The point", point or "empty"))
    return tuple(lines)


def measured(seen: RawObservation | None, baseline: RawObservation | None) -> Table | None:
    """What was observed with the fault, beside the target without one."""
    if seen is None:
        return None
    rows = zip(
        ["Most frequent status", "Latency, ms", "Failed requests"], _readings(baseline), _readings(seen), strict=True
    )
    return Table("What was measured", ("reading", "without a fault", "with it"), tuple(rows), frozenset({1, 2}))


def _readings(observation: RawObservation | None) -> tuple[str, str, str]:
    if observation is None:
        return "–", "–", "–"
    status = "–" if observation.status_code is None else str(observation.status_code)
    return status, number(observation.latency_ms), percent(observation.error_rate)
