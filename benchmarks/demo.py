"""How well a session searches the embedded shop, beside random search with the same number of trials."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.plain import await_recovery, measure_baseline, try_fault
from benchmarks.table import Table
from boifi_core.models import Phase, Point
from boifi_core.session import trial as steps
from boifi_core.session.config import SessionConfig, read_session_file
from boifi_core.session.learning import searchable_space
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.progress import best_trial
from boifi_core.session.proposal import Proposal
from boifi_core.session.session import Session
from cli.demo import SESSION_FILE, demo_config, demo_target

SHARE = 0.9
"""Of the highest severity that the shop can be brought to: what a search has to find."""

_AIMS = {"BOIFI": "all", "random search": "at most 2 of 10"}

NextTrial = Callable[[Session], None]


def measure(
    seeds: Sequence[int] = range(1, 6), random_seeds: Sequence[int] = range(1, 11), trials: int | None = None
) -> list[Table]:
    """One row for each search and seed, and what they come to.

    Args:
        seeds: of the sessions.
        random_seeds: of random search.
        trials: of each; the demo's own number if None.
    """
    from demo.ground_truth import HIGHEST_SEVERITY

    best = {
        "BOIFI": {seed: best_severity(seed, trials, random=False) for seed in seeds},
        "random search": {seed: best_severity(seed, trials, random=True) for seed in random_seeds},
    }
    number = trials or read_session_file(SESSION_FILE).total_trials
    return tables(best, HIGHEST_SEVERITY, number)


def tables(best: dict[str, dict[int, float]], highest: float, trials: int) -> list[Table]:
    """How many seeds of each search came near the highest severity, and the best of each seed."""
    each = [
        (search, str(seed), f"{found:.2f}", f"{found / highest:.0%}")
        for search, by_seed in best.items()
        for seed, found in by_seed.items()
    ]
    return [
        Table(
            f"Seeds that reach {SHARE:.0%} of the highest severity, {highest:.2f}, in {trials} trials",
            ("search", "seeds", "reach it", "median of the best", "aim"),
            tuple(_summary(search, list(by_seed.values()), highest) for search, by_seed in best.items()),
        ),
        Table("The best of each seed", ("search", "seed", "best severity", "of the highest"), tuple(each)),
    ]


def best_severity(seed: int, trials: int | None, *, random: bool) -> float:
    """The highest severity that one session finds in a fresh shop; 0 if no trial was scored."""
    with demo_target() as target, tempfile.TemporaryDirectory(prefix="boifi-benchmark-") as data:
        config = demo_config(target, trials, seed)
        with open_session(make_session(Path(data), config)) as session:
            next_trial = _random_trials(config, seed) if random else _search(Plan())
            measure_baseline(session)
            while session.budget.left:
                next_trial(session)
                await_recovery(session, session.trials[-1])
            best = best_trial(session.trials)
    return (best and best.severity) or 0.0


def _search(plan: Plan) -> NextTrial:
    def next_trial(session: Session) -> None:
        proposal = plan.next(session)
        assert proposal is not None, plan.over(session)
        steps.record(session, try_fault(session, proposal))

    return next_trial


def _random_trials(config: SessionConfig, seed: int) -> NextTrial:
    points: list[Point] = searchable_space(config).sample(np.random.default_rng(seed), config.total_trials)

    def next_trial(session: Session) -> None:
        point = points[len(session.trials)]
        proposal = Proposal(point, session.plans_for(point), Phase.INITIAL)
        session.keep(try_fault(session, proposal))

    return next_trial


def _summary(search: str, best: Sequence[float], highest: float) -> tuple[str, ...]:
    reach = sum(found >= SHARE * highest for found in best)
    return (search, str(len(best)), str(reach), f"{np.median(best):.2f}", _AIMS[search])
