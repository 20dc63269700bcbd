"""What happens in a failure, in one sentence."""

import pytest

from boifi_core.findings import Fact, FactKind
from boifi_core.findings.words import sentence


def call(kind, where="front → GET reviews/{id}", weight=3.0, **fields):
    return Fact(kind=kind, where=where, weight=weight, callee="reviews", **fields)


STARS_GONE = Fact(kind=FactKind.GONE, where="front → stars", weight=1.0, callee="stars")
FAILS = Fact(kind=FactKind.STATUS, where="product", weight=3.0)
SOME = Fact(kind=FactKind.STATUS, where="some", weight=1.0)
MOST = Fact(kind=FactKind.STATUS, where="", says="most requests get 503", weight=3.0)


def log(text):
    return Fact(kind=FactKind.LOG, where=text, weight=2.0)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            [call(FactKind.TIMES_OUT, value=3000.0), call(FactKind.RETRIED, value=2), FAILS],
            "front gives up on reviews after 3.0 s and tries once more; product fails",
        ),
        (
            [call(FactKind.FAILS), call(FactKind.RETRIED, value=3), SOME],
            "front gets an error from reviews and tries 3 times; some requests fail",
        ),
        ([call(FactKind.REFUSES), MOST], "reviews turns front away; most requests get 503"),
        (
            [call(FactKind.NEW, weight=2.0), STARS_GONE, SOME],
            "front does without stars; front asks reviews instead; some requests fail",
        ),
        ([call(FactKind.SLOW, weight=1.0, value=80.0), SOME], "reviews answers front after 80 ms; some requests fail"),
        ([call(FactKind.RETRIED, value=2)], "front asks reviews twice; customers get no error"),
        ([SOME, log('{"error": "no stars"}')], "some requests fail; “no stars”"),
        ([call(FactKind.FAILS, "reviews:GET"), FAILS], "the target gets an error from reviews; product fails"),
        ([Fact(kind=FactKind.LATENCY, where="", weight=0.25)], "requests take longer"),
        ([], "it scored as a failure, though nothing known of it is unusual"),
    ],
)
def test_a_failure_in_plain_words(facts, text):
    assert sentence(facts, [facts]) == text


def test_a_time_is_told_only_where_the_trials_agree():
    one, two = (call(FactKind.TIMES_OUT, value=value) for value in (40.0, 140.0))
    assert sentence([one, FAILS], [[one], [two]]) == "front gives up on reviews; product fails"


def test_kinds_of_requests_are_listed():
    facts = [Fact(kind=FactKind.STATUS, where=kind, weight=3.0) for kind in ("cart", "home", "product")]
    assert sentence(facts, [facts]) == "cart, home and product fail"
