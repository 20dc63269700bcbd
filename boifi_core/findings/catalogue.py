"""The catalogue of a session's distinct failures, from its history and its baseline alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from boifi_core.findings.evidence import HARMLESS, Evidence, is_reading
from boifi_core.findings.frontier import by_place, frontier
from boifi_core.findings.healing import DOWN_SEVERITY, heals_late, stays_down
from boifi_core.findings.identity import identity
from boifi_core.findings.likeness import Failure, grouped
from boifi_core.findings.minimal import minimal_fault
from boifi_core.findings.models import (
    OUTCOMES,
    VERIFY,
    Catalogue,
    Confirmation,
    Fact,
    FactKind,
    FailureMode,
    Reading,
)
from boifi_core.findings.region import from_on, region
from boifi_core.findings.signature import HINT
from boifi_core.findings.verdict import confirmation
from boifi_core.findings.words import sentence
from boifi_core.history.readings import by_fault, mean_severity, rankable, typical
from boifi_core.models import Dimension, Phase, Trial

__all__ = ["HARMLESS", "Evidence", "catalogue", "replay_command"]

_FACTS = 12
"""Of a failure, at most so many are told."""


def catalogue(
    trials: Sequence[Trial],
    evidence: Evidence,
    *,
    session_id: str,
    dimensions: Sequence[Dimension] = (),
    out: str = "",
) -> Catalogue:
    """The distinct failures that these trials showed, the worst first.

    Args:
        trials: a session's, by number.
        evidence: what tells a failure from what is normal.
        session_id: for the commands that show a failure again.
        dimensions: of the search space, for the regions.
        out: what those commands need to find the session's data dir, such as ` --out DIR`.
    """
    at_first, evidence = evidence, evidence.after(trials)
    scored = rankable(trials)
    failed = [(trial, failure) for trial in scored if (failure := evidence.failure(trial)) is not None]
    of_fault = {trial.trial: alike for alike in by_fault(trials) for trial in alike}
    controls = [trial for trial in scored if is_reading(trial)]
    alarms = [alarm for trial in controls if (alarm := evidence.alarm(trial)) is not None]
    groups = [[failed[index] for index in group] for group in grouped([failure for _, failure in failed])]
    failing = {trial.trial for trial, _ in failed}
    modes = _told_apart(
        _mode(group, of_fault, failing, session_id, dimensions)
        for group in groups
        if not all(trial.stays_down for trial, _ in group)
    )
    home = {number: mode.label for mode in modes for number in mode.trials}
    shown = {trial.trial: failure for trial, failure in failed}
    places = by_place(scored)
    modes = [
        mode.model_copy(
            update={
                "confirmation": _confirmation(mode, scored, home, shown, len(controls), alarms),
                "minimal": (smallest := minimal_fault(mode, scored, home, dimensions)),
                "frontier": (least := frontier(mode, places, home, smallest)),
                "region": from_on(mode.region, [point.plan for point in least], dimensions),
                "replay": replay_command(session_id, mode.worst if smallest is None else smallest.trial, out),
            }
        )
        for mode in modes
    ]
    down = [trial for trial in trials if trial.stays_down]
    return Catalogue(
        modes=(*_down(down, evidence, session_id, dimensions, out), *modes),
        harmless=sum(trial.trial not in failing and not trial.stays_down for trial in scored),
        delayed=sum(evidence.is_only_delayed(trial) for trial in scored),
        controls=len(controls),
        false_alarms=sum(at_first.alarm(trial) is not None for trial in controls),
    )


def _mode(
    group: Sequence[tuple[Trial, Failure]],
    of_fault: Mapping[int, list[Trial]],
    failing: Collection[int],
    session_id: str,
    dimensions: Sequence[Dimension],
) -> FailureMode:
    members = [trial for trial, _ in group]
    all_facts = [failure.facts for _, failure in group]
    # A smaller fault is no worse one, and a replay is somebody's own look.
    tried = [trial for trial in members if trial.phase not in (Phase.MINIMISE, Phase.REPLAY)] or list(members)
    numbers = {trial.trial for trial in tried}
    faults = [of_fault[trial.trial] for trial in tried]
    # A fault that mostly fails in another way does not stand for this one.
    own = [alike for alike in faults if 2 * sum(t.trial in numbers for t in alike) >= _failing(alike, failing)]
    worst = max(own or faults, key=lambda alike: (mean_severity(alike), -alike[0].trial))
    shown = typical([trial for trial in worst if trial.trial in numbers])
    single = [trial for trial in tried if len(trial.plans) == 1]
    facts = (*_shared(all_facts, all_facts[members.index(shown)]), *heals_late(members))
    return FailureMode(
        id=identity(facts, shown.plans),
        label=f"F{next(trial.trial for trial in members if not trial.stays_down)}",
        sentence=sentence(facts, all_facts),
        signature=facts,
        worst=shown.trial,
        worst_plans=shown.plans,
        severity=mean_severity(worst),
        trials=tuple(trial.trial for trial in members),
        faint=tuple(trial.trial for trial, failure in group if failure.is_faint),
        fewer_kinds=_fewer_kinds(group),
        region=region([trial.point for trial in single or tried], dimensions),
        replay=replay_command(session_id, shown.trial),
    )


def _down(
    trials: Sequence[Trial], evidence: Evidence, session_id: str, dimensions: Sequence[Dimension], out: str
) -> list[FailureMode]:
    """The failures from which the target did not come back: beside what the same trials showed until their end."""
    stayed = [stays_down(trial, evidence.normal) for trial in trials]
    modes = []
    for group in grouped(stayed):
        members, all_facts = [trials[index] for index in group], [stayed[index].facts for index in group]
        first, facts = members[0], _shared(all_facts, all_facts[0])
        modes.append(
            FailureMode(
                id=identity(facts, first.plans),
                label=f"F{first.trial}",
                sentence=sentence(facts, all_facts),
                signature=facts,
                worst=first.trial,
                worst_plans=first.plans,
                severity=DOWN_SEVERITY,
                trials=tuple(trial.trial for trial in members),
                region=region([trial.point for trial in members], dimensions),
                replay=replay_command(session_id, first.trial, out),
            )
        )
    return _told_apart(modes)


def _failing(alike: Sequence[Trial], failing: Collection[int]) -> int:
    return sum(trial.trial in failing for trial in alike)


def replay_command(session_id: str, trial: int, out: str = "") -> str:
    """The command that shows a trial again."""
    return f"boifi replay {session_id} {trial}{out}"


def _told_apart(modes: Iterable[FailureMode]) -> list[FailureMode]:
    """The same, worst first, each with an id of its own: of those that began alike the worst has that of its call."""
    told: dict[str, FailureMode] = {}
    for mode in sorted(modes, key=lambda mode: (-mode.severity, mode.trials[0])):
        own = identity(mode.signature, mode.worst_plans, told)
        told[own] = mode.model_copy(update={"id": own})
    return list(told.values())


def _fewer_kinds(group: Sequence[tuple[Trial, Failure]]) -> tuple[int, ...]:
    """The trials by faults of all requests in which a kind of request went well that fails in most of those."""
    struck = [(trial.trial, failure.failing) for trial, failure in group if not failure.is_partial]
    counts = Counter(kind for _, failing in struck for kind in failing)
    usual = {kind for kind, n in counts.items() if 2 * n > len(struck)}
    return tuple(trial for trial, failing in struck if not usual <= failing)


def _shared(of_members: Sequence[Sequence[Fact]], worst: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts that at least half of the members have whose typical requests tell of calls at all.

    Each as the worst trial tells it, else as most of them do.
    """
    telling = [facts for facts in of_members if any(_is_about_calls(fact) for fact in facts)] or list(of_members)
    alike: dict[tuple[str, str], list[Fact]] = {}
    for fact in (fact for facts in telling for fact in facts):
        alike.setdefault(fact.key, []).append(fact)
    by_worst = {fact.key: fact for fact in worst}
    shared = []
    for key, told in alike.items():
        if 2 * len(told) >= len(telling):
            commonest = Counter(fact.says for fact in told).most_common(1)[0][0]
            as_told = by_worst.get(key) or next(fact for fact in told if fact.says == commonest)
            shared.append(as_told.model_copy(update={"weight": max(fact.weight for fact in told)}))
    order = list(FactKind)
    shared.sort(key=lambda fact: (-fact.weight, order.index(fact.kind), fact.where))
    return tuple(shared[:_FACTS])


