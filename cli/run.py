"""`boifi run`: check everything, then run a session here, as a Prefect flow, and show it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.text import Text

from boifi_core.analyzer.normal import Normal
from boifi_core.child_process import entitle
from boifi_core.errors import BoifiError, ExecutorError, InvalidInput, counted
from boifi_core.findings import Catalogue
from boifi_core.injectors.table import open_injector
from boifi_core.models import ENDED, Point, SessionState, SessionStatus, Trial
from boifi_core.observers.table import open_observer
from boifi_core.optimizer import OptimizerCore
from boifi_core.optimizer.warm_start import Entry
from boifi_core.safety.policies import with_expiry
from boifi_core.session.budget import Budget
from boifi_core.session.check import check
from boifi_core.session.config import TOKEN_VARIABLE, SessionConfig, read_session_file, with_overrides
from boifi_core.session.events import listening
from boifi_core.session.folder import SessionFolder, find_session, out_option
from boifi_core.session.learning import make_optimizer, sent_space
from boifi_core.session.make import make_session, resume_session
from boifi_core.session.phases.sample import free_draw
from boifi_core.session.progress import best_trial
from boifi_core.session.run_file import run_name
from boifi_core.session.screen.leads import Leads
from boifi_core.session.stored import read_trials
from boifi_core.session.warm_start import past_of, stored_past
from boifi_core.settings import state_dir
from boifi_core.space import SearchSpace
from boifi_core.storage import Place, StorageUnavailable
from boifi_core.storage.data_dir import data_dir
from boifi_core.wire.environment import variable_named
from cli.prefect_api import PrefectGone, check_given_api, prefect_api, where_to_look
from cli.termination import Terminated, sigterm_raises

HEALTH_TIMEOUT_S = 10.0


class Interrupted(BoifiError):
    """A signal ended the session before its end; it can be resumed."""


def load(path: Path, trials: int | None, seed: int | None) -> tuple[SessionConfig, list[str]]:
    """A session file with the command line's overrides, checked whole; and its warnings.

    Raises:
        InvalidInput: anything that would stop the session from running as it is meant.
    """
    return check(with_overrides(read_session_file(path), trials=trials, seed=seed))


def preflight(config: SessionConfig) -> None:
    """See that the target's control plane answers and the observer's ports are free, before anything is made.

    Raises:
        BoifiError: the control plane does not answer.
        InvalidInput: a port is in use.
    """
    injector = open_injector(config.executor)
    try:
        injector.health(timeout_s=min(HEALTH_TIMEOUT_S, config.executor.timeout_s))
    except ExecutorError as error:
        raise BoifiError(f"executor.endpoint: must answer, got {error}") from error
    finally:
        injector.close()
    open_observer(config.executor, config.watching).close()
    check_given_api()


def dry_run(config: SessionConfig, past: Sequence[Entry], console: Console) -> None:
    """Print the policies of the first proposals; nothing is applied, and nobody is asked."""
    injector = open_injector(config.executor)
    try:
        for number, point in enumerate(_first_points(config, past), 1):
            sent = [injector.as_sent(plan) for plan in config.search_space.plans(point)]
            plans = with_expiry(sent, config.executor.timeout_s)
            line = " + ".join(map(str, plans)) or "no fault"
            expiry_s = max((plan.duration_seconds or 0 for plan in plans), default=0)
            console.print(Text(f"{number:>4}  {line}; expires after {expiry_s} s if nobody removes it"), soft_wrap=True)
    finally:
        injector.close()


def _first_points(config: SessionConfig, past: Sequence[Entry]) -> Iterator[Point]:
    """Those of the screen and of the initial proposals, and of the free draws among them.

    A screen's are in the order that it has where no trace tells what each may bring.
    """
    optimizer: OptimizerCore = make_optimizer(config, past)
    budget = Budget.of(config, ())
    screened = _screened(optimizer, min(budget.screen, config.initial_points))
    for searched in range(config.initial_points):
        budget = replace(budget, searched=searched)
        if budget.is_draw_due:
            drawn = free_draw(optimizer.space, optimizer.random_state, budget.drawn)
            budget = replace(budget, drawn=budget.drawn + 1)
            optimizer.discard(drawn)
            yield drawn
        elif screened:
            optimizer.discard(screened[0])
            yield screened.pop(0)
        else:
            yield optimizer.propose()


def _screened(optimizer: OptimizerCore, n: int) -> list[Point]:
    leads = Leads(optimizer.space, Normal(())) if n else None
    return [] if leads is None or leads.are_few else leads.first(n)


def past_for(config: SessionConfig, out: str | None) -> list[Entry]:
    """What the session would learn from at its start.

    Raises:
        InvalidInput: it names a session of which nothing can be learnt.
    """
    return past_of(data_dir(out), config.warm_start, config.search_space) if config.warm_start else []


def introduce(console: Console, folder: SessionFolder, config: SessionConfig) -> None:
    """Say what is about to run, and against what."""
    faults = sent_space(config).n_faults
    many = "endlessly many possible faults" if faults is None else counted(faults, "possible fault")
    space = f"{counted(len(config.search_space.dimensions), 'dimension')}, {many}"
    lines = [
        ("session", f"{folder.session_id}  {config.name}"),
        ("target", config.executor.endpoint),
        ("severity", "0: nobody notices, 10: everything fails, by errors, latency and broken calls"),
        ("search", f"{counted(config.total_trials, 'trial')} out of {space}, seed {config.seed}"),
    ]
    if config.warm_start:
        lines.append(("knows", f"{counted(len(stored_past(folder)), 'trial')} of {', '.join(config.warm_start)}"))
    for label, text in lines:
        console.print(Text(f"{label:<12}{text}"), soft_wrap=True)


def how_many(space: SearchSpace) -> str:
    """How many points a space has, and how many different faults where those are fewer."""
    points = "endlessly many points" if space.n_points is None else counted(space.n_points, "point")
    if not space.twins:
        return points
    return f"{points}, {'fewer' if space.n_faults is None else f'{space.n_faults:,}'} different faults"


def run_session(folder: SessionFolder, config: SessionConfig, data: Place, console: Console) -> SessionState:
    """Run the session in `folder` to its end, showing its progress; returns its last state.

    Raises:
        SessionHeld: another process runs it.
        Interrupted: a signal ended it before its end.
        BoifiError: Prefect's API, or the store, was gone before its end.
    """
    entitle(f"boifi: session {folder.session_id}")
    _hand_over_token(config)
    done = read_trials(folder, config)
    before = folder.state()  # of a session to go on with: it says nothing about this run
    again = f"boifi run … --resume {folder.session_id}{out_option(data)}"
    try:
        with sigterm_raises(), prefect_api(state_dir(data)) as api_url:
            problem = _run_flow(folder, config, done, api_url, console)
    except (KeyboardInterrupt, Terminated, PrefectGone) as end:
        state = folder.state()
        if state is not None and state != before and state.status in ENDED:
            return state
        if isinstance(end, PrefectGone):
            raise BoifiError(f"{end}; {again} goes on with it") from end
        raise Interrupted(f"interrupted; {again} goes on with it") from None
    try:
        state = folder.state()
    except StorageUnavailable as error:
        raise BoifiError(f"{problem or error}; {again} goes on with it") from None
    if state is None or state == before:
        raise BoifiError(problem or f"session {folder.session_id} ended without a state")
    if problem is not None and state.status is not SessionStatus.FAILED:
        raise BoifiError(f"{problem}; {again} goes on with it")
    return state


def _run_flow(
    folder: SessionFolder, config: SessionConfig, done: list[Trial], api_url: str, console: Console
) -> str | None:
    """Run the flow; returns what went wrong, if it did not complete."""
    # Prefect reads its settings when it is imported, so not before its API is known.
    from cli.terminal import Progress
    from flows.session import session
    from flows.words import message_in_words

    console.print(Text(f"prefect     {where_to_look(api_url, console)} while this runs"), soft_wrap=True)
    best = best_trial(done)
    run = session.with_options(flow_run_name=as_template(run_name(folder)))
    shown = Progress(console, config.total_trials, len(done), (best and best.severity) or 0.0)
    with shown, listening(shown):
        ended = run(str(folder.path), return_state=True)
    return None if ended.is_completed() else message_in_words(ended.message) or f"the flow run ended {ended.name}"


def as_template(name: str) -> str:
    """The name as a flow run's, where Prefect would fill in what stands in braces."""
    return name.replace("{", "{{").replace("}", "}}")


