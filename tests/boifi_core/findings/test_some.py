"""What befalls some requests of a window, though the typical ones are spared."""

import pytest
from observations import observed

from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.likeness import Failure, grouped
from boifi_core.findings.models import CAUSE, ECHO, SOME, FactKind
from boifi_core.findings.signature import signature
from boifi_core.findings.words import sentence
from boifi_core.observers.window import seen_calls
from boifi_core.traces import Span, trace_text

REVIEWS = "gateway → reviews GET /reviews/{id}"
RATINGS = "reviews → ratings GET /ratings"
ABORT = (FaultPlan(fault_type="abort", target_service="reviews", abort_status_code=503, percentage=20),)


def page(reviews=200, ratings=200, ms=5.0, user="cust42", gateway=200):
    """A page: the gateway asks reviews, and they ask ratings; a status of 0 is of a caller that gave up."""

    def made(id_, above, caller, callee, asked, status, ms):
        failed = status == 0 or status >= 500
        told = {"duration_ms": ms, "is_error": failed, "status_code": status, "asked": asked}
        return [
            Span(f"{id_}c", f"{caller}:GET", parent_id=above, service=caller, kind="client", peer=callee, **told),
            Span(id_, f"{callee}:{asked}", parent_id=f"{id_}c", service=callee, kind="server", **told),
        ]

    first = Span(
        "g", "gateway:GET /page", ms + 9, gateway >= 500, service="gateway", kind="server", status_code=gateway
    )
    return [
        first,
        *made("r", "g", "gateway", "reviews", f"GET /reviews/{user}", reviews, ms + 5),
        *made("s", "r", "reviews", "ratings", "GET /ratings", ratings, ms),
    ]


def window(*odd, n=100, typical=None, **fields):
    """A window of `n` requests, these among them; what the typical one does stands for all."""
    usual = [page(user=f"cust{number}") for number in range(n - len(odd))]
    calls, traces_seen = seen_calls([*odd, *usual])
    text = trace_text(page(user="cust1") if typical is None else typical)
    return observed(traces={"page": text}, calls=calls, traces_seen=traces_seen, requests=n, **fields)


def fault_free(*odd):
    return Normal(tuple(window(*odd, typical=page(user=f"cust{number}")) for number in range(5)))


NORMAL = fault_free()


def found(observation, normal=NORMAL):
    return {fact.key: fact for fact in signature(observation, normal)}


def test_a_call_that_fails_in_a_fifth_of_the_requests_is_seen_though_the_typical_one_is_well():
    facts = found(window(*[page(reviews=503, user=f"cust{n}") for n in range(20)]))
    assert set(facts) == {("refuses", REVIEWS)}
    fact = facts["refuses", REVIEWS]
    assert (fact.share, fact.weight, fact.callee, fact.began) == (0.2, CAUSE, "reviews", True)
    assert fact.says == "reviews refuses GET /reviews/{id} 20 of 100 times"


def test_what_only_follows_is_no_cause():
    facts = found(window(*[page(reviews=500, ratings=503)] * 20))
    assert facts["refuses", RATINGS].weight == CAUSE
    assert facts["fails", REVIEWS].weight == ECHO


def test_after_how_long_the_caller_gave_up_is_told():
    fact = found(window(*[page(ratings=0, ms=40.0)] * 10))["times_out", RATINGS]
    assert fact.value == 40
    assert fact.says == "reviews gives up on ratings GET /ratings after 40 ms, 10 of 100 times"


@pytest.mark.parametrize("n", [0, 1])
def test_what_may_be_chance_is_not_told(n):
    assert found(window(*[page(reviews=503)] * n)) == {}


def test_a_call_that_fails_as_often_without_a_fault_is_not_told():
    odd = [page(reviews=503)] * 15
    assert found(window(*odd, page(reviews=503)), fault_free(*odd)) == {}
    assert ("refuses", REVIEWS) in found(window(*odd, *odd, *odd), fault_free(*odd))


def test_a_call_that_fault_free_windows_do_not_know_is_not_told():
    uncounted = [observed(traces={"page": trace_text(page(user=user))}) for user in ("cust8", "cust9")]
    assert found(window(*[page(reviews=503)] * 20), Normal(tuple(uncounted))) == {}


def test_where_the_typical_request_tells_what_went_wrong_it_alone_does():
    broken = page(reviews=503)
    facts = found(window(*[page(ratings=503)] * 20, typical=broken))
    assert facts["refuses", REVIEWS].share is None
    assert not any(fact.share for fact in facts.values())


def failure(*odd, plans=ABORT, typical=None, **fields):
    return Failure.of(signature(window(*odd, typical=typical, **fields), NORMAL), plans)


FULL = tuple(plan.model_copy(update={"percentage": 100}) for plan in ABORT)
CLEAR = failure(*[page(reviews=503, gateway=502)] * 100, plans=FULL, typical=page(reviews=503, gateway=502),
                status_code=502, error_rate=1.0)  # fmt: skip


def test_a_faint_failure_belongs_to_the_mode_whose_call_it_shows_and_stays_faint():
    faint = failure(*[page(reviews=503, gateway=502)] * 20, error_rate=0.2)
    assert faint.is_faint
    assert faint.began == CLEAR.began == {("gateway", "reviews")}
    assert grouped([CLEAR, faint, CLEAR]) == [[0, 1, 2]]


def test_a_faint_failure_that_began_elsewhere_is_another():
    faint = failure(*[page(ratings=503, reviews=500, gateway=502)] * 20, error_rate=0.2)
    assert faint.is_faint
    assert grouped([CLEAR, faint, CLEAR]) == [[0, 2], [1]]


def test_its_sentence_says_what_happens_now_and_then():
    facts = signature(window(*[page(reviews=503, gateway=502)] * 20, error_rate=0.2), NORMAL)
    assert (FactKind.STATUS, SOME) in {(fact.kind, fact.where) for fact in facts}
    assert sentence(facts, [facts]) == "reviews turns gateway away now and then; some requests fail"
