"""What the passes that make a fault smaller stand on: which fault is simpler, and where along a scale it begins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.faults.kinds import DELAY_MS, PERCENTAGE
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.passes.base import simplicity
from boifi_core.findings.passes.bisection import Bracket, bisect, bracket


def delay(ms, **fields):
    return FaultPlan(fault_type="delay", delay_ms=ms, **fields)


@pytest.mark.parametrize(
    ("simpler", "other"),
    [
        ((delay(400),), (delay(5), delay(5))),
        ((delay(99, percentage=100),), (delay(100, percentage=1, target_method="GET"),)),
        ((delay(99, target_method="GET"),), (delay(99, percentage=1),)),
        ((delay(99, target_path="/reviews/new"),), (delay(99, target_path="/reviews", percentage=1),)),
        ((delay(99, percentage=50),), (delay(99, percentage=51),)),
    ],
)
def test_fewer_is_simpler_than_milder_than_narrower_than_rarer(simpler, other):
    assert simplicity(simpler) < simplicity(other)


class Line:
    """A scale along which failing begins at `true`; all that was asked."""

    def __init__(self, true, start, floor):
        self.true, self.start, self.floor, self.said = true, start, floor, {start: [True]}

    def look(self):
        return bracket(self.said, self.start, (), self.floor)

    def ask(self, value):
        assert value not in self.said
        self.said[value] = [value >= self.true]


@given(st.sampled_from([DELAY_MS, PERCENTAGE]), st.integers(1, 400), st.data())
def test_bisection_ends_close_to_where_failing_begins(scale, floor, data):
    start = data.draw(st.integers(floor, 500))
    line = Line(data.draw(st.floats(floor, start)), float(start), float(floor))
    fails, holds = bisect(line.look, line.ask, scale, line.floor)
    assert fails >= line.true
    assert fails == floor if holds is None else holds < line.true and scale.is_close(fails, holds)
    assert len(line.said) <= 16


@given(st.floats(1, 100), st.floats(1, 100))
def test_bisection_ends_between_fractions_too(start, true):
    line = Line(min(start, true), start, 1.0)
    fails, holds = bisect(line.look, line.ask, PERCENTAGE, line.floor)
    assert fails >= line.true > (holds or 0)


def test_one_odd_reading_does_not_outweigh_several():
    said = {400.0: [True], 100.0: [True, True, True], 150.0: [False], 50.0: [False]}
    assert bracket(said, 400.0, (), 1.0) == Bracket(100.0, 50.0, True)


def test_what_others_tell_bounds_it_and_is_not_measured():
    assert bracket({50.0: [False]}, 400.0, (80.0, 500.0), 1.0) == Bracket(400.0, 80.0, False)
