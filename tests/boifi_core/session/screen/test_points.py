"""What a screen may try: faults at full strength, in the space's own terms."""

import json

import pytest
from hypothesis import given
from search_spaces import spaces

from boifi_core.errors import InvalidInput
from boifi_core.injectors.hfi.injector import HfiInjector
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails
from boifi_core.session.screen.points import both, full_strength, in_part, with_number
from boifi_core.space import SearchSpace

SENDING = HfiInjector.capabilities.sending


def one(prefix="", **fields):
    fields = {"target_service": ["cart", "payments"], **fields}
    is_delay = {"field": f"{prefix}fault_type", "operator": "equals", "value": "delay"}
    is_abort = {**is_delay, "value": "abort"}
    return [
        {"name": f"{prefix}fault_type", "type": "categorical", "values": fields.get("types", ["delay", "abort"])},
        {"name": f"{prefix}target_service", "type": "categorical", "values": fields["target_service"]},
        {"name": f"{prefix}percentage", "type": "integer", "min": 5, "max": 100},
        {"name": f"{prefix}delay_ms", "type": "integer", "min": 10, "max": 2000, "log_scale": True,
         "condition": is_delay},
        {"name": f"{prefix}abort_status_code", "type": "categorical", "values": [500, 503], "condition": is_abort},
    ]  # fmt: skip


def space_of(*dimensions, **more):
    return SearchSpace.parse({"dimensions": [*dimensions], **more}).sent_by(SENDING)


def lines(space, points):
    return sorted(" + ".join(map(str, space.plans(point))) for point in points)


def test_each_place_is_broken_in_each_way_at_full_strength():
    space = space_of(*one())
    assert lines(space, full_strength(space)) == [
        "abort 500 on cart, 100 %",
        "abort 500 on payments, 100 %",
        "abort 503 on cart, 100 %",
        "abort 503 on payments, 100 %",
        "delay 2000 ms on cart, 100 %",
        "delay 2000 ms on payments, 100 %",
    ]


def test_it_is_as_strong_as_the_guardrails_allow():
    space = guarded(space_of(*one()), Guardrails(max_delay_ms=500, max_percentage=60, protected_services=("payments",)))
    found = [plan for point in full_strength(space) for plan in space.plans(point)]
    assert {plan.target_service for plan in found} == {"cart"}
    assert {plan.fault_type for plan in found} == {"delay", "abort"}
    assert {plan.percentage for plan in found} == {60}
    assert {plan.delay_ms for plan in found} == {500, None}


DELAYS = [
    ({"type": "integer", "min": 1, "max": 60_000}, 2500, 2497, 2500),
    ({"type": "integer", "min": 1, "max": 60_000, "log_scale": True}, 2500, 2498, 2500),
    ({"type": "integer", "min": 100, "max": 60_100, "step": 400}, 2500, 2500, 2500),
    ({"type": "integer", "min": 0, "max": 60_000, "step": 400}, 2500, 2400, 2400),
    ({"type": "integer", "min": 1, "max": 2000}, 1, 1, 1),
    ({"type": "categorical", "values": [4000, 100, 2000]}, 2500, 2000, 2000),
]


@pytest.mark.parametrize(("domain", "most_ms", "least", "most"), DELAYS)
def test_a_delay_is_the_longest_of_the_space_that_the_guardrails_allow(domain, most_ms, least, most):
    dimensions = [each for each in one() if each["name"] != "delay_ms"]
    delay = {"name": "delay_ms", **domain, "condition": dimensions[-1]["condition"] | {"value": "delay"}}
    space = guarded(space_of(*dimensions, delay), Guardrails(max_delay_ms=most_ms))
    delays = {plan.delay_ms for point in full_strength(space) for plan in space.plans(point)} - {None}
    assert len(delays) == 1
    assert least <= delays.pop() <= most


def test_where_constraints_forbid_the_weakest_too_it_is_what_they_leave():
    dimensions = one()
    rules = [
        {"if": {"field": "target_service", "operator": "equals", "value": "cart"},
         "then": {"field": "delay_ms", "operator": operator, "value": value}}
        for operator, value in (("greater_than", 300), ("less_than", 901))
    ]  # fmt: skip
    space = space_of(*dimensions, constraints=rules)
    found = {str(plan) for point in full_strength(space) for plan in space.plans(point) if plan.delay_ms}
    assert found == {"delay 900 ms on cart, 100 %", "delay 2000 ms on payments, 100 %"}


def test_a_fault_of_full_strength_lasts_as_long_as_it_may():
    space = space_of(*one(), {"name": "duration_seconds", "type": "integer", "min": 1, "max": 20})
    assert {plan.duration_seconds for point in full_strength(space) for plan in space.plans(point)} == {20}


