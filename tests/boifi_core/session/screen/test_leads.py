"""In which order a screen tries its cells, and what its trials make it look at."""

import itertools

import pytest
from screening import FRONT, SENDING, USUAL, Screening, call

from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.session.screen.cells import Cell
from boifi_core.session.screen.leads import Leads
from boifi_core.session.screen.strikes import reach, struck
from boifi_core.space import SearchSpace


def space_of(services=("cart", "reviews", "ads"), *, types=("delay", "abort"), methods=None, pairs=False):
    def one(prefix, types):
        kind = f"{prefix}fault_type"
        own = [
            {"name": f"{prefix}delay_ms", "type": "integer", "min": 10, "max": 2000,
             "condition": {"field": kind, "operator": "equals", "value": "delay"}},
            {"name": f"{prefix}abort_status_code", "type": "categorical", "values": [500, 503],
             "condition": {"field": kind, "operator": "equals", "value": "abort"}},
        ]  # fmt: skip
        return [
            {"name": kind, "type": "categorical", "values": list(types)},
            {"name": f"{prefix}target_service", "type": "categorical", "values": list(services)},
            *([{"name": f"{prefix}target_method", "type": "categorical", "values": methods}] if methods else []),
            {"name": f"{prefix}percentage", "type": "integer", "min": 5, "max": 100},
            *(each for each in own if each["condition"]["value"] in types),
        ]

    dimensions = one("a.", types) + one("b.", ("none", *types)) if pairs else one("", types)
    return SearchSpace.parse({"dimensions": dimensions}).sent_by(SENDING)


def test_places_come_in_the_order_of_what_passes_them():
    lines = Screening(space_of(["ads", "reviews", "cart"])).go(12)
    places = [line.split(" on ")[1].split(",")[0] for line in lines]
    assert list(dict.fromkeys(places)) == ["cart", "reviews", "ads"]


def test_another_way_of_breaking_a_place_comes_before_one_like_it():
    lines = Screening(space_of()).go(500)
    of_cart = [line.split()[0] for line in lines if "on cart, 100 %" in line]
    assert set(of_cart[:2]) == {"delay", "abort"}


def test_of_aborts_that_are_worth_the_same_503_comes_first_whatever_the_order_of_the_values():
    lines = Screening(space_of()).go(500)
    of_cart = [line.split()[1] for line in lines if line.startswith("abort") and "on cart, 100 %" in line]
    assert of_cart == ["503", "500"]


def test_all_is_tried_once_and_then_nothing_is_left():
    screening = Screening(space_of())
    lines = screening.go(500)
    assert len(set(lines)) == len(lines) < 30
    whole = {line for line in lines if line.endswith("100 %")}
    assert {f"delay 2000 ms on {service}, 100 %" for service in ("cart", "reviews", "ads")} <= whole
    assert {
        f"abort {code} on {service}, 100 %" for code in (500, 503) for service in ("cart", "reviews", "ads")
    } <= whole
    assert any(line.endswith("30 %") for line in lines)


def test_where_nothing_is_known_of_calls_other_places_and_other_ways_come_first():
    lines = Screening(space_of(), usual=(), seen=lambda _: ()).go(6)
    assert {line.split(" on ")[1] for line in lines[:3]} == {"cart, 100 %", "reviews, 100 %", "ads, 100 %"}
    assert {(line.split()[0], line.split(" on ")[1]) for line in lines} == {
        (kind, f"{service}, 100 %") for kind in ("delay", "abort") for service in ("cart", "reviews", "ads")
    }


def test_a_method_by_which_nobody_asks_comes_last():
    lines = Screening(space_of(methods=["POST", "GET"])).go(9)
    assert not [line for line in lines if "POST" in line]


def slow_cart(wait_ms):
    """The shop gives up on the cart after so long."""

    def seen(plans):
        (plan,) = plans
        if plan.target_service != "cart" or plan.wait_ms < wait_ms:
            return USUAL
        return (FRONT, call("shop", "cart", "GET /cart", 0.9, failed=27, given_up=27, began=27, gave_up_ms=(wait_ms,)),
                *USUAL[2:])  # fmt: skip

    return seen


@pytest.mark.parametrize("wait_ms", [40, 400, 1500])
def test_below_a_time_out_that_a_trial_revealed_is_a_delay_that_is_waited_for(wait_ms):
    lines = Screening(space_of(), seen=slow_cart(wait_ms)).go(8)
    assert f"delay {0.75 * wait_ms:.0f} ms on cart, 100 %" in lines


def test_where_nobody_gives_up_there_is_nothing_below():
    lines = Screening(space_of()).go(500)
    assert not [line for line in lines if line.startswith("delay") and "2000 ms" not in line]


STEPPED = {"type": "integer", "min": 500, "max": 5000, "step": 500}


@pytest.mark.parametrize(("wait_ms", "below"), [(1800, {1500}), (700, {500}), (300, set())])
def test_below_a_time_out_is_what_the_space_has_and_nothing_else(wait_ms, below):
    dimensions = [each | STEPPED if each["name"] == "delay_ms" else each for each in space_of().dump()["dimensions"]]
    space = SearchSpace.parse({"dimensions": dimensions}).sent_by(SENDING)
    screening = Screening(space, seen=slow_cart(wait_ms))
    screening.go(500)
    delays = {plan.delay_ms for trial in screening.trials for plan in trial.plans} - {None, 5000}
    assert delays == below


def breaker(from_ms):
    """From this delay on the shop does not ask the cart any more."""

    def seen(plans):
        (plan,) = plans
        left_out = plan.target_service == "cart" and plan.wait_ms >= from_ms
        return (FRONT, *USUAL[2:]) if left_out else USUAL

    return seen


