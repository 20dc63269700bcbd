"""How a trial failed, against all that is normal."""

import pytest
from meshes import hop, page, unanswered, window
from observations import observed, span, trace

from boifi_core.analyzer.normal import Normal
from boifi_core.findings import FactKind
from boifi_core.findings.models import CAUSE, ECHO
from boifi_core.findings.signature import SEEN, signature

NORMAL = Normal((window(latency_ms=40), window(page(number=5), latency_ms=44)))
REVIEWS = "gateway → reviews GET /reviews/{id}"


def found(observation, normal=NORMAL):
    return {fact.key: fact for fact in signature(observation, normal)}


def test_nothing_is_told_of_what_is_normal():
    assert signature(window(page(number=99)), NORMAL) == ()
    assert signature(observed(), Normal(())) == ()


def test_a_call_that_fails_and_the_page_with_it():
    broken = page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17"), code=502)
    facts = found(window(broken, error_rate=0.4))
    assert facts["fails", REVIEWS].weight == CAUSE
    assert facts["fails", REVIEWS].callee == "reviews"
    assert facts["status", "product"].weight == SEEN
    assert ("status", "some") in facts


def test_ids_shares_and_times_change_nothing():
    one = window(page(reviews=unanswered("r", "g", "reviews", "GET /reviews/1", 40, 0), code=502), error_rate=0.4)
    two = window(
        page(reviews=unanswered("r", "g", "reviews", "GET /reviews/2", 55, 0), code=502, number=2), error_rate=0.1
    )
    assert found(one).keys() == found(two).keys()
    assert found(one)["times_out", REVIEWS].value == 40


def stock_given_up(*below):
    late = unanswered("s", "g", "stock", "GET /stock/17", 60, 0)
    own = [span("s", "stock:GET /stock/17", "sp", 59, service="stock", status="error", status_code=0)]
    return found(window(trace(*hop("g", None, "gateway", "GET /product/17"), *late, *own, *below)))


def test_the_caller_that_gave_up_is_the_cause_and_what_it_cut_off_below_is_not():
    facts = stock_given_up(*unanswered("f", "s", "shelf", "GET /shelf", 5, 0))
    assert facts["times_out", "gateway → stock GET /stock/{id}"].weight == CAUSE
    assert facts["times_out", "stock → shelf GET /shelf"].weight == ECHO


@pytest.mark.parametrize(
    ("below", "kind"),
    [
        (unanswered("f", "s", "shelf", "GET /shelf", 50, 0), "times_out"),  # cut off with its caller
        (hop("f", "s", "shelf", "GET /shelf", 500), "slow"),  # went on after its caller had left
        (hop("f", "s", "shelf", "GET /shelf", 58), "slow"),
    ],
)
def test_p4_what_was_late_below_the_call_that_was_given_up_began_it(below, kind):
    facts = stock_given_up(*below)
    assert facts[kind, "stock → shelf GET /shelf"].began
    assert not facts["times_out", "gateway → stock GET /stock/{id}"].began


def test_a_call_that_is_cut_off_in_its_usual_time_is_not_the_cause():
    facts = found(window(page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17", 4, 0), code=503)))
    assert facts["times_out", REVIEWS].weight == ECHO


def test_a_service_that_refuses_by_itself_is_told_from_one_that_is_not_reached():
    refused = page(reviews=hop("r", "g", "reviews", "GET /reviews/17", 1, 503))
    assert ("refuses", REVIEWS) in found(window(refused))


def test_an_error_is_the_deepest_ones():
    stock = [*hop("s", "g", "stock", "GET /stock/17", 5, 500), *unanswered("f", "s", "shelf", "GET /shelf")]
    text = trace(*hop("g", None, "gateway", "GET /product/17", 20, 500), *stock)
    facts = found(window(text))
    assert facts["fails", "stock → shelf GET /shelf"].weight == CAUSE
    assert facts["fails", "gateway → stock GET /stock/{id}"].weight == ECHO


def test_what_is_left_out_asked_instead_and_tried_again():
    text = page(reviews=[*hop("b", "g", "bestsellers", "GET /top"), *hop("c", "g", "bestsellers", "GET /top")])
    facts = found(window(text))
    assert facts["gone", REVIEWS].kind is FactKind.GONE
    assert ("new", "gateway → bestsellers GET /top") in facts
    assert facts["retried", "gateway → bestsellers GET /top"].value == 2


def test_what_lies_below_a_call_that_is_left_out_only_follows():
    text = trace(*hop("g", None, "gateway", "GET /product/17"), *hop("r", "g", "reviews", "GET /reviews/17"))
    facts = found(window(text))
    assert facts["gone", "gateway → stock GET /stock/{id}"].weight > facts["gone", "stock → shelf GET /shelf"].weight


def test_a_slow_call_below_a_slow_page():
    facts = found(window(page(reviews=hop("r", "g", "reviews", "GET /reviews/17", 300), ms=340), latency_ms=340))
    assert facts["slow", REVIEWS].weight > facts["slow", "client → gateway GET /product/{id}"].weight
    assert ("latency", "") in facts


def test_what_only_some_fault_free_runs_do_is_normal():
    without = page(reviews=[])
    normal = Normal((window(), window(without)))
    assert signature(window(without), normal) == ()
    assert ("gone", REVIEWS) in found(window(without))


def test_log_lines_are_told_without_their_numbers_and_only_if_they_are_new():
    normal = Normal((window(logs=("took 5 ms",)),))
    facts = found(window(logs=("took 7 ms", "no answer from 10.0.0.1", "no answer from 10.0.0.2")), normal)
    assert list(facts) == [("log", "no answer from {id}")]


@pytest.mark.parametrize(("usual", "seen"), [(200, 302), (201, 307), (302, 200)])
def test_f10_most_requests_that_end_well_but_otherwise_are_told_of(usual, seen):
    normal = Normal((observed(status_code=usual),))
    fact = found(observed(status_code=seen), normal)["status", ""]
    assert (fact.says, fact.weight) == (f"most requests get {seen} instead of {usual}", SEEN)
    assert found(observed(status_code=usual + 1 if usual == 200 else usual), normal) == {}


def test_f10_a_kind_of_request_that_ends_otherwise_is_told_of():
    normal = Normal((observed(statuses={"GET /": {200: 9}, "GET /cart": {200: 1}}),))
    facts = found(observed(statuses={"GET /": {200: 9}, "GET /cart": {302: 1}}), normal)
    assert facts["status", "GET /cart"].says == "GET /cart gets 302 instead"
    assert len(facts) == 1


@pytest.mark.parametrize(
    ("share", "says"),
    [
        (0.34, "34 % of the requests fail, most of them with 503"),
        (0.5, "50 % of the requests fail, most of them with 503"),
        (0.62, "most requests get 503"),
        (None, "most requests get 503"),
    ],
)
def test_p27_most_is_of_all_requests(share, says):
    normal = Normal((observed(status_code=200),))
    assert found(observed(status_code=503, error_rate=share), normal)["status", ""].says == says
