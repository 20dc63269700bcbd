"""Numbers in steps: `step: 10` takes 10, 20, 30 and nothing between."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.optimizer import OptimizerCore
from boifi_core.space import SearchSpace

FAULT = {"name": "fault_type", "type": "categorical", "values": ["delay"]}


def space(**numbers):
    return SearchSpace.parse([FAULT, {"name": "delay_ms", "type": "integer", "min": 10, "max": 200, **numbers}])


def test_b6_a_step_is_kept_to_by_whatever_draws():
    asked = space(step=50)
    assert asked.n_points == 4
    assert asked.dimension("delay_ms").domain == "10..160 in steps of 50"
    assert [row[1] for row in asked.all_rows(1)] == [10, 60, 110, 160]
    core = OptimizerCore(asked, random_state=1, initial_points=2)
    seen = []
    for _ in range(4):
        point = core.propose()
        core.record(point, point["delay_ms"] / 20)
        seen.append(point["delay_ms"])
    assert sorted(seen) == [10, 60, 110, 160]
    assert all(isinstance(value, int) for value in seen)


@st.composite
def stepped(draw):
    kind = draw(st.sampled_from(["integer", "real"]))
    unit = 1 if kind == "integer" else draw(st.sampled_from([0.1, 0.25, 0.05]))
    low, step = draw(st.integers(1, 20)) * unit, draw(st.integers(1, 7)) * unit
    high = low + step * draw(st.integers(1, 12)) + draw(st.integers(0, 1)) * step / 2
    high = int(high) if kind == "integer" else high
    return {"name": "delay_ms", "type": kind, "min": round(low, 4), "max": round(high, 4), "step": round(step, 4),
            "log_scale": draw(st.booleans())}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(dimension=stepped(), seed=st.integers(0, 100), share=st.floats(-0.5, 0.45))
def test_b6_all_that_is_drawn_listed_and_changed_stays_on_the_steps(dimension, seed, share):
    cut = round(dimension["min"] + share * (dimension["max"] - dimension["min"]), 6)
    constraint = {"field": "delay_ms", "operator": "not_equals", "value": dimension["min"]}
    other = {"name": "x", "type": "categorical", "values": [1, 2],
             "condition": {"field": "delay_ms", "operator": "greater_than", "value": cut}}  # fmt: skip
    asked = SearchSpace.parse({"dimensions": [FAULT, dimension, other], "constraints": [constraint]})
    rng = np.random.default_rng(seed)
    drawn = asked.sample_rows(rng, 50)
    rows = np.vstack([drawn, asked.neighbour_rows(drawn, rng)])
    for point in asked.points(rows):
        asked.check(point)
    listed = {round(point["delay_ms"], 6) for point in asked.points(np.array([*asked.all_rows(3)]))}
    steps = round((asked.dimension("delay_ms").high - dimension["min"]) / dimension["step"])
    assert listed == {round(dimension["min"] + k * dimension["step"], 6) for k in range(1, steps + 1)}
    assert {round(point["delay_ms"], 6) for point in asked.points(rows)} <= listed
    assert SearchSpace.parse(asked.dump()) == asked


@pytest.mark.parametrize(
    ("numbers", "rule"),
    [
        ({"step": 0}, "must be above 0"),
        ({"step": -5}, "must be above 0"),
        ({"step": 500}, "at most what lies between min and max, 190"),
        ({"step": 2.5}, "must be a whole number"),
        ({"step": "10"}, "must be a number"),
        ({"step": True}, "must be a number"),
        ({"type": "real", "step": 1e-9}, "1,000,000th of the range"),
    ],
)
def test_a_step_that_cannot_be_is_refused(numbers, rule):
    with pytest.raises(InvalidInput, match=r"^search_space\[1\]\.step: ") as refused:
        space(**numbers)
    assert rule in str(refused.value)


def test_categories_have_no_steps():
    with pytest.raises(InvalidInput, match="not to a categorical one"):
        SearchSpace.parse([{**FAULT, "step": 1}])
