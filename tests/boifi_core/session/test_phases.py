"""Whose turn it is in a session: what is tried after the search, and in which order."""

from types import SimpleNamespace

import pytest
from failures import DIMENSIONS, HEALTHY, LATE, found, tried, verifying

from boifi_core.findings import MINIMISE, VERIFY
from boifi_core.findings.models import CAUSE, Fact, FactKind
from boifi_core.models import Aftermath, Choice, Near, Phase
from boifi_core.session.budget import Budget
from boifi_core.session.phases.confirm import Confirm, failures_at_once, in_turn
from boifi_core.session.phases.minimise import Minimise
from boifi_core.session.phases.plan import Plan

ANY = lambda _plans: True  # noqa: E731
SEARCHED = (tried(1), tried(2, LATE, 2.0, "stock"), tried(3, HEALTHY, 0.0))
GONE = [verifying(n, observation=HEALTHY, severity=0.0) for n in (4, 5)]
SURE = (*SEARCHED, *[verifying(n) for n in range(4, 8)])


class Searched:
    """A session whose search is over: what its phases ask of it."""

    is_searched_out = False

    def __init__(self, trials, confirm, minimise, readings, is_allowed):
        self.trials = trials
        self.found = found(*trials)
        self.is_allowed = is_allowed
        self.as_sent = tuple
        space = SimpleNamespace(dimensions=DIMENSIONS)
        confirms, recovery = SimpleNamespace(readings=readings), SimpleNamespace(hold_s=2.0)
        self.config = SimpleNamespace(search_space=space, confirm=confirms, recovery=recovery)
        followed = sum(trial.why is not None and trial.why.reason in (VERIFY, MINIMISE) for trial in trials)
        self.budget = Budget(1000, confirm, minimise, len(trials), len(trials) - followed, 0.0)


def follow(trials, confirm=10, minimise=0, readings=4, is_allowed=ANY):
    """What is tried next, once the search is over."""
    return Plan([Confirm, Minimise]).next(Searched(trials, confirm, minimise, readings, is_allowed))


def of(asked):
    """The trial whose failure is looked for."""
    return asked.why.nearest[0].trial


def follow_to_the_end(confirm, minimise, searched=SEARCHED):
    """All that is tried after the search, each trial showing the failure that it looks for: reason and failure."""
    made = list(searched)
    while (asked := follow(made, confirm, minimise)) is not None:
        looked_for = made[of(asked) - 1]
        fields = {"trial": len(made) + 1, "plans": asked.plans, "why": asked.why}
        again = verifying(1) if asked.why.reason == VERIFY else tried(1, phase=Phase.MINIMISE)
        made.append(
            again.model_copy(update=fields | {"observation": looked_for.observation, "score": looked_for.score})
        )
    return [(trial.why.reason, trial.why.nearest[0].trial) for trial in made[len(searched) :]]


def test_failures_are_measured_again_in_turn_the_worst_first():
    first = follow(SEARCHED)
    assert (of(first), first.why.reason, first.plans) == (1, VERIFY, SEARCHED[0].plans)
    assert of(follow((*SEARCHED, verifying(4)))) == 2


def test_as_many_failures_as_the_budget_is_likely_to_do_for():
    assert [
        failures_at_once(Budget(60, *shares, 0, 0, 0.0))
        for shares in ((1, 0), (7, 0), (10, 0), (4, 4), (20, 30), (5, 45))
    ] == [1, 1, 5, 1, 16, 5]
    assert of(follow((*SEARCHED, verifying(4)), confirm=2)) == 1
    assert follow((*SEARCHED, verifying(4), verifying(5)), confirm=2) is None


def test_a_failure_that_never_shows_again_makes_room():
    assert of(follow((*SEARCHED, *GONE), confirm=3)) == 2


def test_it_ends_with_the_most_readings_and_where_nothing_failed():
    again = tuple(verifying(n) for n in (4, 5))
    assert follow((SEARCHED[0], *again), readings=2) is None
    assert of(follow((SEARCHED[0], *again), readings=4)) == 1
    assert follow(SEARCHED[2:]) is None
    assert follow(()) is None


def test_what_the_guardrails_forbid_is_not_injected_again():
    def no_reviews(plans):
        return all(plan.target_service != "reviews" for plan in plans)

    assert of(follow(SEARCHED, is_allowed=no_reviews)) == 2
    assert of(follow(SEARCHED, 0, 10, is_allowed=no_reviews)) == 2


def test_only_what_is_confirmed_is_made_smaller_unless_nothing_was_to_be_confirmed():
    asked = follow(SURE, 4, 4)
    assert (of(asked), asked.why.reason) == (1, MINIMISE)
    assert asked.plans[0].delay_ms < SEARCHED[0].plans[0].delay_ms
    unsure = follow((*SEARCHED, *GONE), 4, 4)
    assert (of(unsure), unsure.why.reason) == (2, VERIFY)
    assert follow(SEARCHED, 0, 0) is None
    assert follow(SEARCHED, 0, 4).why.reason == MINIMISE


