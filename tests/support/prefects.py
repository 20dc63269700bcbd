"""A Prefect server that is not the service's own: without a login, as somebody else may have one."""

import os
from contextlib import contextmanager

from boifi_core.safety.target_lock import ALONE
from cli.kept_processes import Child, is_answered, kept
from cli.prefect_api import DRAIN_TIMEOUT_S, TELEMETRY_OFF, hold_port, server_command, server_environment, url_at
from cli.prefect_login import SERVER_LOGIN

QUIET = {f"PREFECT_LOGGING_HANDLERS_{handler}_LEVEL": "CRITICAL" for handler in ("CONSOLE", "DEBUG")}


@contextmanager
def prefect_for_tests(home):
    """The URL of its API, for as long as this lasts; Prefect in this process uses it, once it is imported."""
    home.mkdir(parents=True, exist_ok=True)
    port = hold_port()
    url = url_at(port)
    environment = server_environment(home)
    del environment[SERVER_LOGIN]
    server = Child("prefect", server_command(port), environment, log=home / "server.log", held_port=port)
    with kept(server):
        assert is_answered(f"{url}/health", give_up=lambda: server.ended_with is not None), home / "server.log"
        mine = {"PREFECT_HOME": str(home), "PREFECT_API_URL": url, ALONE: "1"}
        os.environ.update(TELEMETRY_OFF | QUIET | mine)
        try:
            yield url
        finally:
            from flows.queued import drain

            drain(DRAIN_TIMEOUT_S)
            for name in mine:
                del os.environ[name]
