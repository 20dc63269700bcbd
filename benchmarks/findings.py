"""What a session on the embedded target finds: its weaknesses told apart, and nothing where there is nothing."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.plain import await_recovery, control_for, measure_baseline, try_fault
from benchmarks.table import Table
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue, FailureMode, Verdict
from boifi_core.findings.again import TRIES, again
from boifi_core.models import Phase, Trial
from boifi_core.report.failures import replay_trial
from boifi_core.session import trial as steps
from boifi_core.session.config import SessionConfig, parse_session
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from cli.demo import demo_config
from demo.target import start_target

_HURTS = 0.5
"""A trial is labelled that has at least this share of its weakness's documented severity."""

_WITHOUT = 10
_TRIALS_WITHOUT = 24


def _delay(service: str, low_ms: float, high_ms: float = 1e9) -> Callable[[FaultPlan], bool]:
    return lambda plan: plan.target_service == service and low_ms <= (plan.delay_ms or 0) <= high_ms


def _abort(service: str, *statuses: int, method: str | None = None) -> Callable[[FaultPlan], bool]:
    return lambda plan: (
        plan.target_service == service
        and plan.abort_status_code is not None
        and (not statuses or plan.abort_status_code in statuses)
        and (method is None or plan.target_method == method)
    )


TRIGGERS: Mapping[str, Callable[[FaultPlan], bool]] = {
    "The shop closes for recommendations": _delay("recommendations", 95, 145),
    "A fallback that comes too late": _delay("recommendations", 155),
    "Customers are charged twice": _delay("bank", 55),
    "Six calls for one price": _abort("pricing", 503, method="GET"),
    "No reviews, no page": lambda plan: _abort("reviews")(plan) or _delay("reviews", 45)(plan),
    "A fallback for time-outs only": _abort("recommendations"),
    "A cart for nothing": _abort("promotions"),
    "One connection to the warehouse": _delay("warehouse", 20, 35),
}
"""What of a fault brings out each weakness that one fault can (demo-target.md), in words that a program can follow."""

THRESHOLDS_MS: Mapping[str, float] = {
    "The shop closes for recommendations": 90,
    "A fallback that comes too late": 150,
    "Customers are charged twice": 50,
    "No reviews, no page": 35,
    "One connection to the warehouse": 20,
}
"""The delays from which on they are seen, as documented."""


@dataclass(frozen=True)
class Told:
    """How one session told the weaknesses apart.

    Attributes:
        tried: those that a trial brought out.
        found: those with a mode of their own: most of its labelled trials are theirs, and most of theirs are in it.
        split: those with a second mode.
        astray: the share of labelled trials that are in a mode of another.
        examined, confirmed, whole, same: the modes that were measured again, those confirmed, those of them whose
            smallest fault is known, and those whose replay did the same.
        seen: the modes that were only seen.
        thresholds_ms: by weakness, where its mode's smallest fault was measured.
    """

    tried: frozenset[str]
    found: frozenset[str]
    split: frozenset[str]
    astray: float
    examined: int
    confirmed: int
    whole: int
    same: int
    seen: int
    thresholds_ms: Mapping[str, float]


def measure(seeds: Sequence[int] = range(1, 6), trials: int = 150, without: int = _WITHOUT) -> list[Table]:
    """One row for each seed, the thresholds, and what was confirmed where there is no fault.

    Args:
        seeds: of the sessions.
        trials: of each.
        without: how many sessions are made without a fault.
    """
    told = {seed: tell(*session_of(seed, trials)) for seed in seeds}
    rows = tuple(
        (
            str(seed),
            f"{len(one.tried)} of {len(TRIGGERS)}",
            f"{len(one.found)} of {len(TRIGGERS)}",
            ", ".join(sorted(one.split)) or "none",
            f"{one.astray:.0%}",
            str(one.examined),
            *map(str, (one.confirmed, one.whole, one.same, one.seen)),
        )
        for seed, one in told.items()
    )
    thresholds = tuple(
        (name, str(seed), f"{one.thresholds_ms[name]:.0f}", f"{true_ms:.0f}")
        for seed, one in told.items()
        for name, true_ms in THRESHOLDS_MS.items()
        if name in one.thresholds_ms
    )
    alarms = [without_faults(seed) for seed in range(1, without + 1)]
    confirmed = sum(mode.verdict is Verdict.CONFIRMED for found in alarms for mode in found.modes)
    return [
        Table(
            f"Documented weaknesses, {trials} trials",
            (
                "seed",
                "brought out",
                "a mode of their own",
                "with a second mode",
                "trials astray",
                "modes measured again",
                "confirmed",
                "with their smallest fault",
                "the same by replay",
                "only seen",
            ),
            rows,
        ),
        Table("Thresholds measured", ("weakness", "seed", "measured, ms", "documented, ms"), thresholds),
        Table(
            f"Sessions without a fault, {_TRIALS_WITHOUT} trials each",
            ("sessions", "modes", "confirmed", "fault-free runs", "false alarms"),
            (
                (
                    str(without),
                    str(sum(len(found.modes) for found in alarms)),
                    str(confirmed),
                    str(sum(found.controls for found in alarms)),
                    str(sum(found.false_alarms for found in alarms)),
                ),
            ),
        ),
    ]


