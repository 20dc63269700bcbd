from typing import get_args

import pytest
from histories import Axis, scored, trial_of
from hypothesis import given
from hypothesis import strategies as st
from reports import report_of

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import MINIMISE, VERIFY
from boifi_core.history.readings import times
from boifi_core.models import Choice, Near, StepDurations
from boifi_core.optimizer import BestPoint
from boifi_core.optimizer.strategy import Reason
from boifi_core.report import kinds, tried_faults
from boifi_core.report.facts import pareto_front
from boifi_core.report.influence import influences, variance_share
from boifi_core.report.reasons import tried_because
from boifi_core.report.steps import step_times, troubles
from boifi_core.report.text_chart import chart

severities = st.lists(st.none() | st.floats(0, 10), max_size=200)


def test_the_chart_shows_trials_the_best_so_far_and_the_unscored():
    assert chart([2, 1, None, 7.4, 7.4, 10]).split("\n") == [
        "10 |     *",
        " 9 |",
        " 8 |",
        " 7 |   *o",
        " 6 |",
        " 5 |",
        " 4 |",
        " 3 |",
        " 2 |*--",
        " 1 | o",
        " 0 |",
        "   +------",
        "      x",
        "    1    6",
    ]


@given(severities, st.integers(1, 80))
def test_a_chart_fits_its_width_whatever_the_trials(values, width):
    lines = chart(values, width).split("\n")
    assert all(len(line) <= 4 + width for line in lines[:-1])
    stars = sum(line.count("*") for line in lines)
    assert bool(stars) == any(value is not None for value in values)


def test_many_trials_share_columns_and_the_worst_shows():
    lines = chart([0.0] * 99 + [10.0] + [0.0] * 100, width=50).split("\n")
    assert lines[0].count("*") == 1
    assert lines[-1] == "    1" + " " * 46 + "200"


def test_tried_faults_are_distinct_and_worst_first():
    thrice = [trial_of(1, 4.0), trial_of(2, 9.0, phase="confirm"), trial_of(6, 6.5, phase="replay")]
    other = trial_of(3, 6.0, point={"fault_type": "abort"})
    unscored = trial_of(4, None), trial_of(5, 9.0, score=scored(9.0, fallback=("bug",)))
    first, second = tried_faults(report_of((*thrice, other, *unscored)))
    assert (first.trial.trial, first.severity, first.severities) == (6, 6.5, (4.0, 9.0, 6.5))
    assert first.first.trial == 1
    assert second.trial.trial == 3


def test_one_lucky_reading_does_not_pass_for_the_worst():
    steady = [trial_of(n, 8.0, point={"ms": 1}) for n in (1, 2)]
    trials = (*steady, trial_of(3, 9.0, point={"ms": 2}), trial_of(4, 8.5, point={"ms": 3}))
    assert [tried.trial.trial for tried in tried_faults(report_of(trials))] == [3, 4, 1]
    best = BestPoint({"ms": 1}, 8.0, 7.9, 0.2, 2)
    assert [tried.trial.trial for tried in tried_faults(report_of(trials, best=best))] == [1, 3, 4]
    unknown = BestPoint({"ms": 7}, 8.0, 7.9, 0.2, 2)
    assert [tried.trial.trial for tried in tried_faults(report_of(trials, best=unknown))] == [3, 4, 1]


NEAR = (Near(trial=4, severity=5.94), Near(trial=2, severity=1.0))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, None),
        ({"phase": "replay"}, "somebody replayed it"),
        ({"why": Choice(reason="initial")}, "part of the first look around"),
        ({"why": Choice(reason="initial", nearest=NEAR)}, "part of the first look around"),
        ({"why": Choice(reason="remaining", nearest=NEAR)}, "one of the last points left"),
        (
            {"why": Choice(reason="explore", nearest=NEAR)},
            "little was known here; the nearest before it, trial 4, had 5.9",
        ),
        (
            {"why": Choice(reason="probe", nearest=NEAR)},
            "to find where it stops, by one number alone; the nearest before it, trial 4, had 5.9",
        ),
        (
            {"why": Choice(reason="improve", promise=0.4, nearest=NEAR), "predicted_mean": 6.12, "predicted_std": 0.8},
            "the model expected 6.1 ± 0.8; the nearest before it, trial 4, had 5.9",
        ),
        ({"why": Choice(reason="confirm", nearest=NEAR)}, "to see whether trial 4's 5.9 comes again"),
        ({"why": Choice(reason="confirm")}, "to see whether an earlier reading comes again"),
        ({"why": Choice(reason="a later version's")}, "a later version's"),
    ],
)
def test_why_a_trial_was_made(fields, text):
    assert tried_because(trial_of(9, **fields)) == text


@pytest.mark.parametrize("reason", [*get_args(Reason), VERIFY, MINIMISE])
def test_every_reason_of_the_search_is_told_in_words(reason):
    text = tried_because(trial_of(9, why=Choice(reason=reason, nearest=(Near(trial=1, severity=2.0),))))
    assert text != reason
    assert " " in text


@pytest.mark.parametrize(("n", "text"), [(0, "never"), (1, "once"), (2, "twice"), (3, "3 times")])
def test_how_often(n, text):
    assert times(n) == text


def test_faults_at_the_same_place_are_told_once():
    cart, bank = (FaultPlan(fault_type="abort", target_service=service) for service in ("cart", "bank"))
    milder = cart.model_copy(update={"percentage": 20.0})
    trials = [
        trial_of(number, severity, point={"n": number}, plans=(plan,))
        for number, severity, plan in ((1, 4.0, milder), (2, 6.0, cart), (3, 5.0, bank))
    ]
    told = kinds(tried_faults(report_of(trials)))
    assert [(tried.trial.trial, alike) for tried, alike in told] == [(2, 2), (3, 1)]


