"""How failures stand against the night before: from tonight's catalogue and the replays of what was known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from statistics import fmean

from boifi_core.campaign.run import Known, Standing, Told
from boifi_core.findings import Catalogue, FailureMode, Verdict
from boifi_core.findings.catalogue import replay_command
from boifi_core.findings.likeness import APART, Failure, likeness
from boifi_core.models import Trial
from boifi_core.session.replays import is_of_known

CHANGED = 1.0
"""From this difference of mean severities on, a failure is worse or better; severity points."""


def standings(
    known: Sequence[Known],
    trials: Sequence[Trial],
    found: Catalogue,
    *,
    session: str,
    session_id: str,
    night: str,
    began_at: datetime,
    replayed: Sequence[str],
    out: str = "",
) -> list[Told]:
    """Each known failure of this session, and each that nobody knew.

    A known failure is fixed where its fault was measured again and showed no failure at all, and no other fault of the
    night showed one like it.

    Args:
        trials, found: tonight's session.
        replayed: the known failure that each replay was of, in order.
        out: what a command needs to find the data dir, such as ` --out DIR`.
    """
    of = dict(zip((trial.trial for trial in trials if is_of_known(trial)), replayed, strict=False))
    told = []
    at_home: set[str] = set()
    for each in known:
        readings = [trial for trial in trials if of.get(trial.trial) == each.id and trial.severity is not None]
        modes = [mode for trial in readings if (mode := found.mode_of(trial.trial)) is not None]
        alike = _likest(each, [mode for mode in found.modes if mode.label not in at_home])
        at_home |= {mode.label for mode in modes} | ({alike.label} if alike is not None else set())
        told.append(_told(each, readings, modes, alike, session_id, out))
    unknown = (mode for mode in found.modes if mode.label not in at_home and mode.verdict is not Verdict.INCONCLUSIVE)
    return told + [_new(mode, trials, session, session_id, night, began_at) for mode in unknown]


def _told(
    known: Known,
    readings: Sequence[Trial],
    shown: Sequence[FailureMode],
    alike: FailureMode | None,
    session_id: str,
    out: str,
) -> Told:
    severities = tuple(trial.severity or 0.0 for trial in readings)
    evidence = {
        "before": known.severity,
        "readings": severities,
        "shown": len(shown),
        "trials": tuple(trial.trial for trial in readings),
        "session_id": session_id,
    }
    if not readings:
        why = "the target did not come back from its fault" if known.stays_down else "its fault could not be measured"
        return Told(known=known, standing=Standing.NOT_MEASURED, note=why, **evidence)
    if shown:
        now = fmean(severities)
        changed = now - known.severity
        standing = Standing.WORSE if changed >= CHANGED else Standing.BETTER if changed <= -CHANGED else None
        # It is told as it shows tonight: what it does may have changed with how bad it is.
        seen = {
            "severity": now,
            "sentence": shown[-1].sentence,
            "signature": shown[-1].signature,
            "shown_by": replay_command(session_id, readings[-1].trial, out),
        }
        known = known.model_copy(update=seen)
        return Told(known=known, standing=standing or Standing.STILL_THERE, **evidence)
    if alike is not None:
        moved = known.model_copy(
            update={"plans": alike.worst_plans, "severity": alike.severity, "shown_by": alike.replay, "point": {}}
        )
        note = f"its fault does nothing any more, but another shows the same ({alike.label})"
        return Told(known=moved, standing=Standing.STILL_THERE, note=note, **evidence)
    return Told(known=known, standing=Standing.FIXED, **evidence)


def _new(
    mode: FailureMode, trials: Sequence[Trial], session: str, session_id: str, night: str, began_at: datetime
) -> Told:
    worst = next(trial for trial in trials if trial.trial == mode.worst)
    known = Known(
        id=f"{night}/{session}/{mode.label}",
        failure=mode.id,
        session=session,
        sentence=mode.sentence,
        signature=mode.signature,
        plans=mode.worst_plans,
        point=worst.point,
        severity=mode.severity,
        since=began_at,
        shown_by=mode.replay,
    )
    note = "" if mode.verdict is None else mode.verdict.value
    return Told(known=known, standing=Standing.NEW, trials=mode.trials, session_id=session_id, note=note)


def _likest(known: Known, modes: Sequence[FailureMode]) -> FailureMode | None:
    same = next((mode for mode in modes if mode.id == known.failure), None)
    if same is not None:
        return same
    features = Failure.of(known.signature, known.plans).features
    scored = [(likeness(features, Failure.of(mode.signature, mode.worst_plans).features), mode) for mode in modes]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best is not None and best[0] >= APART else None


def not_measured(known: Known, why: str) -> Told:
    """A known failure that nobody measured tonight."""
    return Told(known=known, standing=Standing.NOT_MEASURED, before=known.severity, note=why)


def known_after(told: Sequence[Told]) -> tuple[Known, ...]:
    """What the next night measures again: all that is not fixed."""
    return tuple(each.known for each in told if each.standing is not Standing.FIXED)
