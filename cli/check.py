"""`boifi check`: a session file, and a first look at its target that breaks next to nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from uuid import uuid4

from rich.console import Console
from rich.text import Text

from boifi_core.errors import ExecutorError
from boifi_core.injectors.table import open_injector
from boifi_core.models import RawObservation
from boifi_core.observers.table import open_observer
from boifi_core.safety.policies import policy_names
from boifi_core.safety.target_lock import WaitGivenUp, target_lock
from boifi_core.session.config import SessionConfig
from boifi_core.session.preflight.base import Line, Outcome, Sight
from boifi_core.session.preflight.table import look
from cli.termination import sigterm_raises

WAIT_S = 10.0
"""How long a session that has the target is waited for, seconds."""

_STYLES = {Outcome.PASSED: "green", Outcome.WARNED: "yellow", Outcome.FAILED: "bold red"}


def run_check(config: SessionConfig, console: Console) -> int:
    """Say what each check came to; exit status 1 if one failed.

    Raises:
        InvalidInput: what the file names cannot be opened here.
    """
    with ExitStack() as opened, sigterm_raises():
        alone = opened.enter_context(_target(config))
        injector = open_injector(config.executor)
        opened.callback(injector.close)
        windows, unseen = _window(config)
        (policy,) = policy_names(str(uuid4()), 0, 1)
        lines = look(Sight(config, injector, windows, policy, unseen, alone))
    for line in lines:
        console.print(as_text(line), soft_wrap=True)
    return 1 if any(line.outcome is Outcome.FAILED for line in lines) else 0


def as_text(line: Line) -> Text:
    """A check's line for a terminal."""
    return Text.assemble((f"{line.outcome:<8}", _STYLES[line.outcome]), str(line))


def _window(config: SessionConfig) -> tuple[Sequence[RawObservation], str | None]:
    observer = open_observer(config.executor, config.watching)
    try:
        return [observer.observe(newer_than=datetime.now(UTC), timeout_s=config.executor.timeout_s)], None
    except ExecutorError as error:
        return [], str(error)
    finally:
        observer.close()


@contextmanager
def _target(config: SessionConfig) -> Iterator[str | None]:
    """Have the target to ourselves, among this machine's sessions; gives who has it instead, if one keeps it."""
    deadline, holders = time.monotonic() + WAIT_S, ["another session"]
    endpoint = config.executor.endpoint
    lock = target_lock(endpoint, "boifi check", on_wait=holders.append, give_up=lambda: time.monotonic() > deadline)
    try:
        lock.__enter__()
    except WaitGivenUp:
        yield holders[-1]
        return
    with ExitStack() as held:
        held.push(lock)
        yield None
