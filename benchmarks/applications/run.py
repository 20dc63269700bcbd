"""A search on an application: after how many trials which weaknesses were brought out."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from benchmarks.applications.generate import application
from benchmarks.applications.kept import Came, Key
from benchmarks.applications.modes import modes_of
from benchmarks.applications.peers import PEERS, Peer, Told
from benchmarks.applications.session import run_session, session_config
from benchmarks.applications.target import Target
from benchmarks.applications.truth import brought_out
from benchmarks.objectives import asked
from boifi_core.analyzer import AnalyzerConfig, AnalyzerService
from boifi_core.analyzer.normal import Normal
from boifi_core.models import RawObservation
from boifi_core.space import SearchSpace

_BASELINE = 3

generated = lru_cache(maxsize=64)(application)
"""Applications that were made once are not made again."""


def came_of(key: Key) -> Came:
    """Make the run that the key names."""
    made = generated(key.application, key.services)
    target = Target(made, key.seed, traced=key.traced)
    if key.search in PEERS:
        out, modes = run_peer(PEERS[key.search], target, key.seed, key.trials), None
    else:
        objective = key.search.removeprefix("BOIFI ")
        config = session_config(made, key.trials, key.seed, **asked(objective))
        _, found, out = run_session(target, config)
        modes = modes_of(found, out)
    return Came(
        planted={weakness.id: weakness.kind for weakness in made.weaknesses}, first=first_trials(out), modes=modes
    )


def run_peer(peer: Peer, target: Target, seed: int, trials: int) -> list[frozenset[str]]:
    """Which weaknesses each trial of a peer brought out; after each it is left alone until it has healed."""
    space = SearchSpace.parse(target.application.space)
    baseline = [target.observe() for _ in range(_BASELINE)]
    analyzer, normal = AnalyzerService(AnalyzerConfig().resolved(baseline)), Normal(tuple(baseline))

    def severity(observation: RawObservation) -> float:
        return analyzer.calculate_severity(observation, normal).total_score

    propose, told, out = peer(space, seed), None, []
    for _ in range(trials):
        point = propose(told)
        plans = space.plans(point)
        window = target.play(plans)
        out.append(brought_out(target.application, plans, window))
        told = Told(point, lambda window=window: target.told(window), severity)  # type: ignore[misc]
        target.rest()
    return out


def first_trials(out: Iterable[frozenset[str]]) -> dict[str, int]:
    """The first trial, counted from 1, that brought out each weakness that any did."""
    first: dict[str, int] = {}
    for trial, ids in enumerate(out, start=1):
        for each in sorted(ids):
            first.setdefault(each, trial)
    return first
