"""The target's control plane and the real Envoy behind it, over the wire."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx
import pytest
from injector_contract import InjectorContract
from observer_contract import ObserverContract

from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.table import open_injector
from boifi_core.observers.table import open_observer


def policy(name, *, service="reviews", percentage=100, seconds=60, rules=1, **fault):
    match = {"path": {"prefix": "/"}}
    rule = {"match": match, "fault": {"percentage": percentage, "duration_seconds": seconds, **fault}}
    return {
        "metadata": {"name": name, "version": "1.0.0"},
        "spec": {"selector": {"service": service}, "rules": [rule] * rules},
    }


ABORT = {"abort": {"httpStatus": 503}}


@pytest.fixture
def wire(target):
    """A client of the control plane; what it leaves in force is removed."""
    with httpx.Client(base_url=target.control_plane, timeout=10) as client:
        yield client
        for each in client.get("/v1/policies").json()["policies"]:
            client.delete(f"/v1/policies/{each['metadata']['name']}")


class TestInjector(InjectorContract):
    @pytest.fixture
    def injector(self, target):
        injector = open_injector(ExecutorConfig(endpoint=target.control_plane))
        yield injector
        injector.close()

    @pytest.fixture
    def unreachable(self):
        injector = open_injector(ExecutorConfig(endpoint="http://127.0.0.1:9"))
        yield injector
        injector.close()


@pytest.mark.alone
class TestObserver(ObserverContract):
    @pytest.fixture
    def observer(self, target):
        observer = open_observer(ExecutorConfig(endpoint=target.control_plane))
        yield observer
        observer.close()


def test_health_and_readiness(wire):
    assert wire.get("/v1/health").json() == {"status": "healthy"}
    assert wire.get("/v1/ready").json() == {"status": "ready"}


def test_the_life_of_a_policy(wire):
    given = {**policy("boifi-life-1", **ABORT), "unknown": 1.5}
    answer = wire.post("/v1/policies", json=given)
    assert (answer.status_code, answer.json()) == (201, given)
    assert wire.post("/v1/policies", json=given).status_code == 201
    assert wire.get("/v1/policies").json() == {"policies": [given]}
    assert wire.get("/v1/policies/boifi-life-1").json() == given
    assert wire.delete("/v1/policies/boifi-life-1").status_code == 200
    assert wire.delete("/v1/policies/boifi-life-1").status_code == 404
    assert wire.get("/v1/policies/boifi-life-1").status_code == 404
    assert wire.get("/v1/policies").json() == {"policies": []}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        json.dumps(policy("boifi-bad-1", percentage=50.0, **ABORT)).encode(),
        json.dumps(policy("boifi-bad-1")).encode(),
        b'{"metadata": {"name": "boifi-bad-1", "version": "1.0.0"}, "spec": NaN}',
    ],
)
def test_what_is_refused_says_why(wire, body):
    answer = wire.post("/v1/policies", content=body)
    assert answer.status_code == 400
    assert isinstance(answer.json()["error"], str)
    assert wire.get("/v1/policies").json() == {"policies": []}


def test_a_pattern_that_envoy_cannot_read_is_refused_and_changes_nothing(wire, target):
    wire.post("/v1/policies", json=policy("boifi-good", **ABORT))
    bad = policy("boifi-lookahead", **ABORT)
    bad["spec"]["rules"][0]["match"] = {"path": {"regex": "^/(?=a)"}}
    answer = wire.post("/v1/policies", json=bad)
    assert answer.status_code == 400
    assert "invalid perl operator" in answer.json()["error"]
    assert len(wire.get("/v1/policies").json()["policies"]) == 1
    assert wire.post("/v1/policies", json=policy("boifi-good-2", **ABORT)).status_code == 201


def test_nine_faults_are_one_too_many(wire):
    assert wire.post("/v1/policies", json=policy("boifi-six", rules=6, **ABORT)).status_code == 201
    assert wire.post("/v1/policies", json=policy("boifi-two", rules=2, **ABORT)).status_code == 201
    answer = wire.post("/v1/policies", json=policy("boifi-one", **ABORT))
    assert answer.status_code == 400
    assert "at most 8 faults at a time" in answer.json()["error"]
    assert wire.post("/v1/policies", json=policy("boifi-six", rules=5, **ABORT)).status_code == 201
    assert wire.post("/v1/policies", json=policy("boifi-one", **ABORT)).status_code == 201


def test_errors_are_json_everywhere(wire):
    for answer in (wire.get("/nothing"), wire.put("/v1/policies"), wire.post("/v1/policies", content=b"x" * 2_000_000)):
        assert answer.status_code in (404, 405, 413)
        assert answer.json()["error"]


def shop_statuses(target, path="/product/42", n=1):
    async def all_at_once():
        async with httpx.AsyncClient(base_url=target.shop, timeout=5) as client:
            answers = await asyncio.gather(*(client.get(path) for _ in range(n)))
            return [answer.status_code for answer in answers]

    return asyncio.run(all_at_once())


def test_a_fault_holds_from_the_answer_to_its_removal(wire, target):
    for _ in range(5):
        assert shop_statuses(target) == [200]
        wire.post("/v1/policies", json=policy("boifi-hold", **ABORT))
        assert shop_statuses(target) == [502]
        wire.delete("/v1/policies/boifi-hold")
    assert shop_statuses(target) == [200]


def test_faults_apply_to_every_service_if_none_is_named(wire, target):
    wire.post("/v1/policies", json=policy("boifi-all", service="*", abort={"httpStatus": 418}))
    assert shop_statuses(target) == [418]


@pytest.mark.parametrize("fault", [{}, {"start_delay_ms": 5}])
def test_the_share_is_kept_by_one_action_and_by_two(wire, target, fault):
    wire.post("/v1/policies", json=policy("boifi-share", service="gateway", percentage=30, **fault, **ABORT))
    statuses = [status for _ in range(20) for status in shop_statuses(target, "/nothing", n=20)]
    assert set(statuses) == {404, 503}
    assert abs(statuses.count(503) - 120) < 6 * (400 * 0.3 * 0.7) ** 0.5


def test_a_delay_and_an_abort_hit_the_same_requests(wire, target):
    wire.post("/v1/policies", json=policy("boifi-both", service="gateway", percentage=50, start_delay_ms=60, **ABORT))
    with httpx.Client(base_url=target.shop) as client:
        for _ in range(20):
            answer = client.get("/nothing")
            is_slow = answer.elapsed.total_seconds() > 0.055
            assert is_slow == (answer.status_code == 503)


def test_start_delay_adds_to_the_delay(wire, target):
    wire.post(
        "/v1/policies",
        json=policy("boifi-sum", service="gateway", start_delay_ms=60, delay={"fixed_delay_ms": 60}),
    )
    # A timer may be some milliseconds early; one delay alone would be 60 ms.
    assert httpx.get(f"{target.shop}/nothing").elapsed.total_seconds() >= 0.1


def test_a_policy_ends_by_itself_and_repeating_it_begins_its_time_anew(wire, target):
    wire.post("/v1/policies", json=policy("boifi-short", seconds=1, **ABORT))
    time.sleep(0.6)
    wire.post("/v1/policies", json=policy("boifi-short", seconds=1, **ABORT))
    time.sleep(0.6)
    assert shop_statuses(target) == [502]
    end = time.monotonic() + 3
    while wire.get("/v1/policies").json()["policies"]:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert shop_statuses(target) == [200]


def test_removal_waits_for_the_requests_that_the_fault_holds(wire, target):
    delay = {"delay": {"fixed_delay_ms": 2000}}
    wire.post("/v1/policies", json=policy("boifi-slow", service="gateway", **delay))
    held = threading.Thread(target=httpx.get, args=(f"{target.shop}/nothing",))
    held.start()
    time.sleep(0.5)
    started = time.monotonic()
    wire.delete("/v1/policies/boifi-slow", timeout=20)
    assert 0.2 < time.monotonic() - started < 5
    held.join()


def test_an_observation_is_of_the_faults_in_force(wire):
    # A busy machine may lose a request of one window; it does not lose one of each.
    windows = [wire.get("/v1/observations/latest").json() for _ in range(5)]
    before = min(windows, key=lambda window: window["error_rate"])
    assert (before["status_code"], before["error_rate"], before["degraded"]) == (200, 0, [])
    assert set(before["traces"]) == {"home", "product", "cart", "checkout"}
    wire.post("/v1/policies", json=policy("boifi-seen", service="gateway", **ABORT))
    applied = datetime.now(UTC)
    after = wire.get("/v1/observations/latest").json()
    assert (after["status_code"], after["error_rate"]) == (503, 1)
    assert datetime.fromisoformat(after["timestamp"]) > applied


def test_who_asks_at_the_same_time_shares_a_window(wire):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: wire.get("/v1/observations/latest").json(), range(8)))
    assert len({answer["timestamp"] for answer in answers}) <= 2


def test_a_window_that_began_before_a_change_is_not_shared(wire):
    with ThreadPoolExecutor(1) as pool:
        early = pool.submit(lambda: wire.get("/v1/observations/latest").json())
        time.sleep(0.02)
        wire.post("/v1/policies", json=policy("boifi-turn", service="gateway", **ABORT))
        applied = datetime.now(UTC)
        late = wire.get("/v1/observations/latest").json()
        assert datetime.fromisoformat(early.result()["timestamp"]) < applied
    assert late["error_rate"] == 1
    assert datetime.fromisoformat(late["timestamp"]) > applied
