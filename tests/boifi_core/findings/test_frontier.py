"""Where less of one number takes more of another: the smallest faults known, by the trials alone."""

import random

import pytest
from histories import Axis, trial_of
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Bound, FailureMode, MinimalFault
from boifi_core.findings.frontier import by_place, frontier
from boifi_core.findings.region import from_on, region

DIMENSIONS = (
    Axis("target_method", values=("ALL", "GET")),
    Axis("percentage", "integer", low=1, high=100),
    Axis("delay_ms", "integer", low=1, high=500),
)


def delay(ms, percentage=100, method=None, service="reviews"):
    return FaultPlan(
        fault_type="delay", target_service=service, delay_ms=ms, percentage=percentage, target_method=method
    )


def abort(percentage, status=503):
    return FaultPlan(fault_type="abort", target_service="reviews", percentage=percentage, abort_status_code=status)


def told(*seen, faint=(), smallest=None, worst=1):
    """The frontier of a failure after these trials: faults, and whether each showed it."""
    trials = [
        trial_of(number, 6.0, plans=plan if isinstance(plan, tuple) else (plan,))
        for number, (plan, _) in enumerate(seen, 1)
    ]
    numbers = tuple(number for number, (_, shows) in enumerate(seen, 1) if shows)
    mode = FailureMode(
        id="f-00000001", label="F1", sentence="", signature=(), worst=worst, worst_plans=trials[worst - 1].plans,
        severity=6.0, trials=numbers, faint=faint, replay="",
    )  # fmt: skip
    return frontier(mode, by_place(trials), dict.fromkeys(numbers, "F1"), smallest)


def values(points):
    return [(point.plan.delay_ms, point.plan.percentage) for point in points]


def test_what_takes_more_of_one_number_is_told_beside_what_takes_more_of_the_other():
    points = told(
        (delay(400), True), (delay(81), True), (delay(75), False), (delay(127, 74), True), (delay(100, 60), False),
        (delay(200, 90), True),
    )  # fmt: skip
    assert values(points) == [(81, 100), (127, 74)]
    first, second = ({each.dimension: each.holds_at for each in point.thresholds} for point in points)
    assert first == {"delay_ms": 75, "percentage": 60}
    assert second == {"delay_ms": 75, "percentage": None}
    assert [point.trial for point in points] == [2, 4]


def test_a_fault_that_mostly_holds_is_none_of_them():
    points = told((delay(400), True), (delay(81), False), (delay(81), True), (delay(81), False), (delay(90), True))
    assert values(points) == [(90, 100)]
    assert points[0].thresholds[0].holds_at == 81


def test_one_that_showed_it_by_chance_below_several_that_do_not_is_none_of_them():
    odd = ((delay(400), True), (delay(40), True), (delay(60), False), (delay(70), False), (delay(81), True))
    assert values(told(*odd)) == [(81, 100)]
    assert values(told(*odd, *[(delay(40), True)] * 3)) == [(40, 100)]


def test_where_larger_faults_fail_in_another_way_it_still_begins_where_it_does():
    seen = ((delay(81), True), (delay(90), True), *[(delay(ms), False) for ms in (200, 300, 400, 500)])
    assert values(told(*seen)) == [(81, 100)]


def test_methods_and_kinds_are_compared_with_their_like_only():
    points = told(
        (delay(400), True), (delay(200, 50), True), (delay(200, 50, "GET"), True), (abort(40), True),
        (abort(30), False), (abort(20, 500), True), (delay(5, service="stock"), True),
    )  # fmt: skip
    assert [str(point.plan) for point in points] == [
        "delay 200 ms on GET reviews, 50 %", "abort 503 on reviews, 40 %", "abort 500 on reviews, 20 %",
        "delay 5 ms on stock, 100 %",
    ]  # fmt: skip
    assert points[1].thresholds[0].holds_at == 30


def test_of_several_faults_at_once_none_is_known_that_is_needed():
    assert told(((delay(400), abort(50)), True), ((delay(90), abort(50)), True)) == ()