@pytest.mark.parametrize("from_ms", [30, 300, 1300])
def test_where_a_call_is_left_out_smaller_delays_are_tried_until_it_is_not(from_ms):
    lines = Screening(space_of(), seen=breaker(from_ms)).go(60)
    delays = sorted(int(line.split()[1]) for line in lines if line.startswith("delay") and "cart" in line)
    assert any(from_ms / 1.7 <= delay < from_ms for delay in delays)
    assert len([delay for delay in delays if delay < from_ms]) == 1
    assert all(later / sooner < 1.7 for sooner, later in itertools.pairwise(delays))


def test_what_follows_a_call_that_was_cut_is_not_left_out():
    def seen(plans):
        # The shop itself is not asked for reviews any more: whoever asks it has gone.
        return (call("client", "shop", "GET /", 0.2), call("shop", "cart", "GET /cart", 0.1))

    lines = Screening(space_of(), seen=seen).go(500)
    assert not [line for line in lines if line.startswith("delay") and "2000 ms" not in line]


def fallback(plans):
    """Where the cart fails, the shop asks the ads instead."""
    if any(plan.target_service == "cart" and plan.fault_type == "abort" for plan in plans):
        return (FRONT, *USUAL[1:3], call("shop", "ads", "GET /ads", 0.8))
    return USUAL


def test_of_a_call_that_is_made_in_need_both_are_broken_at_once():
    lines = Screening(space_of(pairs=True), seen=fallback).go(40)
    pairs = [line for line in lines if " + " in line]
    assert pairs
    assert all("on cart" in line and "on ads" in line for line in pairs)


def test_a_space_of_one_fault_has_no_pairs():
    assert not [line for line in Screening(space_of(), seen=fallback).go(500) if " + " in line]


def test_a_space_without_places_and_ways_has_hardly_any_cells():
    leads = Leads(space_of(["cart"], types=["delay"]), Normal(()))
    assert leads.are_few


PATHS = [
    ("/cart", "GET /cart", True),
    ("/cart", "GET /cart/{id}/items", True),
    ("/car", "GET /cart", True),
    ("/cart/items", "GET /cart", False),
    ("/cart/7", "GET /cart/{id}", True),
    ("/ads", "GET /cart", False),
    ("/", "SELECT carts", True),
    ("/cart", "SELECT carts", True),
    ("^/ca.*", "GET /cart", True),
    ("/cart", "GET http://cart:8080/cart/{id}?full=1", True),
    ("/cart", "GET http://cart:8080/orders", False),
    ("/cart/items", "cart.shop.svc.cluster.local:8080/*", True),
    ("/cart/items", "GET /{rest:path}", True),
    ("/cart/items", "/cart/*", True),
    ("/ads", "/cart/*", False),
    ("/shop.Cart", "shop.Cart/Get", True),
    ("/shop.Cart/Get", "/shop.Cart/Get", True),
    ("/shop.Ads", "shop.Cart/Get", False),
    ("/cart", "HTTP GET", True),
    ("/cart", "", True),
]


SERVICES = [
    ("cart", "cart", "GET", True),
    ("cart", "cart.shop", "GET /", True),
    ("cart.shop.svc.cluster.local", "cart.shop:8080", "GET /", True),
    ("cart", "cart-db:5432", "SELECT", False),
    ("cart", None, "GET /cart", False),
    (None, None, "GET /cart", True),
]


@pytest.mark.parametrize(("service", "callee", "operation", "strikes"), SERVICES)
def test_which_calls_a_service_strikes(service, callee, operation, strikes):
    plan = FaultPlan(fault_type="abort", target_service=service)
    assert bool(struck(plan, {"x": call("shop", callee, operation)})) is strikes


@pytest.mark.parametrize(
    ("method", "operation", "strikes"),
    [("GET", "GET /cart", True), ("GET", "POST /cart", False), ("GET", "shop.Cart/Get", True), ("ALL", "PUT /", True)],
)
def test_which_calls_a_method_strikes(method, operation, strikes):
    plan = FaultPlan(fault_type="abort", target_method=method)
    assert bool(struck(plan, {"x": call("shop", "cart", operation)})) is strikes


@pytest.mark.parametrize(("path", "operation", "strikes"), PATHS)
def test_which_calls_a_path_strikes(path, operation, strikes):
    (plan,) = SearchSpace.parse(
        {
            "dimensions": [{"name": "fault_type", "type": "categorical", "values": ["abort"]}],
            "fixed": {"target_path": path, "target_service": "cart"},
        }
    ).plans({"fault_type": "abort"})
    assert bool(struck(plan, {"x": call("shop", "cart", operation)})) is strikes


def test_a_path_alone_strikes_no_call_that_tells_of_none():
    plan = FaultPlan(fault_type="abort", target_path="/cart")
    assert not struck(plan, {"x": call("shop", "cart-db", "SELECT carts")})


def test_more_requests_and_more_callers_reach_further():
    point = {"fault_type": "abort", "target_service": "cart", "percentage": 100, "abort_status_code": 503}
    (plan,) = space_of(["cart"], types=["abort"]).plans(point)
    rare, often = call("shop", "cart", "GET /", 0.1), call("shop", "cart", "GET /", 0.9)
    of_orders = call("orders", "cart", "GET /", 0.1)
    reached = [reach(struck(plan, calls)) for calls in ({}, {"a": rare}, {"a": rare, "b": of_orders}, {"a": often})]
    assert reached[0] == 0
    assert reached == sorted(set(reached))
    assert Cell({}, plan).place[0] == ("target_service", "cart")
