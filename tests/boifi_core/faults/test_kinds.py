"""A kind of fault is an entry in one table, shown by one that nothing else has heard of; no other code names kinds."""

import ast
from pathlib import Path

import pytest
from histories import Axis, trial_of

from boifi_core.errors import InvalidInput
from boifi_core.faults.kinds import KINDS, Kind, Scale
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import MINIMISE, FailureMode
from boifi_core.findings.likeness import Failure
from boifi_core.findings.minimal import minimal_fault, question
from boifi_core.injectors.hfi import policy_document as policy
from boifi_core.models import Choice, Near
from boifi_core.session.expressible import check_expressible
from boifi_core.space import SearchSpace

CORE = Path(__file__).resolve().parents[3] / "boifi_core"

CPU_LOAD = Scale(
    name="cpu_load",
    unit="% of a core",
    limits={"gt": 0, "le": 100},
    is_whole=True,
    is_required=True,
    example=1,
    zero_is_none=True,
    says="of {} % of a core",
    close=0,
    other_names={"cpu_share": 100},
)


class WithLoad(FaultPlan):
    """The line that `FaultPlan` gets with a field that no kind had before."""

    cpu_load: int | None = CPU_LOAD.declared()


@pytest.fixture
def cpu_stress(monkeypatch):
    """The entry in the table."""
    monkeypatch.setitem(KINDS, "cpu_stress", Kind((CPU_LOAD,)))
    monkeypatch.setattr("boifi_core.space.plans.FaultPlan", WithLoad)


def space(**share):
    return SearchSpace.parse(
        {
            "dimensions": [
                {"name": "fault_type", "type": "categorical", "values": ["CPU_stress", "delay", "none"]},
                {"name": "cpu_share", "type": "real", "min": 0, "max": 1} | share,
                {"name": "delay_ms", "type": "integer", "min": 0, "max": 500},
            ],
            "fixed": {"target_service": "cart"},
        }
    )


def test_every_field_of_the_table_is_one_of_a_plan():
    assert set().union(*(kind.names for kind in KINDS.values())) <= FaultPlan.model_fields.keys()


@pytest.mark.usefixtures("cpu_stress")
class TestAnotherKind:
    def test_is_written_in_a_space_and_read_as_a_plan(self):
        [plan] = space().plans({"fault_type": "CPU_stress", "cpu_share": 0.404, "delay_ms": 9})
        assert (plan.fault_type, plan.cpu_load, plan.delay_ms) == ("cpu_stress", 40, None)
        assert WithLoad.model_validate_json(plan.model_dump_json()) == plan
        [other] = space().plans({"fault_type": "delay", "cpu_share": 0.4, "delay_ms": 9})
        assert (other.delay_ms, other.cpu_load) == (9, None)

    def test_may_say_that_there_is_no_fault(self):
        assert space().plans({"fault_type": "CPU_stress", "cpu_share": 0.001, "delay_ms": 9}) == ()

    def test_has_limits(self):
        with pytest.raises(InvalidInput, match=r"cpu_share must be at most 100"):
            space(max=1.2)
        with pytest.raises(InvalidInput, match="cpu_load is required for a cpu stress"):
            WithLoad.read({"fault_type": "cpu_stress"})
        with pytest.raises(InvalidInput, match="cpu_share and cpu_load are the same field"):
            WithLoad.read({"fault_type": "cpu_stress", "cpu_share": 0.1, "cpu_load": 10})

    def test_reads_as_a_line(self):
        plan = WithLoad(fault_type="cpu_stress", cpu_load=40, target_service="cart", percentage=80)
        assert str(plan) == "cpu stress of 40 % of a core on cart, 80 %"

    def test_is_as_strong_as_its_number(self):
        plan = WithLoad(fault_type="cpu_stress", cpu_load=40)
        assert (plan.strength, plan.wait_ms) == (40, 0)
        assert Failure.of((), [plan]).strengths == (40, 100)

    def test_is_refused_by_an_injector_that_lacks_it(self):
        with pytest.raises(InvalidInput, match=r"search_space\.fault_type: this injector knows only abort, delay, err"):
            check_expressible(space(), policy.CAPABILITIES)
        with pytest.raises(InvalidInput, match="must be one that HFI can inject"):
            policy.as_sent(WithLoad(fault_type="cpu_stress", cpu_load=40))

    def test_is_known_to_whoever_names_one_that_is_not(self):
        with pytest.raises(InvalidInput, match="must be 'delay', 'abort', 'error_injection', 'rate_limit' or 'cpu_str"):
            FaultPlan.read({"fault_type": "explode"})

    def test_is_made_milder_along_its_field(self):
        """It fails from 43 % of a core on."""
        trials = [trial_of(1, 6.0, plans=(WithLoad(fault_type="cpu_stress", cpu_load=90),))]
        share = [Axis("cpu_share", "real", low=0.05, high=1.0)]

        def seen():
            numbers = tuple(trial.trial for trial in trials if trial.plans[0].cpu_load >= 43)
            worst = {"worst": 1, "worst_plans": trials[0].plans, "severity": 6.0}
            mode = FailureMode(
                id="f-00000001", label="F1", sentence="", signature=(), trials=numbers, replay="", **worst
            )
            return mode, trials, dict.fromkeys(numbers, "F1"), share

        while asked := question(*seen()):
            why = Choice(reason=MINIMISE, nearest=(Near(trial=1, severity=6.0),))
            trials.append(trial_of(len(trials) + 1, 6.0, plans=asked.plans, why=why))
        smallest = minimal_fault(*seen())
        [threshold] = smallest.thresholds
        assert smallest.is_finished
        assert smallest.plans[0].cpu_load == 43
        assert str(threshold) == "cpu_load: from 43 % of a core on; 42 % of a core does not"


def test_no_code_asks_whether_a_fault_is_of_this_kind_or_that():
    asking = [
        f"{path.relative_to(CORE)}:{node.lineno}"
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and any(isinstance(part, ast.Constant) and part.value in KINDS for part in ast.walk(node))
    ]
    assert asking == []
