"""A Prefect API for a run: the one at PREFECT_API_URL, else a server of our own for as long as the run lasts."""

from __future__ import annotations

import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from boifi_core.errors import BoifiError
from boifi_core.filelock import try_lock
from boifi_core.target_lock import ALONE
from boifi_core.tether import end, spawn

START_TIMEOUT_S = 120.0
DRAIN_TIMEOUT_S = 5.0
STARTS = 4

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


@contextmanager
def prefect_api(state: Path) -> Iterator[str]:
    """The API's URL; Prefect, imported after this, uses it.

    A server of our own has its home in this folder, where past runs stay visible, and ends with this process,
    however that dies. Runs at the same time each get a home of their own.

    Raises:
        BoifiError: the server did not start.
    """
    os.environ.update(TELEMETRY_OFF)
    # Prefect's log goes to its API, where the UI shows it; the terminal shows ours.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    given = os.environ.get("PREFECT_API_URL")
    if given:
        yield given
        return
    with ExitStack() as stack:
        home = stack.enter_context(_free_home(state))
        url = stack.enter_context(_server(home))
        os.environ["PREFECT_HOME"] = str(home)
        os.environ["PREFECT_API_URL"] = url
        os.environ[ALONE] = "1"
        try:
            yield url
        finally:
            _drain()
            del os.environ["PREFECT_API_URL"], os.environ[ALONE]


def check_given_api() -> None:
    """See that the API at PREFECT_API_URL answers, if one is given.

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
        raise BoifiError(f"PREFECT_API_URL: must answer, got {url}: {error}") from error


def _drain() -> None:
    # What is still queued has to reach the server before it ends.
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        for worker in (EventsWorker, APILogWorker):
            worker.drain_all(timeout=DRAIN_TIMEOUT_S)


@contextmanager
def _free_home(state: Path) -> Iterator[Path]:
    number = 1
    while True:
        home = state / ("prefect" if number == 1 else f"prefect-{number}")
        home.mkdir(parents=True, exist_ok=True)
        with (home / "lock").open("a+") as lock:
            if try_lock(lock):
                yield home
                return
        number += 1


@contextmanager
def _server(home: Path) -> Iterator[str]:
    port = free_port()
    log = home / "server.log"
    command = [
        sys.executable, "-m", "uvicorn", "--factory", "deployments.prefect_server:create_app",
        "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning",
        "--timeout-keep-alive", "60", "--timeout-graceful-shutdown", "3",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, **SERVER_SETTINGS, "PREFECT_HOME": str(home), "PREFECT_UI_API_URL": url}

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            # In a session of its own, so that a Ctrl-C in the terminal reaches the run alone.
            return spawn(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                         start_new_session=True)  # fmt: skip

    with _kept_alive(start) as first:
        _wait_until_healthy(first, url, log)
        yield url


@contextmanager
def _kept_alive(start: Callable[[], subprocess.Popen[bytes]]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is started again when it dies, a few times: a run only waits for its API meanwhile.

    One thread starts and watches it, since a child's life hangs on the thread that started it.
    """
    ending = threading.Event()
    running: queue.Queue[subprocess.Popen[bytes]] = queue.Queue()

    def keep() -> None:
        for _ in range(STARTS):
            process = start()
            running.put(process)
            while process.poll() is None:
                if ending.wait(0.1):
                    end(process, grace_s=5.0)
                    return

    keeper = threading.Thread(target=keep, name="prefect server", daemon=True)
    keeper.start()
    try:
        yield running.get(timeout=START_TIMEOUT_S)
    finally:
        ending.set()
        keeper.join()


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    import httpx

    deadline = time.monotonic() + START_TIMEOUT_S
    with httpx.Client(trust_env=False, timeout=2.0) as client:
        while time.monotonic() < deadline:
            if server.poll() is not None:
                raise BoifiError(f"the Prefect server ended with status {server.returncode}; its log is {log}")
            try:
                if client.get(f"{url}/health").status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    raise BoifiError(f"the Prefect server did not answer within {START_TIMEOUT_S:g} s; its log is {log}")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
