import pytest
from histories import Axis, scored, trial_of
from observations import observed, span, trace
from reports import DIMENSIONS, report_of, session

from boifi_core.analyzer import AnalyzerConfig
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue, Confirmation, FailureMode, MinimalFault, Verdict
from boifi_core.report.advice import advice

CONFIRMED = Confirmation(
    verdict=Verdict.CONFIRMED, readings=(), shown=4, low=0.5, high=1, level=0.95, severity=6, controls=4,
    false_alarms=0, false_alarm_high=0.4,
)  # fmt: skip


def advised(*trials, **fields):
    return "\n".join(advice(report_of(tuple(trials), **fields)))


def hurt(number, severity, **point):
    return trial_of(number, severity, point=point)


def test_nothing_scored():
    text = advised(trial_of(1, None), trial_of(2, None))
    assert "2 of 2 trials gave no score: mend that first" in text
    assert "No trial was scored" in text


def test_nothing_made():
    assert advised() == "No trial was made; the session's state says why."


def test_what_cannot_be_seen_without_traces_is_said():
    blind = trial_of(1, 6.0, observation=observed(status_code=503))
    seen = trial_of(2, 6.0, observation=observed(status_code=503, trace_data=trace(span("r", "GET /"))))
    told = "No observation had a trace: the severities are without a structure score"
    assert told in advised(blind)
    assert told not in advised(blind, seen)


def test_what_was_confirmed_by_other_faults_is_not_asked_for_again():
    trials = (hurt(1, 6.0, percentage=50), hurt(2, 6.0, percentage=95))
    assert "seen once" in advised(*trials, catalogue=Catalogue(modes=(mode_of(trials),)))
    sure = mode_of(trials, confirmation=CONFIRMED)
    assert "seen once" not in advised(*trials, catalogue=Catalogue(modes=(sure,)))


def test_a_failure_that_was_met_with_all_requests_is_not_to_be_tried_with_more():
    def trials(percentage):
        other = FaultPlan(fault_type="delay", target_path="/ratings", percentage=percentage, delay_ms=400)
        return hurt(1, 6.0, percentage=50), trial_of(2, 5.0, plans=(other,), point={"percentage": percentage})

    told = "hits 50 % of the requests: try it with `percentage` 100"
    assert told in advised(*trials(60), catalogue=Catalogue(modes=(mode_of(trials(60)),)))
    assert told not in advised(*trials(95), catalogue=Catalogue(modes=(mode_of(trials(95)),)))


def mode_of(trials, **fields):
    """The one failure that all of them showed."""
    numbers = tuple(trial.trial for trial in trials)
    mode = FailureMode(
        id="f-00000001",
        label="F1",
        sentence="",
        signature=(),
        worst=1,
        worst_plans=trials[0].plans,
        severity=6.0,
        trials=numbers,
        replay="",
    )
    return mode.model_copy(update=fields)


def struck(number, service, severity=0.0, percentage=100, **seen):
    plan = FaultPlan(fault_type="abort", abort_status_code=503, target_service=service, percentage=percentage)
    return trial_of(number, severity, plans=(plan,), observation=observed(**seen))


def test_f13_no_fault_of_any_kind_had_an_effect():
    told = "No fault of any kind had an effect, though 3 trials should have shown one: does the control plane reach"
    plan = FaultPlan(fault_type="delay", delay_ms=600)
    trials = (struck(1, "a"), struck(2, "b"), trial_of(3, 0.0, plans=(plan,), observation=observed()))
    assert told in advised(*trials)
    assert "Search longer delays" not in advised(*trials)


@pytest.mark.parametrize("seen", [{"error_rate": 0.5}, {"latency_ms": 900.0}, {"status_code": 302}])
def test_f13_is_not_said_where_a_harmless_fault_had_one(seen):
    assert "had an effect" not in advised(struck(1, "a"), struck(2, "a"), struck(3, "a", 0.2, **seen))


def test_f13_is_not_said_where_no_fault_was_clear():
    assert "had an effect" not in advised(*(struck(n, "a", percentage=10) for n in range(1, 9)))


@pytest.mark.parametrize("place", ["ordres", "cart-v2", "off.the.way"])
def test_p24_a_place_whose_faults_never_change_anything_is_told_of(place):
    trials = (struck(1, place), struck(2, "orders", 6.0, error_rate=1.0), struck(3, place), struck(4, "orders"))
    text = advised(*trials)
    assert f"No fault on `{place}` ever changed anything, in 2 trials: is it spelt as the mesh has it" in text
    assert "No fault on `orders`" not in text


def test_nothing_hurt():
    assert "No fault hurt." in advised(*(struck(n, "a", 0.5, percentage=n) for n in range(1, 5)))
    assert "No fault hurt." in advised(hurt(1, 1.8), baseline_severity=1.8)


