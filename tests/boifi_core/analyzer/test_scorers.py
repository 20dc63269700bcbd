import logging
from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observations import NOON, observed, span, trace

from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.scorers import BugScorer, PerformanceScorer, StructureScorer
from boifi_core.analyzer.scorers.graded import GradedBugScorer, GradedPerformanceScorer, GradedStructureScorer
from boifi_core.errors import InvalidInput
from boifi_core.models import RawObservation

HEALTHY = (span("r", "GET /", ms=50), span("a", "cart", "r"), span("b", "orders", "r"), span("c", "payments", "b"))
BASELINE = observed(trace_data=trace(*HEALTHY))

AWKWARD_OBSERVATIONS = [
    RawObservation(timestamp=NOON),
    observed(status_code=None, latency_ms=None, error_rate=None),
    observed(latency_ms=1e300, error_rate=1.0, status_code=599),
    observed(logs=("",), trace_data=""),
    observed(error_rate=0.0, wrong_rate=1.0, broken={"": {"": 3}}),
    observed(status_code=503, error_rate=1.0, wrong_rate=0.5, logs=("ERROR",), good_statuses=(401,)),
    observed(trace_data="{"),
    observed(trace_data='{"spans": []}'),
    observed(traces={"": "nonsense", "checkout": trace(*HEALTHY)}),
    observed(trace_data=trace(*(span(str(i), "x", status="error") for i in range(50)))),
]


class ScorerContract:
    """Promises every scorer keeps; subclasses supply the `scorer` fixture."""

    @pytest.mark.parametrize("observation", AWKWARD_OBSERVATIONS)
    @pytest.mark.parametrize("baseline", [None, BASELINE, observed(trace_data="}")])
    def test_stays_in_range_and_is_the_sum_of_its_parts(self, scorer, observation, baseline):
        score = scorer.score(observation, baseline)
        parts = scorer.parts(observation, baseline)
        assert 0 <= score <= 10
        assert all(points > 0 for points in parts.values())
        assert score == min(10, sum(parts.values()))

    def test_healthy_scores_nothing(self, scorer):
        assert scorer.score(BASELINE, BASELINE) == 0
        assert scorer.parts(BASELINE, BASELINE) == {}

    def test_no_observation_is_refused(self, scorer):
        with pytest.raises(ValueError, match="None"):
            scorer.score(None)


class TestBugScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return BugScorer()

    @pytest.mark.parametrize(
        ("fields", "score"),
        [
            ({"status_code": 500}, 10),
            ({"status_code": 599}, 10),
            ({"status_code": 499}, 8),
            ({"status_code": 400}, 8),
            ({"status_code": 399}, 0),
            ({"status_code": 200}, 0),
            ({"logs": ("all good", "an Error occurred")}, 6),
            ({"logs": ("fatal: gone",)}, 6),
            ({"logs": ("WARN slow",)}, 0),
            ({"error_rate": 0.001}, 3),
            ({"error_rate": 1.0}, 3),
            ({"status_code": 503, "logs": ("ERROR",), "error_rate": 1.0}, 10),
            ({"status_code": 404, "logs": ("ERROR",), "error_rate": 1.0}, 8),
            ({"logs": ("ERROR",), "error_rate": 1.0}, 6),
        ],
    )
    def test_the_first_rule_that_holds_counts(self, scorer, fields, score):
        assert scorer.score(observed(**fields)) == score

    @pytest.mark.parametrize(("fields", "score"), [({"logs": ("ERROR",)}, 6), ({"error_rate": 0.2}, 3), ({}, 0)])
    def test_without_a_status_code_the_sound_fields_are_scored_with_a_warning(self, scorer, caplog, fields, score):
        assert scorer.score(observed(status_code=None, **fields)) == score
        assert "no status code" in caplog.text


BUG_SCORERS = [BugScorer(), GradedBugScorer()]


