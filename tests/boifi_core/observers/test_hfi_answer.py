import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.models import MOST_CALLS, RawObservation, SeenCall
from boifi_core.observers.hfi_answer import MAX_LOG_LINES, MAX_REASONS, read_observation, read_timestamp

NOW = datetime(2026, 11, 23, 21, 41, 49, tzinfo=UTC)
TRACE = '{"spans": [{"id": "0001", "name": "ratings/ratings/0", "duration_ms": 16.3, "status": "success"}]}'
SOUND = {
    "status_code": 200,
    "latency_ms": 108.9,
    "error_rate": 0.0,
    "logs": ["started"],
    "trace_data": TRACE,
    "timestamp": "2026-11-23T21:41:49.034205+00:00",
}


def read(**changes):
    data = {**SOUND, **changes}
    return read_observation({name: value for name, value in data.items() if value is not ...}, timestamp=NOW)


def test_a_sound_one_is_taken_as_it_is():
    assert read() == RawObservation(
        status_code=200, latency_ms=108.9, error_rate=0, logs=("started",), trace_data=TRACE, timestamp=NOW
    )


@pytest.mark.parametrize("field", ["status_code", "latency_ms", "error_rate", "logs", "trace_data"])
def test_missing_and_null(field):
    for value, reason in ((..., "missing"), (None, "null")):
        seen = read(**{field: value})
        assert not getattr(seen, field)
        assert len(seen.degraded) == 1
        assert seen.degraded[0].startswith(f"{field}: ")
        assert reason in seen.degraded[0] or field == "logs"


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("status_code", "200", "must be a number, got '200'"),
        ("status_code", True, "must be a number, got true"),
        ("status_code", 0, "must be 100..599, got 0"),
        ("status_code", 600, "must be 100..599, got 600"),
        ("status_code", 200.5, "must be a whole number, got 200.5"),
        ("status_code", [200], "must be a number, got a list"),
        ("latency_ms", -1, "must be 0..8.64e+07, got -1"),
        ("latency_ms", float("nan"), "must be 0..8.64e+07, got nan"),
        ("latency_ms", float("inf"), "must be 0..8.64e+07, got inf"),
        ("latency_ms", 10**400, "must be 0..8.64e+07, got a number of more than 60 digits"),
        ("latency_ms", {"p95": 1}, "must be a number, got an object"),
        ("error_rate", 37.5, "must be 0..1, got 37.5"),
        ("error_rate", False, "must be a number, got false"),
        ("logs", {"a": 1}, "must be a list of texts, got an object"),
        ("trace_data", "{no json", "must be JSON: "),
        ("trace_data", "[]", "must be a span list, OTLP, Jaeger or Zipkin, got an empty list"),
        ("trace_data", {"a": 1}, "must be a span list, OTLP, Jaeger or Zipkin, got an object of 'a'"),
        ("trace_data", 5, "must be a trace as JSON, got 5"),
        ("trace_data", "[" * 100_000, "must be JSON: nested too deep"),
    ],
)
def test_what_is_unusable_is_none_with_its_reason(field, value, reason):
    seen = read(**{field: value})
    assert not getattr(seen, field)
    assert len(seen.degraded) == 1
    assert seen.degraded[0].startswith(f"{field}: {reason}")


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("status_code", 503.0, 503),
        ("latency_ms", 7, 7.0),
        ("error_rate", 1, 1.0),
        ("logs", "one line", ("one line",)),
        ("logs", "", ()),
        ("trace_data", json.loads(TRACE), TRACE),
    ],
)
def test_what_is_meant_is_taken(field, value, meant):
    seen = read(**{field: value})
    assert getattr(seen, field) == meant
    assert seen.degraded == ()


CALL = {"caller": "shop", "callee": "bank", "operation": "POST /debits", "seen": 10, "failed": 2, "share": 0.5}


def test_the_calls_of_all_requests_are_taken_where_they_are_told():
    seen = read(calls=[CALL], traces_seen=20, requests=30)
    assert (seen.calls, seen.traces_seen, seen.requests) == ((SeenCall.model_validate(CALL),), 20, 30)
    assert seen.degraded == ()
    assert read(**json.loads(seen.model_dump_json(exclude={"timestamp", "degraded"}))) == seen


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("calls", {"a": 1}, "calls: must be a list, got an object"),
        ("calls", [5], "calls[0]: must be"),
        ("calls", [{**CALL, "share": 1.5}], "calls[0].share: must be"),
        ("calls", [{**CALL, "longest_ms": float("nan")}], "calls[0].longest_ms: must be"),
        ("calls", [{**CALL, "statuses": {str(n): 1 for n in range(21)}}], "calls[0].statuses: "),
        ("calls", [{**CALL, "more": 1}], "calls[0].more: "),
        ("traces_seen", -1, "traces_seen: must be 0..1e+09, got -1"),
        ("requests", "many", "requests: must be a number, got 'many'"),
    ],
)
def test_calls_that_are_none_are_left_out_with_a_reason(field, value, reason):
    seen = read(**{field: value})
    assert not getattr(seen, field)
    assert len(seen.degraded) == 1
    assert seen.degraded[0].startswith(reason)


