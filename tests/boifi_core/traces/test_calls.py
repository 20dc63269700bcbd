"""A trace as calls between services, whoever tells of them."""

import json

from hypothesis import given
from hypothesis import strategies as st
from meshes import hop, page, unanswered
from observations import span, trace

from boifi_core.analyzer.normal import Normal, attempts
from boifi_core.traces import parse_trace
from boifi_core.traces.calls import CLIENT, calls
from boifi_core.traces.learn import learn, relays
from boifi_core.traces.vocabulary import Vocabulary

HEALTHY = parse_trace(page())
PROXY = Vocabulary(relays=frozenset({"proxy"}))


def told(text, vocabulary=PROXY):
    return [(call.caller, call.callee, call.operation) for call in calls(parse_trace(text), vocabulary)]


def test_a_proxy_before_and_behind_many_is_a_relay_and_nobody_else():
    assert relays([HEALTHY]) == {"proxy"}
    assert relays([parse_trace(trace(*hop("a", None, "only", "GET /")))]) == frozenset()


def test_a_call_is_told_once_whether_its_proxy_its_sender_or_its_receiver_tells_it():
    assert told(page()) == [
        (CLIENT, "gateway", "GET /product/{id}"),
        ("gateway", "stock", "GET /stock/{id}"),
        ("stock", "shelf", "GET /shelf"),
        ("gateway", "reviews", "GET /reviews/{id}"),
    ]
    sent = trace(
        span("1", "GET /", service="front", kind="server"),
        span("2", "reviews", "1", service="front", kind="client"),
        span("3", "GET /reviews", "2", service="reviews", kind="server"),
    )
    assert told(sent, None) == [(CLIENT, "front", "GET /"), ("front", "reviews", "GET /reviews")]


def test_a_call_that_nobody_answered_goes_by_the_name_that_it_has_without_a_fault():
    spans = parse_trace(trace(*unanswered("r", "g", "reviews", "GET /reviews/1")))
    (call,) = calls(spans, PROXY)
    assert (call.callee, call.answered, call.failed, call.given_up, call.cut) == (None, False, True, False, False)
    broken = parse_trace(page(reviews=unanswered("r", "g", "reviews", "GET /reviews/1")))
    usual, seen = (calls(each, learn({None: [HEALTHY]})) for each in (HEALTHY, broken))
    assert [call.where for call in seen] == [call.where for call in usual]
    assert [call.answered for call in seen] == [True, True, True, False]


def test_a_call_without_a_status_was_given_up_by_its_caller():
    (call,) = calls(parse_trace(trace(*unanswered("r", "g", "reviews", "GET /reviews/1", 40, 0))), PROXY)
    assert (call.given_up, call.cut) == (True, True)


def test_tries_are_counted_by_caller_so_that_a_retry_below_a_retry_counts_once():
    twice = [*hop("a", "g", "stock", "GET /stock"), *hop("b", "g", "stock", "GET /stock")]
    below = [
        each for parent in ("a", "b") for n in (1, 2, 3) for each in hop(f"{parent}{n}", parent, "shelf", "GET /s")
    ]
    made = calls(parse_trace(trace(*hop("g", None, "gateway", "GET /"), *twice, *below)), PROXY)
    assert attempts(made) == {
        "client → gateway GET /": 1,
        "gateway → stock GET /stock": 2,
        "stock → shelf GET /s": 3,
    }


def test_spans_without_parents_are_operations_of_their_own():
    assert told(trace(span("1", "page"), span("2", "ratings"), span("3", "ratings")), None) == [
        (CLIENT, None, "page"),
        ("", None, "ratings"),
        ("", None, "ratings"),
    ]


IDS = st.sampled_from(["1", "2", "3", "4", None])
SPANS = st.lists(
    st.fixed_dictionaries(
        {"id": IDS, "parent_id": IDS, "name": st.sampled_from("abc"), "service": st.sampled_from(["x", "proxy", None])}
    ),
    max_size=12,
)


@given(SPANS)
def test_whatever_the_tree_every_span_is_told_at_most_once_and_circles_end(spans):
    parsed = parse_trace(json.dumps({"spans": spans}))
    made = calls(parsed, PROXY)
    assert len(made) <= len(parsed)
    assert bool(made) == bool(parsed)
    assert all(call.under is None or call.under < index for index, call in enumerate(made))


@given(SPANS)
def test_any_traces_make_a_normal(spans):
    from observations import observed

    normal = Normal((observed(trace_data=json.dumps({"spans": spans})), observed()))
    assert all(usual.fewest <= usual.most for kind in normal.kinds for usual in normal.usual(kind).values())
