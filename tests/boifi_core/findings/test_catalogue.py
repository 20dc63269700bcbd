"""The catalogue: from trials and fault-free observations alone."""

import pytest
from failures import HEALTHY, ID, LATE, NO_REVIEWS, found, tried, verifying
from histories import scored, trial_of
from meshes import window
from pydantic import ValidationError

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Verdict
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.evidence import Evidence
from boifi_core.models import Choice, Control, Phase


def test_a_failure_has_its_worst_trial_its_members_its_region_and_a_sentence():
    told = found(
        tried(1, delay_ms=100),
        tried(2, HEALTHY, 0.0, delay_ms=90),
        tried(3, delay_ms=250, severity=8.0),
        tried(4, LATE, 2.0, "stock"),
    )
    assert [mode.label for mode in told.modes] == ["F1", "F4"]
    assert told.harmless == 1
    worst = told.modes[0]
    assert (worst.worst, worst.severity, worst.trials) == (3, 8.0, (1, 3))
    assert [str(bound) for bound in worst.region] == [
        "fault_type delay",
        "target_service reviews",
        "percentage 60",
        "delay_ms 100 to 250",
    ]
    assert worst.sentence == "gateway gives up on reviews after 41 ms; product fails; “This page is not available.”"
    assert worst.replay == f"boifi replay {ID} 3"
    assert (worst.verdict, worst.minimal) == (None, None)
    assert [str(point.plan) for point in worst.frontier] == ["delay 100 ms on reviews, 60 %"]
    assert worst.frontier[0].thresholds[0].holds_at == 90


def test_it_is_the_same_however_often_it_is_made_and_survives_json():
    trials = [tried(1), tried(2, HEALTHY, 0.0), tried(3, LATE, 2.0, "stock")]
    once = found(*trials)
    assert found(*trials) == once
    assert type(once).model_validate_json(once.model_dump_json()) == once
    with pytest.raises(ValidationError):
        once.harmless = 2


def test_an_id_stays_when_the_history_grows():
    before = found(tried(2))
    assert (
        found(tried(2), tried(3, severity=9.0), tried(4, LATE, 9.5, "stock")).mode_of(2).label == before.modes[0].label
    )


def test_a_fault_counts_with_the_mean_of_its_readings():
    told = found(tried(1, severity=9.0), tried(2, severity=3.0), tried(3, severity=7.0, delay_ms=200))
    assert (told.modes[0].worst, told.modes[0].severity) == (3, 7.0)


def test_what_a_baseline_that_is_not_clean_shows_is_no_failure():
    trials = [tried(1, LATE, 1.4, delay_ms=50)]
    assert not catalogue(trials, Evidence((HEALTHY,), 1.0), session_id=ID).modes
    assert catalogue(trials, Evidence((HEALTHY,), 0.0), session_id=ID).modes


def test_trials_without_a_real_score_are_no_findings():
    assert not found(
        tried(1, score=scored(9.0, fallback=("bug",))), tried(2, status="failed"), tried(3, severity=None)
    ).modes


def test_a_failure_that_shows_again_beside_clean_runs_is_confirmed():
    told = found(tried(1), *[verifying(n) for n in range(2, 6)])
    sure = told.modes[0].confirmation
    assert (sure.verdict, sure.shown, len(sure.readings)) == (Verdict.CONFIRMED, 4, 4)
    assert (sure.controls, sure.false_alarms, told.false_alarms) == (4, 0, 0)


def test_one_that_does_not_is_not():
    told = found(tried(1), *[verifying(n, observation=HEALTHY, severity=0.0) for n in range(2, 5)])
    assert told.modes[0].verdict is Verdict.INCONCLUSIVE
    assert told.modes[0].severity == 1.5


def test_one_that_shows_another_failure_is_not():
    told = found(tried(1), *[verifying(n, observation=LATE, severity=5.0) for n in range(2, 5)])
    assert told.mode_of(1).verdict is Verdict.INCONCLUSIVE


def test_one_that_fault_free_runs_show_as_well_is_not():
    alarmed = [
        verifying(n).model_copy(update={"control": Control(observation=NO_REVIEWS, severity=6.0)}) for n in range(2, 6)
    ]
    told = found(tried(1), *alarmed)
    assert told.modes[0].verdict is Verdict.INCONCLUSIVE
    assert told.modes[0].confirmation.false_alarm_rate == 1
    assert told.false_alarms == 4


def test_noise_of_another_kind_in_fault_free_runs_is_not_held_against_it():
    late = [verifying(n).model_copy(update={"control": Control(observation=LATE, severity=2.0)}) for n in range(2, 6)]
    told = found(tried(1), *late)
    assert told.modes[0].verdict is Verdict.CONFIRMED
    assert (told.false_alarms, told.modes[0].confirmation.false_alarms) == (4, 0)


def test_the_optimizers_own_second_readings_are_no_confirmation():
    told = found(tried(1), tried(2, phase=Phase.CONFIRM, why=Choice(reason="confirm")))
    assert told.modes[0].verdict is None


def test_a_smaller_fault_is_a_member_but_neither_the_worst_nor_part_of_the_region():
    smaller = tried(2, severity=9.0, phase=Phase.MINIMISE).model_copy(
        update={"plans": (FaultPlan(fault_type="delay", target_service="reviews", delay_ms=50),)}
    )
    mode = found(tried(1), smaller).modes[0]
    assert (mode.trials, mode.worst, mode.severity) == ((1, 2), 1, 6.0)


def test_without_traces_and_baseline_there_is_a_catalogue_too():
    told = catalogue([trial_of(1, 8.0), trial_of(2, 0.0)], Evidence(), session_id=ID)
    assert [mode.trials for mode in told.modes] == [(1,)]
    assert told.modes[0].sentence


def test_that_some_requests_fail_without_a_fault_is_not_held_against_what_breaks_a_call():
    noisy = window(error_rate=0.03, logs=("no answer",))
    alarmed = [
        verifying(n).model_copy(update={"control": Control(observation=noisy, severity=1.8)}) for n in range(2, 6)
    ]
    told = found(tried(1), *alarmed)
    assert (told.false_alarms, told.modes[0].confirmation.false_alarms) == (4, 0)
    assert told.modes[0].verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("readings", "verdict"),
    [(0, None), (2, Verdict.SUSPECTED), (3, Verdict.SUSPECTED), (8, Verdict.CONFIRMED)],
)
def test_f6_more_evidence_for_a_failure_lets_no_pipeline_pass(readings, verdict):
    [mode] = found(tried(1), *(verifying(number) for number in range(2, 2 + readings))).modes
    assert mode.verdict == verdict
    assert mode.fails(5.9)
    assert not mode.fails(6.1)


@pytest.mark.parametrize("again", [2, 4])
def test_f6_what_was_measured_again_in_vain_fails_no_pipeline(again):
    readings = [verifying(number, observation=HEALTHY, severity=0.0) for number in range(2, 2 + again)]
    [mode] = found(tried(1), *readings).modes
    assert mode.verdict is Verdict.INCONCLUSIVE
    assert not mode.fails(0.0)
