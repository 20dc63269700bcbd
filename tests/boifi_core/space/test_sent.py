"""One fault is one point: those that send the same are told apart by nobody, tried once, and counted once."""

import json
from itertools import islice

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput, SpaceExhausted
from boifi_core.faults.sending import Sending
from boifi_core.injectors.hfi.policy_document import CAPABILITIES, as_sent, policy
from boifi_core.optimizer import OptimizerCore
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails
from boifi_core.space import SearchSpace

HFI = CAPABILITIES.sending


def sent_by_hfi(data):
    return SearchSpace.parse(data).sent_by(HFI)


def documents(space, point):
    """What HFI is sent for a point, in any order."""
    plans = [as_sent(plan).model_copy(update={"duration_seconds": 60}) for plan in space.plans(point)]
    return sorted(json.dumps(policy("a-fault", plan), sort_keys=True) for plan in plans)


def tried(space, n, seed=3):
    """The points of a search with `n` trials, or fewer where there are no more."""
    core, points = OptimizerCore(space, random_state=seed, initial_points=5), []
    for number in range(n):
        try:
            points.append(core.propose())
        except SpaceExhausted:
            break
        core.record(points[-1], (number * 37 % 11) / 2)
    return points


def assert_all_differ(space, points):
    """But for the one that a search may repeat to see whether it is real."""
    keys = [json.dumps(documents(space, point)) for point in points]
    again = [key for place, key in enumerate(keys) if key in keys[:place] and key != keys[place - 1]]
    assert again == []


def categorical(name, *values, **more):
    return {"name": name, "type": "categorical", "values": [*values], **more}


def integer(name, low, high, **more):
    return {"name": name, "type": "integer", "min": low, "max": high, **more}


def real(name, low, high, **more):
    return {"name": name, "type": "real", "min": low, "max": high, **more}


I9 = [
    categorical("fault_type", "delay", "abort"),
    integer("delay_ms", 100, 8000),
    categorical("abort_status_code", 500),
]


def test_f9_what_an_abort_does_not_send_makes_no_points():
    space = sent_by_hfi(I9)
    assert (space.n_points, space.n_faults) == (15_802, 7_902)
    (reason,) = space.twins
    assert reason.startswith(
        "delay_ms: points that differ in it alone send the same faults unless fault_type equals delay; "
    )
    points = tried(space, 40)
    assert_all_differ(space, points)
    assert sum(point["fault_type"] == "abort" for point in points) <= 2  # once, and again where it surprises


def test_f9_a_condition_is_the_cure():
    delay = integer("delay_ms", 100, 8000, condition={"field": "fault_type", "operator": "equals", "value": "delay"})
    space = sent_by_hfi([I9[0], delay, I9[2]])
    assert space.twins == []
    assert space.n_faults == space.n_points == 7_902


SMALL = {
    "two services and two codes": (
        [
            categorical("fault_type", "delay", "abort"),
            categorical("target_service", "cart", "stock"),
            integer("delay_ms", 1, 50),
            categorical("abort_status_code", 500, 503),
        ],
        2 * 50 + 2 * 2,
    ),
    "no fault": ([categorical("fault_type", "none", "abort"), categorical("target_path", "/a", "/b", "/c")], 4),
    "whole percents": ([categorical("fault_type", "abort"), real("percentage", 0.5, 20)], 20),
    "percentages below the first": ([categorical("fault_type", "abort"), real("percentage", 0.1, 0.9)], 1),
    "whole milliseconds": ([categorical("fault_type", "delay"), real("delay_seconds", 0.001, 0.05)], 50),
    "the same words": (
        [
            categorical("fault_type", "abort", "ABORT", "error_injection"),
            categorical("target_method", "get", "GET", "ANY", "all", None),
            categorical("target_service", "*", "cart", ""),
        ],
        4,
    ),
    "a message that is not sent": (
        [categorical("fault_type", "error_injection"), categorical("error_message", "a", "b")],
        1,
    ),
    "the default": ([categorical("fault_type", "abort"), categorical("abort_status_code", 500, None, 503)], 2),
    "a shared field that is hidden": (
        [
            categorical("a.fault_type", "abort"),
            categorical("a.target_path", "/x", "/y"),
            categorical("target_path", "/", "/z"),
        ],
        2,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "different"), SMALL.values(), ids=SMALL)
def test_f9_different_faults_are_counted_and_tried_once_each(data, different):
    space = sent_by_hfi(data)
    assert space.n_faults == different
    assert space.twins
    points = tried(space, different + 20)
    assert len({json.dumps(documents(space, point)) for point in points}) == different
    assert_all_differ(space, points)


