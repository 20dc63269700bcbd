"""Anything as a trace: spans or one line that says why not, in little memory, and never anything else.

How long it takes stands in docs/benchmarks.md (`python -m benchmarks hostile`).
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.hostile import HOSTILE, cost_of
from boifi_core.analyzer import AnalyzerService, explain
from boifi_core.analyzer.trace import operations
from boifi_core.models import RawObservation
from boifi_core.observers.hfi_answer import read_observation
from boifi_core.traces import MAX_SPANS, parse_trace, spans_of, trace_text
from boifi_core.wire.bounded_json import MAX_BYTES, TooLarge, loads

NOW = datetime(2026, 11, 23, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"


def observe(trace):
    fields = {"status_code": 200, "latency_ms": 1.0, "error_rate": 0, "logs": [], "trace_data": trace}
    return read_observation(fields, timestamp=NOW)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_trace_is_read_or_a_reason_in_bounded_memory(name):
    cost = cost_of(name)
    assert cost.megabytes < 200
    assert cost.reason == "" or cost.reason.startswith("trace_data: must ")
    assert len(cost.reason) < 300
    assert "\n" not in cost.reason


def test_a_million_spans_are_refused_and_the_most_are_read():
    with pytest.raises(ValueError, match=r"^trace must have at most"):
        parse_trace(HOSTILE["a million spans"]())
    assert len(parse_trace(json.dumps({"spans": [{"id": "1", "parent_id": "1"}] * MAX_SPANS}))) == 1


@pytest.mark.parametrize("data", [b" " * (MAX_BYTES + 1), b"[" * 300_001, b"[" + b"1," * 900_000 + b"1]"])
def test_bounds_are_checked_before_a_value_is_made(data):
    for text in (data, data.decode()):
        with pytest.raises(TooLarge, match=r"^must have at most \d+ .+, got \d+$"):
            loads(text)


# What formats are made of, put together anyhow.
WORDS = [
    *("spans", "data", "processes", "resourceSpans", "batches", "scopeSpans", "trace", "result", "resource"),
    *("traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano", "status", "code"),
    *("attributes", "key", "value", "stringValue", "intValue", "service.name", "http.status_code", "error"),
    *("traceID", "spanID", "operationName", "references", "refType", "startTime", "duration", "tags", "processID"),
    *("id", "parentId", "timestamp", "localEndpoint", "serviceName", "shared", "parent_id", "duration_ms", "p1"),
]
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.integers()
    | st.floats()
    | st.sampled_from(
        [*WORDS, "", "a", "CLIENT", "SERVER", "SPAN_KIND_SERVER", "7uGbfsPBsXQ=", "1", "\ud800", "9" * 50]
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)


def read_or_refused(read, value, refusal):
    """The spans, on which everything works that is asked of spans; none where one line says why not."""
    said = None
    try:
        spans = read(value)
    except ValueError as error:
        said = str(error)
    if said is not None:
        assert said.startswith(refusal)
        assert "\n" not in said
        return
    assert len(operations(spans)) <= len(spans)
    text = trace_text(spans)
    assert len(parse_trace(text)) <= len(spans)
    seen = RawObservation(status_code=200, latency_ms=1, error_rate=0, trace_data=text, timestamp=NOW)
    score = AnalyzerService().calculate_severity(seen, seen)
    assert score.fallback == ()
    assert explain(score, seen, seen)
    assert RawObservation.model_validate_json(seen.model_dump_json()) == seen
    assert all(span.duration_ms is None or span.duration_ms >= 0 for span in spans)


@settings(deadline=None, max_examples=300)
@given(VALUES)
def test_any_value_is_read_or_refused(value):
    read_or_refused(lambda value: spans_of([value]), value, "must ")
    observe(value).model_dump_json()


def places(value, path=()):
    """Every place in a JSON value."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from places(inner, (*path, index))


def with_value_at(value, path, new):
    if not path:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = with_value_at(value[path[0]], path[1:], new)
    return changed


DOCUMENTS = [json.loads(path.read_text()) for path in sorted(GOLDEN.glob("*.json"))]


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_real_trace_with_anything_anywhere_is_read_or_refused(data):
    value = data.draw(st.sampled_from(DOCUMENTS))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(places(value))))
        value = with_value_at(value, path, data.draw(VALUES))
    read_or_refused(lambda value: spans_of([value]), value, "must ")


@settings(deadline=None)
@given(st.text() | st.sampled_from(DOCUMENTS).map(json.dumps), st.integers(0, 400), st.text(max_size=3))
def test_any_text_is_read_or_refused(text, at, inserted):
    read_or_refused(parse_trace, text[:at] + inserted + text[at:], "trace must ")
