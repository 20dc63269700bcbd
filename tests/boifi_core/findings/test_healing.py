"""How the target heals, as facts, sentences, and a failure of its own."""

import pytest
from failures import HEALTHY, NO_REVIEWS, found, tried, verifying
from histories import trial_of
from meshes import window

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import FactKind, Verdict
from boifi_core.findings.healing import is_late
from boifi_core.models import Aftermath, StepDurations

GONE_DOWN = window(status_code=503, error_rate=1.0, latency_ms=5)


def left(observation=GONE_DOWN, severity=9.0, is_down=True):
    return Aftermath(observation=observation, severity=severity, after_ms=59_300, is_down=is_down)


@pytest.mark.parametrize(
    ("healed_ms", "observe_ms", "plan", "late"),
    [
        (None, 100.0, {"fault_type": "abort", "abort_status_code": 503}, False),
        (900.0, 100.0, {"fault_type": "abort", "abort_status_code": 503}, False),
        (1100.0, 100.0, {"fault_type": "abort", "abort_status_code": 503}, True),
        (1100.0, 600.0, {"fault_type": "abort", "abort_status_code": 503}, False),  # one window does not tell
        (3900.0, 100.0, {"fault_type": "delay", "delay_ms": 2000}, False),  # requests that were under way
        (4100.0, 100.0, {"fault_type": "delay", "delay_ms": 2000}, True),
    ],
)
def test_late_is_longer_than_windows_and_what_the_fault_itself_holds_up(healed_ms, observe_ms, plan, late):
    made = {"plans": (FaultPlan(**plan),), "durations": StepDurations(observe_ms=observe_ms)}
    assert is_late(trial_of(1, 7.0, healed_ms=healed_ms, **made)) is late


def test_the_sentence_tells_that_a_target_heals_late_and_nothing_else_changes():
    usual = found(*(tried(number) for number in (1, 2, 3))).modes
    late = found(*(tried(number, healed_ms=ms) for number, ms in ((1, 4000.0), (2, 4200.0), (3, 20.0)))).modes
    assert late[0].sentence == f"{usual[0].sentence}; as before only 4.1 s after the fault is gone"
    assert [(mode.id, mode.label, mode.trials) for mode in late] == [(m.id, m.label, m.trials) for m in usual]
    assert late[0].signature[-1].kind is FactKind.HEALS_LATE


@pytest.mark.parametrize(
    "healed", [(4000.0, 20.0), (4000.0, None), (None, None), (4000.0, 4000.0, 20.0, 20.0)], ids=str
)
def test_what_most_trials_do_not_say_twice_is_not_told(healed):
    (mode,) = found(*(tried(number, healed_ms=ms) for number, ms in enumerate(healed, 1))).modes
    assert "as before only" not in mode.sentence


def test_a_target_that_stays_down_is_a_failure_of_its_own_before_all_others():
    modes = found(tried(1), tried(2, severity=10.0), verifying(3, aftermath=left()), tried(4, service="stock")).modes
    worst = modes[0]
    assert (worst.label, worst.verdict, worst.severity, worst.trials) == ("F3", Verdict.STAYS_DOWN, 10.0, (3,))
    assert worst.sentence == (
        "the target does not come back within 59.3 s after the fault is gone; most requests get 503"
    )
    (while_on,) = (mode for mode in modes if mode.label == "F1")
    assert 3 in while_on.trials, "what the same trial showed while its fault lasted is known as before"
    assert while_on.confirmation.shown == 1
    assert worst.id != while_on.id
    assert worst.fails(10)


def test_a_trial_alone_that_stays_down_is_one_failure_whatever_it_showed_itself():
    for trial in (
        tried(1, aftermath=left()),
        tried(1, HEALTHY, 0.0, aftermath=left()),
        tried(1, None, None, status="skipped", score=None, aftermath=left()),
    ):
        catalogue = found(trial)
        assert [(mode.label, mode.verdict) for mode in catalogue.modes] == [("F1", Verdict.STAYS_DOWN)]
        assert catalogue.harmless == 0
        assert not catalogue.may_be_tried(catalogue.modes[0])


def test_other_trials_of_the_failure_keep_it_under_their_own_name_and_it_is_not_tried_again():
    catalogue = found(tried(1, aftermath=left()), tried(2), tried(3))
    assert [(mode.label, mode.trials) for mode in catalogue.modes] == [("F1", (1,)), ("F2", (1, 2, 3))]
    assert not any(map(catalogue.may_be_tried, catalogue.modes))


def test_two_places_that_bring_it_down_are_two_failures_and_the_same_place_is_one():
    at = [tried(1, aftermath=left()), tried(2, aftermath=left()), tried(3, service="stock", aftermath=left())]
    modes = found(*at).modes
    assert [mode.trials for mode in modes] == [(1, 2), (3,)]
    assert len({mode.id for mode in modes}) == 2


def test_what_stays_a_little_worse_is_no_failure():
    mild = left(NO_REVIEWS, 1.2, is_down=False)
    assert all(mode.verdict is None for mode in found(tried(1, aftermath=mild), tried(2)).modes)