def test_what_says_nothing_of_strength_is_at_its_default():
    load = {"name": "load", "type": "integer", "min": 1, "max": 20, "default": 7}
    space = space_of(*one(), load)
    assert {plan.parameters["load"] for point in full_strength(space) for plan in space.plans(point)} == {7}


def test_of_several_faults_all_but_one_are_off():
    space = space_of(*one("a."), *one("b.", types=["none", "delay", "abort"]))
    assert lines(space, full_strength(space)) == lines(space_of(*one()), full_strength(space_of(*one())))


def test_where_none_can_be_off_they_are_tried_together():
    space = space_of(*one("a."), *one("b."))
    found = full_strength(space)
    assert found
    assert {len(space.plans(point)) for point in found} == {2}


def test_numbers_that_are_listed_have_a_strength_too():
    listed = {"name": "percentage", "type": "categorical", "values": [10, 100, 50]}
    space = space_of(*(each for each in one() if each["name"] != "percentage"), listed)
    assert {plan.percentage for point in full_strength(space) for plan in space.plans(point)} == {100}


def test_more_combinations_than_can_be_looked_at_are_drawn():
    many = [f"s{number}" for number in range(3000)]
    space = space_of(*one(target_service=many))
    found = full_strength(space)
    assert 1000 < len(found) <= 4000
    assert len({json.dumps(point) for point in found}) == len(found)


@given(spaces())
def test_whatever_the_space_they_are_points_of_it_and_send_different_faults(space):
    sent = space.sent_by(SENDING)
    found = full_strength(sent)
    for point in found:
        sent.check(point)
        assert sent.plans(point)
    ids = sent.ids(sent.rows(found)) if found else []
    assert len(set(ids)) == len(ids)


def test_two_faults_are_put_together_at_two_places():
    space = space_of(*one("a."), *one("b.", types=["none", "delay", "abort"]))
    by_line = {str(space.plans(point)[0]): point for point in full_strength(space)}
    point = both(space, by_line["abort 503 on cart, 100 %"], by_line["delay 2000 ms on payments, 100 %"])
    assert point is not None
    space.check(point)
    assert sorted(map(str, space.plans(point))) == ["abort 503 on cart, 100 %", "delay 2000 ms on payments, 100 %"]


def test_a_space_of_one_fault_has_no_pairs():
    space = space_of(*one())
    first, *_, last = full_strength(space)
    assert both(space, first, last) is None


def test_two_at_most_are_no_three():
    prefixes = [each for prefix in ("a.", "b.", "c.") for each in one(prefix, types=["none", "delay", "abort"])]
    space = space_of(*prefixes, at_most=1)
    first, *_, last = full_strength(space)
    assert both(space, first, last) is None


@pytest.mark.parametrize(("wanted", "has"), [(75, 75), (75.4, 75), (5, 10), (9_999, 2000)])
def test_a_number_is_the_nearest_that_there_is(wanted, has):
    space = space_of(*one())
    point = next(point for point in full_strength(space) if "delay_ms" in point)
    changed = with_number(space, point, ["delay_ms"], wanted)
    assert changed is not None
    assert changed["delay_ms"] == has
    with pytest.raises(InvalidInput):
        space.check({**changed, "delay_ms": 9})


@pytest.mark.parametrize(("wanted", "has"), [(75, 100), (400, 500), (9_999, 2000)])
def test_of_listed_numbers_it_is_the_nearest_too(wanted, has):
    dimensions = [each for each in one() if each["name"] != "delay_ms"]
    is_delay = dimensions[-1]["condition"] | {"value": "delay"}
    listed = {"name": "delay_ms", "type": "categorical", "values": [2000, 100, 500], "condition": is_delay}
    space = space_of(*dimensions, listed)
    point = next(point for point in full_strength(space) if "delay_ms" in point)
    changed = with_number(space, point, ["delay_ms"], wanted)
    assert changed is not None
    assert changed["delay_ms"] == has


def test_hardly_fewer_requests_are_no_part_of_them():
    nearly_all = {"name": "percentage", "type": "integer", "min": 70, "max": 100}
    space = space_of(*(each for each in one() if each["name"] != "percentage"), nearly_all)
    assert in_part(space, full_strength(space)[0]) is None


def test_a_part_of_the_requests_is_a_third_of_them():
    space = space_of(*one())
    point = full_strength(space)[0]
    part = in_part(space, point)
    assert part == {**point, "percentage": 30}
    assert in_part(space, part) is None
