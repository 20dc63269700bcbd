"""Who has a target, by a real Prefect server."""

import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import httpx
import pytest

from benchmarks.stock import stock_prefect
from boifi_core.safety.target_lock import ALONE, WaitGivenUp, target_name


@pytest.fixture
def endpoint():
    return f"http://{uuid.uuid4()}.example"


@pytest.fixture
def lease(prefect_server, monkeypatch):
    from flows import lease

    monkeypatch.delenv(ALONE)
    monkeypatch.setattr(lease, "POLL_S", 0.05)
    return lease


def never():
    return False


@pytest.fixture
def variables(prefect_server, endpoint):
    """The names of the leases that the server knows of this target; sessions killed by other tests leave theirs."""

    def names():
        found = httpx.post(f"{prefect_server}/variables/filter", json={}).json()
        return [each["name"] for each in found if each["name"].startswith(f"boifi-target-{target_name(endpoint)}")]

    return names


def test_another_waits_and_is_told_for_whom_and_nothing_is_left(lease, endpoint, variables):
    waits, order = [], []

    def second():
        with lease.target_lease(endpoint, "session two", on_wait=waits.append, give_up=never):
            order.append("two")

    other = threading.Thread(target=second)
    with lease.target_lease(endpoint, "session one", on_wait=pytest.fail, give_up=never):
        other.start()
        deadline = time.monotonic() + 20
        while not waits and time.monotonic() < deadline:
            time.sleep(0.02)
        order.append("one")
    other.join()
    assert waits == ["session one"]
    assert order == ["one", "two"]
    assert variables() == []