def test_what_one_of_the_two_does_not_need_is_the_others():
    assert [reason for reason, _ in follow_to_the_end(12, 1)].count(MINIMISE) > 1
    assert [reason for reason, _ in follow_to_the_end(1, 12)].count(VERIFY) == 4


def test_all_are_confirmed_before_any_is_made_smaller_and_one_is_small_before_the_next_is_begun():
    """The first is as small as it may be but for its percentage, and so takes less than failures do as a rule."""
    made = follow_to_the_end(4, 11, (tried(1, delay_ms=10), *SEARCHED[1:]))
    smaller = [place for place, (reason, _) in enumerate(made) if reason == MINIMISE]
    assert smaller == list(range(6, 15)), "three readings of each, then smaller faults"
    assert made[6:] == [(MINIMISE, 1)] * 2 + [(MINIMISE, 2)] * 7


def test_a_further_failure_of_one_place_waits_for_others_that_are_nearly_as_bad():
    def mode(severity, callee, kind=FactKind.FAILS):
        began = Fact(kind=kind, where=f"gateway → {callee}", says="", weight=CAUSE, callee=callee)
        return SimpleNamespace(severity=severity, signature=(began,))

    worst, same, other = mode(6.0, "reviews"), mode(5.5, "reviews", FactKind.SLOW), mode(5.0, "stock")
    milder, unknown = mode(4.0, "bank"), SimpleNamespace(severity=3.0, signature=())
    assert in_turn([worst, same, other, milder, unknown]) == [worst, other, same, milder, unknown]


def test_no_failure_is_begun_that_would_stay_half_known():
    made = follow_to_the_end(2, 6, (tried(1, delay_ms=10), *SEARCHED[1:]))
    assert {of for _, of in made} == {1}
    assert len(made) < 8


def test_what_was_only_found_with_a_smaller_fault_is_measured_again_too():
    """While the delay of reviews was made shorter, the stock failed otherwise, and worse."""
    why = Choice(reason=MINIMISE, nearest=(Near(trial=1, severity=6.0),))
    surprise = tried(8, LATE, 9.0, "stock", phase=Phase.MINIMISE, why=why)
    assert of(follow((SEARCHED[0], *SURE[3:], surprise), 2, 5)) == 8
    milder = tried(8, LATE, 2.0, "stock", phase=Phase.MINIMISE, why=why)
    assert follow((SEARCHED[0], *SURE[3:], milder), 2, 5).why.reason == MINIMISE


def test_p10_what_a_search_leaves_of_a_space_that_is_used_up_is_for_what_follows_it():
    budget = Budget(30, 4, 7, 13, 9, 0.0)
    assert (budget.left_to_search, budget.left_to_follow_up) == (10, 7)
    assert (budget.without_search().left_to_search, budget.without_search().left_to_follow_up) == (0, 17)
    assert Budget(30, 4, 0, 13, 9, 0.0).without_search().left_to_follow_up == 17
    none_follows = Budget(30, 0, 0, 9, 9, 0.0)
    assert none_follows.without_search() == none_follows


@pytest.mark.parametrize(
    ("total", "share", "why"),
    [
        (60, 0.0, "confirm.share is 0"),
        (5, 0.1, "confirm.share 0.1 of 5 trials is less than one"),
        (14, 0.15, "the initial points leave no trial for it"),
    ],
)
def test_it_is_said_why_a_share_is_none(total, share, why):
    assert Budget(total, 0, 0, 0, 0, 0.0).why_none("confirm.share", share) == why


def test_the_second_reading_of_each_failure_holds_its_fault():
    assert follow(SEARCHED).hold_s == 0
    first = (*SEARCHED, verifying(4))
    assert follow((*first, verifying(5, of=2, observation=LATE, severity=2.0, service="stock"))).hold_s == 2.0
    unsure = (*first, verifying(5, observation=HEALTHY, severity=0.0))
    assert (
        follow((*unsure, *(verifying(n, of=2, observation=LATE, severity=2.0, service="stock") for n in (6, 7)))).hold_s
        == 0
    )


@pytest.mark.parametrize("confirm", [0, 10])
def test_a_fault_that_brought_the_target_down_for_good_is_not_tried_again(confirm):
    down = Aftermath(observation=HEALTHY, severity=9.0, after_ms=60_000, is_down=True)
    asked = follow((tried(1, aftermath=down), tried(2, LATE, 2.0, "stock")), confirm=confirm, minimise=10)
    assert of(asked) == 2
