"""How the benchmark of the findings counts."""

import pytest
from failures import LATE, found, tried
from histories import trial_of

from benchmarks.findings import THRESHOLDS_MS, TRIGGERS, tell
from boifi_core.faults.plan import FaultPlan
from demo.ground_truth import WEAKNESSES

IN_SPACE = [weakness for weakness in WEAKNESSES if weakness.in_space]


@pytest.mark.parametrize("weakness", IN_SPACE, ids=lambda weakness: weakness.name)
def test_every_documented_weakness_is_brought_out_by_its_own_fault_alone(weakness):
    [plan] = weakness.plans
    assert [name for name, triggers in TRIGGERS.items() if triggers(plan)] == [weakness.name]


def test_every_weakness_is_counted_and_every_threshold_is_one_of_theirs():
    assert TRIGGERS.keys() == {weakness.name for weakness in IN_SPACE}
    assert THRESHOLDS_MS.keys() <= TRIGGERS.keys()


def brought_out(number, *, as_late=False):
    """A trial of the weakness of the reviews."""
    plans = (FaultPlan(fault_type="delay", target_service="reviews", delay_ms=100),)
    seen = {"observation": LATE} if as_late else {}
    return tried(number, severity=2.4, **seen).model_copy(update={"plans": plans})


def test_a_weakness_with_a_mode_of_its_own_is_found():
    trials = [brought_out(1), brought_out(2), trial_of(3, 0.0)]
    told = tell(trials, found(*trials))
    assert told.tried == told.found == {"No reviews, no page"}
    assert (told.split, told.astray, told.examined, told.seen) == (frozenset(), 0.0, 1, 0)


def test_a_weakness_in_two_modes_is_split():
    trials = [brought_out(1), brought_out(2), brought_out(3, as_late=True)]
    told = tell(trials, found(*trials))
    assert told.found == told.split == {"No reviews, no page"}


def test_a_trial_in_a_mode_of_another_weakness_is_astray():
    bank = (FaultPlan(fault_type="delay", target_service="bank", delay_ms=100),)
    other = tried(3, severity=5.0).model_copy(update={"plans": bank})
    trials = [brought_out(1), brought_out(2), other]
    catalogue = found(*trials)
    together = catalogue.modes[0].model_copy(update={"trials": (1, 2, 3)})
    told = tell(trials, catalogue.model_copy(update={"modes": (together,)}))
    assert told.astray == pytest.approx(1 / 3)
    assert told.found == {"No reviews, no page"}
