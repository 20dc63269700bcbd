"""What arrives for one request, by how the target is traced: whole traces as real services and proxies report them."""

import contextlib
import os
import time

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from boifi_core.observers.otlp.receiver import OtlpReceiver
from demo.shop.graph import LINKS
from demo.target import start_target
from demo.tracing import Tracing

pytestmark = pytest.mark.alone  # a product page is whole only where its parts come within tens of milliseconds

PARENT = bytes.fromhex("cd" * 8)
PRODUCT = {"catalogue", "pricing", "inventory", "warehouse", "reviews", "recommendations", "profiles"}
"""Who is asked for a product page."""

OF_ENVOY = {
    "node_id", "zone", "guid:x-request-id", "http.url", "http.method", "downstream_cluster", "user_agent",
    "http.protocol", "peer.address", "request_size", "response_size", "component", "upstream_cluster",
    "upstream_cluster.name", "http.status_code", "response_flags",
}  # fmt: skip
"""What Envoy's tracer tells of a request that was answered."""

OF_ISTIO = {
    f"istio.{name}" for name in ("canonical_revision", "canonical_service", "cluster_id", "mesh_id", "namespace")
}


class Target:
    """A running target whose spans arrive here."""

    def __init__(self, target, receiver):
        self.target, self._receiver = target, receiver

    def trace(self, path="/product/42", quiet_s=0.4):
        """All spans of one request, by their ids, once none came for a while."""
        trace_id, store = os.urandom(16), self._receiver.store
        headers = {"traceparent": f"00-{trace_id.hex()}-{PARENT.hex()}-01"}
        self.answer = httpx.get(self.target.shop + path, headers=headers)
        end, before = time.monotonic() + 10, -1
        while len(store) != before and time.monotonic() < end:
            before = len(store)
            time.sleep(quiet_s)
        return {each.span.span_id: each for each in store.take([trace_id]).get(trace_id, [])}

    def page(self):
        """The spans of a product page for which everybody was asked; a busy machine may take some tries."""
        for _ in range(20):
            spans = self.trace()
            if self.answer.status_code == 200:
                told = self.answer.json()
                if told["also_bought"].get("because") and told["stock"].get("item"):
                    return spans
        raise AssertionError(self.answer.text)


@contextlib.contextmanager
def running(tracing, batch_s=0.05):
    receiver = OtlpReceiver()
    endpoint = f"http://127.0.0.1:{receiver.port}"
    try:
        with start_target(observations=False, otlp_endpoint=endpoint, tracing=tracing, batch_s=batch_s) as target:
            yield Target(target, receiver)
    finally:
        receiver.close()


@pytest.fixture(scope="module")
def otel():
    with running(Tracing.OTEL) as target:
        yield target


@pytest.fixture(scope="module")
def sidecar():
    with running(Tracing.SIDECAR) as target:
        yield target


@pytest.fixture(scope="module")
def one():
    with running(Tracing.ONE) as target:
        yield target


def attributes(received):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in received.span.attributes}


def parents(spans):
    """Each span but the first with its parent; the trace is whole."""
    [root] = [each for each in spans.values() if each.span.parent_span_id == PARENT]
    below = [each for each in spans.values() if each is not root]
    assert all(each.span.parent_span_id in spans for each in below)
    return root, [(spans[each.span.parent_span_id], each) for each in below]


def test_services_with_an_sdk_report_a_client_and_a_server_for_each_call_and_the_mesh_nothing(otel):
    root, pairs = parents(otel.page())
    assert (root.service, root.span.name, root.span.kind) == ("gateway", "GET /product/{id}", Span.SPAN_KIND_SERVER)
    assert {child.service for _, child in pairs} == {"gateway"} | PRODUCT
    for parent, child in pairs:
        if child.span.kind == Span.SPAN_KIND_CLIENT:
            assert child.span.name == "GET"
            assert parent.span.kind == Span.SPAN_KIND_SERVER
            assert child.service == parent.service
        else:
            asked = attributes(parent)
            assert (asked["server.address"], asked["server.port"]) == (child.service, 8080)
            assert child.span.name == f"GET {attributes(child)['http.route']}"
            assert parent.span.kind == Span.SPAN_KIND_CLIENT
    called = {(parent.service, child.service) for parent, child in pairs if parent.service != child.service}
    assert called <= {(link.caller, link.callee) for link in LINKS}
    assert {callee for _, callee in called} == PRODUCT


