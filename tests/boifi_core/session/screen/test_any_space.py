"""Whatever the space, the guardrails and the traces: what a screen tries is allowed, new, and always the same."""

import math
import random
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from screening import SENDING, Screening, call, window

from boifi_core.analyzer.normal import Normal
from boifi_core.errors import InvalidInput
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails, objection
from boifi_core.session.screen.leads import Leads
from boifi_core.session.screen.points import full_strength
from boifi_core.space import SearchSpace

VALUES = {
    "target_service": ["cart", "ads", "shop.prod", "*", None],
    "target_path": ["/", "/cart", "/cart/items", "/shop.Cart/Get", "^/c.*"],
    "target_method": ["GET", "POST", "ALL", None],
    "abort_status_code": [404, 429, 500, 503],
    "region": ["eu", "us", 3, None, True],
    "headers": [{"x-user": "a"}, {"x-user": "^b.*", "x-tier": "1"}],
}
NUMBERS = {
    "percentage": [
        {"type": "integer", "min": 1, "max": 100},
        {"type": "real", "min": 0.5, "max": 40.0},
        {"type": "integer", "min": 95, "max": 100},
        {"type": "integer", "min": 20, "max": 100, "step": 40},
        {"type": "categorical", "values": [50, 5, 100]},
    ],
    "delay_ms": [
        {"type": "integer", "min": 1, "max": 60_000},
        {"type": "integer", "min": 1, "max": 60_000, "log_scale": True},
        {"type": "integer", "min": 0, "max": 5000, "step": 500},
        {"type": "real", "min": 0.2, "max": 900.5},
        {"type": "categorical", "values": [100, 2000, 400]},
    ],
    "delay_seconds": [{"type": "real", "min": 0.001, "max": 60.0}],
    "start_delay_ms": [{"type": "integer", "min": 5, "max": 300}],
    "duration_seconds": [{"type": "integer", "min": 1, "max": 30}],
    "load": [{"type": "integer", "min": 1, "max": 9}],
}


@st.composite
def spaces(draw):
    """Search spaces as people write them, of one fault or several."""
    dimensions = []
    for prefix in draw(st.sampled_from([("",), ("",), ("a.", "b."), ("a.", "b.", "c.")])):
        own = {"field": f"{prefix}fault_type", "operator": "equals"}
        kinds = st.sampled_from(["none", "delay", "abort", "error_injection", "rate_limit"])
        types = draw(st.lists(kinds, min_size=1, max_size=4, unique=True))
        dimensions.append({"name": f"{prefix}fault_type", "type": "categorical", "values": types})
        wanted = draw(st.lists(st.sampled_from([*VALUES, *NUMBERS]), unique=True, max_size=6))
        wanted = [name for name in wanted if name not in ("delay_ms", "delay_seconds")]
        if "delay" in types:
            wanted.append(draw(st.sampled_from(["delay_ms", "delay_ms", "delay_seconds"])))
        for name in wanted:
            if name in NUMBERS:
                domain = dict(draw(st.sampled_from(NUMBERS[name])))
            else:
                some = st.lists(st.sampled_from(VALUES[name]), min_size=1, max_size=4, unique_by=repr)
                domain = {"type": "categorical", "values": draw(some)}
            if name.startswith("delay"):
                domain["condition"] = {**own, "value": "delay"}
            elif "none" in types and len(types) > 1 and draw(st.booleans()):
                domain["condition"] = {**own, "operator": "not_equals", "value": "none"}
            dimensions.append({"name": f"{prefix}{name}", **domain})
    more = draw(st.sampled_from([{}, {}, {"at_most": 1}, {"at_most": 2}]))
    try:
        return SearchSpace.parse({"dimensions": dimensions, **more}).sent_by(SENDING)
    except InvalidInput:
        assume(False)


RAILS = st.fixed_dictionaries(
    {},
    optional={
        "max_percentage": st.sampled_from([0.7, 10, 37, 100]),
        "max_delay_ms": st.sampled_from([1, 3, 333, 2500]),
        "protected_paths": st.just(["/cart"]),
        "protected_services": st.lists(st.sampled_from(["cart", "ads"]), min_size=1, unique=True),
    },
).map(Guardrails.model_validate)

