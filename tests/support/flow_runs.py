"""Sessions as flow runs, through Prefect's API alone, as the facade makes them."""

import json
import os
import time

import httpx

from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.run_file import keep_flow_run
from boifi_core.session.stored import read_trials, stored_config
from boifi_core.storage import open_folder


class FlowRuns:
    """A Prefect API at this URL, a data dir, and the name of the deployment that carries sessions out."""

    def __init__(self, api_url, data, deployment="boifi"):
        self.data, self.deployment = data, deployment
        self.http = httpx.Client(base_url=api_url, timeout=30)

    def start(self, config):
        """Make the session and its flow run; returns the session's folder."""
        folder = make_session(self.data, parse_session(config))
        deployment = self.http.get(f"/deployments/name/session/{self.deployment}").raise_for_status().json()
        body = {"parameters": {"folder": str(folder.path)}, "name": folder.session_id[:8],
                "tags": [f"session:{folder.session_id}"],
                "idempotency_key": f"session:{folder.session_id}"}  # fmt: skip
        made = self.http.post(f"/deployments/{deployment['id']}/create_flow_run", json=body).raise_for_status().json()
        keep_flow_run(folder, made["id"])
        return folder

    def run_id(self, folder):
        return json.loads((folder.path / "run.json").read_text())["flow_run_id"]

    def run(self, folder):
        return self.http.get(f"/flow_runs/{self.run_id(folder)}").raise_for_status().json()

    def state(self, folder):
        return self.run(folder)["state"]["type"]

    def cancel(self, folder):
        """As the UI does it."""
        body = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}
        self.http.post(f"/flow_runs/{self.run_id(folder)}/set_state", json=body).raise_for_status()


def until(condition, seconds, what):
    """Wait until the condition is true, and return what it gives."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def ended(folder, seconds=60):
    """Wait for the session's end; returns its last state."""

    def end():
        state = folder.state()
        return state if state and state.status in (SessionStatus.COMPLETED, SessionStatus.FAILED) else None

    return until(end, seconds, f"the end of {folder.path}")


def trials(folder):
    return read_trials(folder, stored_config(folder))


def made_trials(folder, at_least, seconds=60):
    """Wait for so many trials."""
    history = open_folder(folder.history)
    until(lambda: len(history.names(prefix="part-")) >= at_least, seconds, f"{at_least} trials")


def kill_holder(folder, number):
    """Send the process that runs the session this signal; returns its id."""
    pid = until(folder.holder, 30, f"a process that holds {folder.path}")
    os.kill(pid, number)
    return pid
