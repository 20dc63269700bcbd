import pytest
from hypothesis import given
from hypothesis import strategies as st
from observations import NOON, observed, span, trace

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService
from boifi_core.analyzer.scorers import Scorer
from boifi_core.models import RawObservation


class Broken(Scorer):
    def parts(self, observation, baseline=None):
        raise ZeroDivisionError("no such luck")


def test_the_total_is_the_weighted_mean():
    baseline = observed(trace_data=trace(span("r", "GET /")))
    observation = observed(status_code=404, latency_ms=600, trace_data=trace(span("r", "GET /", status="error")))
    score = AnalyzerService(AnalyzerConfig()).calculate_severity(observation, baseline)
    assert (score.bug_score, score.performance_score, score.structure_score) == (8, 4.5, 2)
    assert score.total_score == pytest.approx((10 * 8 + 2 * 4.5 + 5 * 2) / 17)
    assert score.breakdown == {"bug.status_4xx": 8, "perf.latency": 4.5, "struct.error_span": 2}
    assert score.fallback == ()


def test_the_graded_profile_tells_few_failures_from_many_where_the_plans_does_not():
    few, many = (observed(status_code=200, error_rate=share, logs=("ERROR",)) for share in (0.05, 0.4))
    plan, graded = AnalyzerService(), AnalyzerService(AnalyzerConfig(profile="graded"))
    assert plan.calculate_severity(few) == plan.calculate_severity(many)
    scores = [graded.calculate_severity(seen) for seen in (few, many)]
    assert scores[0].total_score + 2 < scores[1].total_score
    assert scores[0].breakdown.keys() == {"bug.error_rate", "bug.logs"}


def test_weights_and_thresholds_are_the_configs():
    config = AnalyzerConfig(
        weights={"bug": 1, "perf": 1, "struct": 2},
        baseline_latency_ms=10,
        threshold_latency_ms=20,
        span_increase_threshold=0,
        edit_distance_threshold=1,
    )
    baseline = observed(trace_data=trace(span("1", "a")))
    observation = observed(latency_ms=30, trace_data=trace(span("1", "a"), span("2", "a", "1")))
    score = AnalyzerService(config).calculate_severity(observation, baseline)
    assert (score.bug_score, score.performance_score, score.structure_score) == (0, 10, 3)
    assert score.total_score == (10 + 2 * 3) / 4


@pytest.mark.parametrize(
    ("dimension", "field"), [("bug", "bug_score"), ("perf", "performance_score"), ("struct", "structure_score")]
)
def test_a_scorer_that_fails_is_neutral_named_and_logged(dimension, field, caplog):
    service = AnalyzerService(AnalyzerConfig())
    service.scorers[dimension] = Broken()
    score = service.calculate_severity(observed())
    assert getattr(score, field) == 5
    assert score.fallback == (dimension,)
    # There is no trace, so the structure only counts where 5 stands for it.
    weights = {"bug": 10, "perf": 2} | ({"struct": 5} if dimension == "struct" else {})
    assert score.total_score == pytest.approx(5 * weights[dimension] / sum(weights.values()))
    assert "no such luck" in caplog.text


weights = st.floats(1e-3, 1e3)


def severity(*, analyzer=None, baseline=None, **fields):
    return AnalyzerService(analyzer).calculate_severity(RawObservation(timestamp=NOON, **fields), baseline)


def test_p5_f6_a_total_outage_is_ten_whatever_else_is_known_or_missing():
    failing = {"status_code": 503, "error_rate": 1.0}
    assert severity(**failing).total_score == 10
    assert severity(error_rate=1.0).total_score == 10
    assert severity(**failing, latency_ms=2.0).total_score == 10  # it fails fast
    quick = trace(span("r", "GET /", status="error"))
    assert severity(**failing, latency_ms=2.0, trace_data=quick).total_score == 10
    assert severity(status_code=504, error_rate=0.51).total_score >= 9
    assert severity(status_code=200, error_rate=0.6, latency_ms=3.0).total_score >= 9


@given(
    st.floats(0.5, 1, exclude_min=True),
    st.none() | st.integers(100, 599),
    st.none() | st.floats(0, 1e6),
    st.none() | st.just(trace(span("1", "a"))),
    weights,
    weights,
)
def test_p5_where_most_requests_fail_the_total_is_at_least_nine(share, status, latency_ms, spans, bug, perf):
    for profile in ("plan", "graded"):
        config = AnalyzerConfig(profile=profile, weights={"bug": bug, "perf": perf})
        score = severity(analyzer=config, error_rate=share, status_code=status, latency_ms=latency_ms, trace_data=spans)
        assert 9 <= score.total_score <= 10


def test_p5_where_the_share_is_not_known_most_requests_with_a_5xx_are_most_of_them():
    quick = trace(span("r", "GET /", status="error"))
    assert severity(status_code=503, latency_ms=2.0, trace_data=quick).total_score == 9
    assert severity(status_code=503, latency_ms=2.0, error_rate=0.4, trace_data=quick).total_score < 7


@pytest.mark.parametrize(
    ("fields", "unobserved"),
    [
        ({"status_code": 404}, ("perf", "struct")),
        ({"error_rate": 0.2, "latency_ms": 600}, ("struct",)),
        ({"latency_ms": 600}, ("bug", "struct")),
        ({"logs": ("ERROR",)}, ("perf", "struct")),
        ({"trace_data": trace(span("1", "a", status="error"))}, ("bug", "perf")),
        ({"trace_data": '{"spans": []}', "latency_ms": 1}, ("bug", "struct")),
        ({}, ("bug", "perf", "struct")),
    ],
)
@pytest.mark.parametrize("profile", ["plan", "graded"])
def test_p5_what_was_not_observed_is_left_out_of_the_mean(profile, fields, unobserved):
    score = severity(analyzer=AnalyzerConfig(profile=profile), **fields)
    assert score.unobserved == unobserved
    by = {"bug": (10, score.bug_score), "perf": (2, score.performance_score), "struct": (5, score.structure_score)}
    seen = [each for name, each in by.items() if name not in unobserved]
    mean = sum(w * s for w, s in seen) / sum(w for w, _ in seen) if seen else 0
    assert score.total_score == pytest.approx(mean)


def test_no_observation_is_refused():
    with pytest.raises(ValueError, match="None"):
        AnalyzerService(AnalyzerConfig()).calculate_severity(None)


optional = {
    "status_code": st.none() | st.integers(100, 599),
    "latency_ms": st.none() | st.floats(0, 1e9),
    "error_rate": st.none() | st.floats(0, 1),
    "logs": st.lists(st.text(max_size=10), max_size=3).map(tuple),
    "trace_data": st.none() | st.text(max_size=20) | st.just(trace(span("1", "a", status="error"))),
}
observations = st.builds(RawObservation, timestamp=st.just(NOON), **optional)


@given(observations, st.none() | observations, weights, weights, weights)
def test_every_score_is_in_range_and_between_its_parts(observation, baseline, bug, perf, struct):
    config = AnalyzerConfig(weights={"bug": bug, "perf": perf, "struct": struct})
    score = AnalyzerService(config).calculate_severity(observation, baseline)
    three = (score.bug_score, score.performance_score, score.structure_score)
    assert all(0 <= part <= 10 for part in three)
    if (observation.error_rate or 0) > 0.5:
        assert score.total_score >= 9
    elif observation.error_rate is not None or (observation.status_code or 0) < 500:
        assert min(three) - 1e-9 <= score.total_score <= max(three) + 1e-9
    assert score.fallback == ()