CALLEES = ["cart", "ads:8080", "shop.prod.svc.cluster.local", "outbound|80||cart.prod.svc.cluster.local", "else", None]
OPERATIONS = ["GET", "GET /cart/{id}", "/shop.Cart/Get", "shop.Cart/Get", "cart.prod:80/*", "SELECT carts", "", "?"]


def made_up(seed, told):
    """The calls of a window: what is seen depends on nothing but the fault."""
    rng = random.Random(seed)
    found = {}
    for _ in range(rng.randint(0, 6) if told else 0):
        where = rng.choice(["client", "shop", "cart", ""]), rng.choice(CALLEES), rng.choice(OPERATIONS)
        waits = tuple(sorted(rng.choices([0.5, 40.0, 800.0, 29_000.0], k=rng.randint(0, 2))))
        found[where] = call(*where, rng.choice([0.01, 0.3, 1.0]), failed=len(waits), gave_up_ms=waits)
    return tuple(found.values())


@settings(max_examples=30, deadline=None)
@given(space=spaces(), rails=RAILS, told=st.booleans(), seed=st.integers(0, 3))
def test_each_fault_is_allowed_and_new_and_the_same_after_a_resume(space, rails, told, seed):
    try:
        space = guarded(space, rails)
    except InvalidInput:
        assume(False)

    def seen(plans):
        return made_up(f"{seed} {[*map(str, plans)]}", told)

    usual = made_up(str(seed), told)
    first = Screening(space, usual, seen)
    first.go(25)
    tried = [trial.point for trial in first.trials]
    for point in tried:
        space.check(point)
        plans = space.plans(point)
        assert plans
        assert all(objection(plan, rails) is None for plan in plans)
        assert space.valid_rows(space.rows([point])).all()
    assert len({*space.ids(space.rows(tried))} if tried else ()) == len(tried)
    again = Screening(space, usual, seen)
    again.trials = first.trials[: len(tried) // 2]
    again.go(25 - len(again.trials))
    assert [trial.point for trial in again.trials] == tried


def space_of(**values):
    """One fault of these categories; numbers as ever."""
    only = {"field": "fault_type", "operator": "equals"}
    numbers = [
        {"name": "percentage", "type": "integer", "min": 5, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 1, "max": 60_000, "condition": {**only, "value": "delay"}},
    ]
    codes = values.pop("abort_status_code", [500, 503])
    return SearchSpace.parse(
        {
            "dimensions": [
                {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
                *({"name": name, "type": "categorical", "values": each} for name, each in values.items()),
                *numbers,
                {
                    "name": "abort_status_code",
                    "type": "categorical",
                    "values": codes,
                    "condition": {**only, "value": "abort"},
                },
            ]
        }
    ).sent_by(SENDING)


def pairs_of(space, point):
    """Which two categories meet in a point."""
    named = [(d.name, repr(point[d.name])) for d in space.dimensions if d.type == "categorical" and d.name in point]
    return {*combinations(named, 2)}


SERVICES = [f"s{number}" for number in range(60)]
COVERED = [
    {"target_service": SERVICES[:5]},
    {"target_service": SERVICES[:15], "target_method": ["GET", "POST", "ALL"]},
    {"target_service": SERVICES[:6], "target_path": ["/a", "/b", "/c", "/d"], "target_method": ["GET", "POST"]},
    {"target_service": SERVICES[:8], "region": ["eu", "us", "asia"], "abort_status_code": [404, 429, 500, 503]},
    {"target_service": SERVICES, "target_path": ["/a", "/b", "/c"], "target_method": ["GET", "POST"]},
]


@pytest.mark.parametrize("values", COVERED)
@pytest.mark.parametrize("rails", [{}, {"protected_services": ["s1", "s3"]}])
def test_without_traces_pairs_of_categories_are_covered_in_half_more_than_the_fewest_cells(values, rails):
    space = guarded(space_of(**values), Guardrails.model_validate(rails)) if rails else space_of(**values)
    all_pairs = set().union(*(pairs_of(space, point) for point in full_strength(space)))
    fewest = max(Counter((one[0], other[0]) for one, other in all_pairs).values())
    screening = Screening(space, usual=())
    screening.go(3 * fewest)
    whole = [trial.point for trial in screening.trials if trial.plans[0].percentage == 100]
    met = set().union(*(pairs_of(space, point) for point in whole[: math.ceil(1.5 * fewest)]))
    assert met == all_pairs


def test_without_traces_each_place_comes_first_then_each_kind_of_fault_there():
    screening = Screening(space_of(target_service=SERVICES[:20]), usual=())
    screening.go(40)
    plans = [trial.plans[0] for trial in screening.trials]
    assert len({plan.target_service for plan in plans[:20]}) == 20
    assert len({(plan.target_service, plan.fault_type) for plan in plans}) == 40
    kinds = Counter(plan.fault_type for plan in plans[:20])
    assert min(kinds.values()) >= 5


def test_names_that_no_call_has_are_no_traces():
    space = space_of(target_service=SERVICES[:20])
    alien = (call("client", "web-1", "GET /"), call("web-1", "10.1.2.3", "POST"), call("web-1", None, "GET /s1"))
    lines = [Screening(space, usual, seen=lambda _plans, usual=usual: usual).go(40) for usual in (alien, ())]
    assert lines[0] == lines[1]


@pytest.mark.parametrize(
    "dimensions",
    [
        [{"name": "delay_ms", "type": "integer", "min": 1, "max": 900}],
        [{"name": f"{prefix}.delay_ms", "type": "integer", "min": 0, "max": 900} for prefix in "abcd"],
        [{"name": f"{prefix}.percentage", "type": "real", "min": 0, "max": 90} for prefix in "abcd"],
    ],
)
def test_a_space_of_numbers_alone_has_no_cells(dimensions):
    prefixes = {name.rpartition(".")[0] for name in (each["name"] for each in dimensions)}
    kind = "delay" if "delay_ms" in dimensions[0]["name"] else "abort"
    fixed = {f"{prefix}.fault_type" if prefix else "fault_type": kind for prefix in prefixes}
    space = SearchSpace.parse({"dimensions": dimensions, "fixed": fixed})
    assert Leads(space.sent_by(SENDING), Normal(())).are_few


def test_of_a_service_that_cannot_be_left_alone_the_other_fault_is_the_weakest():
    """Two faults that are always there: which of them a cell is about is told from how weak the other is."""
    kinds = {"type": "categorical", "values": ["abort", "delay"]}
    services = {"type": "categorical", "values": ["cart", "ads", "shop"]}
    space = SearchSpace.parse(
        {
            "dimensions": [
                each
                for prefix in ("a.", "b.")
                for each in (
                    {"name": f"{prefix}fault_type", **kinds},
                    {"name": f"{prefix}target_service", **services},
                    {"name": f"{prefix}percentage", "type": "integer", "min": 5, "max": 100},
                    {"name": f"{prefix}delay_ms", "type": "integer", "min": 10, "max": 500},
                )
            ]
        }
    ).sent_by(SENDING)
    screening = Screening(space, usual=())
    screening.go(6)
    strong = [plan for trial in screening.trials for plan in trial.plans if plan.percentage == 100]
    assert {(plan.fault_type, plan.target_service) for plan in strong} == {
        (kind, service) for kind in ("abort", "delay") for service in ("cart", "ads", "shop")
    }
    assert all(len(trial.plans) == 2 for trial in screening.trials)


def test_of_more_cells_than_can_be_looked_at_those_that_strike_known_calls_are_there():
    paths = [f"/{one}{other}" for one in "abcdefgh" for other in "rstuvwxyz"]
    space = space_of(target_service=SERVICES, target_path=paths, target_method=["GET", "POST"])
    known = [call("client", f"s{number}", f"GET {paths[number]}/{{id}}") for number in range(7, 60, 9)]
    screening = Screening(space, tuple(known), seen=lambda _plans: tuple(known))
    screening.go(len(known))
    struck = {(plan.target_service, plan.target_path) for trial in screening.trials for plan in trial.plans}
    assert struck == {(f"s{number}", paths[number]) for number in range(7, 60, 9)}


def test_the_window_may_be_empty():
    screening = Screening(space_of(target_service=["cart", "ads"]))
    screening.go(2)
    lost = [trial.model_copy(update={"observation": None}) for trial in screening.trials]
    leads = Leads(screening.space, Normal((window(),)))
    assert leads.best(lost) is not None
