"""How the benchmark of the findings counts."""

import pytest
from failures import LATE, found, tried
from histories import trial_of

from benchmarks import findings
from benchmarks.findings import THRESHOLDS_MS, TRIGGERS, kept, tables, tell
from benchmarks.findings.kept import Alarms
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue
from demo.ground_truth import WEAKNESSES
from demo.tracing import Tracing

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
    assert told.tried == told.found == ("No reviews, no page",)
    assert (told.split, told.merged, told.astray, told.examined, told.seen) == ((), 0, 0.0, 1, 0)


def test_a_weakness_in_two_modes_is_split():
    trials = [brought_out(1), brought_out(2), brought_out(3, as_late=True)]
    told = tell(trials, found(*trials))
    assert told.found == told.split == ("No reviews, no page",)


def test_a_trial_in_a_mode_of_another_weakness_is_astray():
    bank = (FaultPlan(fault_type="delay", target_service="bank", delay_ms=100),)
    other = tried(3, severity=5.0).model_copy(update={"plans": bank})
    trials = [brought_out(1), brought_out(2), other]
    catalogue = found(*trials)
    together = catalogue.modes[0].model_copy(update={"trials": (1, 2, 3)})
    told = tell(trials, catalogue.model_copy(update={"modes": (together,)}))
    assert told.astray == pytest.approx(1 / 3)
    assert told.found == ("No reviews, no page",)
    assert told.merged == 0


def test_a_mode_with_two_trials_of_another_weakness_is_of_two():
    bank = (FaultPlan(fault_type="delay", target_service="bank", delay_ms=100),)
    others = [tried(number, severity=5.0).model_copy(update={"plans": bank}) for number in (3, 4)]
    trials = [brought_out(1), brought_out(2), *others]
    catalogue = found(*trials)
    together = catalogue.modes[0].model_copy(update={"trials": (1, 2, 3, 4)})
    assert tell(trials, catalogue.model_copy(update={"modes": (together,)})).merged == 1


@pytest.fixture
def sessions(monkeypatch):
    """Sessions that are not made; which were asked for."""
    made = []

    def session_of(tracing, seed, trials, objective):
        made.append((tracing, seed, trials, objective))
        tried_there = [brought_out(1), brought_out(2)]
        return tried_there, found(*tried_there), 0

    def without_faults(tracing, seed, objective):
        made.append((tracing, seed, objective))
        return Catalogue()

    monkeypatch.setattr(findings, "session_of", session_of)
    monkeypatch.setattr(findings, "without_faults", without_faults)
    return made


def test_what_is_kept_is_not_measured_again(sessions, tmp_path, monkeypatch):
    file = tmp_path / "kept" / "findings.jsonl"
    first = findings.measure([Tracing.OTEL], quick=True, file=file)
    assert sessions == [(Tracing.OTEL, 1, findings.QUICK_TRIALS, "both"), (Tracing.OTEL, 1, "both")]
    lines = file.read_text()
    file.write_text(lines + lines[:40])  # broken off while it was written
    assert findings.measure([Tracing.OTEL], quick=True, file=file) == first
    assert len(sessions) == 2
    findings.measure([Tracing.OTEL, Tracing.NONE], quick=True, file=file)
    assert sessions[2:] == [(Tracing.NONE, 1, findings.QUICK_TRIALS, "both"), (Tracing.NONE, 1, "both")]
    findings.measure([Tracing.OTEL], ["modes", "both"], quick=True, file=file)
    assert sessions[4:] == [(Tracing.OTEL, 1, findings.QUICK_TRIALS, "modes"), (Tracing.OTEL, 1, "modes")]
    monkeypatch.setattr(kept, "code", lambda: "other")
    findings.measure([Tracing.OTEL], quick=True, file=file)
    assert len(sessions) == 8


def test_every_way_of_tracing_stands_beside_the_shops_own():
    trials = [brought_out(1), brought_out(2)]
    good = tell(trials, found(*trials))
    bad = good.model_copy(update={"found": ()})
    alarms = [Alarms(modes=2, confirmed=1, controls=9, false_alarms=3)]
    summary, *each, thresholds, without = tables(
        {
            ("both", Tracing.OWN): {1: good},
            ("both", Tracing.OTEL): {1: bad},
            ("both", Tracing.NONE): {1: bad},
            ("severity", Tracing.OTEL): {1: bad},
        },
        {("both", Tracing.OTEL): alarms * 2},
        40,
    )
    assert [row[:5] for row in summary.rows] == [
        ("both", "own", "1 of 8", "100%", ""),
        ("both", "otel", "1 of 8", "0%", "0% missed"),
        ("both", "none", "1 of 8", "0%", "0%"),
        ("severity", "otel", "1 of 8", "0%", ""),
    ]
    assert [table.title for table in each][2:] == [
        "Objective both, traced as none, 40 trials",
        "Objective severity, traced as otel, 40 trials",
    ]
    assert thresholds.rows == ()
    assert without.rows == (("both", "otel", "2", "4", "2", "18", "6"),)
