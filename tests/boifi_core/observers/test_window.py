from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.observers.window import Outcome, by_kind_typical_first, nearest_rank, spread, stand_ins, summarise
from boifi_core.traces import Span

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def outcome(status=200, latency_ms=10.0, kind="page", text="", number=0):
    return Outcome(kind, status, latency_ms, text, bytes([number]) * 16, b"parent..", answered=True)


def outcomes(*fields, **common):
    return [outcome(**{"number": number, **common, **each}) for number, each in enumerate(fields)]


SPANS = [Span("1", "s:x", 1.0, is_error=False)]


@pytest.mark.parametrize(
    ("statuses", "modal"), [([200, 200, 503], 200), ([200, 503], 503), ([404, 200, 500, 404, 500], 500)]
)
def test_the_most_frequent_status_and_of_equals_the_worst(statuses, modal):
    assert summarise(outcomes(*({"status": each} for each in statuses)), started_at=NOW).status_code == modal


@pytest.mark.parametrize(
    ("statuses", "stands_for_all"),
    [
        ([503] * 10 + [200] * 10 + [201] * 10, 201),
        ([404] * 3 + [200] * 2 + [204] * 2, 204),
        ([200] * 4 + [503] * 3 + [500] * 3, 503),  # most failed, and most of those with the highest of equals
        ([200] * 2 + [304] * 2 + [302] * 3, 304),
    ],
)
def test_p27_healthy_statuses_count_by_class_and_failed_ones_together(statuses, stands_for_all):
    seen = summarise(outcomes(*({"status": each} for each in statuses)), started_at=NOW)
    assert seen.status_code == stands_for_all


@given(st.lists(st.integers(200, 599), min_size=1, max_size=40))
def test_p27_a_failed_status_stands_for_all_only_where_at_least_half_failed_or_healthy_ones_are_split(statuses):
    seen = summarise(outcomes(*({"status": each} for each in statuses)), started_at=NOW)
    failed = sum(each >= 400 for each in statuses)
    if 2 * failed > len(statuses):
        assert seen.status_code >= 400
    if seen.status_code >= 400:
        by_class = [sum(each < 400 and (each // 100 if each != 304 else 2) == c for each in statuses) for c in (2, 3)]
        assert failed >= max(by_class)


def test_the_statuses_of_each_kind_are_counted():
    made = [*outcomes({}, {"status": 404}, {"status": 404}, kind="cart"), *outcomes({}, kind="home")]
    assert summarise(made, started_at=NOW).statuses == {"cart": {200: 1, 404: 2}, "home": {200: 1}}


def test_with_thirty_requests_the_95th_percentile_is_the_second_worst():
    seen = summarise(outcomes(*({"latency_ms": float(each)} for each in range(1, 31))), started_at=NOW)
    assert (seen.latency_ms, seen.quantiles_ms) == (29, {"p50": 15, "p95": 29, "p99": 30, "max": 30})


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.001, 1))
def test_the_nearest_rank_is_the_least_value_with_the_share_at_or_below(values, share):
    ordered = sorted(values)
    value = nearest_rank(ordered, share)
    assert value in ordered
    assert sum(each <= value for each in ordered) >= share * len(ordered) - 1e-6
    assert sum(each < value for each in ordered) < share * len(ordered)


def test_four_hundred_and_above_are_errors():
    made = outcomes({"status": 200}, {"status": 302}, {"status": 404}, {"status": 504})
    assert summarise(made, started_at=NOW).error_rate == 0.5


def test_logs_are_what_was_said_once_each_in_order():
    made = outcomes({"text": "b"}, {"text": ""}, {"text": "a"}, {"text": "b"})
    assert summarise(made, started_at=NOW).logs == ("b", "a")


def test_typical_is_the_most_frequent_status_and_median_latency():
    made = outcomes(
        {"latency_ms": 30.0},
        {"latency_ms": 10.0},
        {"latency_ms": 20.0},
        {"latency_ms": 15.0, "status": 503},
        {"latency_ms": 1.0, "status": 503},
        {"latency_ms": 1.0, "kind": "other"},
    )
    by_kind = by_kind_typical_first(made)
    assert [each.latency_ms for each in by_kind["page"]] == [20, 10, 30, 15, 1]
    assert by_kind["other"] == [made[5]]
    assert [each.latency_ms for each in stand_ins(by_kind["page"])] == [20, 10, 30]


@pytest.mark.parametrize(
    ("fine", "worse"),
    [
        ({"status": 200, "latency_ms": 900.0}, {"status": 500, "latency_ms": 1.0}),
        ({"status": 404}, {"status": 503}),
        ({"status": 200, "latency_ms": 1.0}, {"status": 200, "latency_ms": 2.0}),
    ],
)
def test_the_worst_kind_stands_for_the_whole(fine, worse):
    made = outcomes({**fine, "kind": "a"}, {**worse, "kind": "b"}, {**fine, "kind": "c"})
    seen = summarise(made, started_at=NOW, traces={"a": SPANS, "b": SPANS, "c": SPANS})
    assert seen.trace_kind == "b"
    assert seen.trace_data == seen.traces["b"]


def test_a_kind_without_spans_is_named():
    made = outcomes({"kind": "a"}, {"kind": "b"})
    seen = summarise(made, started_at=NOW, traces={"a": SPANS, "b": []}, reasons=["x"])
    assert (set(seen.traces), seen.degraded) == ({"a"}, ("x", "traces: no span of b"))


def test_without_tracing_nothing_is_missing():
    seen = summarise(outcomes({}), started_at=NOW)
    assert (seen.trace_data, seen.trace_kind, seen.traces, seen.degraded) == (None, None, {}, ())
    assert (seen.calls, seen.traces_seen, seen.requests) == ((), None, None)


def test_the_calls_of_all_traces_are_kept_and_of_how_many_requests_they_are():
    failed = [SPANS[0]._replace(status_code=503)]
    seen = summarise(outcomes({}, {}, {}), started_at=NOW, traces={"page": SPANS}, fetched=[SPANS, failed, []])
    assert (seen.traces_seen, seen.requests) == (2, 3)
    assert [(call.seen, call.failed, call.share) for call in seen.calls] == [(2, 1, 1.0)]


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 60), st.integers(1, 5))
def test_those_that_stand_for_all_are_of_every_kind_and_no_more_than_asked_for(sizes, most, least):
    wanted = {
        kind: [outcome(kind=str(kind), latency_ms=float(n)) for n in range(size)] for kind, size in enumerate(sizes)
    }
    chosen = spread(wanted, most, least)
    assert sum(map(len, chosen.values())) == min(most, sum(sizes)) or sum(sizes) > most
    assert sum(map(len, chosen.values())) <= most
    for kind, alike in chosen.items():
        places = [wanted[kind].index(each) for each in alike]
        assert places == sorted(set(places))
        assert places[:1] in ([], [0]), "that which stands best for its kind is among them"
    if least * len(sizes) <= most:
        assert all(len(chosen.get(kind, ())) >= min(least, size) for kind, size in enumerate(sizes))


def test_those_that_stand_for_all_end_as_often_in_each_way_as_all():
    made = [outcome(latency_ms=float(n)) for n in range(160)] + [outcome(status=503) for _ in range(40)]
    (chosen,) = spread({"page": made}, 50, 5).values()
    assert [each.status for each in chosen].count(503) == 10