def test_the_pareto_front_keeps_what_nothing_exceeds():
    def one(number, bug, performance, structure):
        score = scored(5.0, bug_score=bug, performance_score=performance, structure_score=structure)
        return trial_of(number, 5.0, score=score, point={"percentage": number})

    trials = (one(1, 10, 0, 0), one(2, 0, 9, 5), one(3, 0, 9, 4), one(4, 10, 0, 0), one(5, 0, 0, 6), one(6, 9, 0, 0))
    assert {tried.trial.trial for tried in pareto_front(tried_faults(report_of(trials)))} == {1, 2, 5}


triples = st.lists(st.tuples(*3 * [st.integers(0, 3)]), min_size=1, max_size=12)


@given(triples)
def test_the_pareto_front_dominates_every_other_finding(scores):
    trials = tuple(
        trial_of(
            number,
            score=scored(1.0, bug_score=bug, performance_score=performance, structure_score=structure),
            point={"percentage": number},
        )
        for number, (bug, performance, structure) in enumerate(scores, 1)
    )
    found = tried_faults(report_of(trials))
    front = {tried.scores for tried in pareto_front(found)}
    for tried in found:
        at_least = [all(a >= b for a, b in zip(best, tried.scores, strict=True)) for best in front]
        assert any(at_least)
        if tried.scores in front:
            assert sum(at_least) == 1


@pytest.mark.parametrize(
    ("groups", "share"),
    [
        ([[1, 1, 1], [9, 9, 9]], 1.0),
        ([[1, 9], [1, 9]], 0.0),
        ([[5, 5], [5, 5]], 0.0),
        ([[1, 2, 3]], None),
        ([[1], [2], [3]], None),
        ([[1, 2], [3], []], None),
        ([], None),
    ],
)
def test_the_share_of_variance(groups, share):
    assert variance_share(groups) == share


@given(st.lists(st.lists(st.floats(0, 10), max_size=6), max_size=5))
def test_the_share_of_variance_is_a_share(groups):
    share = variance_share(groups)
    assert share is None or 0 <= share <= 1


def test_what_each_dimension_did():
    trials = [
        *(trial_of(n, 8.0, point={"kind": "a", "ms": n * 10}) for n in range(1, 7)),
        *(trial_of(n, 2.0, point={"kind": "b"}) for n in range(7, 13)),
        trial_of(13, None, point={"kind": "c", "ms": 1}),
    ]
    kind, ms = influences(trials, [Axis("kind", values=("a", "b", "c")), Axis("ms", "integer", low=0, high=100)])
    assert [(group.label, group.n, group.mean, group.highest) for group in kind.groups] == [
        ("a", 6, 8.0, 8.0),
        ("b", 6, 2.0, 2.0),
        ("c", 0, None, None),
    ]
    assert kind.share == pytest.approx(1.0)
    assert [(group.label, group.n) for group in ms.groups] == [("10 to 20", 2), ("30 to 40", 2), ("50 to 60", 2)]
    assert (ms.n_absent, ms.share) == (6, 0.0)


def test_equal_values_stay_in_one_third_and_true_is_not_one():
    trials = [trial_of(n, 1.0, point={"ms": 5 if n < 9 else 7, "mixed": n == 1 or 1}) for n in range(1, 11)]
    ms, mixed = influences(trials, [Axis("ms", "real", low=0, high=9), Axis("mixed", values=(True, 1))])
    assert [(group.label, group.n) for group in ms.groups] == [("5", 8), ("7", 2)]
    assert [(group.label, group.n) for group in mixed.groups] == [("true", 1), ("1", 9)]


def test_step_times_leave_out_steps_that_were_not_reached():
    trials = [trial_of(n, durations=StepDurations(propose_ms=n, observe_ms=None)) for n in range(1, 101)]
    (only,) = step_times(trials)
    assert (only.step, only.n, only.median_ms, only.total_s) == ("propose", 100, 50.5, 5.05)
    assert only.p95_ms == pytest.approx(95.05)


def test_reasons_about_traces_are_one_trouble_whatever_is_counted_in_them():
    trials = [
        trial_of(1, 1.0, status="degraded", reason="traces: 3 of 30 requests have one"),
        trial_of(2, 1.0, status="degraded", reason="traces: 16 of 30 requests have one"),
        trial_of(3, 1.0, status="degraded", reason="odd 3"),
        trial_of(4, 1.0, status="degraded", reason="odd 4"),
    ]
    assert [(trouble.reason, trouble.trials) for trouble in troubles(trials)] == [
        ("traces: 3 of 30 requests have one", (1, 2)),
        ("odd 3", (3,)),
        ("odd 4", (4,)),
    ]


def test_every_trouble_is_grouped_by_reason():
    trials = [
        trial_of(1, None, reason="refused"),
        trial_of(2, None, reason="late", status="skipped"),
        trial_of(3, None, reason="refused"),
        trial_of(4, None),
        trial_of(5, 1.0, status="degraded", reason="odd"),
        trial_of(6, 5.0, score=scored(5.0, fallback=("struct",))),
        trial_of(7, 5.0),
    ]
    assert [(trouble.status, trouble.reason, trouble.trials) for trouble in troubles(trials)] == [
        ("failed", "refused", (1, 3)),
        ("skipped", "late", (2,)),
        ("failed", "no reason given", (4,)),
        ("degraded", "odd", (5,)),
        ("fallback", "the struct score could not be computed", (6,)),
    ]
