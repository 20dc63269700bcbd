"""The shop's spans in OpenTelemetry's way are those that the SDK was recorded to make, and go as its do."""

import asyncio
import contextlib
import json
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from demo.shop.batches import MAX_BATCH, MAX_QUEUE, Batches
from demo.shop.otel_spans import OtelTracer
from demo.shop.service import CallFailed, Mesh, serve
from demo.shop.tracing import PassesOn

RECORDED = json.loads((Path(__file__).parent / "golden" / "otel-sdk.json").read_text())
CALLER = f"00-{'ab' * 16}-{'cd' * 8}-01"


@contextlib.asynccontextmanager
async def collector():
    """An OTLP/HTTP receiver that keeps every request as it came."""
    got = []

    async def take(request):
        assert request.headers["Content-Type"] == "application/x-protobuf"
        got.append(ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", got
    await runner.cleanup()


async def _as_recorded(folder):
    """The requests of the recording: five that are served, four that are made while one of them is."""
    async with collector() as (endpoint, got), contextlib.AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        batches = Batches(http, endpoint, "orders", batch_s=60, first_s=60)
        tracer = OtelTracer(batches.add)
        own = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(f"{folder}/o.sock"))
        )
        nowhere = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(f"{folder}/x.sock"))
        )
        mesh = Mesh(own, tracer)

        async def calls(_request):
            await mesh.get("items", "/items/42?q=1")
            with contextlib.suppress(CallFailed):
                await mesh.post("items", "/bad", {})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await mesh.get("items", "/slow")
            with contextlib.suppress(CallFailed):
                await Mesh(nowhere, tracer).get("items", "/refused")
            return web.json_response({})

        async def boom(_request):
            raise RuntimeError("unhandled")

        async def slow(_request):
            await asyncio.sleep(0.1)
            return web.Response()

        async def good(_request):
            return web.json_response({})

        async def bad(_request):
            return web.Response(status=503)

        routes = {"GET /items/{id}": good, "POST /bad": bad, "GET /boom": boom, "GET /calls": calls, "GET /slow": slow}
        runner = await serve("orders", routes, tracer, folder / "o.sock")
        for path in ("/calls", "/boom"):
            # As the driver of the recording did.
            headers = {"traceparent": CALLER}
            async with own.get(
                f"http://orders:8080{path}", headers=headers, skip_auto_headers=["User-Agent"]
            ) as answer:
                await answer.read()
        await asyncio.sleep(0.1)
        await runner.cleanup()
        await batches.close()
        return got


def told(attributes):
    """Of each attribute its type, and its value where the recording keeps that."""
    return {
        each.key: f"{each.value.WhichOneof('value').replace('_v', 'V')} {_value(each.value)}" for each in attributes
    }


def _value(value):
    return getattr(value, value.WhichOneof("value"))


def test_every_span_is_one_that_the_sdk_makes(tmp_path):
    [request] = asyncio.run(_as_recorded(tmp_path))
    [resource_spans] = request.resource_spans
    resource = {each.key: each.value.string_value for each in resource_spans.resource.attributes}
    assert resource["service.name"] == "orders"
    assert {name: value if name.startswith("telemetry") else "" for name, value in resource.items()} == RECORDED[
        "resource"
    ]
    scopes = {each.scope.name: each for each in resource_spans.scope_spans}
    assert {(each.scope.name, each.scope.version, each.schema_url) for each in scopes.values()} == {
        (each["name"], each["version"], each["schema"]) for each in RECORDED["scopes"]
    }
    made = [(scope, span) for scope, each in scopes.items() for span in each.spans]
    assert len(made) == len(RECORDED["spans"])
    for scope, span in made:
        ours = told(span.attributes)
        [theirs] = [each for each in RECORDED["spans"] if each["scope"] == scope and _is_same(each, span)]
        assert ours.keys() == theirs["attributes"].keys(), span.name
        for name, recorded in theirs["attributes"].items():
            assert ours[name].startswith(recorded.replace("ClientConnectorError", "")), name
        assert Span.SpanKind.Name(span.kind) == theirs["kind"]
        assert Status.StatusCode.Name(span.status.code) == theirs["status"]
        assert span.flags == theirs["flags"]
        assert [{"name": each.name, "attributes": [pair.key for pair in each.attributes]} for each in span.events] == (
            theirs["events"]
        )


def _is_same(recorded, span):
    """Whether it is the recorded span of the same request: the name tells, and of several clients' spans the end."""
    end = {each.key: each.value.string_value for each in span.attributes}.get("error.type", "")
    theirs = recorded["attributes"].get("error.type", "stringValue ").partition(" ")[2]
    return recorded["name"] == span.name and end.endswith(theirs) and bool(end) == bool(theirs)


def test_a_trace_is_whole_and_calls_hang_below_what_is_served(tmp_path):
    [request] = asyncio.run(_as_recorded(tmp_path))
    spans = [span for each in request.resource_spans[0].scope_spans for span in each.spans]
    by_id = {span.span_id: span for span in spans}
    assert {span.trace_id for span in spans} == {bytes.fromhex("ab" * 16)}
    for span in spans:
        parent = by_id.get(span.parent_span_id)
        if span.kind == Span.SPAN_KIND_CLIENT:
            assert parent.name == "GET /calls"
        elif span.name in ("GET /calls", "GET /boom"):
            assert span.parent_span_id == bytes.fromhex("cd" * 8)
        else:
            assert parent.kind == Span.SPAN_KIND_CLIENT
            assert parent.name == span.name.partition(" ")[0]


async def _sent(batch_s, spans):
    """The sizes of the requests that come of so many spans at once, before the batch's time and after it."""
    async with collector() as (endpoint, got), aiohttp.ClientSession() as http:
        batches = Batches(http, endpoint, "orders", batch_s=batch_s, first_s=batch_s)
        for _ in range(spans):
            batches.add("scope", Span(name="a"))
        await asyncio.sleep(0.05)
        early = len(got)
        await asyncio.sleep(batch_s * 1.5)
        await batches.close()
        return [len(each.resource_spans[0].scope_spans[0].spans) for each in got], early


@pytest.mark.parametrize(
    ("spans", "sizes", "early"),
    [
        (0, [], 0),
        (3, [3], 0),
        (MAX_BATCH + 3, [MAX_BATCH, 3], 1),
        (MAX_QUEUE + 10, [MAX_BATCH] * (MAX_QUEUE // MAX_BATCH), MAX_QUEUE // MAX_BATCH),
    ],
)
def test_batches_go_when_their_time_has_come_or_when_they_are_full(spans, sizes, early):
    assert asyncio.run(_sent(0.2, spans)) == (sizes, early)


def test_what_cannot_be_sent_is_dropped():
    async def lost():
        async with aiohttp.ClientSession() as http:
            batches = Batches(http, "http://127.0.0.1:9", "orders", batch_s=60, first_s=60)
            batches.add("scope", Span(name="a"))
            await batches.close()

    asyncio.run(lost())


HEADERS = ("traceparent", "tracestate", "baggage", "x-request-id")


@given(st.dictionaries(st.sampled_from([*HEADERS, "cookie"]), st.sampled_from(["a", "b"])))
def test_a_service_without_spans_hands_its_callers_headers_on(given_headers):
    class Request:
        headers = given_headers

    tracer = PassesOn()
    with tracer.serving(Request()), tracer.calling("GET", "http://a/") as call:
        assert call.headers == {name: value for name, value in given_headers.items() if name in HEADERS}
