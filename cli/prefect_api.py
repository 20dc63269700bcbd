"""A Prefect API for a run: the one at PREFECT_API_URL, else a server of our own for as long as the run lasts."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console

from boifi_core.errors import BoifiError
from boifi_core.safety.target_lock import ALONE
from boifi_core.storage.filelock import try_lock
from boifi_core.storage.private import close_to_others, make_private
from cli.child_environments import of_prefect
from cli.kept_processes import START_TIMEOUT_S, Child, is_answered, kept
from cli.prefect_login import CLIENT_LOGIN, SERVER_LOGIN, login, way_in
from cli.service_home import heal_database

DRAIN_TIMEOUT_S = 5.0
STARTS = 4
"""How often a run's own server is started: the run only waits for its API meanwhile."""

TELEMETRY_OFF = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}

# Larger batches of task-run events keep SQLite's writer from being the bottleneck; the event feed, which BOIFI does
# not use, is most of what Prefect writes to disk.
SERVER_SETTINGS = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
}


class PrefectGone(BoifiError):
    """Prefect's API answered nothing, for longer than Prefect's client asks again."""


@contextmanager
def prefect_api(state: Path) -> Iterator[str]:
    """The API's URL; Prefect, imported after this, uses it.

    A server of our own has its home in this folder, where past runs stay visible, and ends with this process,
    however that dies. Runs at the same time each get a home of their own.

    Raises:
        BoifiError: the server did not start.
        PrefectGone: what was run with it found no API any more.
    """
    close_to_others(state)
    os.environ.update(TELEMETRY_OFF)
    # Prefect's log goes to its API, where the UI shows it; the terminal shows ours.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_DEBUG_LEVEL", "CRITICAL")
    given = os.environ.get("PREFECT_API_URL")
    if given:
        with _gone_in_one_line(given):
            yield given
        return
    with ExitStack() as stack:
        home = stack.enter_context(_free_home(state))
        url = stack.enter_context(running_server(home))
        os.environ["PREFECT_HOME"] = str(home)
        os.environ["PREFECT_API_URL"] = url
        os.environ[CLIENT_LOGIN] = login(home)
        os.environ[ALONE] = "1"
        try:
            with _gone_in_one_line(url):
                yield url
        finally:
            if "prefect" in sys.modules:  # what it has queued must reach the server before that ends
                from flows.queued import drain

                drain(DRAIN_TIMEOUT_S)
            del os.environ["PREFECT_API_URL"], os.environ[CLIENT_LOGIN], os.environ[ALONE]


def where_to_look(api_url: str, console: Console) -> str:
    """Where a person sees Prefect's UI while `prefect_api` lasts."""
    home = os.environ.get("PREFECT_HOME")
    if home and ALONE in os.environ and CLIENT_LOGIN in os.environ:
        return way_in(api_url, Path(home), console)
    return api_url.removesuffix("/api")


@contextmanager
def _gone_in_one_line(url: str) -> Iterator[None]:
    import httpx

    try:
        yield
    except Exception as error:
        if not any(isinstance(each, httpx.HTTPError) for each in (error, error.__cause__)):
            raise
        raise PrefectGone(f"Prefect's API at {url} does not answer: {error}") from error


def check_given_api(name: str = "PREFECT_API_URL") -> None:
    """See that the API at PREFECT_API_URL answers, if one is given.

    Args:
        name: what its user calls it.

    Raises:
        BoifiError: it does not.
    """
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return
    import httpx  # whoever only needs the settings of a server starts sooner without it

    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=10.0).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BoifiError(f"{name}: must answer, got {url}: {error}") from error


@contextmanager
def _free_home(state: Path) -> Iterator[Path]:
    number = 1
    while True:
        home = state / ("prefect" if number == 1 else f"prefect-{number}")
        make_private(home)
        with (home / "lock").open("a+") as lock:
            if try_lock(lock):
                yield home
                return
        number += 1


@contextmanager
def running_server(home: Path) -> Iterator[str]:
    """A Prefect server with its home in this folder, for as long as this lasts; the URL of its API. It wants `login`.

    Raises:
        BoifiError: it did not start.
    """
    port = hold_port()
    url = url_at(port)
    log = home / "server.log"
    server = Child(
        "prefect server", server_command(port), server_environment(home), log=log, held_port=port, most_starts=STARTS,
        heal=lambda: heal_database(home),
    )  # fmt: skip
    with kept(server):
        if not is_answered(f"{url}/health", give_up=lambda: server.ended_with is not None):
            if server.ended_with is not None:
                raise BoifiError(f"the Prefect server ended with status {server.ended_with}; its log is {log}")
            raise BoifiError(f"the Prefect server did not answer within {START_TIMEOUT_S:g} s; its log is {log}")
        yield url


def hold_port(port: int = 0) -> socket.socket:
    """A socket that has this port of the loopback address, or a free one, for a server to listen at.

    Nobody else gets the port meanwhile. Who asks before a server listens is refused, and waits while one starts again.

    Raises:
        OSError: somebody has the port.
    """
    held = socket.socket()
    try:
        # Connections of a server that has just ended do not keep the port from the next, but two that would both have
        # it so get it both, on Linux, as long as neither listens.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    except OSError:
        held.close()
        raise
    return held


def server_environment(home: Path) -> dict[str, str]:
    """What the process of a Prefect server with its home in this folder gets.

    Raises:
        BoifiError: its login cannot be kept.
    """
    # The UI calls the API by the name of this machine that it was opened by itself.
    own = {"PREFECT_HOME": str(home), "PREFECT_UI_API_URL": "/api", SERVER_LOGIN: login(home)}
    settings = {**TELEMETRY_OFF, **SERVER_SETTINGS, **own}
    return {**of_prefect(os.environ), **settings}


def server_command(port: socket.socket) -> list[str]:
    """The command of a Prefect server at this port, whose socket it must inherit."""
    return [sys.executable, "-m", "deployments.prefect_server", str(port.fileno())]


def url_at(port: socket.socket) -> str:
    """The URL of the API of the Prefect server at this port."""
    return f"http://127.0.0.1:{port.getsockname()[1]}/api"
