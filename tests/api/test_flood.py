"""A flood of the heaviest requests that are let in: everything else answers meanwhile."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from facades import REQUEST, SESSIONS, facade, made

SERVICES = [f"service-{number}" for number in range(900)]
HEAVIEST = REQUEST | {
    "search_space_config": [
        dimension
        for fault in range(50)
        for dimension in (
            {"name": f"f{fault}.fault_type", "type": "categorical", "values": ["delay", "abort", "none"]},
            {"name": f"f{fault}.delay_ms", "type": "integer", "min": 10, "max": 2000},
            {"name": f"f{fault}.target_service", "type": "categorical", "values": SERVICES},
            {"name": f"f{fault}.percentage", "type": "integer", "min": 1, "max": 100},
        )
    ],
    "guardrails": {"protected_services": SERVICES[1:], "max_percentage": 50},
}
"""As large as may be in every direction, and next to nothing of it allowed: about a second of computing."""

FLOOD = 12
PATIENCE_S = 2.0


@pytest.mark.slow
def test_everything_else_answers_while_the_heaviest_requests_are_checked(tmp_path):
    made(tmp_path, trials=2, status="COMPLETED", reason="done")
    with facade(tmp_path, create_limit="10000/minute") as api, ThreadPoolExecutor(FLOOD) as callers:
        assert api.post(f"{SESSIONS}/validate", json=REQUEST).status_code == 200
        ended = threading.Event()

        def flood(_):
            statuses = []
            with httpx.Client(base_url=api.base_url, trust_env=False, timeout=60) as client:
                while not ended.is_set():
                    statuses.append(client.post(f"{SESSIONS}/validate", json=HEAVIEST).status_code)
            return statuses

        flooding = [callers.submit(flood, number) for number in range(FLOOD)]
        time.sleep(2)
        took_s = {}
        for path in ("/health", "/ready", SESSIONS, f"{SESSIONS}?limit=1", "/metrics") * 4:
            began = time.monotonic()
            status = api.get(path).status_code
            took_s[path] = max(took_s.get(path, 0), time.monotonic() - began)
            assert status == (503 if path == "/ready" else 200)  # there is no Prefect here
        ended.set()
        statuses = {status for each in flooding for status in each.result()}
        assert statuses <= {200, 503, 504}
        assert max(took_s.values()) < PATIENCE_S, took_s
        began = time.monotonic()
        assert api.post(f"{SESSIONS}/validate", json=REQUEST).status_code == 200
        assert time.monotonic() - began < PATIENCE_S, "nothing of it is left"


@pytest.mark.slow
def test_fifty_sessions_created_at_once_are_all_let_in(tmp_path):
    with (
        facade(tmp_path, create_limit="10000/minute", max_active_sessions=100) as api,
        ThreadPoolExecutor(50) as callers,
        httpx.Client(
            base_url=api.base_url, trust_env=False, timeout=60, limits=httpx.Limits(max_connections=50)
        ) as client,
    ):
        asked = [callers.submit(client.post, SESSIONS, json=REQUEST) for _ in range(50)]
        assert {each.result().status_code for each in asked} == {202}


def test_a_check_that_nobody_waits_for_ends(tmp_path):
    with facade(tmp_path) as api:
        began = time.monotonic()
        assert api.post(f"{SESSIONS}/validate", json=HEAVIEST).status_code == 200
        one_s = time.monotonic() - began
        for _ in range(20):
            with pytest.raises(httpx.ReadTimeout):
                api.post(f"{SESSIONS}/validate", json=HEAVIEST, timeout=0.15)
        began = time.monotonic()
        assert api.post(f"{SESSIONS}/validate", json=REQUEST).status_code == 200
        assert time.monotonic() - began < 5 * one_s, "twenty times as long, were each check carried on"
