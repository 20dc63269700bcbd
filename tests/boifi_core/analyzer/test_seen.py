"""The calls of a window by the names that a session has for them."""

from hypothesis import given
from hypothesis import strategies as st
from observations import observed

from boifi_core.analyzer.seen import named_calls
from boifi_core.models import SeenCall
from boifi_core.traces import Span
from boifi_core.traces.learn import learn
from boifi_core.traces.vocabulary import Vocabulary


def asks(user):
    return [Span("1", f"cart:GET /carts/{user}", 1.0, False, service="cart", kind="server", asked=f"GET /carts/{user}")]


def call(user, **fields):
    asked = f"GET /carts/{user}"
    return SeenCall(**{"caller": "client", "callee": "cart", "operation": asked, "seen": 1, "share": 0.01, **fields})


def test_calls_that_differ_by_an_id_alone_are_one_once_that_is_learnt():
    seen = observed(
        calls=(
            call("cust42", seen=2, failed=1, began=1, given_up=1, statuses={"200": 1, "504": 1}, gave_up_ms=(40.0,)),
            call("cust7", failed=1, longest_ms=9.0, tries=3, statuses={"504": 1}, gave_up_ms=(30.0,)),
        )
    )
    assert set(named_calls(seen, Vocabulary())) == {"client → cart GET /carts/{id}", "client → cart GET /carts/cust7"}
    (found,) = named_calls(seen, learn({None: [asks("cust1"), asks("cust2"), asks("cust33")]})).values()
    assert (found.operation, found.seen, found.failed, found.began, found.given_up) == ("GET /carts/{id}", 3, 2, 1, 1)
    assert (found.statuses, found.tries, found.longest_ms) == ({"200": 1, "504": 2}, 3, 9.0)
    assert (found.gave_up_ms, found.share) == ((30.0, 40.0), 0.02)


@given(st.lists(st.builds(call, st.sampled_from(["cust42", "cust7", "cust88"]), seen=st.integers(1, 9),
                          share=st.floats(0.01, 1), gave_up_ms=st.lists(st.floats(0, 9), max_size=10).map(tuple)),
                min_size=1, max_size=6))  # fmt: skip
def test_what_became_one_is_as_sound_as_what_it_was_made_of(made):
    (found,) = named_calls(
        observed(calls=tuple(made)), learn({None: [asks("cust42"), asks("cust7"), asks("cust88")]})
    ).values()
    assert SeenCall.model_validate(found.model_dump()) == found
    assert found.seen == sum(each.seen for each in made)
    assert max(each.share for each in made) <= found.share <= 1