def _is_about_calls(fact: Fact) -> bool:
    return fact.kind not in OUTCOMES and fact.weight >= HINT and fact.share is None


def _confirmation(
    mode: FailureMode,
    trials: Sequence[Trial],
    home: Mapping[int, str],
    shown: Mapping[int, Failure],
    controls: int,
    alarms: Sequence[tuple[Fact, ...]],
) -> Confirmation | None:
    readings = [
        Reading(
            trial=trial.trial,
            severity=trial.severity or 0.0,
            shows=home.get(trial.trial) == mode.label,
            control_severity=None if trial.control is None else trial.control.severity,
        )
        for trial in trials
        if _looked_for(trial, VERIFY, home) == mode.label
    ]
    if not readings:
        return None
    members = [shown[number] for number in mode.trials]
    return confirmation(readings, controls, sum(_belongs(alarm, mode, members) for alarm in alarms))


def _belongs(alarm: tuple[Fact, ...], mode: FailureMode, members: Sequence[Failure]) -> bool:
    """Whether a fault-free run would have been taken for the failure, had a fault like its own been in force."""
    last = len(members)
    like = replace(Failure.of(alarm, mode.worst_plans), fault="none")
    return any(last in group and len(group) > 1 for group in grouped([*members, like]))


def _looked_for(trial: Trial, reason: str, home: Mapping[int, str]) -> str | None:
    """The failure that the trial was to show, if it was made for that."""
    if trial.why is None or trial.why.reason != reason or not trial.why.nearest:
        return None
    return home.get(trial.why.nearest[0].trial)
