"""The target without a fault, seen before the first trial: what all trials are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from boifi_core.analyzer.steady import cause, is_worse, troubles, warm_up
from boifi_core.errors import BoifiError, counted
from boifi_core.models import RawObservation
from boifi_core.observers.base import learn
from boifi_core.session.events import BaselineSeen, Note
from boifi_core.session.phases.base import Observe, SessionPhase
from boifi_core.session.session import UNHEALTHY_SEVERITY, Session

MOST_WARM_UP = 10
"""So many observations of a target that warms up are left out, at most."""


class TargetUnhealthy(BoifiError):
    """The target is in trouble without any fault of ours."""


class Baseline(SessionPhase):
    """Some fault-free observations, each time that the session is run."""

    name = "baseline"

    def prepare(self, session: Session, observe: Observe) -> None:
        """Learn what is normal.

        Raises:
            TargetUnhealthy: it is not at its steady state.
            ExecutorError: it cannot be observed, or nothing of what is observed can be read.
        """
        windows = _warm(session, observe)
        learn(session.observer)
        severity = session.learn_baseline(windows)
        seen = session.baseline
        assert seen is not None
        session.tell(BaselineSeen(session.session_id, seen, severity))
        named = troubles(session.normal)
        if _least(session, windows) > UNHEALTHY_SEVERITY:
            told = _cause(session, windows, severity)
            why = "; ".join([told, *(each for each in named if each not in told)])
            raise TargetUnhealthy(
                f"the target is not healthy without a fault: median severity {severity:.1f}, must be at most "
                f"{UNHEALTHY_SEVERITY:g} ({why})"
            )
        for trouble in named:
            _tell(session, trouble, is_warning=True)
        session.keep_baseline()


def _warm(session: Session, observe: Observe) -> list[RawObservation]:
    """As many observations as are wanted, without those in which the target was still warming up."""
    wanted = session.config.baseline_observations
    windows = [observe(f"baseline {n}") for n in range(1, wanted + 1)]
    left_out: list[RawObservation] = []
    while (n := warm_up(windows)) and len(left_out) < MOST_WARM_UP:
        left_out += windows[:n]
        made = wanted + len(left_out)
        windows = [*windows[n:], *(observe(f"baseline {number}") for number in range(made - n + 1, made + 1))]
    if any(not is_worse(early, late) for early in left_out for late in windows):
        return [*left_out, *windows]  # bad windows come again: they are normal
    if left_out:
        what = f"{counted(len(left_out), 'observation')} ({', '.join(map(_in_short, left_out))})"
        _tell(session, f"left out of what is normal, since the target was warming up: {what}")
    if n:
        _tell(session, f"the target still gets better after {wanted + len(left_out)} observations", is_warning=True)
    return windows


def _tell(session: Session, text: str, *, is_warning: bool = False) -> None:
    session.tell(Note(session.session_id, f"without a fault {text}" if is_warning else text, is_warning=is_warning))


def _in_short(window: RawObservation) -> str:
    latency = "" if window.latency_ms is None else f"{window.latency_ms:.0f} ms"
    return latency if (window.status_code or 0) < 400 else f"{latency} with {window.status_code}".strip()


def _least(session: Session, windows: Sequence[RawObservation]) -> float:
    """The median of what the severities are at least: a target is not unhealthy for what nobody sees of it."""
    return median(session.analyzer.least_severity(session.score(window), window) for window in windows)


def _cause(session: Session, windows: Sequence[RawObservation], severity: float) -> str:
    """Of the window that is nearest to the median."""
    scored = [(session.score(window), window) for window in windows]
    return cause(*min(scored, key=lambda each: abs(each[0].total_score - severity)))
