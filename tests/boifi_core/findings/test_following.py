"""What is tried after the search, and in which order."""

from failures import DIMENSIONS, HEALTHY, LATE, found, tried, verifying

from boifi_core.findings import MINIMISE, VERIFY
from boifi_core.findings.following import confirming, minimising

ANY = lambda _plans: True  # noqa: E731
SEARCHED = (tried(1), tried(2, LATE, 2.0, "stock"), tried(3, HEALTHY, 0.0))


def confirm(trials, budget=10, readings=4, is_allowed=ANY):
    return confirming(found(*trials), trials, budget, readings, is_allowed)


def minimise(trials, budget=10, is_allowed=ANY, *, only_confirmed=False):
    return minimising(found(*trials), trials, budget, DIMENSIONS, is_allowed, only_confirmed=only_confirmed)


def test_failures_are_measured_again_in_turn_the_worst_first():
    first = confirm(SEARCHED)
    assert (first.of.trial, first.reason, first.plans) == (1, VERIFY, SEARCHED[0].plans)
    assert confirm((*SEARCHED, verifying(4))).of.trial == 2


def test_as_many_failures_as_the_budget_can_confirm():
    assert confirm((*SEARCHED, verifying(4)), budget=2).of.trial == 1
    assert confirm((*SEARCHED, verifying(4), verifying(5)), budget=2) is None


def test_a_failure_that_never_shows_again_makes_room():
    gone = [verifying(n, observation=HEALTHY, severity=0.0) for n in (4, 5)]
    assert confirm((*SEARCHED, *gone), budget=3).of.trial == 2


def test_it_ends_with_the_most_readings_and_where_nothing_failed():
    again = tuple(verifying(n) for n in (4, 5))
    assert confirm((SEARCHED[0], *again), readings=2) is None
    assert confirm((SEARCHED[0], *again), readings=4).of.trial == 1
    assert confirm(SEARCHED[2:]) is None
    assert confirm(()) is None


def test_what_the_guardrails_forbid_is_not_injected_again():
    def no_reviews(plans):
        return all(plan.target_service != "reviews" for plan in plans)

    assert confirm(SEARCHED, is_allowed=no_reviews).of.trial == 2
    assert minimise(SEARCHED, is_allowed=no_reviews).of.trial == 2


def test_only_what_is_confirmed_is_made_smaller_unless_nothing_was_to_be_confirmed():
    assert minimise(SEARCHED, only_confirmed=True) is None
    sure = (*SEARCHED, *[verifying(n) for n in range(4, 8)])
    asked = minimise(sure, only_confirmed=True)
    assert (asked.of.trial, asked.reason) == (1, MINIMISE)
    assert asked.plans[0].delay_ms < SEARCHED[0].plans[0].delay_ms
    assert minimise(SEARCHED, budget=0) is None
    assert minimise(SEARCHED).of.trial == 1
