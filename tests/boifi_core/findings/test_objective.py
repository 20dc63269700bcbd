"""What a trial is worth to a search for ever other failures."""

import pytest

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Fact, FactKind
from boifi_core.findings.likeness import Failure
from boifi_core.findings.objective import OBJECTIVES


def failure(service):
    fact = Fact(kind=FactKind.FAILS, where=f"front → {service}", weight=3.0)
    return Failure.of([fact], [FaultPlan(fault_type="abort", target_service=service)])


def test_each_further_trial_of_a_failure_is_worth_less_and_another_failure_is_not():
    worth = OBJECTIVES["modes"]()
    told = [worth(failure(service), 6.0) for service in ("cart", "cart", "bank", "cart")]
    assert told == [6.0, 3.0, 6.0, 2.0]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_is_harmless_is_worth_its_severity(name):
    worth = OBJECTIVES[name]()
    assert [worth(None, 0.3), worth(failure("cart"), 6.0), worth(None, 0.3)] == [0.3, 6.0, 0.3]
