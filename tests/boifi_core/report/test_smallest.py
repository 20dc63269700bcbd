"""The smallest fault in words, and that nothing beside it says otherwise."""

import re

import pytest
from failures import DIMENSIONS, HEALTHY, ID, NO_REVIEWS, found, tried, verifying
from histories import trial_of
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import MINIMISE, FrontierPoint, MinimalFault, Threshold
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.evidence import Evidence
from boifi_core.models import Choice, Near, Phase
from boifi_core.report.failures import failures
from boifi_core.report.smallest import also_text, seen_with, smallest_text


def delay(ms, percentage=100, **fields):
    return FaultPlan(fault_type="delay", target_service="reviews", delay_ms=ms, percentage=percentage, **fields)


def point(plan, *holds_at):
    holds_at = holds_at or (None,) * len(plan.kind.scales)
    thresholds = tuple(
        Threshold(dimension=scale.name, fails_at=getattr(plan, scale.name), holds_at=held, unit=scale.unit)
        for scale, held in zip(plan.kind.scales, holds_at, strict=True)
    )
    return FrontierPoint(trial=1, plan=plan, shown=1, readings=1, thresholds=thresholds)


def mode_with(*points, minimal=True):
    (mode,) = found(tried(1)).modes
    smallest = MinimalFault(trial=1, plans=(points[0].plan,), severity=6.0) if minimal else None
    return mode.model_copy(update={"minimal": smallest, "frontier": points, "worst_plans": (points[0].plan,)})


def test_less_of_one_number_takes_more_of_the_other():
    mode = mode_with(point(delay(81), 75, 40), point(delay(127, 74), 75, None), point(delay(300, 20), 250, 15))
    assert smallest_text(mode) == (
        "delay on reviews: at 100 % from 81 ms on (75 ms does not, nor 40 %), at 74 % from 127 ms on, "
        "at 20 % from 300 ms on (250 ms does not, nor 15 %)"
    )


def test_of_many_points_the_ends_and_one_between_are_told():
    mode = mode_with(*(point(delay(50 + 10 * n, 100 - 10 * n)) for n in range(7)))
    assert smallest_text(mode) == (
        "delay on reviews: at 100 % from 50 ms on, at 70 % from 80 ms on, at 40 % from 110 ms on (less was not tried)"
    )


def test_a_fault_of_one_number_begins_there():
    abort = FaultPlan(fault_type="abort", target_service="reviews", percentage=29, abort_status_code=500)
    assert smallest_text(mode_with(point(abort, 10))) == "abort 500 on reviews: from 29 % on (10 % does not)"


def test_methods_are_told_apart():
    mode = mode_with(point(delay(81, target_method="GET"), 75, None), point(delay(127, 74)))
    assert smallest_text(mode) == (
        "delay on GET reviews: at 100 % from 81 ms on (75 ms does not); delay on reviews: at 74 % from 127 ms on"
    )


def test_where_no_smaller_one_was_looked_for_it_is_told_as_it_was_seen():
    assert smallest_text(mode_with(point(delay(81)), minimal=False)) == "seen with delay 81 ms on reviews, 100 %"


def test_other_places_and_kinds_are_told_apart():
    aborts = [
        FaultPlan(fault_type="abort", target_service=f"s{n}", percentage=50, abort_status_code=503) for n in range(6)
    ]
    mode = mode_with(point(delay(81)), *map(point, aborts))
    assert also_text(mode) == (
        "abort 503 on s0, 50 %; abort 503 on s1, 50 %; abort 503 on s2, 50 %; abort 503 on s3, 50 %; 2 more"
    )
    assert also_text(mode_with(point(delay(81)))) == ""


def test_a_region_that_begins_lower_elsewhere_is_not_told_beside_it():
    mode = found(tried(1, delay_ms=81), tried(2, delay_ms=60, service="stock")).modes[0]
    assert "delay_ms 60 to 81" in [str(bound) for bound in mode.region]
    smallest = MinimalFault(trial=1, plans=tried(1, delay_ms=81).plans, severity=6.0)
    here = mode.model_copy(update={"minimal": smallest})
    assert not [bound for bound in seen_with(here) if bound.dimension == "delay_ms"]


def test_of_several_faults_at_once_no_number_is_told_beside_the_thresholds():
    mode = mode_with(point(delay(81)))
    both = mode.minimal.model_copy(update={"plans": (delay(81), delay(90))})
    names = {bound.dimension for bound in seen_with(mode.model_copy(update={"minimal": both}))}
    assert names.isdisjoint({"delay_ms", "percentage"})


@pytest.fixture
def minimised():
    """A failure that 100 ms for all requests show, and 200 ms for 60 %, and no less; made smaller from trial 1 on."""
    why = Choice(reason=MINIMISE, nearest=(Near(trial=1, severity=6.0),))

    def trial(number, ms, percentage, *, shows, **fields):
        plan = delay(ms, percentage)
        point = {"fault_type": "delay", "target_service": "reviews", "percentage": percentage, "delay_ms": ms}
        seen = {"observation": NO_REVIEWS} if shows else {"observation": HEALTHY}
        return trial_of(number, 6.0 if shows else 0.0, point=point, plans=(plan,), **seen, **fields)

    smaller = {"phase": Phase.MINIMISE, "why": why}
    trials = (
        trial(1, 400, 100, shows=True), trial(2, 200, 60, shows=True), trial(3, 200, 40, shows=False),
        trial(4, 100, 100, shows=True, **smaller), trial(5, 90, 100, shows=False, **smaller),
        trial(6, 100, 10, shows=False, **smaller), trial(7, 100, 70, shows=False, **smaller),
    )  # fmt: skip
    return catalogue(trials, Evidence((HEALTHY,)), session_id=ID, dimensions=DIMENSIONS)


def test_the_report_tells_one_story_of_it(minimised):
    text = failures(minimised)
    smallest = (
        "delay on reviews: at 100 % from 100 ms on (90 ms does not, nor 70 %), "
        "at 60 % from 200 ms on (100 ms does not, nor 40 %)"
    )
    assert text.count(smallest) == 2
    assert "percentage 60 to 100" in text
    assert "delay_ms 100 to 400" in text
    assert "from 100 % on" not in text


@given(
    st.lists(st.tuples(st.integers(10, 500), st.integers(10, 100), st.booleans()), max_size=20),
    st.integers(10, 500),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_no_number_in_the_list_lies_beyond_the_region_beside_it(seen, ms):
    why = Choice(reason=MINIMISE, nearest=(Near(trial=1, severity=6.0),))
    trials = [tried(1, delay_ms=500), tried(2, delay_ms=ms, phase=Phase.MINIMISE, why=why)]
    for number, (value, share, shows) in enumerate(seen, 3):
        point = {"fault_type": "delay", "target_service": "reviews", "percentage": share, "delay_ms": value}
        observation, severity = (NO_REVIEWS, 6.0) if shows else (HEALTHY, 0.0)
        trials.append(trial_of(number, severity, point=point, plans=(FaultPlan(**point),), observation=observation))
    mode = found(*trials, verifying(len(trials) + 1, delay_ms=500)).modes[0]
    text = smallest_text(mode)
    bounds = {bound.dimension: bound for bound in mode.region}
    for pattern, name in ((r"from ([\d.]+) ms on", "delay_ms"), (r"at ([\d.]+) %", "percentage")):
        told = [float(number) for number in re.findall(pattern, text)]
        assert told
        assert bounds[name].low <= min(told)
        assert max(told) <= bounds[name].high