def session_of(seed: int, trials: int) -> tuple[Sequence[Trial], Catalogue, int]:
    """The demo's session in a fresh shop, and how many of its replays did the same."""
    with start_target() as target, tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data:
        return _run(demo_config(target.control_plane, trials, seed), Path(data))


def without_faults(seed: int) -> Catalogue:
    """The catalogue of a session whose faults meet no request."""
    with start_target() as target, tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data:
        config = demo_config(target.control_plane, _TRIALS_WITHOUT, seed).model_dump(mode="json")
        dimensions = [each for each in config["search_space"]["dimensions"] if each["name"] != "percentage"]
        config |= {
            "search_space": {"dimensions": dimensions, "fixed": {"percentage": 0}},
            "initial_points": 8,
            "confirm": {"share": 0.4},
        }
        return _run(parse_session(config), Path(data))[1]


def _run(config: SessionConfig, data: Path) -> tuple[Sequence[Trial], Catalogue, int]:
    with open_session(make_session(data, config)) as session:
        measure_baseline(session)
        plan = Plan()
        while session.budget.left and (proposal := plan.next(session)) is not None:
            _try(session, proposal)
        trials, found = tuple(session.trials), session.found
        return trials, found, sum(_does_the_same(session, mode) for mode in found.examined)


def _does_the_same(session: Session, mode: FailureMode) -> bool:
    """Whether a replay of the mode's own trial does the same, as `boifi replay` tells it."""
    original = next(trial for trial in session.trials if trial.trial == replay_trial(mode))
    for _ in range(TRIES):
        replay = _try(session, Proposal(original.point, original.plans, Phase.REPLAY, wants_control=True))
        told = again(session.found, session.trials, original, replay)
        if told is not None and told.is_same:
            return True
    return False


def _try(session: Session, proposal: Proposal) -> Trial:
    trial = steps.record(session, try_fault(session, proposal, control=control_for(session, proposal)))
    await_recovery(session, trial)
    return trial


def tell(trials: Sequence[Trial], found: Catalogue, same: int = 0) -> Told:
    """How the catalogue's modes and the documented weaknesses go together.

    Args:
        same: how many modes' replays did the same.
    """
    label = {trial.trial: name for trial in trials if (name := _weakness(trial)) is not None}
    labelled = [[label[number] for number in mode.trials if number in label] for mode in found.modes]
    owner = [Counter(names).most_common(1)[0][0] if names else None for names in labelled]
    own = {name: [place for place, theirs in enumerate(owner) if theirs == name] for name in TRIGGERS}
    everywhere = Counter(label.values())
    return Told(
        tried=frozenset(everywhere),
        found=frozenset(
            name
            for name, places in own.items()
            if places and 2 * max(labelled[place].count(name) for place in places) > everywhere[name]
        ),
        split=frozenset(name for name, places in own.items() if len(places) > 1),
        astray=sum(name != theirs for names, theirs in zip(labelled, owner, strict=True) for name in names)
        / max(1, len(label)),
        examined=len(found.examined),
        confirmed=sum(mode.verdict is Verdict.CONFIRMED for mode in found.modes),
        whole=sum(mode.minimal is not None and mode.minimal.is_finished for mode in found.examined),
        same=same,
        seen=len(found.only_seen),
        thresholds_ms={
            name: threshold.middle
            for mode, name in zip(found.modes, owner, strict=True)
            if name is not None and mode.minimal is not None
            for threshold in mode.minimal.thresholds
            if threshold.dimension == "delay_ms"
        },
    )


def _weakness(trial: Trial) -> str | None:
    """The weakness that a trial's fault brings out, if it hurt as that does."""
    from demo.ground_truth import WEAKNESSES

    severities = {weakness.name: weakness.severity for weakness in WEAKNESSES}
    for name, triggers in TRIGGERS.items():
        if len(trial.plans) == 1 and triggers(trial.plans[0]):
            return name if (trial.severity or 0.0) >= max(0.51, _HURTS * severities[name]) else None
    return None
