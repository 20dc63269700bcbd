"""How the settling trial's fault is chosen, and what is made of what is seen of it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observations import NOON, observed, span, trace

from boifi_core.errors import ExecutorTimedOut
from boifi_core.findings.effect import effect
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.safety.pauses import Deadline
from boifi_core.safety.settling import Lags, Settling, lags_of, told, with_margin
from boifi_core.session import settling
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.settling import unmistakable, until_gone, until_in_force

KINDS = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]}
SHARES = {"name": "percentage", "type": "integer", "min": 10, "max": 90}
DELAYS = {"name": "delay_ms", "type": "integer", "min": 20, "max": 8000}


@pytest.fixture
def opened(tmp_path):
    """A session that has seen its target without a fault."""
    opened = []

    def make(dimensions, seen=(), **changes):
        requests = [{"url": "http://127.0.0.1:1/shop/cart"}, {"url": "http://127.0.0.1:1/shop/pay", "method": "POST"}]
        config = parse_session(
            {
                "executor": {"endpoint": "http://127.0.0.1:1"},
                "observer": {"type": "probe", "requests": requests},
                "search_space": dimensions,
                **changes,
            }
        )
        opening = open_session(make_session(tmp_path, config))
        opened.append(opening)
        session = opening.__enter__()
        session.learn_baseline(seen or [observed()])
        return session

    yield make
    for opening in opened:
        opening.__exit__(None, None, None)


def services(*names):
    return {"name": "target_service", "type": "categorical", "values": list(names)}


def test_it_is_a_clear_one_and_the_other_is_of_another_kind_elsewhere(opened):
    session = opened([KINDS, SHARES, DELAYS, services("a", "b")])
    (_, first), (_, second), *_ = unmistakable(session)
    assert (first.fault_type, second.fault_type) == ("abort", "delay")
    assert first.target_service != second.target_service
    assert first.percentage >= 80
    assert second.percentage >= 70
    assert 500 <= second.delay_ms <= 2000


def test_it_is_where_the_windows_requests_pass(opened):
    seen = observed(trace_data=trace(span("r", "GET /shop/cart", service="web"), span("a", "get", "r", service="b")))
    session = opened([KINDS, SHARES, DELAYS, services("nobody", "b", "elsewhere")], [seen])
    assert next(plan.target_service for _, plan in unmistakable(session)) == "b"
    paths = {"name": "target_path", "type": "categorical", "values": ["/admin", "/shop/pay", "/metrics"]}
    methods = {"name": "target_method", "type": "categorical", "values": ["GET", "POST"]}
    _, plan = unmistakable(opened([KINDS, paths, methods, DELAYS]))[0]
    assert (plan.target_path, plan.target_method) == ("/shop/pay", "POST")


def test_it_is_near_those_who_send_the_requests(opened):
    deep = trace(
        span("r", "GET /shop/cart", service="web", kind="server"),
        span("a", "GET /a", "r", service="a", kind="server"),
        span("b", "GET /b", "a", service="b", kind="server"),
        span("c", "GET /c", "b", service="c", kind="server"),
    )
    seen = observed(trace_data=deep)
    chosen = unmistakable(opened([KINDS, SHARES, DELAYS, services("c", "b", "a")], [seen]))
    assert [plan.target_service for _, plan in chosen] == ["a", "b", "c"]


def test_the_guardrails_hold_for_it(opened):
    rails = {"max_percentage": 30, "max_delay_ms": 100, "protected_services": ["a"]}
    session = opened([KINDS, SHARES, DELAYS, services("a", "b")], guardrails=rails)
    for _, plan in unmistakable(session):
        assert plan.target_service == "b"
        assert plan.percentage <= 30
        assert plan.wait_ms <= 100


@pytest.mark.parametrize(
    ("field", "kind"), [("error_rate", "delay"), ("status_code", "delay"), ("latency_ms", "abort")]
)
def test_it_does_nothing_that_is_to_end_the_session(opened, field, kind):
    rule = {"field": field, "operator": "greater_than", "value": 0}
    session = opened([KINDS, SHARES, DELAYS], guardrails={"abort_if": rule})
    assert {plan.fault_type for _, plan in unmistakable(session)} == {kind}


def test_a_space_of_no_fault_has_none(opened):
    assert unmistakable(opened([{**KINDS, "values": ["none"]}])) == []


def looks(*effects):
    """Windows that begin 0.1 s after one another, the first one so long after the injector's answer."""
    left = [(NOON + timedelta(seconds=0.1 * n), each) for n, each in enumerate(effects, start=1)]

    def look():
        if not left:
            raise ExecutorTimedOut("no more windows")
        return left.pop(0)

    return look


@pytest.fixture
def _no_pauses(monkeypatch):
    monkeypatch.setattr(settling, "PAUSE_S", 0.0)


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    ("effects", "hold"),
    [
        ((1.0,), (0, 0)),
        ((0.5, 0.5, 0.5), (0, 0)),
        ((0, 0, 1, 1, 1), (0.3, 0)),
        ((0, 0.5, 1, 1), (0.3, 0)),
        ((0.5, 0, 0, 0, 0.9, 0.9, 0.9), (0.5, 0)),
        ((0, 1.8, 1.81, 1.8), (0.2, 0)),
        ((0, 0.4, 0, 0.2), (0, 1)),
        ((0.4, 0, 0.2), (0, 1)),
        ((0, 0, 0), None),
        ((0, 1, 0, 0), None),
    ],
)
def test_f4_in_force_is_when_windows_show_it_and_go_on_to(effects, hold):
    found = until_in_force(looks(*effects), NOON, Deadline(0.1))
    assert found == (None if hold is None else (pytest.approx(hold[0]), hold[1]))