def exit_status(state: SessionState, fail_on: float | None, found: Catalogue) -> int:
    """0 done, 1 the session failed, 3 a failure at or above `fail_on` that was not measured again in vain."""
    if state.status is not SessionStatus.COMPLETED:
        return 1
    return 3 if fail_on is not None and any(mode.fails(fail_on) for mode in found.modes) else 0


def folder_for(
    config: SessionConfig, data: Place, resume: str | None
) -> tuple[SessionFolder, SessionConfig, list[str]]:
    """A new session's folder, or the one to go on with; the config that it runs with; what of the file it does not use.

    Raises:
        InvalidInput: no such session, or one of another search space.
        SessionHeld: another process runs it; nothing of it is touched.
    """
    if resume is None:
        return make_session(data, config), config, []
    try:
        folder = find_session(data, resume)
    except InvalidInput as error:
        raise InvalidInput("--resume", str(error).split(": ", 1)[1]) from None
    with folder.held():
        merged = resume_session(folder, config)
    kept = ("analyzer", "optimizer", "baseline_observations", "warm_start")
    return folder, merged, [name for name in kept if getattr(merged, name) != getattr(config, name)]


def _hand_over_token(config: SessionConfig) -> None:
    # session.json holds no literal token but names this variable; the flow opens the session from there.
    token = config.executor.token
    if token is not None and variable_named(token.get_secret_value()) is None:
        os.environ[TOKEN_VARIABLE] = token.get_secret_value()