def pairs(*services, types=("none", "delay", "abort"), **more):
    dimensions = []
    for prefix in "ab":
        dimensions += [
            categorical(f"{prefix}.fault_type", *types),
            categorical(f"{prefix}.target_service", *services),
        ]
    return {"dimensions": dimensions, "fixed": {"delay_ms": 50}, **more}


def test_p8_two_faults_at_one_place_are_no_point_and_pairs_have_no_order():
    space = sent_by_hfi(pairs("cart", "stock", "pay"))
    # None, one of two kinds on each of three services, two kinds each on each of three pairs of services.
    assert space.n_faults == 1 + 2 * 3 + 2 * 2 * 3
    points = tried(space, 40)
    assert_all_differ(space, points)
    for point in points:
        places = [plan.target_service for plan in space.plans(point)]
        assert len(set(places)) == len(places)
    assert {len(space.plans(point)) for point in points} == {0, 1, 2}
    assert any("a., b.: which of these faults is which makes no difference" in reason for reason in space.twins)


def test_p8_faults_that_can_only_be_at_one_place_may_be_there_together():
    data = [categorical("a.fault_type", "delay"), categorical("b.fault_type", "abort"), integer("a.delay_ms", 1, 3)]
    space = sent_by_hfi(data)
    assert all(len(space.plans(point)) == 2 for point in tried(space, 3))


def test_p8_where_there_are_fewer_places_than_faults_some_meet():
    data = pairs("cart", types=("abort",))
    data["dimensions"] += [categorical("c.fault_type", "abort"), categorical("c.target_service", "cart", "pay")]
    space = sent_by_hfi(data)
    assert [len(space.plans(point)) for point in tried(space, 1)] == [3]


def test_of_many_faults_that_may_not_meet_few_at_once_are_listed_first():
    data = [
        dimension
        for number in range(30)
        for dimension in (
            categorical(f"f{number}.fault_type", "delay", "abort", "none"),
            categorical(f"f{number}.target_service", "cart", "stock", "pay"),
            integer(f"f{number}.percentage", 1, 100),
        )
    ]
    rails = Guardrails(protected_services=("stock", "pay"), max_percentage=50)
    space = guarded(sent_by_hfi({"dimensions": data, "fixed": {"delay_ms": 50}}), rails)
    points = space.points(np.array([*islice(space.all_rows(2), 90)]))
    assert {len(space.plans(point)) for point in points} == {0, 1}
    assert len({json.dumps(documents(space, point)) for point in points}) == 90


@pytest.mark.parametrize("most", [1, 2])
def test_what_is_one_fault_is_so_beside_guardrails_and_a_limit_of_faults_too(most):
    rails = Guardrails(protected_services=("pay",), max_percentage=60)
    data = pairs("cart", "stock", "pay", at_most=most, fixed={"delay_ms": 50, "percentage": 50})
    space = guarded(sent_by_hfi(data), rails)
    points = tried(space, 20)
    assert_all_differ(space, points)
    services = {plan.target_service for point in points for plan in space.plans(point)}
    assert services == {"cart", "stock"}
    assert max(len(space.plans(point)) for point in points) == most
    assert len({json.dumps(documents(space, point)) for point in points}) == {1: 5, 2: 9}[most]


def test_a_history_of_before_is_read_and_counts_as_tried():
    space = sent_by_hfi(I9)
    core = OptimizerCore(space, random_state=3, initial_points=2)
    for delay_ms in (4_711, 815):
        core.record({"fault_type": "abort", "delay_ms": delay_ms, "abort_status_code": 500}, 6.0)
    points = [core.propose() for _ in range(10)]
    assert all(point["fault_type"] == "delay" for point in points)
    assert core.best_point[0] == {"fault_type": "abort", "delay_ms": 4_711, "abort_status_code": 500}
    assert core.best_point.readings == 2


def test_where_a_constraint_forbids_the_one_that_stands_for_all_no_fault_is_tried_twice():
    rule = {
        "if": {"field": "target_path", "operator": "equals", "value": "/a"},
        "then": {"field": "delay_ms", "operator": "greater_than", "value": 4},
    }
    data = {
        "dimensions": [
            categorical("fault_type", "delay", "abort"),
            categorical("target_path", "/a", "/b"),
            integer("delay_ms", 1, 8),
        ],
        "constraints": [rule],
    }  # fmt: skip
    space = sent_by_hfi(data)
    points = tried(space, 40)
    assert_all_differ(space, points)
    assert len({json.dumps(documents(space, point)) for point in points}) == space.n_faults == 4 + 8 + 2