def test_a_few_requests_cross_a_threshold_before_the_typical_ones_do():
    seen = ((delay(400), True), (delay(81), True), (delay(60), True), (delay(90, 10), True), (delay(70, 10), True))
    assert values(told(*seen, faint=(3, 4, 5))) == [(81, 100), (90, 10)]
    assert values(told(*seen, faint=(1, 3, 4, 5))) == [(60, 100), (70, 10)]


def test_the_fault_that_was_looked_for_counts_whatever_else_is_odd():
    plans = (delay(81, 10, "GET"),)
    smallest = MinimalFault(trial=2, plans=plans, severity=6.0)
    seen = ((delay(400), True), (plans[0], True), (delay(90, 20, "GET"), False), (delay(100, 30, "GET"), False))
    assert values(told(*seen, smallest=smallest)) == [(81, 10)]


def is_within(one, other):
    return (
        other.target_method in (None, one.target_method)
        and one.delay_ms <= other.delay_ms
        and one.percentage <= other.percentage
    )


faults = st.builds(delay, st.integers(1, 500), st.integers(1, 100), st.sampled_from([None, None, "GET"]))
readings = st.lists(st.tuples(faults, st.booleans()), min_size=1, max_size=25).map(
    lambda some: [(delay(450), True), *some]
)


@given(readings, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_none_is_smaller_than_another_and_all_were_measured(seen, chance):
    points = told(*seen)
    assert points
    for point in points:
        showed = [shows for plan, shows in seen if plan == point.plan]
        assert 2 * sum(showed) > len(showed) == point.readings
        assert seen[point.trial - 1] == (point.plan, True)
        assert all(each.holds_at is None or each.holds_at < each.fails_at for each in point.thresholds)
        assert not any(other is not point and is_within(other.plan, point.plan) for other in points)
    mixed = [seen[0], *chance.sample(seen[1:], len(seen) - 1)]
    assert [point.plan for point in told(*mixed)] == [point.plan for point in points]


@given(st.lists(faults, max_size=25), st.integers(1, 300), st.integers(1, 60))
@settings(max_examples=60)
def test_of_a_target_without_chance_it_bounds_all_that_fails(tried, least_ms, least_percentage):
    def shows(plan):
        return plan.delay_ms >= least_ms and plan.percentage >= least_percentage

    seen = [(plan, shows(plan)) for plan in (delay(450), *tried)]
    points = told(*seen)
    for plan, fails in seen:
        assert fails == any(is_within(point.plan, plan) for point in points)
    for point in points:
        ms, percentage = point.thresholds
        assert (ms.holds_at or 0) < ms.fails_at
        for each, truth in ((ms, least_ms), (percentage, least_percentage)):
            assert each.holds_at is None or each.holds_at < truth <= each.fails_at


@given(readings)
@settings(max_examples=60)
def test_a_region_never_contradicts_it(seen):
    points = told(*seen)
    found = [{"delay_ms": plan.delay_ms, "percentage": plan.percentage, "target_method": plan.target_method or "ALL"}
             for plan, shows in seen if shows]  # fmt: skip
    bounds = {
        bound.dimension: bound for bound in from_on(region(found, DIMENSIONS), [p.plan for p in points], DIMENSIONS)
    }
    for name in ("delay_ms", "percentage"):
        numbers = [getattr(point.plan, name) for point in points]
        assert bounds[name].low == min(numbers)
        assert max(numbers) <= bounds[name].high
    assert {point.plan.target_method or "ALL" for point in points} <= set(bounds["target_method"].values)


@pytest.mark.parametrize("seed", range(3))
def test_it_follows_from_the_trials_alone(seed):
    chance = random.Random(seed)
    seen = [(delay(chance.randint(1, 500), chance.randint(1, 100)), chance.random() < 0.6) for _ in range(40)]
    assert told((delay(450), True), *seen) == told((delay(450), True), *seen)


def test_values_that_are_no_numbers_of_a_fault_stay_as_they_were_seen():
    bound = Bound(dimension="shards", low=2, high=5)
    assert from_on([bound], [delay(81)], [Axis("shards", "integer", low=1, high=9)]) == (bound,)
