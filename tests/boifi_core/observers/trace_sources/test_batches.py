"""Services that send their spans in batches, each by a clock of its own, as OpenTelemetry's SDKs and collectors do."""

import json
import os
import threading
import time
from datetime import UTC, datetime

import pytest
from source_contract import ids_in
from target_server import Reply, Target, export, span_request
from trace_backends import TraceBackend, jaeger_api

from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.observers.trace_sources.receiver import ReceivedTraces
from boifi_core.observers.window import Outcome


class Batches:
    """Spans of a service that are sent every `interval_s`, as the specification's batch processor does.

    Source: OpenTelemetry Specification, "Batching processor": `scheduledDelayMillis`, 5000 by default.
    """

    def __init__(self, port, interval_s, first_s):
        self._port = port
        self._interval_s = interval_s
        self._waiting = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, args=(first_s,))
        self._thread.start()

    def add(self, trace_id, span_id, parent_id, service):
        request = span_request(
            f"00-{trace_id}-{parent_id}-01", service=service, start_ns=time.time_ns(), end_ns=time.time_ns() + 1000
        )
        request.resource_spans[0].scope_spans[0].spans[0].span_id = bytes.fromhex(span_id)
        self._waiting.append(request)

    def _send(self, wait_s):
        while not self._ended.wait(wait_s):
            wait_s = self._interval_s
            waiting, self._waiting = self._waiting, []
            for request in waiting[1:]:
                waiting[0].MergeFrom(request)
            if waiting:
                export(self._port, waiting[0])

    def close(self):
        self._ended.set()
        self._thread.join()


class Chain:
    """Services that ask each other in turn, each with batches of its own; `silent` ones send nothing."""

    def __init__(self, port, services, interval_s):
        self.silent = set()
        self._batches = {
            name: Batches(port, interval_s, interval_s * (number + 0.5) / len(services))
            for number, name in enumerate(services)
        }

    def __call__(self, seen):
        trace_id, parent_id = ids_in(seen)
        for service, batches in self._batches.items():
            span_id = os.urandom(8).hex()
            if service not in self.silent:
                batches.add(trace_id, span_id, parent_id, service)
            parent_id = span_id
        return Reply(traced=False)

    def close(self):
        for batches in self._batches.values():
            batches.close()


SERVICES = ("gateway", "orders", "stock")


@pytest.fixture(params=["otlp", "jaeger"])
def observe_chain(request):
    """Opens a probe before services with batches of some interval; brings what observes a window, and the probe."""
    opened = []

    def open_probe(interval_s, quiet_s, **traces):
        target = Target()
        target.__enter__()
        opened.append(lambda: target.__exit__())
        config = {"type": request.param, "quiet_s": quiet_s, **traces}
        if request.param == "otlp":
            config["port"] = 0
        else:
            backend = TraceBackend(jaeger_api)
            backend.__enter__()
            opened.append(lambda: backend.__exit__())
            config["endpoint"] = backend.url
        probe = Probe(
            ProbeConfig.model_validate(
                {"requests": [{"url": target.url}], "count": 6, "concurrency": 3, "traces": config}
            )
        )
        opened.append(probe.close)
        port = probe.source.receiver.port if request.param == "otlp" else backend.port
        target.reply = Chain(port, SERVICES, interval_s)
        open_probe.chain = target.reply
        opened.append(target.reply.close)

        return lambda: probe.observe(newer_than=datetime.now(UTC), timeout_s=60), probe

    yield open_probe
    for close in reversed(opened):
        close()


def services_in(seen):
    return [span["service"] for span in json.loads(seen.trace_data)["spans"]]


def test_p2_r1_every_window_has_all_spans_of_services_with_batches(observe_chain):
    observe, _ = observe_chain(interval_s=0.4, quiet_s=0.6)
    for _ in range(3):
        seen = observe()
        assert seen.degraded == ()
        assert services_in(seen) == list(SERVICES)


@pytest.mark.slow
def test_p2_with_the_defaults_the_sdks_default_of_five_seconds_is_waited_for(observe_chain):
    observe, _ = observe_chain(interval_s=5.0, quiet_s=6.0)
    for _ in range(2):
        seen = observe()
        assert seen.degraded == ()
        assert services_in(seen) == list(SERVICES)


