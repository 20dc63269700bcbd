"""`boifi serve`: Prefect's server, the worker and the facade, kept running until SIGTERM or Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import SettingsError
from rich.console import Console
from rich.text import Text

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.safety.target_lock import ALONE
from boifi_core.storage import Place
from boifi_core.storage.aside import move_aside
from boifi_core.storage.data_dir import data_dir, state_path
from boifi_core.storage.filelock import opened_folder, try_lock, try_lock_folder
from boifi_core.storage.private import close_to_others, make_private, write_private
from boifi_core.validation import invalid_input
from boifi_core.wire.proxies import check_proxies
from cli.child_environments import of_facade, of_worker
from cli.kept_processes import Child
from cli.prefect_api import TELEMETRY_OFF, check_given_api, server_command, server_environment, url_at
from cli.prefect_login import CLIENT_LOGIN, login, way_in
from cli.prefect_port import prefect_port_of
from cli.service_home import heal
from cli.termination import asked_to_end

if TYPE_CHECKING:
    from api.settings import Settings

_API_FILE = "api.json"
_API_VARIABLES = ("PREFECT_API_URL", CLIENT_LOGIN)

BREAK_OFF_S = 60.0
"""How long the worker may take to break its sessions' trials off, seconds."""

READY_POLL_S = 0.2

RETENTION = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "2592000",
}


def serve(host: str | None, port: int | None, prefect_port: int | None, out: str | None, console: Console) -> int:
    """Run the service until it is asked to end; returns the exit status.

    Args:
        host, port, prefect_port, out: go before the settings of these names; `out` before `data`.

    Raises:
        InvalidInput: a setting or a proxy of the environment breaks its rule, or a port is in use.
        BoifiError: another `boifi serve` has the data dir.
    """
    settings = _settings(host=host, port=port, prefect_port=prefect_port)
    host, port = settings.host, settings.port
    data = data_dir(out or settings.data)
    state = state_path(data, settings.state)
    _check_port(host, port)
    check_proxies()
    check_given_api()
    home = state / "service"
    try:
        close_to_others(state)
        make_private(home)
    except OSError as error:
        rule = f"must be a folder that can be written ({error.strerror})"
        raise InvalidInput("state", rule, str(settings.state)) from error
    os.environ["BOIFI_STATE"] = str(settings.state)
    with _alone(home), asked_to_end() as ending:
        for said in heal(home):
            console.print(Text(said), soft_wrap=True)
        is_given = bool(os.environ.get("PREFECT_API_URL"))
        held = None if is_given else prefect_port_of(home, settings.prefect_port, port, console)
        children, prefect_url = _children(host, port, data, home, held, settings.secret_hosts)
        for label, text in (
            ("facade", f"http://{_for_url(host)}:{port}/docs"),
            ("prefect", prefect_url.removesuffix("/api") if is_given else way_in(prefect_url, home, console)),
            ("data", str(data)),
            *([] if state == data else [("state", str(state))]),
        ):
            _say(console, f"{label:<12}{text}")
        try:
            _keep_running(children, ending, console, f"http://{_for_url(host)}:{port}/ready")
        finally:
            _say(console, "ending: running trials are broken off, their faults removed")
            for child in reversed(children):
                child.end()
    return 0


def _children(
    host: str, port: int, data: Place, home: Path, prefect_port: socket.socket | None, secrets: Collection[str]
) -> tuple[list[Child], str]:
    """What is to run, in the order in which one needs the other: the facade last. And the URL of Prefect's API."""
    environment = {**os.environ, **TELEMETRY_OFF, "BOIFI_DATA": str(data), "BOIFI_HOST": host}
    environment.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    environment.setdefault("PREFECT_HOME", str(home))
    children = []
    url = os.environ.get("PREFECT_API_URL", "")
    if prefect_port is not None:
        url = url_at(prefect_port)
        children.append(_prefect_server(prefect_port, home))
        environment |= {CLIENT_LOGIN: login(home), ALONE: "1"}
    environment["PREFECT_API_URL"] = url
    _tell_others(home, environment)
    worker = [sys.executable, "-m", "deployments.worker", str(data)]
    children.append(Child("worker", worker, of_worker(environment), death_signal=signal.SIGTERM, grace_s=BREAK_OFF_S))
    facade = [
        sys.executable, "-m", "uvicorn", "--factory", "api.early_app:create_app", "--host", host, "--port", str(port),
        "--no-proxy-headers", "--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "3",
    ]  # fmt: skip
    children.append(Child("facade", facade, of_facade(environment, secrets)))
    return children, url


def _prefect_server(port: socket.socket, home: Path) -> Child:
    return Child(
        "Prefect's server", server_command(port), {**server_environment(home), **RETENTION},
        log=home / "prefect.log", held_port=port, heal=lambda: heal(home),
    )  # fmt: skip


def _keep_running(children: list[Child], ending: threading.Event, console: Console, ready_url: str) -> None:
    for child in reversed(children):  # the facade, which has the least to import, first
        if said := child.keep():
            console.print(Text(said), soft_wrap=True)
    # A facade that is slow to answer must not keep the children waiting.
    threading.Thread(target=_tell_when_ready, args=(ready_url, ending, console), daemon=True).start()
    while not ending.wait(0.2):
        for child in children:
            if said := child.keep():
                _say(console, said)


def _say(console: Console, text: str) -> None:
    # Where the output goes to a file on a full disk, nobody is told: that is no reason to end.
    with suppress(OSError):
        console.print(Text(text), soft_wrap=True)


def _tell_when_ready(url: str, ending: threading.Event, console: Console) -> None:
    import httpx  # by now there is time for it

    with httpx.Client(trust_env=False, timeout=5.0) as client:
        while not ending.wait(READY_POLL_S):
            with suppress(httpx.HTTPError):
                if client.get(url).is_success and not ending.is_set():
                    _say(console, "ready")
                    return


def _settings(**options: Any) -> Settings:
    """The settings, seen to be such that the facade would start with them; options that are None are not given."""
    from api.settings import Settings

    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        raise invalid_input(error, "", Settings) from None
    except SettingsError as error:
        raise InvalidInput("settings", str(error)) from None


def _check_port(host: str, port: int) -> None:
    if not _is_free(host, port):
        raise InvalidInput("--port", f"must be free on {host}", port)


def _is_free(host: str, port: int) -> bool:
    try:
        with socket.create_server((host, port)):
            return True
    except OSError:
        return False


def _tell_others(home: Path, environment: Mapping[str, str]) -> None:
    known = {name: environment[name] for name in _API_VARIABLES if name in environment}
    write_private(home / _API_FILE, json.dumps(known))


def api_of_service(state: Path) -> dict[str, str]:
    """How to reach the Prefect API of the service that keeps its state here, as environment; empty if none runs."""
    home = state / "service"
    try:
        with (home / "lock").open("r") as lock:
            if try_lock(lock):
                return {}
        found: dict[str, str] = json.loads((home / _API_FILE).read_text())
    except (OSError, ValueError):
        return {}
    return found


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    path = home / "lock"
    if path.is_dir():
        move_aside(path)
    with path.open("a+") as lock, opened_folder(home) as folder:
        if not (try_lock(lock) and try_lock_folder(folder)):  # the file may be lost while its holder lives
            raise BoifiError(f"another boifi serve has {home.parent}")
        yield


def _for_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
