"""The search space without what the guardrails forbid."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.optimizer import OptimizerCore
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails, objection
from boifi_core.space import SearchSpace

IS_DELAY = {"field": "fault_type", "operator": "equals", "value": "delay"}
IS_ABORT = {**IS_DELAY, "value": "abort"}
PATHS = ["/", "/cart", "/cart/add", "/pay", "^/.*"]


@st.composite
def faults(draw):
    """A space with one fault or two, dimensions named in all the ways there are, some of them fixed."""
    fault_type = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort", "none"]}
    delay = draw(st.sampled_from([
        {"name": "delay_ms", "type": "integer", "min": 0, "max": 900},
        {"name": "delay_seconds", "type": "real", "min": 0.0, "max": 0.9},
        {"name": "delay_ms", "type": "categorical", "values": [0, 100, 400, None]},
        {"name": "delay_ms", "type": "real", "min": 0.0, "max": 3.0},
    ]))  # fmt: skip
    optional = [
        {"name": "percentage", "type": "integer", "min": 1, "max": 100},
        {"name": "start_delay_ms", "type": "integer", "min": 0, "max": 300},
        {"name": "target_path", "type": "categorical", "values": PATHS},
        {"name": "target_service", "type": "categorical", "values": ["cart", "pay", None]},
    ]
    kept = [dimension for dimension in optional if draw(st.booleans())]
    dimensions = [fault_type, {**delay, "condition": IS_DELAY}, *kept]
    if draw(st.booleans()):
        prefixed = [{**d, "name": f"a.{d['name']}"} for d in dimensions]
        prefixed[1]["condition"] = {**IS_DELAY, "field": "a.fault_type"}
        dimensions = [*dimensions, *prefixed[:2]]
        dimensions = [d if d in kept else {**d, "name": f"b.{d['name']}"} if "a." not in d["name"] else d
                      for d in dimensions]  # fmt: skip
        dimensions[1] = {**dimensions[1], "condition": {**IS_DELAY, "field": "b.fault_type"}}
    return SearchSpace.parse(dimensions)


rails = st.fixed_dictionaries(
    {},
    optional={
        "max_percentage": st.integers(1, 100),
        "max_delay_ms": st.sampled_from([1, 2, 100, 399, 400, 650]),
        "protected_paths": st.lists(st.sampled_from(["/cart", "/pay"]), max_size=1),
        "protected_services": st.lists(st.sampled_from(["cart", "pay"]), max_size=1),
    },
).map(Guardrails.model_validate)


@settings(max_examples=40, deadline=None)
@given(space=faults(), rails=rails, seed=st.integers(0, 99))
def test_it_is_just_what_the_guardrails_say_of_each_plan(space, rails, seed):
    rng = np.random.default_rng(seed)
    rows = space.sample_rows(rng, 80)
    allowed = [all(objection(plan, rails) is None for plan in space.plans(point)) for point in space.points(rows)]
    try:
        inside = guarded(space, rails)
    except InvalidInput:
        assert sum(allowed) == 0
        return
    assert inside.valid_rows(rows).tolist() == allowed
    drawn = inside.sample_rows(rng, 40)
    assert len(drawn) == 40
    for point in space.points(np.vstack([drawn, inside.neighbour_rows(drawn, rng)])):
        space.check(point)
        assert all(objection(plan, rails) is None for plan in space.plans(point))


def narrow():
    """Guardrails that leave two points in a hundred."""
    paths = [f"/p{number:02}" for number in range(50)]
    space = SearchSpace.parse([
        {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": "target_path", "type": "categorical", "values": paths},
        {"name": "percentage", "type": "integer", "min": 1, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 100, "max": 8000, "condition": IS_DELAY},
    ])  # fmt: skip
    return guarded(space, Guardrails.model_validate({"protected_paths": paths[2:], "max_percentage": 50}))


def test_what_is_left_of_a_space_is_drawn_from_widely():
    points = narrow().sample(np.random.default_rng(0), 300)
    assert {point["target_path"] for point in points} == {"/p00", "/p01"}
    assert len({point["percentage"] for point in points}) > 25
    assert len({point.get("delay_ms") for point in points}) > 80


def test_a_proposal_takes_no_longer_where_little_is_left():
    def seconds(space):
        optimizer = OptimizerCore(space, random_state=1, initial_points=4)
        for point in space.sample(np.random.default_rng(2), 20):
            optimizer.record(point, point["percentage"] / 10)
        took = []
        for _ in range(9):
            started = time.process_time()
            optimizer.record(optimizer.propose(), 1.0)
            took.append(time.process_time() - started)
        return float(np.median(took))

    wide = SearchSpace.parse(narrow().dump())
    assert seconds(narrow()) < 3 * seconds(wide)


def constrained(n_rules):
    """Each rule leaves one of ten values to a dimension: of ten million points hardly any."""
    dimensions = [{"name": "fault_type", "type": "categorical", "values": ["abort"]}]
    dimensions += [{"name": f"d{n}", "type": "integer", "min": 1, "max": 10} for n in range(7)]
    rules = [
        {"if": IS_ABORT, "then": {"field": f"d{n}", "operator": "equals", "value": 1 + n % 10}} for n in range(n_rules)
    ]
    return {"dimensions": dimensions, "constraints": rules}


@pytest.mark.parametrize("n_rules", [6, 7])
def test_constraints_that_leave_almost_nothing_are_sampled_in_bounded_time(n_rules):
    started = time.process_time()
    space = SearchSpace.parse(constrained(n_rules))
    optimizer = OptimizerCore(space, random_state=1, initial_points=3)
    for _ in range(10 ** (7 - n_rules)):
        point = optimizer.propose()
        space.check(point)
        optimizer.record(point, 1.0)
    assert time.process_time() - started < 10


def test_a_puzzle_of_constraints_is_solved_or_refused_in_bounded_time():
    # Any two of twelve dimensions must differ, and there are eleven values: no point, which only a long search shows.
    names = [f"d{n}" for n in range(12)]
    values = [f"v{n}" for n in range(11)]
    dimensions = [{"name": "fault_type", "type": "categorical", "values": ["abort"]}]
    dimensions += [{"name": name, "type": "categorical", "values": values} for name in names]
    rules = [
        {
            "if": {"field": one, "operator": "equals", "value": value},
            "then": {"field": other, "operator": "not_equals", "value": value},
        }
        for one in names
        for other in names
        if one < other
        for value in values
    ]
    started = time.process_time()
    with pytest.raises(InvalidInput, match=r"search_space\.constraints: must"):
        SearchSpace.parse({"dimensions": dimensions, "constraints": rules})
    assert time.process_time() - started < 30
