import json
from datetime import timedelta

import pytest
from observations import NOON, observed, span, trace

from boifi_core.analyzer import AnalyzerService, merge_baseline


def test_medians_the_most_frequent_status_and_the_latest_time():
    merged = merge_baseline(
        [
            observed(status_code=200, latency_ms=10, error_rate=0.0, quantiles_ms={"p50": 1, "p99": 9}),
            observed(status_code=503, latency_ms=500, error_rate=0.5, timestamp=NOON + timedelta(seconds=1)),
            observed(status_code=200, latency_ms=20, error_rate=0.1, quantiles_ms={"p50": 3}, logs=("a", "b")),
        ]
    )
    assert (merged.status_code, merged.latency_ms, merged.error_rate) == (200, 20, 0.1)
    assert merged.quantiles_ms == {"p50": 2, "p99": 9}
    assert merged.timestamp == NOON + timedelta(seconds=1)
    assert merged.logs == ("a", "b")


def test_one_typical_trace_of_each_kind():
    def of(ms, *names):
        return trace(span("r", "root", ms=ms), *(span(name, name, "r") for name in names))

    shapes = [of(30, "a", "b"), of(10, "b", "a"), of(20, "a", "b"), of(5, "a"), "garbage"]
    merged = merge_baseline([observed(traces={"k": text, "other": of(1, "z")}) for text in shapes])
    assert json.loads(merged.traces["k"])["spans"][0]["duration_ms"] == 20
    assert merged.traces["other"] == of(1, "z")


def test_traces_that_differ_by_ids_alone_are_of_one_shape():
    def of(ms, name):
        return trace(span("r", "root", ms=ms), span("a", name, "r"))

    shapes = [of(5, "other"), of(30, "GET /p/k7"), of(10, "GET /p/z3"), of(20, "GET /p/q9"), of(5, "other")]
    merged = merge_baseline([observed(traces={"k": text}) for text in shapes])
    assert json.loads(merged.traces["k"])["spans"][0]["duration_ms"] == 20


def test_the_single_trace_is_of_the_most_frequent_kind():
    a, b = trace(span("1", "a")), trace(span("1", "b"))
    merged = merge_baseline([observed(trace_kind=kind, trace_data=text) for kind, text in [("b", b), *2 * [("a", a)]]])
    assert (merged.trace_kind, merged.trace_data) == ("a", a)


def test_a_field_that_only_some_lack_comes_from_the_others():
    merged = merge_baseline([observed(latency_ms=None, degraded=("latency_ms missing",)), observed(latency_ms=7)])
    assert merged.latency_ms == 7
    assert merged.degraded == ()


def test_a_field_that_all_lack_stays_missing_with_its_reasons():
    lacking = observed(status_code=None, degraded=("status_code missing",))
    merged = merge_baseline([lacking, lacking])
    assert merged.status_code is None
    assert merged.degraded == ("status_code missing",)


def test_every_healthy_observation_scores_nothing_against_the_merged_one():
    def one(order):
        spans = [span("r", "root"), *(span(name, name, "r") for name in order)]
        return observed(traces={"k": trace(*spans)}, trace_kind="k", trace_data=trace(*spans))

    healthy = [one("abcdef"), one("fedcba"), one("badcfe")]
    merged = merge_baseline(healthy)
    assert [AnalyzerService().calculate_severity(o, merged).total_score for o in healthy] == [0, 0, 0]


def test_none_at_all_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        merge_baseline([])
