"""Promises every source of traces keeps, seen through the probe that asks it."""

from __future__ import annotations

import itertools
import json
import os
import threading
import time
from datetime import UTC, datetime

import pytest
from target_server import Reply, Target, export, span_request

from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig


def spans_of(text):
    return json.loads(text)["spans"]


def ids_in(seen):
    """The trace id and the parent's id that a request carries."""
    _, trace_id, parent_id, _ = seen.headers["traceparent"].split("-")
    return trace_id, parent_id


def send_span(port, trace_id, span_id, parent_id, *, lasts_s=0.0, at_ns=None, **fields):
    """Export a span that begins now, or at another time."""
    start_ns = time.time_ns() if at_ns is None else at_ns
    request = span_request(
        f"00-{trace_id}-{parent_id or '00' * 8}-01", start_ns=start_ns, end_ns=start_ns + round(lasts_s * 1e9), **fields
    )
    span = request.resource_spans[0].scope_spans[0].spans[0]
    span.span_id = bytes.fromhex(span_id)
    if parent_id is None:
        span.ClearField("parent_span_id")
    export(port, request)


def calling_cart(port, *, after_s=0.0, parent=None):
    """A target that has a call of `cart` below each of its spans, exported so long after the request."""

    def reply(seen):
        trace_id, parent_id = ids_in(seen)
        own_id = bytes.fromhex(parent_id)[::-1].hex()
        send = threading.Timer(
            after_s,
            send_span,
            (port, trace_id, os.urandom(8).hex(), parent or own_id),
            {"service": "cart", "name": "GET /cart/42"},
        )
        send.daemon = True
        send.start()
        if not after_s:
            send.join()
        return Reply()

    return reply


class WithSource:
    """Subclasses supply `traces`: that part of a probe's config, and the port that the target's spans go to."""

    @pytest.fixture
    def target(self, traces):
        with Target(otlp_port=traces[1]) as target:
            yield target

    @pytest.fixture
    def observe(self, target, traces):
        """Drives one window of these paths, and closes the probe twice."""
        probes = []

        def drive(*paths, count=4, timeout_s=10.0, **changes):
            requests = [{"url": target.url + path} for path in paths]
            config = {"requests": requests, "count": count, "traces": {**traces[0], **changes}}
            probes.append(Probe(ProbeConfig.model_validate(config)))
            if traces[1] is None:
                target.otlp_port = probes[-1].source.receiver.port
            return probes[-1].observe(newer_than=datetime.now(UTC), timeout_s=timeout_s)

        drive.probe = lambda: probes[-1]
        yield drive
        for probe in probes:
            probe.close()
            probe.close()


