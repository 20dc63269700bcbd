"""Sessions on the embedded target, as the demo makes them, by a plain loop without Prefect."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.objectives import asked
from benchmarks.plain import await_recovery, control_for, measure_baseline, try_fault
from boifi_core.findings import Catalogue, FailureMode
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
from cli.demo import demo_config, demo_target
from demo.tracing import Tracing

TRIALS_WITHOUT = 24


def session_of(
    tracing: Tracing, seed: int, trials: int, objective: str, batch_s: float | None = None
) -> tuple[Sequence[Trial], Catalogue, int]:
    """The demo's session in a fresh shop, and how many of its replays did the same."""
    with demo_target(tracing, batch_s) as target, tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data:
        return _run(_asked(demo_config(target, trials, seed), objective), Path(data))


def without_faults(tracing: Tracing, seed: int, objective: str) -> Catalogue:
    """The catalogue of a session whose faults meet no request."""
    with demo_target(tracing) as target, tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data:
        config = _asked(demo_config(target, TRIALS_WITHOUT, seed), objective).model_dump(mode="json")
        dimensions = [each for each in config["search_space"]["dimensions"] if each["name"] != "percentage"]
        config |= {
            "search_space": {"dimensions": dimensions, "fixed": {"percentage": 0}},
            "initial_points": 8,
            "confirm": {"share": 0.4},
        }
        return _run(parse_session(config), Path(data))[1]


def _asked(config: SessionConfig, objective: str) -> SessionConfig:
    dumped = config.model_dump(mode="json")
    return parse_session(dumped | asked(objective, dumped["optimizer"]))


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
