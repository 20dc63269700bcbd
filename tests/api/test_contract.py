"""A tester of contracts, with all that it can think of, against a facade that listens: at most a 503 that says why."""

import hashlib
import json
import logging
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from facades import REQUEST, SESSIONS, facade, made
from hfi_server import HfiServer

HOOKS = Path(__file__).parents[1] / "support" / "contract_hooks.py"
KEY = "boifi_" + "k" * 40
KEYS = [{"name": "tester", "sha256": hashlib.sha256(KEY.encode()).hexdigest(), "scopes": ["read", "run", "admin"]}]
NO_LIMITS = {
    "create_limit": "1000000/minute",
    "rate_limit": "1000000/minute",
    "failed_login_limit": "1000000/minute",
    "max_active_sessions": 1_000_000,
}
MOST_RUNS = 20
ALL_PHASES = "examples,coverage,fuzzing,stateful"


class Answers(logging.Handler):
    """What the facade's log says of each answer."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def emit(self, record):
        self.seen.append((record.getMessage(), record.status, record.took_ms))


@pytest.fixture
def answers():
    handler = Answers()
    logging.getLogger("boifi.requests").addHandler(handler)
    yield handler.seen
    logging.getLogger("boifi.requests").removeHandler(handler)


def contract_kept(url, examples, phases, seed, target, folder):
    command = [
        Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json", "--url", url,
        # A stream of events goes on for as long as its session does.
        "--exclude-path-regex", "/events$", "--phases", phases,
        "--max-examples", str(examples), "--seed", str(seed), "--no-shrink", "--continue-on-failure",
        "--checks", "not_a_server_error", "--header", f"X-API-Key:{KEY}", "--warnings", "off", "--no-color",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": str(HOOKS),
        "CONTRACT_BODY": json.dumps(REQUEST | {"executor_endpoint": target}),
        "NO_PROXY": "*",
    }
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=3_000)
    assert done.returncode in (0, 1), done.stdout[-2_000:] + done.stderr[-2_000:]


def check(wanted, examples, phases, settings, data, answers, longest_ms):
    folder = made(data, trials=2, status="COMPLETED", reason="done")
    with HfiServer() as hfi:
        target = hfi.url.replace("127.0.0.1", "localhost")
        allowed = target.removeprefix("http://")
        with facade(data, **NO_LIMITS, allowed_targets=allowed, **settings) as api:
            assert api.post(f"{SESSIONS}/validate", json=REQUEST, headers={"X-API-Key": KEY}).status_code == 422
            answers.clear()  # the first one waits for what is imported once
            for seed in range(MOST_RUNS):
                contract_kept(str(api.base_url).rstrip("/"), examples, phases, seed, target, data)
                if len(answers) >= wanted:
                    break
            headers = {"X-API-Key": KEY}
            assert api.get("/health").status_code == 200
            listed, page = [], {"next": None}
            while "next" in page:
                query = {"limit": 200} | ({"cursor": page["next"]} if page["next"] else {})
                page = api.get(SESSIONS, params=query, headers=headers).json()
                listed += page["sessions"]
                if page["next"] is None:
                    break
        assert not hfi.active()
    assert len(answers) >= wanted
    print(len(answers), "answers", Counter(status for _, status, _ in answers))
    ours = [(what, status) for what, status, _ in answers if status >= 500 and (what, status) != ("GET /ready", 503)]
    assert not ours, Counter(ours)
    slow = [(what, status, took_ms) for what, status, took_ms in answers if took_ms > longest_ms]
    assert not slow, slow
    targets = {session["target"] for session in listed if session["session_id"] != folder.session_id}
    assert targets == {target}, "some were made, and none for anybody else's target"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("settings", "wanted", "examples", "phases"),
    [({}, 200, 12, "examples,fuzzing,stateful"), ({"api_keys": KEYS}, 1_000, 4, ALL_PHASES)],
    ids=["without keys", "with keys"],
)
def test_a_thousand_requests(tmp_path, settings, wanted, examples, phases, answers):
    check(wanted, examples, phases, settings, tmp_path, answers, longest_ms=10_000)  # others run beside it


@pytest.mark.long
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("settings", [{}, {"api_keys": KEYS}], ids=["without keys", "with keys"])
def test_ten_thousand_requests(tmp_path, settings, answers):
    check(10_000, 200, ALL_PHASES, settings, tmp_path, answers, longest_ms=2_000)
