"""The probe and a real server: answers that are not what is expected of them are failed requests."""

import itertools
import json
import random
import threading
from datetime import UTC, datetime

import pytest
from target_server import Reply, Target

from boifi_core.observers import probe as probes
from boifi_core.observers.base import glance, learn
from boifi_core.observers.expect import expecting
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
POSITIVE = {"json": [{"field": "$.total", "operator": "greater_than", "value": 0}]}


@pytest.fixture
def target():
    with Target() as target:
        target.reply = lambda _: Reply(body=b'{"total": 42}')
        yield target


@pytest.fixture
def probe_of(monkeypatch):
    monkeypatch.setattr(probes, "LEARNING_PAUSE_S", 0.0)
    opened = []

    def open_probe(*requests, **fields):
        opened.append(Probe(ProbeConfig.model_validate({"requests": requests, "count": 10, **fields})))
        return opened[-1]

    yield open_probe
    for probe in opened:
        probe.close()


def observe(probe, timeout_s=10.0):
    return probe.observe(newer_than=LONG_AGO, timeout_s=timeout_s)


def test_it_counts_as_failed_and_is_told_by_kind(target, probe_of):
    probe = probe_of({"url": f"{target.url}/cart", "expect": POSITIVE}, {"url": f"{target.url}/home"})
    seen = observe(probe)
    assert (seen.error_rate, seen.wrong_rate, seen.broken) == (0, 0, {})
    target.reply = lambda _: Reply(body=b'{"total": 0}')
    seen = observe(probe)
    assert (seen.status_code, seen.error_rate, seen.wrong_rate, seen.logs) == (200, 0.5, 0.5, ())
    assert seen.broken == {"GET /cart": {"$.total > 0": 5}}
    assert seen.broken_shares() == {("GET /cart", "$.total > 0"): 1.0}
    assert type(seen).model_validate_json(seen.model_dump_json()) == seen
    assert glance(probe, newer_than=LONG_AGO, timeout_s=10).wrong_rate == 0.5


def test_a_status_that_failed_is_told_as_such_alone(target, probe_of):
    target.reply = lambda _: Reply(status=503, body=b"out of stock")
    seen = observe(probe_of({"url": target.url, "expect": {**POSITIVE, "status": [200], "max_bytes": 1}}))
    assert (seen.error_rate, seen.wrong_rate, seen.broken, seen.logs) == (1, 0, {}, ("out of stock",))


def test_c3_a_status_that_is_expected_is_no_failure(target, probe_of):
    target.reply = lambda _: Reply(status=401, body=b"log in first")
    seen = observe(probe_of({"url": target.url, "expect": {"status": [401], "text": "log in"}}))
    assert (seen.status_code, seen.error_rate, seen.logs, seen.good_statuses) == (401, 0, (), (401,))
    target.reply = lambda _: Reply(status=200)
    seen = observe(probe_of({"url": target.url, "expect": {"status": [401]}}))
    assert (seen.error_rate, seen.broken) == (1, {"GET /": {"status 401": 10}})


def test_headers_size_and_latency_are_of_the_answer_as_it_came(target, probe_of):
    target.reply = lambda _: Reply(body=b"x" * 3_000_000, headers={"X-Cache": "HIT"}, delay_s=0.05)
    header = {"field": "x-cache", "operator": "equals"}
    expect = {"headers": [{**header, "value": "HIT"}], "max_bytes": 3_000_000, "max_ms": 5_000}
    assert observe(probe_of({"url": target.url, "expect": expect}, count=3)).broken == {}
    expect = {"headers": [{**header, "value": "MISS"}], "max_bytes": 2_999_999, "max_ms": 40}
    assert observe(probe_of({"url": target.url, "expect": expect}, count=3)).broken == {
        "GET /": {"x-cache = MISS": 3, "at most 2999999 bytes": 3, "at most 40 ms": 3}
    }


def test_looking_at_answers_does_not_make_others_late(target, probe_of, monkeypatch):
    """It is done when the window's requests are over."""
    probe = probe_of({"url": target.url, "expect": POSITIVE}, count=6, concurrency=2)
    done = []
    look = expecting.Judge.broken
    monkeypatch.setattr(
        expecting.Judge,
        "broken",
        lambda self, answer, until: (done.append(len(target.seen)), look(self, answer, until))[1],
    )
    assert observe(probe).error_rate == 0
    assert done == [6] * 6


