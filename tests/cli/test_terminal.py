"""What is said of a trial and of the faults found, in words and marks."""

import io
from pathlib import Path

import pytest
from failures import HEALTHY, ID, LATE, found, tried, verifying
from histories import trial_of
from observations import NOON
from rich.console import Console

from boifi_core.findings import MinimalFault
from boifi_core.models import Choice, OptimizationProgress, Residual, SessionState, SessionStatus
from boifi_core.session.events import Recorded
from boifi_core.session.folder import SessionFolder
from cli.run import exit_status
from cli.terminal import Progress, closing, mark
from cli.weaknesses import SHOWN, how_sure, weaknesses


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
        (found(tried(1)), "not measured again"),
        (verified(shown=True), "confirmed, 4 of 4 again"),
        (verified(shown=False), "inconclusive, 0 of 4 again"),
    ],
)
def test_how_sure_a_failure_is(told, text):
    assert how_sure(told.modes[0]) == text


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
    assert rest.splitlines()[1].startswith("  9.0  F6   delay 100 ms on stock, 60 %: requests take longer")
    assert f"again     boifi replay {ID} 1" in rest


def list_of(found, width=80):
    console = Console(file=io.StringIO(), width=width)
    weaknesses(console, found)
    return console.file.getvalue().splitlines()


def many(n_sure, n_seen):
    (sure,) = verified(shown=True).modes
    long = sure.sentence + "; " + "and then something else of many words happens to customers; " * 5
    modes = [sure.model_copy(update={"label": f"F{n}", "sentence": long}) for n in range(n_sure)]
    modes += [sure.model_copy(update={"label": f"F{100 + n}", "confirmation": None}) for n in range(n_seen)]
    return verified(shown=True).model_copy(update={"modes": tuple(modes)})


def test_a_list_of_many_weaknesses_fits_a_terminal_and_says_how_many_more_there_are():
    lines = list_of(many(20, 30))
    assert lines[0] == "Weaknesses: 20 distinct failures (20 confirmed); 30 more were only seen."
    assert max(map(len, lines)) <= 80
    assert len(lines) < 80
    assert [line.strip() for line in lines if "in the report" in line] == [
        "and 10 more, which are in the report", "and 25 more, which are in the report",
    ]  # fmt: skip
    assert sum("confirmed, 4 of 4 again; 5 trials; replay 1" in line for line in lines) == SHOWN


def test_each_weakness_is_told_by_what_happens_its_smallest_fault_and_how_sure_it_is():
    mode = verified(shown=True).modes[0]
    plan = mode.worst_plans[0]
    told = list_of(verified(shown=True))
    assert [line.rstrip() for line in told[1:5]] == [
        "  6.0  F1   gateway gives up on reviews after 41 ms; product fails; “This page",
        "            is not available.”",
        "            seen with delay 100 ms on reviews, 60 %",
        "            confirmed, 4 of 4 again; 5 trials; replay 1",
    ]
    smallest = MinimalFault(trial=9, plans=(plan,), severity=5.0)
    told = list_of(verified(shown=True).model_copy(update={"modes": (mode.model_copy(update={"minimal": smallest}),)}))
    line = " ".join(" ".join(told[3:5]).split())
    assert line == "smallest: delay on reviews: at 60 % from 100 ms on (less was not tried)"


def test_where_fault_free_runs_look_like_failures_it_says_so_first():
    busy = verified(shown=True).model_copy(update={"controls": 8, "false_alarms": 3})
    doubt, line = list_of(busy, width=200)[1:3]
    assert doubt.startswith("3 of 8 fault-free runs between the trials looked like a failure: the target flakes or")
    assert line.startswith("  6.0  F1 ")
    assert "looked like a failure." not in " ".join(list_of(busy)[3:])
    assert not any("flakes" in line for line in list_of(verified(shown=True), width=200))


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
    assert text in " ".join(console.file.getvalue().split())


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
