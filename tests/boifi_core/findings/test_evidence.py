"""What fault-free windows between trials tell of what is normal."""

import json

import pytest
from failures import HEALTHY, ID, NO_REVIEWS, found, tried, verifying
from hypothesis import given
from hypothesis import strategies as st
from meshes import page, unanswered, window
from observations import trace

from boifi_core.analyzer import AnalyzerService
from boifi_core.analyzer.normal import Normal
from boifi_core.findings import Verdict
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.evidence import Evidence
from boifi_core.findings.signature import CAUSE, HINT, signature
from boifi_core.models import Control

FLAKE = unanswered("r", "g", "reviews", "GET /reviews/17")
FLAKY = window(page(reviews=FLAKE), latency_ms=40)
REVIEWS = "gateway → reviews GET /reviews/{id}"
STOCK = "gateway → stock GET /stock/{id}"


def page_without_stock(reviews=None):
    spans = json.loads(page(reviews=reviews, code=502))["spans"]
    kept = [span for span in spans if span["id"] not in ("sp", "s", "fp", "f")]
    return trace(*kept, *unanswered("s", "g", "stock", "GET /stock/17"))


NO_STOCK = window(page_without_stock(), error_rate=0.4)
NO_STOCK_AND_FLAKE = window(page_without_stock(FLAKE), error_rate=0.4)


def after(number, control, severity=0.0, **fields):
    """A harmless trial with this fault-free window before it."""
    fields = {"observation": HEALTHY, "severity": 0.0, "delay_ms": 200} | fields
    return tried(number, **fields).model_copy(update={"control": Control(observation=control, severity=severity)})


class TestFlakes:
    def test_p14_a_flaky_call_heads_no_title(self):
        flakes = [after(n, FLAKY if n == 5 else HEALTHY) for n in range(2, 12)]
        (first,) = found(tried(1, NO_STOCK_AND_FLAKE, service="stock")).modes
        (later,) = found(tried(1, NO_STOCK_AND_FLAKE, service="stock"), *flakes).modes
        assert "reviews" in first.sentence
        weights = {fact.where: fact.weight for fact in later.signature}
        assert (weights[STOCK], weights[REVIEWS]) == (CAUSE, HINT)
        assert later.sentence.startswith("gateway gets an error from stock")

    def test_p14_a_trial_that_shows_a_flake_alone_is_harmless(self):
        flake = tried(1, FLAKY, 0.6)
        assert len(found(flake).modes) == 1
        told = found(flake, *(after(n, FLAKY if n % 5 == 0 else HEALTHY, 0.6 * (n % 5 == 0)) for n in range(2, 12)))
        assert told.modes == ()
        assert told.harmless == 11

    def test_p14_one_that_hurts_more_than_any_fault_free_window_is_none(self):
        told = found(tried(1, FLAKY, 6.0), *(after(n, FLAKY, 0.6) for n in range(2, 5)))
        assert [mode.severity for mode in told.modes] == [6.0]

    def test_p14_what_most_fault_free_windows_do_is_normal(self):
        told = found(tried(1, FLAKY, 0.7), *(after(n, FLAKY, 0.6) for n in range(2, 6)))
        assert told.modes == ()

    def test_p14_it_is_told_how_often_fault_free_runs_looked_like_a_failure(self):
        flaky = {"control": Control(observation=FLAKY, severity=0.6)}
        told = found(tried(1), *(verifying(n).model_copy(update=flaky) for n in range(2, 6)))
        assert (told.controls, told.false_alarms) == (4, 4)

    @given(st.integers(1, 9))
    def test_p14_in_one_of_ten_windows_it_is_a_hint_and_in_most_nothing(self, flakes):
        normal = Normal((*[FLAKY] * flakes, *[HEALTHY] * (10 - flakes)))
        weights = {fact.where: fact.weight for fact in signature(NO_STOCK_AND_FLAKE, normal)}
        assert weights[STOCK] == CAUSE
        assert weights.get(REVIEWS) == (HINT if flakes < 5 else None)

    def test_what_one_of_many_windows_does_hides_nothing(self):
        normal = Normal((FLAKY, *[HEALTHY] * 25))
        assert normal.usual("product")[REVIEWS].fails == 0
        assert {fact.where: fact.weight for fact in signature(FLAKY, normal)}[REVIEWS] == CAUSE
        slow = window(page(ms=900), latency_ms=900)
        assert Normal((slow, *[HEALTHY] * 25)).latencies_ms[-1] == 40
        assert Normal((slow, HEALTHY)).latencies_ms[-1] == 900


class TestAftermath:
    def test_what_a_fault_left_behind_is_not_normal(self):
        left = after(2, NO_REVIEWS, 1.9)
        (mode,) = found(tried(1), left).modes
        assert mode.sentence == found(tried(1)).modes[0].sentence
        assert found(tried(1), after(2, HEALTHY), after(3, NO_REVIEWS, 6.0)).modes == ()

    def test_a_session_whose_controls_are_all_such_is_judged_by_its_baseline(self):
        evidence = Evidence((HEALTHY,))
        assert evidence.after([tried(1), after(2, NO_REVIEWS, 1.9)]) is evidence


class TestDrift:
    """F15: latency rises by 8 ms a second, whatever is injected."""

    def trials(self, n=30, readings=4):
        def seen(at):
            latency_ms = 20 + 8.0 * at
            return window(page(ms=latency_ms), latency_ms=latency_ms)

        def severity(at):
            return AnalyzerService().calculate_severity(seen(at), Normal((seen(0),))).total_score

        made = [tried(number, seen(number), severity(number)) for number in range(1, n + 1)]
        for number in range(n + 1, n + 1 + readings):
            control = Control(observation=seen(number - 0.5), severity=severity(number - 0.5))
            reading = verifying(number, of=n, observation=seen(number), severity=severity(number))
            made.append(reading.model_copy(update={"control": control}))
        return made, Evidence((seen(0), seen(0.1), seen(0.2)))

    @pytest.mark.parametrize("readings", [1, 2, 4, 8])
    def test_f15_what_is_as_frequent_without_the_fault_is_not_its_doing(self, readings):
        trials, evidence = self.trials(readings=readings)
        told = catalogue(trials, evidence, session_id=ID)
        assert told.false_alarms == readings
        assert all(mode.verdict in (None, Verdict.INCONCLUSIVE) for mode in told.modes)
        assert not any(mode.fails(0.6) for mode in told.modes if mode.verdict is not None)

    def test_f15_at_first_it_looks_like_a_failure(self):
        trials, evidence = self.trials(readings=0)
        assert catalogue(trials, evidence, session_id=ID).modes


@given(st.permutations(range(2, 8)), st.integers(1, 7))
def test_what_is_normal_follows_from_the_history_alone(order, n):
    """However often and at whichever moments it was asked for: a resumed session goes on as the first would have."""
    trials = [tried(1), *(after(k, FLAKY if k % 3 == 0 else HEALTHY, 0.6 * (k % 3 == 0)) for k in range(2, 8))]
    asked, fresh = Evidence((HEALTHY,)), Evidence((HEALTHY,))
    for k in order:
        asked.after(trials[:k])
    assert asked.after(trials[:n]).normal.observations == fresh.after(trials[:n]).normal.observations
    assert catalogue(trials[:n], asked, session_id=ID) == catalogue(trials[:n], fresh, session_id=ID)
