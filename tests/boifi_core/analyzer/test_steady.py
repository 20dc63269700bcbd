"""What of a target fails by itself, warms up, or drifts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from meshes import page, unanswered, window
from observations import observed

from boifi_core.analyzer import AnalyzerService
from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.steady import cause, is_drifting, troubles, warm_up


def windows(*latencies_ms, **fields):
    return [observed(latency_ms=float(each), **fields) for each in latencies_ms]


@pytest.mark.parametrize(
    ("latencies_ms", "n"),
    [
        ([900, 900, 20], 2),  # F14
        ([900, 20, 20], 1),
        ([900, 500, 200], 2),
        ([2000, 1500, 1000], 1),  # it falls and falls
        ([20, 20, 20], 0),
        ([25, 20, 22], 0),
        ([20, 900, 20], 0),
        ([20, 20, 900], 0),
        ([900, 20, 900], 0),
        ([28, 20, 20], 0),  # not by so much
        ([900], 0),
        ([], 0),
    ],
)
def test_f14_the_first_windows_are_a_warm_up_where_all_after_them_are_quicker(latencies_ms, n):
    assert warm_up(windows(*latencies_ms)) == n


@given(st.lists(st.floats(10, 20), min_size=1, max_size=5), st.lists(st.floats(500, 900), min_size=1, max_size=3))
def test_f14_however_many_are_cold_they_are_found(warm, cold):
    assert warm_up(windows(*cold, *warm)) == len(cold)
    assert warm_up(windows(*warm)) == 0


def test_f14_a_window_in_which_the_target_did_not_answer_yet_is_a_warm_up_too():
    starting = observed(status_code=503, error_rate=1.0, latency_ms=1.0)
    assert warm_up([starting, *windows(20, 20)]) == 1
    assert warm_up([observed(error_rate=0.5, latency_ms=20), *windows(20, 20)]) == 1
    assert warm_up([observed(error_rate=0.03, latency_ms=20), *windows(20, 20)]) == 0
    assert warm_up([observed(status_code=None, latency_ms=None, error_rate=None), *windows(20, 20)]) == 0


def test_f15_a_target_that_gets_slower_all_the_time_is_named():
    assert is_drifting(windows(20, 60, 200))
    assert not is_drifting(windows(20, 21, 22))
    assert not is_drifting(windows(200, 20, 60))
    (line,) = troubles(Normal(tuple(windows(20, 60, 200))))
    assert line == "the target got worse from window to window (latency 20, 60, 200 ms): what is normal may drift"


def test_p20_every_kind_of_request_that_fails_is_named():
    statuses = {"GET /": {200: 10}, "GET /cart": {200: 9, 503: 1}, "GET /gone": {404: 10}}
    assert troubles(Normal((observed(statuses=statuses), observed(statuses=statuses)))) == [
        "GET /cart fails: 2 of 20 requests, most with 503",
        "GET /gone fails: 20 of 20 requests, most with 404",
    ]


@given(st.dictionaries(st.sampled_from([200, 201, 302, 401, 404, 500, 503, 504]), st.integers(1, 30), min_size=1))
def test_p20_a_kind_is_named_just_where_requests_of_it_failed(counts):
    named = troubles(Normal((observed(statuses={"POST /order": counts}),)))
    assert [line.startswith("POST /order fails: ") for line in named] == [True] * any(s >= 400 for s in counts)


def test_p20_without_counts_the_traces_tell_which_kind_fails():
    (line,) = troubles(Normal((window(page(code=502)), window(page(code=502)))))
    assert line.startswith("these calls fail: client → ")
    assert "(100 % of its traces)" in line


def test_p14_a_call_that_flakes_is_named():
    flaky = page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17"))
    (line,) = troubles(Normal((window(), window(flaky), window(), window())))
    assert line == "these calls fail: gateway → reviews GET /reviews/{id} (25 % of its traces)"


def test_what_could_not_be_observed_is_named_once():
    seen = observed(latency_ms=None, degraded=("latency_ms: must be a number, got '50'",))
    assert troubles(Normal((seen, seen))) == ["not all could be observed: latency_ms: must be a number, got '50'"]


def test_a_healthy_target_has_no_trouble():
    assert troubles(Normal((window(), window(page(number=5))))) == []
    assert troubles(Normal(())) == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"status_code": 503, "error_rate": 1.0, "logs": ("connection refused",)},
            "most requests got 503; “connection refused”",
        ),
        (
            {"status_code": 503, "error_rate": 1.0, "logs": ("certificate refused: self-signed certificate",)},
            "most requests got 503; “certificate refused: self-signed certificate”",
        ),
        ({"logs": ("INFO up", "FATAL no disk")}, "logged “FATAL no disk”"),
        ({"latency_ms": 5000}, "latency 5000 ms"),
        ({"error_rate": 0.2, "logs": ("up", "ERROR no stock")}, "20 % of the requests failed; logged “ERROR no stock”"),
    ],
)
def test_f12_p22_the_cause_is_the_part_that_gave_the_points_and_what_the_target_says(fields, says):
    seen = observed(**fields)
    assert cause(AnalyzerService().calculate_severity(seen), seen) == says
