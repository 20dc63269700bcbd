"""A session's optimizer, as its config asks for it and its trials have taught it."""

from __future__ import annotations

from collections.abc import Sequence

from boifi_core.findings.evidence import Evidence
from boifi_core.findings.objective import OBJECTIVES, Worth
from boifi_core.injectors.table import sending_of
from boifi_core.models import (
    Phase,
    Trial,
)
from boifi_core.optimizer import OptimizerCore
from boifi_core.optimizer.warm_start import Entry
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails
from boifi_core.session.config import SessionConfig
from boifi_core.session.warm_start import signals, training_score
from boifi_core.space import SearchSpace


def make_optimizer(config: SessionConfig, past: Sequence[Entry] = ()) -> OptimizerCore:
    """The optimizer that a session's config asks for; it proposes nothing that the guardrails forbid."""
    chosen = config.optimizer
    return OptimizerCore(
        searchable_space(config),
        chosen.acquisition,
        random_state=config.seed,
        initial_points=config.initial_points,
        surrogate=chosen.surrogate,
        selection=chosen.selection,
        xi=chosen.xi,
        beta=chosen.beta,
        past=past,
    )


def learnt_optimizer(
    config: SessionConfig,
    trials: Sequence[Trial],
    past: Sequence[Entry] = (),
    evidence: Evidence | None = None,
    worth: Worth | None = None,
) -> OptimizerCore:
    """The optimizer that a session's config asks for, as it stands after these trials.

    Args:
        evidence: tells what the trials showed.
        worth: the session's objective; knows these trials afterwards.
    """
    optimizer = make_optimizer(config, past)
    told = worth or OBJECTIVES[config.optimizer.objective]()
    shown = evidence or Evidence()

    def entry(trial: Trial) -> Entry:
        score = training_score(trial)
        return trial.point, None if score is None else told(shown.failure(trial), score), signals(trial)

    optimizer.load(entry(trial) for trial in searched(trials))
    return optimizer


def searched(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that the search learns from: those of a session's own whose faults are those of their points.

    A replay must not shift what the session would propose, and a smaller fault is none of its point.
    """
    return [trial for trial in trials if trial.phase not in (Phase.REPLAY, Phase.MINIMISE)]


def sent_space(config: SessionConfig) -> SearchSpace:
    """The search space, of whose points those that send the same faults are one."""
    return config.search_space.sent_by(sending_of(config.executor))


def searchable_space(config: SessionConfig) -> SearchSpace:
    """The search space without the points that the guardrails forbid; those that send the same faults are one.

    Raises:
        InvalidInput: they forbid every point.
    """
    space = sent_space(config)
    return space if config.guardrails == Guardrails() else guarded(space, config.guardrails)