@pytest.mark.usefixtures("_no_pauses")
@pytest.mark.parametrize(
    ("effects", "clean", "gone_s"),
    [
        ((0, 0), 2, 0.0),
        ((0,), 1, 0.0),
        ((1, 0), 1, 0.2),
        ((1, 1, 0, 0), 2, 0.3),
        ((1, 0, 0.5, 0, 0), 2, 0.4),
        ((1, 0, 0, 0.5, 0, 0, 0), 3, 0.5),
        ((1, 1, 0.5), 2, None),
        ((0,), 2, None),
    ],
)
def test_f4_gone_is_when_so_many_windows_in_a_row_show_nothing_of_it(effects, clean, gone_s):
    found = until_gone(looks(*effects), NOON, Deadline(0.1), clean)
    assert found == (None if gone_s is None else pytest.approx(gone_s))


@pytest.mark.usefixtures("_no_pauses")
def test_f4_a_first_window_that_begins_late_does_not_say_at_once():
    late = NOON - timedelta(seconds=0.9)
    assert until_in_force(looks(1.0), late, Deadline(0.1)) == (pytest.approx(1.0), 0)
    assert until_in_force(looks(0.5, 0.5, 0.5), late, Deadline(0.1)) == (pytest.approx(1.0), 0)
    assert until_gone(looks(0, 0), late, Deadline(0.1), 2) == pytest.approx(1.0)


USUAL = {"status_code": 200, "latency_ms": 20.0, "error_rate": 0.0}


@pytest.mark.parametrize(
    ("seen", "wait_ms", "is_one"),
    [
        ({"error_rate": 0.3}, 0, True),
        ({"error_rate": 0.05}, 0, False),
        ({"status_code": 302}, 0, True),
        ({"status_code": 201}, 0, False),
        ({"latency_ms": 300.0}, 0, False),
        ({"latency_ms": 300.0}, 1000, True),
        ({"latency_ms": 150.0}, 1000, False),
        ({"latency_ms": 60.0}, 100, False),
        ({"status_code": None, "latency_ms": None, "error_rate": None}, 100, False),
    ],
)
def test_an_effect_is_what_chance_and_a_busy_machine_do_not_make(seen, wait_ms, is_one):
    assert (effect(observed(**(USUAL | seen)), observed(**USUAL), wait_ms) > 0) == is_one


def test_an_effect_that_only_traces_show_is_one(opened):
    spans = (
        span("r", "GET /", service="web"),
        span("a", "GET /a", "r", service="a"),
        span("b", "GET /b", "a", service="b"),
    )
    session = opened([KINDS, DELAYS], [observed(trace_data=trace(*spans))])
    assert settling.moved(session, observed(trace_data=trace(*spans)), ()) == 0
    survived = spans[0], span("a", "GET /a", "r", service="a", status="error")
    assert settling.moved(session, observed(trace_data=trace(*survived)), ()) > 0
    assert settling.moved(session, observed(), ()) == 0, "a glance has none"


def measured(hold_ms, gone_ms):
    from histories import trial_of

    return trial_of(0, 9.0, phase="settle", in_force_ms=hold_ms, gone_ms=gone_ms)


@given(st.floats(0, 300), st.floats(0, 300))
def test_f4_what_was_measured_is_waited_for_with_a_margin(hold_s, gone_s):
    lags = lags_of(ExecutorConfig(endpoint="http://a"), measured(hold_s * 1000, gone_s * 1000))
    assert lags.in_force_s == pytest.approx(with_margin(hold_s))
    assert lags.in_force_s >= hold_s
    # What stays much longer than a fault takes to take hold is the target's own, which recovery waits for.
    assert lags.gone_s >= min(gone_s, 2.0, 3 * hold_s)


def test_f4_what_the_file_says_overrules_what_was_measured():
    config = ExecutorConfig(endpoint="http://a", settle_s=2)
    assert lags_of(config, measured(9000.0, 9000.0)) == Lags(2.0, 2.0)
    assert lags_of(ExecutorConfig(endpoint="http://a"), None) == Lags()


def test_f4_where_nothing_was_seen_of_faults_something_is_waited_for():
    assert lags_of(ExecutorConfig(endpoint="http://a"), measured(None, None)) == Lags(2.0, 2.0)
    assert lags_of(ExecutorConfig(endpoint="http://a"), measured(None, None).model_copy(update={"plans": ()})) == Lags()


def test_f4_what_it_came_to_is_told():
    assert told(measured(0.0, 0.0)) == "faults take hold and let go at once"
    assert told(measured(1500.0, 0.0)) == "faults take hold after 1.5 s and let go at once; every trial waits for that"
    none = measured(None, None).model_copy(update={"reason": "no effect seen within 20 s: abort 503 on /, 100 %"})
    assert told(none) == none.reason


def test_a_window_waits_for_what_comes_last_of_the_fault_before_and_its_own():
    waits = Settling()
    assert waits.wait() == pytest.approx(0, abs=0.05)
    waits.cleared(Lags(0.0, 0.4))
    waits.applied(Lags(0.1, 0.4))
    assert waits.wait() >= 0.3
    assert waits.wait() == pytest.approx(0, abs=0.05)
