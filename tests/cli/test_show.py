"""What is said of a trial and of the faults found, in words and marks."""

import io

import pytest
from histories import scored, trial_of
from observations import NOON
from rich.console import Console

from boifi_core.models import BestResult, Choice, HistoryEntry, OptimizationProgress, SessionState, SessionStatus
from boifi_core.report import Finding
from cli.run import exit_status
from cli.show import Progress, mark, severity_cell


@pytest.mark.parametrize(
    ("reason", "text"), [("confirm", " (again)"), ("explore", " (new ground)"), ("improve", ""), ("initial", "")]
)
def test_what_is_not_simply_a_search_for_worse_is_marked(reason, text):
    assert mark(trial_of(1, why=Choice(reason=reason))) == text


def test_a_trial_of_an_older_history_has_no_mark():
    assert mark(trial_of(1)) == ""


def test_the_mark_fits_beside_a_fault_in_80_columns():
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system=None)
    shown = Progress(console, 60)
    shown.trial(trial_of(12, 7.5, why=Choice(reason="confirm")))
    (line,) = [line for line in console.file.getvalue().splitlines() if line.strip()]
    assert line.rstrip().endswith("delay 500 ms on /ratings, 50 % (again)")
    assert len(line.rstrip()) <= 80


def finding(*severities):
    trial = trial_of(4, severities[0])
    return Finding(trial, trial.score, severities, sum(severities) / len(severities), trial)


BEST = {"fault_plans": (), "severity_score": 9.4, "expected_severity": 9.37, "expected_std": 0.31}


@pytest.mark.parametrize(
    ("severities", "best", "text"),
    [
        ((9.4,), None, "9.4"),
        ((9.4,), BestResult(**BEST, iteration=5), "9.4"),
        ((9.4,), BestResult(fault_plans=(), severity_score=9.4, iteration=4), "9.4"),
        ((9.6, 9.2), BestResult(**BEST, iteration=4), "9.4\nlikely 9.4 ± 0.3\nmeasured twice"),
        ((1.0, 2.0, 3.0), None, "2.0\nmeasured 3 times"),
    ],
)
def test_how_sure_a_severity_is(severities, best, text):
    assert severity_cell(finding(*severities), best) == text


def state_of(*entries, status=SessionStatus.COMPLETED):
    """A session with these plans and scores."""
    history = tuple(
        HistoryEntry(iteration=number, fault_plans=trial_of(number, point={}).plans[:n_plans], score=score)
        for number, (n_plans, score) in enumerate(entries, 1)
    )
    progress = OptimizationProgress(current_iteration=len(history), total_iterations=9, history=history)
    return SessionState(session_id="s", name="n", status=status, created_at=NOON, updated_at=NOON, progress=progress)


@pytest.mark.parametrize(
    ("state", "fail_on", "status"),
    [
        (state_of((1, scored(8.0))), None, 0),
        (state_of((1, scored(8.0))), 8.0, 3),
        (state_of((1, scored(8.0))), 8.1, 0),
        (state_of((1, scored(9.0)), (1, scored(5.0))), 8.0, 0),
        (state_of((1, scored(5.0)), (0, scored(8.0)), (1, scored(6.0))), 8.0, 3),
        (state_of((1, scored(9.0, fallback=("bug",))), (0, None)), 0.0, 0),
        (state_of(), 0.0, 0),
        (state_of((1, scored(8.0)), status=SessionStatus.FAILED), 1.0, 1),
    ],
)
def test_a_fault_that_is_as_bad_as_fail_on_by_the_mean_of_its_readings_is_status_3(state, fail_on, status):
    assert exit_status(state, fail_on) == status