def test_answers_for_which_there_is_no_time_are_told_and_no_failure(target, probe_of, monkeypatch):
    monkeypatch.setattr(expecting, "_FOR_CHECKS_S", 0.0)
    target.reply = lambda _: Reply(body=b'{"total": 0}')
    seen = observe(probe_of({"url": target.url, "expect": POSITIVE}))
    assert seen.degraded == ("probe: 10 answers could not be looked at in time",)
    assert (seen.error_rate, seen.broken) == (0, {})


def test_more_than_can_be_held_is_looked_at_at_once(target, probe_of, monkeypatch):
    monkeypatch.setattr(expecting, "_MOST_HELD", 30)
    target.reply = lambda _: Reply(body=b'{"total": 0}')
    seen = observe(probe_of({"url": target.url, "expect": POSITIVE}))
    assert seen.broken == {"GET /": {"$.total > 0": 10}}


class TestLearning:
    def test_what_was_the_same_before_must_be_so_after(self, target, probe_of):
        probe = probe_of({"url": target.url, "expect": "learnt"}, {"url": f"{target.url}/home"})
        assert [observe(probe).error_rate for _ in range(3)] == [0, 0, 0]
        target.reply = lambda _: Reply(body=b'{"total": 0}')
        assert observe(probe).error_rate == 0  # it is still learning
        target.reply = lambda _: Reply(body=b'{"total": 1, "currency": "EUR"}')
        learn(probe)
        assert probe.news() == ["expect: learnt what 1 kind of request answer, with 1 value that never differ"]
        assert probe.news() == []
        target.reply = lambda _: Reply(body=b'{"total": "free"}')
        seen = observe(probe)
        assert (seen.error_rate, seen.wrong_rate) == (0.5, 0.5)
        assert seen.broken == {"GET /": {"$.total is a number (learnt)": 5}}

    def test_of_few_answers_nothing_is_learnt_and_that_is_told(self, target, probe_of):
        probe = probe_of({"url": target.url, "expect": "learnt"}, count=3)
        observe(probe)
        learn(probe)
        (told,) = probe.news()
        assert told.endswith("fewer than 10 healthy answers to learn from: GET / (3)")
        target.reply = lambda _: Reply(body=b"gone")
        assert observe(probe).error_rate == 0

    def test_what_is_broken_is_not_learnt_from(self, target, probe_of):
        turn = itertools.cycle([b'{"total": 0, "gone": 1}', b'{"total": 1, "here": 1}'])
        guard = threading.Lock()

        def reply(_):
            with guard:
                return Reply(body=next(turn))

        target.reply = reply
        probe = probe_of({"url": target.url, "expect": {**POSITIVE, "learn": True}}, count=40)
        observe(probe)
        learn(probe)
        target.reply = lambda _: Reply(body=b'{"total": 1, "gone": 1}')
        assert observe(probe).broken == {"GET /": {"$.here exists (learnt)": 40}}

    def test_one_that_is_odd_among_many_is_chance(self, target, probe_of):
        probe = probe_of({"url": target.url, "expect": "learnt"}, count=20, concurrency=1)
        observe(probe)
        learn(probe)
        odd = itertools.count()
        target.reply = lambda _: Reply(body=b'{"total": 42}' if next(odd) % 10 else b"{}")
        assert observe(probe).error_rate == 0
        target.reply = lambda _: Reply(body=b'{"total": 42}' if next(odd) % 4 else b"{}")
        assert observe(probe).error_rate == 0.25

    def test_a_fault_free_session_of_answers_that_differ_has_no_finding(self, target, probe_of):
        """As ten do in process, see test_learnt.py."""
        rng, served, guard = random.Random(5), itertools.count(), threading.Lock()

        def reply(_):
            with guard:
                items = [{"sku": f"s{k}", "price": rng.random()} for k in range(4)]
                rng.shuffle(items)
                at = datetime.now(UTC)
                said = {"id": f"{rng.getrandbits(64):x}", "n": next(served), "at": at.isoformat(), "items": items}
                return Reply(body=json.dumps(said | {"epoch": int(at.timestamp()), "currency": "EUR"}).encode())

        target.reply = reply
        probe = probe_of({"url": target.url, "expect": "learnt"})
        for _ in range(3):
            observe(probe)
        learn(probe)
        assert [observe(probe).broken for _ in range(4)] == [{}] * 4