def test_a_space_of_one_fault_in_a_billion_points_is_done_at_once():
    data = [categorical("fault_type", "abort"), integer("delay_ms", 1, 30_000), integer("start_delay_ms", 5, 5 + 1)]
    space = sent_by_hfi(data)
    assert len({point["start_delay_ms"] for point in tried(space, 10)}) == 2


_SOME = {
    "target_service": ["a", "b", "*", None],
    "target_path": ["/", "/a", "/a/b", "^/x"],
    "abort_status_code": [500, 503, None],
}


@st.composite
def sessions(draw):
    """Search spaces as people write them, with whatever makes points that send the same."""
    dimensions = []
    for prefix in draw(st.sampled_from([("",), ("a.", "b."), ("a.", "b.", "c.")])):
        types = draw(st.lists(st.sampled_from(["none", "delay", "abort", "error_injection"]), min_size=1, unique=True))
        dimensions.append(categorical(f"{prefix}fault_type", *types))
        some = {
            name: draw(st.lists(st.sampled_from(values), min_size=1, unique=True)) for name, values in _SOME.items()
        }
        possible = {
            **{name: categorical(f"{prefix}{name}", *values) for name, values in some.items()},
            "percentage": real(f"{prefix}percentage", 0.2, draw(st.sampled_from([0.8, 3.5, 4.0]))),
            "delay": integer(f"{prefix}delay_ms", 0, 3),
        }
        wanted = draw(st.lists(st.sampled_from([*possible]), unique=True))
        if "delay" in types and "delay" not in wanted:
            wanted.append("delay")
        dimensions += [possible[name] for name in wanted]
    return {
        "dimensions": draw(st.permutations(dimensions)),
        "fixed": draw(st.sampled_from([{}, {"target_method": "GET"}])),
    }


@settings(max_examples=60, deadline=None)
@given(data=sessions(), seed=st.integers(0, 50))
def test_f9_rows_are_one_exactly_where_what_is_sent_is_one(data, seed):
    plain = SearchSpace.parse(data)
    space = plain.sent_by(HFI)
    drawn = plain.sample_rows(np.random.default_rng(seed), 60)
    kept = space.canonical_rows(drawn)
    sent = [json.dumps(documents(space, point)) for point in space.points(drawn)]
    assert [json.dumps(documents(space, point)) for point in space.points(kept)] == sent
    ids = space.ids(drawn)
    assert space.ids(kept) == ids
    for one in range(len(ids)):
        for other in range(one):
            assert (ids[one] == ids[other]) is (sent[one] == sent[other])
    for point in space.points(space.sample_rows(np.random.default_rng(seed), 20)):
        space.check(point)
    assert (space.canonical_rows(kept) == kept)[~np.isnan(kept)].all()


@settings(max_examples=25, deadline=None)
@given(data=sessions(), seed=st.integers(0, 5))
def test_f9_no_search_tries_a_fault_twice_as_new(data, seed):
    space = sent_by_hfi(data)
    assume(space.n_faults is None or space.n_faults > 1)
    points = tried(space, 14, seed)
    assert_all_differ(space, points)
    if space.n_faults is not None:
        assert len({json.dumps(documents(space, point)) for point in points}) >= min(space.n_faults, 9)


def test_without_an_injector_each_point_is_its_own():
    space = SearchSpace.parse(I9)
    rows = space.sample_rows(np.random.default_rng(0), 20)
    assert len(set(space.ids(rows))) > 15
    assert space.canonical_rows(rows) is rows
    assert space.twins == []


def test_an_injector_that_sends_all_as_it_is_has_fewer_twins():
    space = SearchSpace.parse([categorical("fault_type", "abort"), real("percentage", 0.1, 0.9)]).sent_by(Sending())
    assert space.twins == []
    assert len(tried(space, 12)) == 12


def test_a_guardrail_beside_whole_percents_looks_at_what_is_sent():
    space = sent_by_hfi([categorical("fault_type", "abort"), real("percentage", 0.1, 5)])
    inside = guarded(space, Guardrails(max_percentage=2.4))
    assert {as_sent(plan).percentage for point in tried(inside, 9) for plan in inside.plans(point)} == {1, 2}
    with pytest.raises(InvalidInput, match="forbids every point"):
        guarded(space, Guardrails(max_percentage=0.5))
