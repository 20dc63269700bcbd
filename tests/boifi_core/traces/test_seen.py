"""The calls of a window over all of its traces."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from boifi_core.traces import Span, spans_of
from boifi_core.traces.calls import CLIENT, calls, where
from boifi_core.traces.learn import learn
from boifi_core.traces.seen import MOST_STATUSES, MOST_WAITS, beginnings, name, summarised, thinned

GOLDEN = sorted((Path(__file__).parent / "golden" / "abroad").glob("*.json"))
SERVICES = ("shop", "cart", "bank", "stock")
PEERS = ("{}", "{}.shop.svc:8080", "{}.shop.svc:9090", "10.0.0.7:80", "10.0.0.8:80")
MOST = 2_000


@st.composite
def traces(draw):
    """A trace of calls between services, each told by its sender, by its receiver, or by both."""
    spans = [Span("0", "shop:GET /", draw(TIMES), False, service="shop", kind="server", status_code=200)]
    receivers = [("0", "shop")]
    for number in range(draw(st.integers(0, 8))):
        above, caller = draw(st.sampled_from(receivers))
        callee = draw(st.sampled_from(SERVICES))
        asked = f"GET /{callee}/{draw(st.sampled_from(['all', 'cust42', 'cust7']))}"
        status, ms = draw(st.sampled_from([0, 200, 404, 500, 503, 504])), draw(TIMES)
        told = draw(st.sampled_from(["sender", "receiver", "both"]))
        own = {"duration_ms": ms, "is_error": status in (0, 500, 503, 504), "status_code": status, "asked": asked}
        if told != "receiver":
            spans.append(Span(f"{number}s", f"{caller}:{asked}", parent_id=above, service=caller, kind="client",
                              peer=draw(st.sampled_from(PEERS)).format(callee), **own))  # fmt: skip
            above = f"{number}s"
        if told != "sender":
            spans.append(Span(f"{number}r", f"{callee}:{asked}", parent_id=above, service=callee, kind="server", **own))
            receivers.append((f"{number}r", callee))
    return spans


TIMES = st.one_of(st.none(), st.floats(0, 10_000, allow_nan=False))
WINDOWS = st.lists(traces(), max_size=8)


@given(WINDOWS, st.randoms())
def test_the_order_of_the_traces_does_not_matter(window, chance):
    assert summarised(chance.sample(window, len(window)), MOST) == summarised(window, MOST)


@given(WINDOWS)
def test_every_call_is_counted_once(window):
    found, n_traces = summarised(window, MOST)
    made = [call for spans in window for call in calls(spans)]
    assert n_traces == len(window)
    assert sum(call.seen for call in found) == len(made)
    assert sum(call.failed for call in found) == sum(call.failed for call in made)
    assert len({call.said for call in found}) == len(found)


@given(WINDOWS)
def test_counts_and_shares_hold_together(window):
    found, n_traces = summarised(window, MOST)
    for call in found:
        assert 0 <= call.refused + call.given_up <= call.began <= call.failed <= call.seen
        assert 0 < call.share <= 1
        assert call.share * n_traces <= call.seen
        assert call.share * n_traces == pytest.approx(round(call.share * n_traces))
        assert call.tries >= 1
        assert sum(call.statuses.values()) <= call.seen
        assert list(call.gave_up_ms) == sorted(call.gave_up_ms)
        assert len(call.gave_up_ms) <= min(MOST_WAITS, call.given_up)
        assert all(wait <= call.longest_ms for wait in call.gave_up_ms)


@given(WINDOWS, st.integers(1, 5))
def test_of_too_many_those_that_failed_and_those_made_often_are_kept(window, most):
    every, _ = summarised(window, MOST)
    kept, _ = summarised(window, most)
    assert len(kept) == min(most, len(every))
    assert set(map(repr, kept)) <= set(map(repr, every))
    left = [call for call in every if repr(call) not in set(map(repr, kept))]
    assert all((call.failed, call.seen) >= (other.failed, other.seen) for call in kept for other in left)


@given(traces())
def test_where_something_failed_it_began_somewhere(spans):
    made = calls(spans)
    began = beginnings(made)
    assert all(made[index].failed for index in began)
    assert bool(began) == any(call.failed for call in made)


@given(st.lists(st.floats(0, 1e6), max_size=300))
def test_waits_that_are_too_many_are_thinned_evenly(waits):
    kept = thinned(waits)
    assert list(kept) == sorted(kept)
    assert not Counter(kept) - Counter(waits)
    assert len(kept) == min(len(waits), MOST_WAITS)
    if waits:
        assert (kept[0], kept[-1]) == (min(waits), max(waits))


def test_words_for_a_failure_have_a_bound():
    def one(number):
        error = "x" * 1_000 if number == 99 else f"Error{chr(65 + number % 26)}{chr(97 + number // 26)}"
        return [Span("1", "shop:call", 1.0, True, service="shop", kind="client", peer="bank", error=error)]

    (call,), _ = summarised([one(number) for number in range(100)], MOST)
    assert len(call.statuses) == MOST_STATUSES
    assert max(map(len, call.statuses)) < 100
    assert call.failed == 100


def test_a_window_without_traces_has_no_calls():
    assert summarised([], MOST) == ((), 0)
    assert summarised([[], []], MOST) == ((), 0)


def named(window, vocabulary):
    """How often each call was made, by the name that it has by this vocabulary."""
    found, nameless = Counter(), 0
    for call in summarised(window, MOST).calls:
        own = name(call.said, vocabulary)
        if own is None:
            nameless += call.seen
        else:
            found[where(own[0], *own[1])] += call.seen
    return found, nameless


@settings(deadline=None)
@given(st.lists(traces(), min_size=1, max_size=5), WINDOWS)
def test_a_call_is_named_as_in_its_trace_whatever_is_learnt_of_names_later(fault_free, window):
    vocabulary = learn({None: fault_free})
    assume(not vocabulary.relays)
    found, nameless = named(window, vocabulary)
    exact = Counter(call.where for spans in window for call in calls(spans, vocabulary))
    assert not found - exact
    assert (exact - found).total() == nameless


@pytest.mark.parametrize("path", GOLDEN, ids=[path.stem for path in GOLDEN])
def test_a_call_is_named_as_in_its_trace_whoever_tells_of_it(path):
    spans = spans_of([json.loads(path.read_text())["trace"]])
    vocabulary = learn({None: [spans]})
    for window in ([spans], *([each] for each in without_a_callee(spans))):
        found, nameless = named(window, vocabulary)
        exact = Counter(call.where for each in window for call in calls(each, vocabulary))
        assert not found - exact
        assert (exact - found).total() == nameless <= 1


def without_a_callee(spans):
    """The trace as it is when one of the services that were asked is gone, and all below it with it."""
    for span in spans:
        if span.kind == "server" and span.parent_id is not None:
            gone = {span.id}
            for each in spans:
                if each.parent_id in gone:
                    gone.add(each.id)
            yield [each for each in spans if each.id not in gone]


def test_the_proxies_that_go_by_one_name_are_nobody_with_retries_too():
    def window(tries):
        shop = Span("1", "shop:GET /", 9.0, False, service="shop", kind="server", status_code=200)
        spans = [Span("0", "envoy:in", 9.0, False, service="envoy", kind="server", is_proxy=True, status_code=200)]
        spans.append(shop._replace(parent_id="0"))
        for callee in ("cart", "bank"):
            spans.append(Span(callee, f"envoy:{callee}", 5.0, False, "1", "envoy", "server", 200, is_proxy=True))
            answer = Span("", f"{callee}:GET /x", 2.0, False, callee, callee, "server", 200)
            spans += [answer._replace(id=f"{callee}{number}") for number in range(tries)]
        return spans

    vocabulary = learn({None: [window(1)]})
    assert "envoy" in vocabulary.relays
    found, nameless = named([window(2)], vocabulary)
    assert nameless == 0
    assert set(found) == {"client → shop GET /", "shop → cart GET /x", "shop → bank GET /x"}
    assert {call.tries for call in summarised([window(2)], MOST).calls if call.said.caller != CLIENT} == {2}
