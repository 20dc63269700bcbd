"""A facade to call, and session folders for it to find."""

import json
import socket
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import uvicorn
from histories import scored, trial_of
from observations import observed

from api import models
from api.app import create_app
from api.settings import Settings
from boifi_core.faults.plan import FaultPlan
from boifi_core.history.dataset import History
from boifi_core.models import SessionState, SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.progress import best_result, progress

SESSIONS = "/v1/optimization/sessions"
REQUEST = {**models.REQUEST, "executor_endpoint": "http://127.0.0.1:8080"}
"""The document's example, but for its target, which is nobody's: this one may be asked for."""

CONFIG = {
    "name": REQUEST["name"],
    "executor": {"endpoint": REQUEST["executor_endpoint"]},
    "search_space": REQUEST["search_space_config"],
    "total_trials": 12,
    "seed": 7,
}


@contextmanager
def facade(data, **settings):
    """A client of a facade of its own, on a free port, over the sessions in `data`."""
    app = create_app(Settings(data=data, **{"poll_s": 0.05, **settings}))
    with served(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=30) as calls:
        yield calls


@contextmanager
def served(app):
    """The URL of an app that a real server serves."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, proxy_headers=False, timeout_graceful_shutdown=1, lifespan="on")
        server = uvicorn.Server(config)
        serving = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        serving.start()
        until = time.monotonic() + 20
        while not server.started:
            assert serving.is_alive()
            assert time.monotonic() < until
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            serving.join(20)
            assert not serving.is_alive()


def made(data, trials=0, status=None, reason=None, *, by=None, made_by=None, **changes):
    """A session's folder with this many trials; without a status, nobody has begun it."""
    others = {} if by is None else {"request.json": json.dumps(by)}
    config = parse_session({**CONFIG, **changes})
    folder = make_session(data, config, session_id=str(uuid.uuid4()), made_by=made_by, others=others)
    history = History(folder.history, config.search_space)
    history.create()
    add_trials(folder, range(1, trials + 1))
    if status is not None:
        set_state(folder, status, reason)
    return folder


def add_trials(folder, numbers, **changes):
    """Record trials as a session does, but for `changes`."""
    config = parse_session(folder.session()["config"])
    history = History(folder.history, config.search_space)
    for number in numbers:
        point = {"fault_type": "delay", "target_path": "/ratings", "percentage": 50, "delay_ms": 100 * number}
        began = datetime.now(UTC) + timedelta(seconds=2 * number)
        whole = {
            "severity": None,
            "session_id": folder.session_id,
            "status": "scored",
            "started_at": began,
            "finished_at": began + timedelta(seconds=1),
            "point": point,
            "plans": (FaultPlan(fault_type="delay", target_path="/ratings", percentage=50, delay_ms=100 * number),),
            "observation": observed(trace_data='{"spans": []}'),
            "score": scored(min(9.0, number / 2)),
        }
        history.append(trial_of(number, **(whole | changes)))


def set_state(folder, status, reason=None):
    """Write `state.json` as a session does."""
    config = parse_session(folder.session()["config"])
    trials = History(folder.history, config.search_space).trials()
    far = progress(trials, config.total_trials)
    folder.write_state(
        SessionState(
            session_id=folder.session_id,
            name=config.name,
            status=SessionStatus(status),
            reason=reason,
            created_at=datetime.fromisoformat(folder.session()["created_at"]),
            updated_at=datetime.now(UTC),
            progress=far.model_copy(update={"best_result": best_result(trials, None)}),
        )
    )


def wait_for(condition, timeout_s=10):
    """Wait until it holds."""
    until = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def refused(answer, status, code):
    """The one error that an answer is."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"error"}
    assert body["error"].keys() == {"code", "message", "details"}
    assert body["error"]["code"] == code
    return body["error"]


def parsed(text):
    """The events of an event stream: `(name, id, data)` each."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((fields["event"], fields.get("id"), json.loads(fields["data"])))
    return found