@pytest.mark.parametrize("scorer", BUG_SCORERS)
class TestStatusesByClass:
    @pytest.mark.parametrize(("usual", "seen"), [(200, 302), (201, 307), (204, 301), (302, 200)])
    def test_f10_a_healthy_status_of_another_class_is_a_change(self, scorer, usual, seen):
        normal = Normal((observed(status_code=usual), observed(status_code=usual)))
        assert scorer.parts(observed(status_code=seen), normal) == {"bug.status_changed": 8.0}

    @pytest.mark.parametrize(("usual", "seen"), [(200, 201), (201, 200), (204, 206), (200, 304), (302, 303)])
    def test_f10_d27_of_one_class_all_are_alike(self, scorer, usual, seen):
        assert scorer.parts(observed(status_code=seen), Normal((observed(status_code=usual),))) == {}

    @given(st.sets(st.integers(200, 399), min_size=1, max_size=3), st.integers(200, 399))
    def test_f10_what_is_told_of_is_what_no_fault_free_window_has(self, scorer, usual, seen):
        normal = Normal(tuple(observed(status_code=each) for each in usual))
        is_known = {2 if each == 304 else each // 100 for each in usual} >= {2 if seen == 304 else seen // 100}
        assert (scorer.parts(observed(status_code=seen), normal) == {}) == is_known

    def test_f10_without_a_baseline_a_redirect_is_no_change(self, scorer):
        assert scorer.parts(observed(status_code=302)) == {}

    def test_f10_one_kind_of_request_that_is_redirected(self, scorer):
        normal = Normal((observed(statuses={"GET /": {200: 9, 201: 1}, "GET /cart": {200: 10}}),))
        well = observed(statuses={"GET /": {201: 10}, "GET /cart": {200: 9, 503: 1}})
        assert scorer.parts(well, normal) == {}
        redirected = observed(statuses={"GET /": {200: 10}, "GET /cart": {302: 6, 200: 4}})
        assert scorer.parts(redirected, normal).keys() == {"bug.status_changed"}


class TestAnswersThatAreWrong:
    @pytest.mark.parametrize(
        ("fields", "parts"),
        [
            ({"error_rate": 1.0, "wrong_rate": 1.0}, {"bug.wrong_answers": 8}),
            ({"error_rate": 0.6, "wrong_rate": 0.6, "logs": ("ERROR",)}, {"bug.wrong_answers": 8}),
            ({"error_rate": 0.5, "wrong_rate": 0.5}, {"bug.error_rate": 3}),
            ({"error_rate": 1.0, "wrong_rate": 0.4, "status_code": 503}, {"bug.status_5xx": 10}),
            ({"error_rate": 0.0, "status_code": 401, "good_statuses": (401,)}, {}),
            ({"error_rate": 1.0, "status_code": 403, "good_statuses": (401,)}, {"bug.status_4xx": 8}),
        ],
    )
    def test_by_the_plan(self, fields, parts):
        usual = observed(status_code=fields.get("status_code", 200))
        assert BugScorer().parts(observed(**fields), usual) == parts

    def test_graded_they_weigh_eight_tenths_of_requests_that_fail_otherwise(self):
        def graded(wrong, failed=0.0):
            return GradedBugScorer().parts(observed(error_rate=wrong + failed, wrong_rate=wrong))

        assert graded(1.0) == {"bug.wrong_answers": pytest.approx(8)}
        assert graded(0.3)["bug.wrong_answers"] == pytest.approx(0.8 * graded(0.0, 0.3)["bug.error_rate"])
        both = graded(0.5, 0.5)
        assert 8 < sum(both.values()) < 10


@pytest.mark.parametrize("scorer", BUG_SCORERS)
class TestUsualLogLines:
    @pytest.mark.parametrize(
        ("usual", "seen"),
        [
            ('level=info msg="batch done" errors=0', 'level=info msg="batch done" errors=0'),
            ("GET /fatal/4711 200 12ms", "GET /fatal/77 200  12ms"),
            ('{"level":"info","error":null,"took":3}', '{"level":"info","error":null,"took":41}'),
            ('{"ts":1717.25,"lvl":"info","errors":0,"s":0.5}', '{"ts":1718.031,"lvl":"info","errors":0,"s":1e-05}'),
            ("12:00:01.123 INFO [exec-12] 0 errors in 5s", "12:10:59.000 INFO [exec-3] 0 errors in 1m2.5s"),
            ("2024-05-01 12:00:01,123 INFO errors: 0 (0.0%)", "2024-05-01 12:03:01,9 INFO errors: 0 (0.0%)"),
            ("Nov  5 18:00:01 web app[12]: error_rate=0.0 99.5%", "Nov 5 18:00:09 web app[7]: error_rate=0.0 99%"),
            ("I1130 18:00:01.12 77 pool.go:12] no errors, 3.4KB", "I1130 19:00:02.99 8 pool.go:12] no errors, 17MB"),
            ("req=ab12cd handled by ErrorFilter in 12ms", "req=9f8e7d handled by ErrorFilter in 0.7ms"),
        ],
    )
    def test_f12_a_line_of_the_baseline_gives_no_points(self, scorer, usual, seen):
        assert scorer.parts(observed(logs=(seen,)), Normal((observed(), observed(logs=(usual,))))) == {}

    @pytest.mark.parametrize(
        ("usual", "seen"),
        [
            ('level=info msg="batch done" errors=0', 'level=info msg="batch done" errors=17'),
            ("nightly: 0 fatal errors", "nightly: 2 fatal errors"),
            ('{"errors": 0, "took": 3}', '{"errors": 1, "took": 3}'),
            ("no error from reviews-1", "no error from reviews-2"),
        ],
    )
    def test_f12_that_there_were_none_is_another_line_than_how_many(self, scorer, usual, seen):
        assert scorer.parts(observed(logs=(seen,)), Normal((observed(logs=(usual,)),))).keys() == {"bug.logs"}

    def test_f12_another_line_does_whatever_else_is_usual(self, scorer):
        usual = 'level=info msg="batch done" errors=0'
        seen = observed(logs=(usual, "level=error msg=lost"))
        assert scorer.parts(seen, Normal((observed(logs=(usual,)),))).keys() == {"bug.logs"}


class TestPerformanceScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return PerformanceScorer()

    @pytest.mark.parametrize(
        ("latency_ms", "score"),
        [(0, 0), (199.9, 0), (200, 0), (600, 4.5), (1000, 9), (1000.1, 10), (1e9, 10), (None, 0)],
    )
    def test_is_piecewise_linear(self, scorer, latency_ms, score):
        assert scorer.score(observed(latency_ms=latency_ms)) == pytest.approx(score)

    @given(st.floats(0, 1e6), st.floats(0, 1e6))
    def test_never_falls_as_latency_rises(self, first, second):
        scorer = PerformanceScorer(35, 400)
        low, high = sorted([first, second])
        assert scorer.score(observed(latency_ms=low)) <= scorer.score(observed(latency_ms=high))

    @pytest.mark.parametrize("limits", [(0, 10), (-1, 10), (10, 10), (11, 10), (float("nan"), 10), (1, float("inf"))])
    def test_limits_that_cannot_be_are_refused(self, limits):
        with pytest.raises(InvalidInput):
            PerformanceScorer(*limits)


def structure(spans, baseline=BASELINE, **thresholds):
    return StructureScorer(**thresholds).parts(observed(trace_data=trace(*spans)), baseline)


class TestStructureScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return StructureScorer()

    def test_more_than_half_as_many_spans_again(self):
        two_more = [*HEALTHY, span("d", "stock", "b"), span("e", "prices", "b")]
        three_more = [*two_more, span("f", "taxes", "b")]
        assert structure(two_more) == {}
        assert structure(three_more) == {"struct.span_increase": 3, "struct.edit_distance": 5}
        assert structure(three_more, edit_distance_threshold=3) == {"struct.span_increase": 3}
        assert structure(two_more, span_increase_threshold=0.49) == {"struct.span_increase": 3}

    def test_retries_count_once(self):
        tried_again = [span(f"{n}", "payments", "b", status="error") for n in range(3)]
        assert structure([*HEALTHY, *tried_again]) == {"struct.span_increase": 3, "struct.error_span": 2}
        # The first attempt got nowhere, the second went all the way, as the only one of the baseline did.
        assert structure([*HEALTHY, span("b0", "orders", "r", status="error")]) == {"struct.error_span": 2}

    def test_more_than_two_edits(self):
        assert structure(HEALTHY[:2]) == {}
        assert structure(HEALTHY[:1]) == {"struct.edit_distance": 5}

    def test_an_error_span_counts_with_a_baseline_or_without(self):
        spans = [*HEALTHY[:-1], HEALTHY[-1] | {"status": "error"}]
        assert structure(spans) == {"struct.error_span": 2}
        assert structure(spans, None) == {"struct.error_span": 2}
        assert structure(spans * 3, None) == {"struct.error_span": 2}

    @pytest.mark.parametrize(("ms", "parts"), [(50, {}), (50.1, {"struct.bottleneck": 2})])
    def test_a_span_slower_than_five_times(self, ms, parts):
        assert structure([*HEALTHY[:-1], HEALTHY[-1] | {"duration_ms": ms}]) == parts

    def test_a_span_that_took_no_time_is_no_bottleneck(self):
        instant = observed(trace_data=trace(span("r", "GET /", ms=0)))
        assert structure([span("r", "GET /", ms=1000)], instant) == {}

    def test_all_signs_together_are_clipped_to_ten(self, scorer):
        spans = [span("r", "GET /", ms=5000, status="error"), *(span(str(i), "retry", "r") for i in range(20))]
        assert sum(structure(spans).values()) == 12
        assert scorer.score(observed(trace_data=trace(*spans)), BASELINE) == 10

    def test_each_kind_is_compared_with_its_own_and_the_worst_counts(self, scorer):
        browse, checkout = trace(*HEALTHY[:1]), trace(*HEALTHY)
        baseline = observed(traces={"browse": browse, "checkout": checkout}, trace_kind="browse", trace_data=browse)
        same = observed(traces={"checkout": checkout, "browse": browse})
        swapped = observed(traces={"browse": checkout, "checkout": checkout})
        broken = observed(traces={"browse": "garbage", "checkout": trace(HEALTHY[0])})
        assert scorer.parts(same, baseline) == {}
        assert scorer.parts(swapped, baseline) == {"struct.span_increase": 3, "struct.edit_distance": 5}
        assert scorer.worst(swapped, baseline).kind == "browse"
        assert scorer.parts(broken, baseline) == {"struct.edit_distance": 5}

    def test_one_trace_is_compared_with_the_baseline_of_its_kind_only(self, scorer):
        baseline = observed(
            traces={"checkout": trace(*HEALTHY)}, trace_kind="browse", trace_data=trace(span("r", "browse"))
        )
        checkout = observed(trace_kind="checkout", trace_data=trace(*HEALTHY))
        browse = observed(trace_kind="browse", trace_data=trace(*HEALTHY))
        search = observed(trace_kind="search", trace_data=trace(*HEALTHY))
        assert scorer.parts(checkout, baseline) == {}
        assert scorer.score(browse, baseline) == 8
        assert scorer.parts(search, baseline) == {}

    def test_a_trace_that_cannot_be_read_scores_nothing_and_is_logged(self, scorer, caplog):
        assert scorer.score(observed(trace_data="{"), BASELINE) == 0
        assert "the observation's trace is not used: trace must be JSON" in caplog.text

    @pytest.mark.parametrize("data", [None, '{"spans": []}', '{"spans": [3]}'])
    def test_no_trace_scores_nothing(self, scorer, data):
        assert scorer.score(observed(trace_data=data), BASELINE) == 0

    def test_concurrent_calls_in_another_order_score_nothing(self, scorer):
        shuffled = [HEALTHY[2], HEALTHY[3], HEALTHY[0], HEALTHY[1]]
        assert structure(shuffled) == {}


def test_every_scoring_can_be_followed_in_the_log(caplog):
    caplog.set_level(logging.DEBUG, logger="boifi_core.analyzer")
    observation = RawObservation(status_code=503, latency_ms=600, timestamp=datetime.now(UTC))
    for scorer in (BugScorer(), PerformanceScorer(), StructureScorer()):
        scorer.score(observation)
    assert "bug: {'bug.status_5xx': 10.0}" in caplog.text
    assert "performance: 600.0 ms, 200 to 1000 acceptable: 4.5" in caplog.text
    assert "structure: {}" in caplog.text

    def test_a_trace_is_compared_with_all_fault_free_ones_and_the_nearest_counts(self, scorer):
        shorter = observed(trace_data=trace(*HEALTHY[:1]))
        normal = Normal((BASELINE, shorter))
        assert scorer.parts(shorter, BASELINE) == {"struct.edit_distance": 5.0}
        assert scorer.parts(shorter, normal) == scorer.parts(BASELINE, normal) == {}

    def test_a_call_is_a_bottleneck_beside_what_it_usually_takes(self, scorer):
        once_slow = trace(span("r", "GET /", ms=50), span("a", "cart", "r", ms=90), *HEALTHY[2:])
        usual = observed(trace_data=trace(*HEALTHY))
        slow = observed(trace_data=trace(span("r", "GET /", ms=50), span("a", "cart", "r", ms=60), *HEALTHY[2:]))
        assert scorer.parts(slow, Normal((usual, usual, observed(trace_data=once_slow)))) == {"struct.bottleneck": 2.0}
        assert scorer.parts(slow, Normal((observed(trace_data=once_slow),))) == {}

    def test_errors_that_are_usual_are_no_sign(self, scorer):
        failing = observed(trace_data=trace(*HEALTHY[:-1], span("c", "payments", "b", status="error")))
        assert scorer.parts(failing, Normal((BASELINE,))) == {"struct.error_span": 2.0}
        assert scorer.parts(failing, Normal((BASELINE, failing))) == {}


SHARES = st.floats(0, 1)


class TestGradedBugScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return GradedBugScorer()

    @pytest.mark.parametrize(
        ("fields", "score"),
        [
            ({"error_rate": 0.05}, 2.277),
            ({"error_rate": 0.6}, 8.425),
            ({"error_rate": 1.0}, 10),
            ({"error_rate": None, "status_code": 404}, 10),
            ({"error_rate": None, "status_code": 399}, 0),
            ({"error_rate": 0.0, "status_code": 503}, 0),
            ({"logs": ("ERROR one",)}, 1.5),
            ({"logs": ("ERROR one", "ERROR 2 two", "ERROR 7 two", "fine")}, 2.25),
            ({"error_rate": 1.0, "logs": ("ERROR",)}, 10),
        ],
    )
    def test_points(self, scorer, fields, score):
        assert scorer.score(observed(**fields)) == pytest.approx(score, abs=1e-3)

    def test_a_line_that_is_written_without_a_fault_too_tells_nothing(self, scorer):
        seen, usual = observed(logs=("ERROR in order 17",)), observed(logs=("ERROR in order 4",))
        assert scorer.score(seen, usual) == 0
        assert scorer.score(seen, Normal((observed(), usual))) == 0

    @given(SHARES, SHARES, st.booleans())
    def test_more_failures_always_score_more_and_never_by_a_step(self, first, second, logged):
        low, high = sorted([first, second])
        logs = ("ERROR",) if logged else ()
        one, other = (GradedBugScorer().score(observed(error_rate=share, logs=logs)) for share in (low, high))
        assert one <= other
        # Steepest at 0, with a slope of 10 / (0.05 ln 21).
        assert other - one <= 65.7 * (high - low) + 1e-9
        if high - low > 1e-6:
            assert one < other


class TestGradedPerformanceScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return GradedPerformanceScorer()

    @pytest.mark.parametrize(
        ("latency_ms", "score"), [(199.9, 0), (200, 0), (600, 4.5), (1000, 9), (1800, 9.5), (1e9, 10), (None, 0)]
    )
    def test_points(self, scorer, latency_ms, score):
        assert scorer.score(observed(latency_ms=latency_ms)) == pytest.approx(score, abs=1e-5)

    @given(st.floats(0, 1e5), st.floats(0, 1e5))
    def test_it_is_the_plans_up_to_the_threshold_and_has_no_step(self, first, second):
        low, high = sorted([first, second])
        graded, plan = GradedPerformanceScorer(35, 400), PerformanceScorer(35, 400)
        one, other = (graded.score(observed(latency_ms=ms)) for ms in (low, high))
        assert one <= other <= one + 9.0 * (high - low) / 365 + 1e-9
        if low <= 400:
            assert one == pytest.approx(plan.score(observed(latency_ms=low)))


class TestGradedStructureScorer(ScorerContract):
    @pytest.fixture
    def scorer(self):
        return GradedStructureScorer()

    @staticmethod
    def parts(spans, **thresholds):
        return GradedStructureScorer(**thresholds).parts(observed(trace_data=trace(*spans)), BASELINE)

    def test_each_sign_grows_towards_the_plans_points(self):
        steps = map("".join, product("abcdefgh", repeat=3))
        extra = [span(f"e{n}", f"step {step}", "b") for n, step in enumerate(steps)]
        two_more = self.parts([*HEALTHY, *extra[:2]])
        assert two_more == {"struct.span_increase": 1.5, "struct.edit_distance": 2.5}
        assert self.parts([*HEALTHY, *extra]) == pytest.approx({"struct.span_increase": 3, "struct.edit_distance": 5})
        one_less = self.parts(HEALTHY[:3])
        assert one_less == pytest.approx({"struct.edit_distance": 5 * (1 - 2**-0.5)})

    def test_error_spans(self):
        failing = [span(f"f{n}", "cart", "r", status="error") for n in range(3)]
        several, one = self.parts([*HEALTHY, *failing]), self.parts([*HEALTHY[:3], {**HEALTHY[3], "status": "error"}])
        assert one == {"struct.error_span": 1.0}
        assert several["struct.error_span"] == 1.75

    @pytest.mark.parametrize(("ms", "points"), [(49, None), (50, None), (100, 1.0), (500, 1.8)])
    def test_a_span_that_takes_much_longer(self, ms, points):
        parts = self.parts([*HEALTHY[:3], {**HEALTHY[3], "duration_ms": ms}])
        assert parts.get("struct.bottleneck") == (None if points is None else pytest.approx(points))

    def test_thresholds_are_where_half_is_reached(self):
        more = [*HEALTHY, span("e", "stock", "b")]
        assert self.parts(more, span_increase_threshold=0.25, edit_distance_threshold=1) == {
            "struct.span_increase": 1.5,
            "struct.edit_distance": 2.5,
        }
        assert self.parts(more, span_increase_threshold=0, edit_distance_threshold=0) == {
            "struct.span_increase": 3.0,
            "struct.edit_distance": 5.0,
        }

    def test_the_worst_kind_of_request_counts(self, scorer):
        baseline = observed(traces={"a": trace(*HEALTHY), "b": trace(*HEALTHY)})
        seen = observed(traces={"a": trace(*HEALTHY), "b": trace(*HEALTHY[:2])})
        assert scorer.score(seen, baseline) == pytest.approx(2.5)