class TraceSourceContract(WithSource):
    """`none_came` is what is said when no request of so many has a trace.

    `is_by_time` says that a trace is looked for by time, one for each kind of request, and not by its id.
    """

    is_by_time = False

    def none_came(self, count):
        return (f"traces: 0 of {count} requests have one",)

    def test_one_trace_for_each_kind_of_request(self, observe, target):
        target.reply = lambda seen: Reply(status=503 if seen.path == "/pay" else 200)
        seen = observe("/pay", "/list")
        assert seen.degraded == ()
        assert set(seen.traces) == {"GET /pay", "GET /list"}
        assert seen.trace_kind == "GET /pay"
        (span,) = spans_of(seen.trace_data)
        assert (span["service"], span["name"].lower(), span["kind"], span["status"]) == (
            "shop",
            "shop:get /pay",
            "server",
            "error",
        )
        assert (span["id"], span["parent_id"], span["start_ms"]) == ("0001", None, 0)
        assert [span["status"] for span in spans_of(seen.traces["GET /list"])] == ["success"]

    def test_what_lies_below_is_in_it(self, observe, target):
        target.reply = lambda seen: calling_cart(target.otlp_port)(seen)
        first, second = spans_of(observe("/").trace_data)
        assert (first["service"], second["service"], second["parent_id"]) == ("shop", "cart", first["id"])
        assert second["name"].lower() == "cart:get /cart/{id}"

    def test_calls_of_all_requests_are_kept_though_the_typical_one_was_spared(self, observe, target):
        numbers = itertools.count(1)

        def one_in_five(seen):
            trace_id, parent_id = ids_in(seen)
            n, above = next(numbers), bytes.fromhex(parent_id)[::-1].hex()
            told = {"service": "cart", "name": "GET /cart/42", "error": n % 5 == 0, "lasts_s": n / 1000}
            send_span(target.otlp_port, trace_id, os.urandom(8).hex(), above, **told)
            return Reply()

        target.reply = one_in_five
        seen = observe("/", count=10, timeout_s=60, quiet_s=0.3, wait_s=15)
        assert seen.requests == 10
        calls = {call.callee: call for call in seen.calls}
        assert set(calls) == {"shop", "cart"}
        if self.is_by_time:
            assert (seen.traces_seen, calls["cart"].seen, calls["cart"].share) == (1, 1, 1.0)
            return
        assert (seen.traces_seen, seen.degraded) == (10, ())
        assert (calls["cart"].caller, calls["cart"].operation.lower()) == ("shop", "get /cart/{id}")
        assert (calls["cart"].seen, calls["cart"].failed, calls["cart"].share) == (10, 2, 1.0)
        assert (calls["cart"].began, calls["cart"].refused) == (2, 2)
        assert calls["cart"].longest_ms == pytest.approx(10, abs=0.01)
        assert (calls["shop"].seen, calls["shop"].failed) == (10, 0)

    def test_of_more_requests_than_asked_for_some_stand_for_all(self, observe, target):
        seen = observe("/a", "/b", count=40, most=10, timeout_s=60, quiet_s=0.3, wait_s=15)
        assert seen.requests == 40
        assert seen.traces_seen == (2 if self.is_by_time else 10)
        assert set(seen.traces) == {"GET /a", "GET /b"}

    def test_every_window_has_its_own(self, observe, target):
        first, second = observe("/").trace_data, observe("/").trace_data
        assert len(spans_of(first)) == len(spans_of(second)) == 1

    def test_without_spans_the_observation_is_there_and_says_so(self, observe, target):
        target.reply = lambda seen: Reply(traced=False)
        seen = observe("/", timeout_s=1.0)
        assert (seen.status_code, seen.trace_data) == (200, None)
        assert seen.degraded == (*self.none_came(4), "traces: no span of GET /")
        assert (seen.calls, seen.traces_seen, seen.requests) == ((), 0, 4)

    def test_r2_a_trace_whose_parents_never_come_is_degraded_and_says_why(self, observe, target):
        target.reply = lambda seen: calling_cart(target.otlp_port, parent="0f" * 8)(seen)
        seen = observe("/", count=3)
        assert {span["service"] for span in spans_of(seen.trace_data)} == {"shop", "cart"}
        (reason,) = seen.degraded
        assert reason.startswith("traces: ")
        assert " missing, in " in reason

    def test_r2_a_lone_span_whose_parent_never_comes_is_degraded(self, observe, target):
        def orphan(seen):
            send_span(target.otlp_port, ids_in(seen)[0], os.urandom(8).hex(), "0f" * 8)
            return Reply(traced=False)

        target.reply = orphan
        assert any(" missing, in " in reason for reason in observe("/", count=3).degraded)

    def test_a_trace_larger_than_is_read_is_a_reason(self, observe, target, monkeypatch):
        monkeypatch.setattr("boifi_core.traces.tidy.MAX_SPANS", 1)
        target.reply = lambda seen: calling_cart(target.otlp_port)(seen)
        seen = observe("/")
        assert seen.trace_data is None
        assert "traces: the trace of GET / must have at most 1 spans" in seen.degraded