def test_of_calls_without_end_the_first_are_kept():
    seen = read(calls=[CALL] * (MOST_CALLS + 1))
    assert len(seen.calls) == MOST_CALLS
    assert seen.degraded == (f"calls: only the first {MOST_CALLS} of {MOST_CALLS + 1} were kept",)


def test_several_traces_tell_of_their_calls_where_nobody_else_does():
    def trace(status):
        return json.dumps({"spans": [{"id": "1", "name": "GET /", "service": "shop", "status_code": status}]})

    seen = read(traces={"home": trace(200), "cart": trace(503)})
    assert (seen.traces_seen, seen.requests) == (2, None)
    assert [(call.caller, call.callee, call.seen, call.failed) for call in seen.calls] == [("client", "shop", 2, 1)]
    assert read(traces={"home": trace(200)}).calls == ()
    assert read(traces={"home": trace(200), "cart": trace(503)}, calls=[]).calls == ()


def test_log_entries_that_are_no_text_are_left_out():
    seen = read(logs=[1, "ERROR: down", None, {"a": 1}])
    assert seen.logs == ("ERROR: down",)
    assert seen.degraded == ("logs: 3 entries are no text",)


def test_logs_have_limits():
    seen = read(logs=["x" * 10_000] * (MAX_LOG_LINES + 5))
    assert {len(line) for line in seen.logs} == {4_000}
    assert len(seen.logs) == MAX_LOG_LINES
    assert seen.degraded == ("logs: only the first 1000 of 1005 lines were kept",)


def test_extensions():
    seen = read(
        trace_kind="checkout",
        traces={"checkout": TRACE, "product": 3},
        quantiles_ms={"p50": 3, "p95": "slow"},
        degraded=["probe: late", 4],
        future=1,
    )
    assert (seen.trace_kind, seen.traces, seen.quantiles_ms) == ("checkout", {"checkout": TRACE}, {"p50": 3.0})
    assert seen.degraded == (
        "probe: late",
        "traces['product']: must be a trace as JSON, got 3",
        "quantiles_ms['p95']: must be a number, got 'slow'",
    )


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23T21:41:49.034205+00:00", datetime(2026, 11, 23, 21, 41, 49, 34205, tzinfo=UTC)),
        ("2026-11-23T21:41:49.034205123Z", datetime(2026, 11, 23, 21, 41, 49, 34205, tzinfo=UTC)),
        ("2026-11-23T21:41:49", datetime(2026, 11, 23, 21, 41, 49, tzinfo=UTC)),
        (
            "2026-11-23T23:41:49+02:00",
            datetime(2026, 11, 23, 23, 41, 49, tzinfo=timezone(timedelta(hours=2))),
        ),
    ],
)
def test_timestamps(text, moment):
    made_at, reason = read_timestamp({"timestamp": text}, now=NOW)
    assert (made_at, reason) == (moment, "")
    assert made_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "timestamp: null or missing"),
        (1_700_000_000, "timestamp: must be text, got 1700000000"),
        ("yesterday", "timestamp: must be ISO 8601, got 'yesterday'"),
        ("0001-01-01T00:00:00+23:59", "timestamp: must be ISO 8601, got '0001-01-01T00:00:00+23:59'"),
        ("9999-01-01T00:00:00Z", "timestamp: lies in the future, got '9999-01-01T00:00:00Z'"),
    ],
)
def test_timestamps_that_say_nothing(value, reason):
    assert read_timestamp({"timestamp": value}, now=NOW) == (None, reason)


texts = st.text(st.characters(), max_size=30) | st.just("\ud800")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=10,
)
KNOWN = [*SOUND, "trace_kind", "traces", "quantiles_ms", "degraded"]


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KNOWN) | texts, anything, max_size=10))
def test_any_json_is_read_within_limits_and_can_be_written(data):
    made_at, reason = read_timestamp(data, now=NOW)
    assert (made_at is None) == bool(reason)
    seen = read_observation(data, timestamp=made_at or NOW, reasons=[reason] if reason else [])
    assert len(seen.degraded) <= MAX_REASONS
    assert seen.status_code is not None or seen.degraded
    assert seen.latency_ms is not None or seen.degraded
    assert seen.error_rate is None or 0 <= seen.error_rate <= 1
    assert all("\n" not in reason or reason in map(str, data.get("degraded") or ()) for reason in seen.degraded)
    assert RawObservation.model_validate_json(seen.model_dump_json()) == seen


def test_how_often_each_status_came_is_read_by_kind_of_request():
    assert read(statuses={"GET /": {"200": 9, "503": 1}}).statuses == {"GET /": {200: 9, 503: 1}}


@pytest.mark.parametrize("counts", [{}, [], {"200": 0}, {"ok": 3}, {"999": 1}, {"200": "many"}, None])
def test_counts_that_cannot_be_are_left_out_with_a_reason(counts):
    seen = read(statuses={"GET /": counts, "GET /cart": {"200": 1}})
    assert seen.statuses == {"GET /cart": {200: 1}}
    assert seen.degraded[0].startswith("statuses['GET /']: must be ") or seen.degraded[0].startswith("statuses[")
