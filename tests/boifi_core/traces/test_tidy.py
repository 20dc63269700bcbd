import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from boifi_core.observers.otlp.spans import ReceivedSpan
from boifi_core.traces import trace_text
from boifi_core.traces.tidy import tidy

MS = 1_000_000


def trace_json(received):
    return trace_text(tidy(each.record() for each in received))


def span(id_, parent, name, start_ms, end_ms, *, service="shop", status=0, kind=2, trace_id="t", **attributes):
    made = Span(
        trace_id=trace_id.encode().rjust(16, b"\0"),
        span_id=id_.encode().rjust(8, b"\0"),
        parent_span_id=parent.encode().rjust(8, b"\0") if parent else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=int((1000 + start_ms) * MS),
        end_time_unix_nano=int((1000 + end_ms) * MS),
    )
    made.status.code = status
    for key, value in attributes.items():
        attribute = made.attributes.add(key=key.replace("__", "."))
        field = {str: "string_value", bool: "bool_value", int: "int_value"}[type(value)]
        setattr(attribute.value, field, value)
    return ReceivedSpan(service, made)


def spans(*received):
    return json.loads(trace_json(received))["spans"]


def names(*received):
    return [each["name"] for each in spans(*received)]


def test_ids_are_the_order_and_times_are_relative():
    first, second = spans(span("b", "a", "GET", 2, 5), span("a", "driver", "page", 0, 9.5, kind=3))
    assert first == {
        "id": "0001",
        "parent_id": None,
        "name": "shop:page",
        "service": "shop",
        "kind": "client",
        "start_ms": 0.0,
        "duration_ms": 9.5,
        "status": "success",
    }
    assert (second["id"], second["parent_id"], second["start_ms"], second["duration_ms"]) == ("0002", "0001", 2, 3)


def test_envoys_spans_are_named_by_what_they_called():
    (aborted,) = spans(
        span(
            "a",
            "",
            "ingress",
            0,
            0.1,
            service="mesh",
            status=2,
            http__url="http://payments/charge/17?card=4711",
            http__method="POST",
            upstream_cluster="payments",
            http__status_code="503",
            response_flags="FI",
            error="true",
        )
    )
    assert (aborted["name"], aborted["status"]) == ("mesh:POST payments/charge/{id}", "error")
    assert (aborted["status_code"], aborted["flags"]) == (503, "FI")


def test_a_request_that_envoy_routed_nowhere_still_has_a_name():
    assert names(span("a", "", "ingress", 0, 1, upstream_cluster="-", http__method="GET", http__url="http://x/y")) == [
        "shop:GET x/y"
    ]
    assert names(span("a", "", "ingress", 0, 1)) == ["shop:ingress"]


def test_ids_and_queries_are_no_part_of_a_name():
    for path in ("/p/42", "/p/sku-7", "/p/550e8400-e29b-41d4-a716-446655440000", "/p/9f86d081884c", "/p/42?q=1"):
        assert names(span("a", "", f"GET {path}", 0, 1)) == ["shop:GET /p/{id}"]
    assert names(span("a", "", "GET /v1/p/42/parts", 0, 1)) == ["shop:GET /v1/p/{id}/parts"]


def test_what_makes_an_error():
    assert [
        spans(each)[0]["status"]
        for each in (
            span("a", "", "x", 0, 1),
            span("a", "", "x", 0, 1, http__status_code=404),
            span("a", "", "x", 0, 1, http__status_code="0"),
            span("a", "", "x", 0, 1, error=False),
            span("a", "", "x", 0, 1, status=2),
            span("a", "", "x", 0, 1, http__response__status_code=500),
            span("a", "", "x", 0, 1, http__status_code="503"),
            span("a", "", "x", 0, 1, error=True),
        )
    ] == ["success"] * 4 + ["error"] * 4


def test_calls_one_after_the_other_stay_in_order_and_parallel_ones_stand_by_name():
    page = span("a", "", "page", 0, 100)
    stock, prices = span("s", "a", "stock", 10.0, 20), span("p", "a", "prices", 10.1, 22)
    later = span("l", "a", "audit", 30, 40)
    below = span("b", "s", "select", 12, 15)
    expected = ["shop:page", "shop:prices", "shop:stock", "shop:select", "shop:audit"]
    assert names(page, stock, prices, later, below) == expected
    prices_first = span("p", "a", "prices", 9.9, 22)
    assert names(later, below, prices_first, stock, page) == expected


def test_a_span_that_was_exported_twice_counts_once():
    assert len(spans(span("a", "", "x", 0, 1), span("a", "", "x", 0, 1))) == 1


def test_parents_in_a_circle_and_parents_that_are_missing():
    found = spans(span("a", "b", "one", 0, 1), span("b", "a", "two", 1, 2), span("c", "lost", "three", 2, 3))
    assert [(each["name"], each["parent_id"]) for each in found] == [
        ("shop:three", None),
        ("shop:one", "0003"),
        ("shop:two", "0002"),
    ]


def test_a_clock_that_is_behind_is_moved_to_its_callers_start_with_all_that_its_service_did():
    page = span("a", "", "page", 100, 200)
    ahead = span("b", "a", "stock", 20, 60, service="stock")
    below = span("c", "b", "select", 30, 50, service="stock")
    sound = span("d", "c", "disk", 150, 151, service="disk")
    found = {each["name"]: each for each in spans(page, ahead, below, sound)}
    assert [found[name]["start_ms"] for name in ("shop:page", "stock:stock", "stock:select", "disk:disk")] == [
        0,
        0,
        10,
        50,
    ]
    assert found["stock:stock"]["duration_ms"] == 40


def test_a_child_that_outlives_its_caller_keeps_its_time():
    caller = span("a", "", "page", 0, 30)
    slow = span("b", "a", "stock", 10, 400, service="stock")
    assert [(each["start_ms"], each["duration_ms"]) for each in spans(caller, slow)] == [(0, 30), (10, 390)]


def test_several_traces_with_the_same_ids_stay_apart():
    found = spans(
        span("a", "", "one", 0, 9),
        span("b", "a", "below one", 1, 2),
        span("a", "", "two", 100, 109, trace_id="t2"),
        span("b", "a", "below two", 101, 102, trace_id="t2"),
    )
    assert [(each["name"], each["parent_id"]) for each in found] == [
        ("shop:one", None),
        ("shop:below one", "0001"),
        ("shop:two", None),
        ("shop:below two", "0003"),
    ]


def test_a_span_that_is_its_own_parent_is_a_root():
    assert [(each["id"], each["parent_id"]) for each in spans(span("a", "a", "x", 0, 1))] == [("0001", None)]


def test_no_spans():
    assert spans() == []


def test_a_chain_deeper_than_the_stack():
    assert len(spans(*(span(f"{n}", f"{n - 1}" if n else "", "x", n, 5000) for n in range(3000)))) == 3000


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 50), st.integers(0, 50)), max_size=12), st.randoms())
def test_the_order_of_arrival_does_not_matter(shape, chance: random.Random):
    made = [
        span(f"s{number}", f"s{parent}" if parent < number else "", f"n{number}", start, start + lasts)
        for number, (parent, start, lasts) in enumerate(shape)
    ]
    shuffled = made[:]
    chance.shuffle(shuffled)
    assert trace_json(made) == trace_json(shuffled)
    assert sorted(each["id"] for each in spans(*made)) == [f"{n + 1:04}" for n in range(len(made))]