def test_those_who_wait_get_their_turn_before_the_holder_comes_back(lease, endpoint):
    """Each adds one to a number, slowly: a lost turn would lose a count."""
    count, order = [0], []

    def take_turns(name):
        for _ in range(3):
            with lease.target_lease(endpoint, name, on_wait=lambda _: None, give_up=never):
                n = count[0]
                time.sleep(0.15)
                count[0] = n + 1
                order.append(name)

    both = [threading.Thread(target=take_turns, args=(name,)) for name in ("one", "two")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert count == [6]
    assert "".join(name[0] for name in order).count("ooo") == 0, order


def test_waiting_ends_when_it_is_given_up(lease, endpoint, variables):
    with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
        waits = []
        two = lease.target_lease(endpoint, "two", on_wait=waits.append, give_up=lambda: bool(waits))
        with pytest.raises(WaitGivenUp), two:
            pass
    assert variables() == []


def test_a_dead_holder_loses_it(lease, endpoint, prefect_server, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_S", 0.5)
    name = f"boifi-target-{target_name(endpoint)}"
    httpx.post(f"{prefect_server}/variables/", json={"name": name, "value": {"holder": "session dead"}})
    waits = []
    with lease.target_lease(endpoint, "two", on_wait=waits.append, give_up=never):
        assert waits == ["session dead"]
        assert httpx.get(f"{prefect_server}/variables/name/{name}").json()["value"]["holder"] == "two"


def test_a_holder_that_is_alive_keeps_it_longer_than_a_lease_lasts(lease, endpoint, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_S", 2.0)
    monkeypatch.setattr(lease, "KEEP_ALIVE_S", 0.1)
    with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
        began = time.monotonic()
        two = lease.target_lease(endpoint, "two", on_wait=lambda _: None, give_up=lambda: time.monotonic() > began + 3)
        with pytest.raises(WaitGivenUp), two:
            pass


def test_a_holder_that_lost_it_is_told_by_sigterm(lease, endpoint, prefect_server, monkeypatch):
    monkeypatch.setattr(lease, "KEEP_ALIVE_S", 0.1)
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
            httpx.delete(f"{prefect_server}/variables/name/boifi-target-{target_name(endpoint)}").raise_for_status()
            assert told.wait(20)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_pause_of_who_waits_makes_no_living_holder_dead(lease, endpoint, variables, monkeypatch):
    """It stands still for longer than a lease lasts, just between its look at the lease and its counting."""
    from boifi_core.safety import pauses

    monkeypatch.setattr(lease, "LEASE_S", 1.0)
    monkeypatch.setattr(lease, "KEEP_ALIVE_S", 0.2)
    ahead, real, lost = [0.0], time.monotonic, pauses.lost
    held = lease._Lease._read

    def read_and_stand_still(self):
        found = held(self)
        if found is not None and self._holder == "two":
            ahead[0] += 2.0
        return found

    monkeypatch.setattr(lease._Lease, "_read", read_and_stand_still)
    monkeypatch.setattr(pauses.time, "monotonic", lambda: real() + ahead[0])
    monkeypatch.setattr(pauses, "lost", lambda: lost() + pauses.Lost(ahead[0], ahead[0]))
    with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
        began = real()
        two = lease.target_lease(endpoint, "two", on_wait=lambda _: None, give_up=lambda: real() > began + 2)
        with pytest.raises(WaitGivenUp), two:
            pass
        assert len(variables()) == 1


@pytest.fixture
def refused(lease, monkeypatch):
    """Have the server say 503 so often to requests of a method; gives the waits that Prefect's client makes of it."""
    real = httpx.HTTPTransport.handle_request

    def refuse(method, times, **headers):
        left, waits = [times], []

        def handle(self, request):
            if request.method != method or not left[0]:
                return real(self, request)
            left[0] -= 1
            return httpx.Response(503, headers=headers, json={"exception_message": "Service Unavailable"})

        monkeypatch.setattr(httpx.HTTPTransport, "handle_request", handle)
        monkeypatch.setattr("prefect.client.base.time", SimpleNamespace(sleep=waits.append))
        return waits

    return refuse


@pytest.mark.parametrize(("method", "times"), [("DELETE", 1), ("DELETE", 4), ("POST", 2), ("GET", 3)])
def test_p12_a_server_whose_database_is_locked_for_a_moment_is_asked_again_soon(
    lease, endpoint, variables, refused, method, times
):
    waits = refused(method, times)
    with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
        pass
    assert len(waits) == times
    assert max(waits) < 0.2  # of Prefect's own the first takes two seconds, the next ones four and eight
    assert variables() == []


def test_p12_a_wait_that_the_server_asks_for_is_kept(lease, endpoint, refused):
    waits = refused("DELETE", 2, **{"Retry-After": "3"})
    with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
        pass
    assert len(waits) == 2
    assert min(waits) >= 3


def test_p12_all_but_the_lease_waits_for_a_server_as_long_as_prefect_does(lease, endpoint, refused):
    from prefect.client.orchestration import get_client
    from prefect.context import SyncClientContext

    with SyncClientContext.get_or_create() as context:  # a flow has one for all that it asks
        with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
            waits = refused("GET", 1)
            assert get_client(sync_client=True) is context.client
            context.client.hello()
        assert [wait > 1 for wait in waits] == [True]


@pytest.fixture(scope="module")
def stock_server(used_home, tmp_path_factory):
    """A Prefect server without any of BOIFI's settings."""
    home = tmp_path_factory.mktemp("stock")
    used_home(home)
    with stock_prefect(home) as url:
        yield url


@pytest.mark.slow  # a stock server takes its time to start
def test_p12_nobody_waits_long_for_the_locked_database_of_a_stock_server(lease, endpoint, stock_server, monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    waits, is_over = [], threading.Event()
    wait = SimpleNamespace(sleep=lambda seconds: (waits.append(seconds), time.sleep(min(seconds, 0.1))))
    monkeypatch.setattr("prefect.client.base.time", wait)

    def write():
        with httpx.Client(base_url=stock_server) as http:
            while not is_over.is_set():
                made = http.post("/variables/", json={"name": f"other-{uuid.uuid4()}", "value": 1})
                assert made.status_code == 201, made.text

    with ThreadPoolExecutor() as threads, temporary_settings({PREFECT_API_URL: stock_server}):
        writer = threads.submit(write)
        try:
            for _ in range(20):
                with lease.target_lease(endpoint, "one", on_wait=pytest.fail, give_up=never):
                    pass
        finally:
            is_over.set()
        writer.result()
    assert waits  # it was locked
    assert max(waits) < 1


@pytest.mark.slow
def test_p12_a_session_makes_its_trials_with_a_stock_server(boifi, hfi, session_file, stock_server):
    done = boifi("run", session_file(hfi.url, total_trials=6), check=0, PREFECT_API_URL=stock_server)
    assert "all 6 trials made" in done.stdout
    runs = httpx.post(f"{stock_server}/flow_runs/filter", json={}).json()
    assert [run["state"]["type"] for run in runs] == ["COMPLETED"]
    assert httpx.post(f"{stock_server}/variables/filter", json={"variables": {"name": {"like_": "boifi"}}}).json() == []