def test_where_spans_come_at_once_only_the_first_window_waits(observe_chain):
    observe, probe = observe_chain(interval_s=0.02, quiet_s=0.5)
    assert probe.source.reserved_s(60) == 15.0
    for _ in range(4):
        assert services_in(observe()) == list(SERVICES)
    assert probe.source.reserved_s(60) < 3.0


def test_p2_who_is_heard_of_no_longer_is_named(observe_chain):
    observe, _ = observe_chain(interval_s=0.02, quiet_s=0.6, wait_s=6)
    chain = observe_chain.chain
    assert observe().degraded == ()
    chain.silent.add("orders")
    assert observe().degraded == ("traces: 6 parents are missing, in 6 traces of 6; nothing from orders",)
    chain.silent |= set(SERVICES)
    assert observe().degraded == (
        "traces: 0 of 6 requests have one; nothing from gateway, orders, stock",
        "traces: no span of GET /",
    )


def outcome(number, *, answered=True):
    return Outcome(
        "GET /",
        200 if answered else 504,
        1.0,
        "",
        bytes([number]) * 16,
        bytes([number]) * 8,
        answered,
        "/",
        time.time_ns(),
    )


class TestTheReceiver:
    @pytest.fixture
    def source(self):
        receiver = OtlpReceiver(max_spans=50)
        yield ReceivedTraces(receiver, wait_s=0.5, quiet_s=0.05)
        receiver.close()

    @staticmethod
    def span(of, span_id=b"spanspan", parent=None, **fields):
        request = span_request(
            f"00-{of.trace_id.hex()}-{of.parent_id.hex()}-01", start_ns=of.started_ns, end_ns=of.ended_ns, **fields
        )
        span = request.resource_spans[0].scope_spans[0].spans[0]
        span.span_id, span.parent_span_id = span_id, parent or of.parent_id
        return request

    def test_a_request_that_was_given_up_may_have_spans_that_have_not_ended(self, source):
        given_up = outcome(1, answered=False)
        export(source.receiver.port, self.span(given_up, parent=b"notended"))
        collected = source.collect({"GET /": [given_up]}, limit_s=5)
        assert (len(collected.traces["GET /"]), collected.reasons) == (1, [])

    def test_a_whole_trace_stands_for_its_kind_rather_than_one_that_is_not(self, source):
        broken, whole = outcome(1), outcome(2)
        export(source.receiver.port, self.span(broken, parent=b"lostlost", name="broken"))
        export(source.receiver.port, self.span(whole, name="whole"))
        collected = source.collect({"GET /": [broken, whole]}, limit_s=5)
        assert [span.name for span in collected.traces["GET /"]] == ["shop:whole"]
        assert collected.reasons == ["traces: a parent is missing, in 1 trace of 2"]

    def test_more_spans_than_are_held_are_told_of(self, source):
        sent = [outcome(number) for number in range(60)]
        for each in sent:
            export(source.receiver.port, self.span(each))
        collected = source.collect({"GET /": sent}, limit_s=5)
        assert collected.reasons == ["traces: too many spans came to hold all: 10 traces were let go"]
        assert collected.traces

    def test_those_of_others_requests_that_had_to_go_are_no_loss(self, source):
        others, ours = [outcome(number) for number in range(60)], outcome(99)
        for each in [*others, ours]:
            export(source.receiver.port, self.span(each))
        collected = source.collect({"GET /": [ours]}, limit_s=5)
        assert (len(collected.traces["GET /"]), collected.reasons) == (1, [])

    def test_a_service_whose_spans_came_too_late_once_is_waited_for_from_then_on(self, source):
        first, second = outcome(1), outcome(2)
        export(source.receiver.port, self.span(first))
        source.collect({"GET /": [first]}, limit_s=5)
        time.sleep(0.3)
        export(source.receiver.port, self.span(first, b"latelate", b"spanspan", service="late"))
        export(source.receiver.port, self.span(second))
        assert source.reserved_s(60) == 0.5
        assert source.collect({"GET /": [second]}, limit_s=5).reasons == []
        (news,) = source.news()
        assert news.startswith("traces: spans of late came 0.")
        assert source.news() == []