def test_sidecars_report_each_call_twice_by_the_names_of_their_services(sidecar):
    root, pairs = parents(sidecar.page())
    assert (root.service, root.span.name, root.span.kind) == ("gateway.shop", "ingress", Span.SPAN_KIND_SERVER)
    for parent, child in pairs:
        told, callee = attributes(child), child.service.removesuffix(".shop")
        assert told.keys() == OF_ENVOY | OF_ISTIO
        assert told["istio.canonical_service"] == callee
        assert told["node_id"].startswith("sidecar~10.244.0.")
        assert f"~{callee}-v1-" in told["node_id"]
        if child.span.kind == Span.SPAN_KIND_CLIENT:
            assert parent.service == child.service
            assert parent.span.name == "ingress"
            host = child.span.name.removeprefix("egress ").removesuffix(":8080")
            assert told["http.url"].startswith(f"http://{host}:8080/")
            assert told["upstream_cluster"] == f"outbound|8080||{host}.shop.svc.cluster.local"
        else:
            assert child.span.name == "ingress"
            assert parent.span.name == f"egress {callee}:8080"
            assert told["upstream_cluster"] == told["upstream_cluster.name"] == "inbound|8080||"
        assert (told["http.status_code"], told["response_flags"], told["component"]) == ("200", "-", "proxy")
    assert {child.service for _, child in pairs} == {f"{name}.shop" for name in PRODUCT | {"gateway"}}


def test_with_one_tracer_only_attributes_tell_who_was_asked(one):
    root, pairs = parents(one.page())
    assert attributes(root)["upstream_cluster"] == "gateway"
    assert {each.service for pair in pairs for each in pair} == {"envoy"}
    assert {(child.span.name, child.span.kind) for _, child in pairs} == {("ingress", Span.SPAN_KIND_SERVER)}
    assert all(attributes(child).keys() == OF_ENVOY for _, child in pairs)
    by_callers = [child for _, child in pairs if attributes(child)["upstream_cluster"] != "local_service"]
    assert {attributes(child)["upstream_cluster"] for child in by_callers} == PRODUCT
    assert 2 * len(by_callers) == len(pairs)


def test_without_tracing_nothing_comes():
    with running(Tracing.NONE) as target:
        assert target.trace(quiet_s=0.2) == {}
        assert target.answer.status_code == 200


@contextlib.contextmanager
def without_reviews(target):
    rule = {"match": {"path": {"prefix": "/"}}, "fault": {"percentage": 100, "abort": {"httpStatus": 503}}}
    policy = {
        "metadata": {"name": "boifi-tracing", "version": "1.0.0"},
        "spec": {"selector": {"service": "reviews"}, "rules": [rule]},
    }
    with httpx.Client(base_url=target.target.control_plane) as client:
        assert client.post("/v1/policies", json=policy).status_code == 201
        yield
        client.delete("/v1/policies/boifi-tracing")


def test_a_fault_shows_as_real_ones_do(otel, sidecar, one):
    with without_reviews(otel):
        spans = otel.trace().values()
        [failed] = [each for each in spans if attributes(each).get("server.address") == "reviews"]
        assert attributes(failed)["error.type"] == "503"
        assert failed.span.status.code == Status.STATUS_CODE_ERROR
        assert "reviews" not in {each.service for each in spans}
    for target in (sidecar, one):
        with without_reviews(target):
            asked = [each for each in target.trace().values() if "reviews:8080" in attributes(each)["http.url"]]
            assert target.answer.status_code == 502
            assert sorted(attributes(each)["response_flags"] for each in asked) == ["-", "FI"]
            assert {(attributes(each)["http.status_code"], attributes(each)["error"]) for each in asked} == {
                ("503", "true")
            }


@pytest.mark.parametrize("tracing", [Tracing.OTEL, Tracing.SIDECAR])
def test_the_control_planes_own_windows_have_the_spans_too(tracing):
    with start_target(tracing=tracing) as target:
        seen = httpx.get(f"{target.control_plane}/v1/observations/latest", timeout=20).json()
    assert seen["degraded"] == []
    assert set(seen["traces"]) == {"home", "product", "cart", "checkout"}