def test_a_fault_seen_once_and_a_noisy_one_are_repeated_a_steady_one_not():
    assert "seen once. Repeat it: `boifi replay 3f2a9c1e 1`" in advised(hurt(1, 6.0, percentage=50))
    assert "noisy (3.0 to 6.0 in 2 trials)" in advised(hurt(1, 6.0, percentage=50), hurt(2, 3.0, percentage=50))
    assert "Repeat" not in advised(hurt(1, 6.0, percentage=50), hurt(2, 6.0, percentage=50))


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ({"delay_ms": 8000}, "`delay_ms` at the upper bound of what was searched (8000)"),
        ({"delay_ms": 7900}, "`delay_ms` at the upper bound"),
        ({"delay_ms": 100}, "`delay_ms` at the lower bound"),
        ({"percentage": 10}, "`percentage` at the lower bound"),
        ({"percentage": 50}, "hits 50 % of the requests: try it with `percentage` 100"),
    ],
)
def test_bounds_and_shares(point, expected):
    assert expected in advised(hurt(1, 6.0, **point))


@pytest.mark.parametrize("point", [{"percentage": 100}, {"delay_ms": 4000}, {"target_path": "/ratings"}])
def test_no_bound_no_word(point):
    text = advised(hurt(1, 6.0, **point))
    assert "bound" not in text
    assert "try it with" not in text


def test_the_worst_that_can_be_asks_for_the_smallest():
    trial = hurt(1, 9.6, percentage=50)
    assert "smallest fault that still does it" in advised(trial)
    known = mode_of((trial,), minimal=MinimalFault(trial=1, plans=trial.plans, severity=9.6))
    assert "smallest fault that still does it" not in advised(trial, catalogue=Catalogue(modes=(known,)))


def test_what_the_worst_share_and_what_was_never_tried():
    text = advised(*session(60))
    assert "worst faults share `fault_type: abort`, `target_path: /ratings`: search there more closely" in text
    assert "No scored trial had `target_path` at `/never`." in text


def test_a_narrow_range_is_shared_too():
    trials = [hurt(n, 8.0 if n > 20 else 1.0, delay_ms=n * 300) for n in range(1, 27)]
    assert "The 6 worst faults share `delay_ms: 6300 to 7800`" in advised(*trials, dimensions=[DIMENSIONS[3]])


def test_whether_more_trials_may_help():
    rising = [hurt(n, n / 4, delay_ms=n) for n in range(1, 21)]
    flat = [hurt(n, 5.0, delay_ms=n * 100) for n in range(1, 21)]
    axes = [Axis("delay_ms", "integer", low=0, high=5000)]
    assert "last quarter" in advised(*rising, dimensions=axes)
    assert "last quarter" not in advised(*flat, dimensions=axes)
    assert "Few trials" in advised(*flat[:5], dimensions=axes)


def test_p14_p20_what_fails_without_a_fault_is_said_first():
    lines = advice(report_of((trial_of(1, 6.0),), troubles=["GET /gone fails: 30 of 30 requests, most with 404"]))
    assert lines[0] == (
        "Without a fault GET /gone fails: 30 of 30 requests, most with 404: mend that first, it hides what faults do."
    )


@pytest.mark.parametrize(("alarms", "controls", "is_told"), [(4, 4, True), (3, 9, True), (1, 2, False), (2, 20, False)])
def test_p14_a_target_that_flakes_is_named(alarms, controls, is_told):
    found = Catalogue(controls=controls, false_alarms=alarms)
    text = f"{alarms} of {controls} fault-free runs between the trials looked like a failure: the target flakes"
    assert (text in advised(trial_of(1, 0.0), catalogue=found)) == is_told


def test_p16_what_slowness_weighs_is_said_where_it_goes_unnoticed():
    score = scored(3.2, performance_score=10.0, bug_score=0.0)
    slow = trial_of(1, 3.2, score=score, observation=observed(latency_ms=6100))
    told = "1 fault made the target slower than is acceptable (trial 1), which weighs 2 of 17 in the severity."
    assert told in advised(slow)
    assert told not in advised(slow, analyzer=AnalyzerConfig(profile="worst"))
    assert "slower than is acceptable" not in advised(trial_of(1, 3.2, score=scored(3.2)))


@pytest.mark.parametrize(
    "over",
    [
        {"reason": "every point of the search space was tried"},
        {"remarks": ("search over early: every point of the search space was tried",)},
    ],
)
def test_p23_where_every_point_was_tried_no_more_trials_are_advised(over):
    rising = [hurt(n, n / 4, delay_ms=n) for n in range(1, 21)]
    axes = [Axis("delay_ms", "integer", low=0, high=5000)]
    assert "more trials" not in advised(*rising, dimensions=axes, **over)
    assert "more of them" not in advised(*rising[:5], dimensions=axes, **over)


@pytest.mark.parametrize(("low", "high", "value"), [(10, 99, 99), (1, 50, 1), (2, 100, 100), (5.0, 99.5, 99.0)])
def test_p23_a_percentage_beyond_which_there_is_nothing_is_not_to_be_widened(low, high, value):
    axes = [Axis("percentage", "real", low=low, high=high)]
    assert "widen the range" not in advised(hurt(1, 5.0, percentage=value), dimensions=axes)


def test_p23_one_beyond_which_there_is_something_is():
    axes = [Axis("percentage", "integer", low=1, high=50)]
    assert "`percentage` at the upper bound of what was searched (50)" in advised(
        hurt(1, 5.0, percentage=50), dimensions=axes
    )
