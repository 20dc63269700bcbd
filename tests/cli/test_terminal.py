"""What is said of a trial and of the faults found, in words and marks."""

import io
from pathlib import Path

import pytest
from failures import HEALTHY, ID, LATE, found, tried, verifying
from histories import trial_of
from observations import NOON
from rich.console import Console

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import MinimalFault, Threshold
from boifi_core.models import Choice, OptimizationProgress, Residual, SessionState, SessionStatus
from boifi_core.session.events import Recorded
from boifi_core.session.folder import SessionFolder
from cli.run import exit_status
from cli.terminal import Progress, closing, fault_cell, mark, severity_cell


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("verify", " (is it real?)"),
        ("minimise", " (does less do it?)"),
        ("confirm", " (again)"),
        ("explore", " (new ground)"),
        ("improve", ""),
        ("initial", ""),
    ],
)
def test_what_is_not_simply_a_search_for_worse_is_marked(reason, text):
    assert mark(trial_of(1, why=Choice(reason=reason))) == text


def test_a_trial_of_an_older_history_has_no_mark():
    assert mark(trial_of(1)) == ""


def test_the_mark_fits_beside_a_fault_in_80_columns():
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    shown = Progress(console, 60)
    shown(Recorded("3f2a9c1e", trial_of(12, 7.5, why=Choice(reason="confirm"))))
    (line,) = [line for line in console.file.getvalue().splitlines() if line.strip()]
    assert line.rstrip().endswith("delay 500 ms on /ratings, 50 % (again)")
    assert len(line.rstrip()) <= 80


def test_f5_a_trial_that_is_scored_on_a_part_of_its_fields_is_marked():
    console = Console(file=io.StringIO(), width=80)
    shown = Progress(console, 60)
    for status in ("degraded", "scored"):
        shown(Recorded("3f2a9c1e", trial_of(12, 7.5, status=status)))
    first, second = console.file.getvalue().splitlines()
    assert first.endswith(", 50 % (degraded)")
    assert second.endswith(", 50 %")


def verified(shown, **fields):
    again = {} if shown else {"observation": HEALTHY, "severity": 0.0}
    return found(tried(1, **fields), *(verifying(n, **again) for n in range(2, 6)))


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (found(tried(1)), "6.0\nnot measured\nagain"),
        (verified(shown=True), "6.0\nconfirmed\n4 of 4 again"),
        (verified(shown=False), "1.2\ninconclusive\n0 of 4 again"),
    ],
)
def test_how_sure_a_severity_is(told, text):
    assert severity_cell(told.modes[0]) == text


def test_the_smallest_fault_stands_with_its_threshold():
    (mode,) = found(tried(1)).modes
    assert fault_cell(mode) == "delay 100 ms on reviews, 60 %"
    smaller = FaultPlan(fault_type="delay", target_service="reviews", delay_ms=50)
    threshold = Threshold(dimension="delay_ms", fails_at=50, holds_at=47, unit="ms")
    minimal = MinimalFault(trial=9, plans=(smaller,), severity=5.0, thresholds=(threshold,))
    told = fault_cell(mode.model_copy(update={"minimal": minimal}))
    assert told == "delay 50 ms on reviews, 100 %\ndelay_ms: from 50 ms on; 47 ms does not"


def state_of(status=SessionStatus.COMPLETED):
    progress = OptimizationProgress(current_iteration=0, total_iterations=9)
    return SessionState(session_id="s", name="n", status=status, created_at=NOON, updated_at=NOON, progress=progress)


def test_the_closing_lists_what_was_not_measured_again_below_what_was():
    trials = (tried(1), *(verifying(n) for n in range(2, 6)), tried(6, LATE, 9.0, "stock"))
    console = Console(file=io.StringIO(), width=140)
    closing(console, SessionFolder(Path("/data/sessions/s")), state_of(), found(*trials))
    told, rest = console.file.getvalue().split("Seen, and not measured again before the budget ended:")
    assert "confirmed" in told
    assert "take longer" not in told
    assert rest.splitlines()[1].startswith("     9.0  requests take longer")
    assert rest.splitlines()[1].endswith(", trial 6)")
    assert f"again     boifi replay {ID} 1" in rest


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (
            {"draws": 15, "failed": 6, "modes": 3, "new": 2, "estimate": 1 / 15, "upper": 0.3634, "left_at_least": 1.4},
            "How much is left: of 15 faults drawn by chance alone, 6 showed a failure (3 distinct, 2 of them shown by "
            "no trial before). The chance that the next shows a failure not seen yet is estimated at 7 %, and is at "
            "most 37 % (at 95 %). Failures not seen yet: 1.4 or more (Chao 1).",
        ),
        (
            {"draws": 1, "failed": 0, "modes": 0, "new": 0, "estimate": 0.0, "upper": 0.95, "left_at_least": 0.0},
            "How much is left: of 1 fault drawn by chance alone, none showed a failure. The chance that the next shows "
            "a failure not seen yet is estimated at 0 %, and is at most 95 % (at 95 %). Failures not seen yet: 0 or "
            "more (Chao 1).",
        ),
    ],
)
def test_the_closing_says_how_much_is_left(left, text):
    console = Console(file=io.StringIO(), width=140)
    state = state_of().model_copy(update={"left": Residual(level=0.95, **left)})
    closing(console, SessionFolder(Path("/data/sessions/s")), state, found(tried(1)))
    assert text in console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("errors", "line"),
    [
        (("trial 1: traces: 0 of 30 requests have one; traces: no span of GET /", "trial 3: late"), "In 1 of them the"),
        (("trial 1: odd; traces: 2 parents are missing, in 1 trace of 3",), "In 1 of them the traces were not whole"),
        (("trial 1: no answer from http://traces: 3",), None),
    ],
)
def test_p2_the_closing_says_in_how_many_trials_traces_were_not_whole(errors, line):
    console = Console(file=io.StringIO(), width=140)
    state = state_of().model_copy(update={"errors": errors})
    closing(console, SessionFolder(Path("/data/sessions/s")), state, found(tried(1)))
    assert ("traces were not whole" in console.file.getvalue()) == (line is not None)
    assert (line or "") in console.file.getvalue()


@pytest.mark.parametrize(
    ("told", "fail_on", "status"),
    [
        (found(tried(1)), None, 0),
        (found(tried(1)), 6.0, 3),
        (found(tried(1)), 6.1, 0),
        (found(tried(1), tried(2, severity=4.0)), 6.0, 0),
        (verified(shown=True), 6.0, 3),
        (verified(shown=False), 0.0, 0),
        (found(), 0.0, 0),
    ],
)
def test_a_failure_that_was_not_measured_again_in_vain_is_status_3(told, fail_on, status):
    assert exit_status(state_of(), fail_on, told) == status


def test_a_session_that_failed_is_status_1_whatever_it_found():
    assert exit_status(state_of(status=SessionStatus.FAILED), 1.0, found(tried(1))) == 1
