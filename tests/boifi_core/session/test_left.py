"""Free draws in whole sessions: where they stand, what is told of them, and that the limit is one."""

import io
import json
from collections import Counter

import numpy as np
import pytest
from planted import DIMENSIONS, SERVICES, Weakness, planted, planted_session
from rich.console import Console

from boifi_core.errors import InvalidInput
from boifi_core.findings.residual import residual
from boifi_core.models import SessionStatus
from boifi_core.report.session_report import render
from boifi_core.safety.guarded_space import guarded
from boifi_core.safety.guardrails import Guardrails
from boifi_core.session.budget import Budget
from boifi_core.session.config import parse_session
from boifi_core.session.events import Note, listening
from boifi_core.session.make import resume_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.plan import Plan
from boifi_core.session.phases.sample import draws_for, free_draw
from boifi_core.space import SearchSpace
from cli.run import dry_run

ALL_SEARCH = {"confirm": {"share": 0}, "minimise": {"share": 0}}
SOUND = ()
FRAIL = tuple(Weakness(service, None, 1, 1) for service in SERVICES)
"""Whatever is done to a service, it breaks."""


def places(trials):
    return [trial.trial for trial in trials if trial.why.reason == "sample"]


def test_free_draws_are_spread_over_the_search_and_count_as_its_initial_rows(tmp_path):
    session = planted_session(tmp_path, SOUND, 1, total_trials=40, sample={"share": 0.2}, **ALL_SEARCH).session
    assert places(session.trials) == [3, 8, 13, 18, 23, 28, 33, 38]
    phases = Counter(trial.phase for trial in session.trials)
    assert phases == {"initial": 10, "search": 30}, "two of the ten initial rows are free draws"


def test_without_a_share_nothing_is_drawn_and_nothing_is_told(tmp_path):
    session = planted_session(tmp_path, SOUND, 1, total_trials=12, **ALL_SEARCH).session
    assert (places(session.trials), session.left) == ([], None)
    state = session.state(SessionStatus.COMPLETED)
    assert "left" not in state.model_dump(mode="json")


def test_they_are_uniform_over_what_the_guardrails_leave_and_no_percentage_is_raised():
    rails = Guardrails(protected_services=SERVICES[2:], max_percentage=10)
    allowed = guarded(SearchSpace.parse(DIMENSIONS), rails)
    drawn = [free_draw(allowed, 7, number) for number in range(200)]
    # Four standard errors of each share, and of the mean of 1 to 10.
    for name, value in (("target_service", SERVICES[0]), ("target_service", SERVICES[1]), ("fault_type", "delay")):
        assert sum(point[name] == value for point in drawn) / 200 == pytest.approx(0.5, abs=0.142)
    assert np.mean([point["percentage"] for point in drawn]) == pytest.approx(5.5, abs=0.82)
    assert drawn[5] == free_draw(allowed, 7, 5) != free_draw(allowed, 8, 5)


@pytest.mark.parametrize("sample", range(1, 31))
def test_all_free_draws_are_made_within_the_searchs_share(sample):
    made = drawn = 0
    while made < 30:
        drawn += Budget(40, 4, 6, made, made, 0.0, sample, drawn).is_draw_due
        made += 1
    assert drawn == sample


def test_the_same_seed_draws_the_same_and_a_session_that_is_resumed_goes_on_with_them(tmp_path):
    asked = {"sample": {"share": 0.3}, **ALL_SEARCH}
    whole = planted_session(tmp_path, FRAIL, 3, total_trials=24, **asked).session
    part = planted_session(tmp_path, FRAIL, 3, total_trials=24, **asked, most=13).session
    with open_session(part.folder) as again:
        assert again.left == residual(again.trials, again.found)
        proposal = Plan().next(again)
    then = whole.trials[13]
    assert (proposal.point, proposal.why.reason) == (then.point, then.why.reason)
    assert [trial.point for trial in part.trials] == [trial.point for trial in whole.trials[:13]]


def test_terminal_report_and_state_tell_the_same(tmp_path):
    session = planted_session(tmp_path, FRAIL, 1, total_trials=12, sample={"share": 0.5}, initial_points=3).session
    session.write_state(SessionStatus.COMPLETED, "all 12 trials made")
    left = json.loads((session.folder.path / "state.json").read_text())["left"]
    assert json.loads(render(session.folder, "json"))["left"] == left
    assert (left["draws"], left["failed"]) == (4, 4)
    for form in ("md", "html"):
        text = " ".join(render(session.folder, form).split())
        assert "How much is left: of 4 faults drawn by chance alone, 4 showed a failure" in text
        assert "drawn by chance alone, to tell how much is left" in text or form == "md"


def test_a_session_ends_on_the_limit_and_says_so(tmp_path):
    asked = {"total_trials": 100, "sample": {"share": 0.5}, "stop_when": {"new_failure_below": 0.2}, **ALL_SEARCH}
    ended = planted_session(tmp_path, SOUND, 1, **asked)
    assert len(places(ended.session.trials)) == 15 == draws_for(0.2)
    assert ended.reason == (
        "the chance that a free draw shows a failure not seen yet is at most 0.198 (at 95 %), "
        "below stop_when.new_failure_below 0.2"
    )
    assert ended.session.trials[-1].why.reason == "sample"


def test_it_does_not_end_on_the_estimate(tmp_path):
    """Of twelve draws none is new, so the estimate is 0; the limit is 24 %."""
    asked = {"total_trials": 24, "sample": {"share": 0.5}, "stop_when": {"new_failure_below": 0.2}, **ALL_SEARCH}
    ended = planted_session(tmp_path, SOUND, 1, **asked)
    assert (ended.reason, ended.session.left.estimate) == ("all 24 trials made", 0.0)


def test_a_limit_that_cannot_be_reached_is_told_before_the_first_trial(tmp_path):
    asked = {"total_trials": 24, "sample": {"share": 0.5}, **ALL_SEARCH}
    told = []
    for limit in (0.2, 0.25):
        with listening(told.append):
            planted_session(tmp_path, SOUND, 1, stop_when={"new_failure_below": limit}, most=0, **asked)
    warned = [event.text for event in told if isinstance(event, Note) and event.is_warning]
    assert warned == ["stop_when.new_failure_below 0.2 takes at least 15 free draws, not 12"]


def test_a_dry_run_prints_the_free_draws_too(tmp_path):
    asked = {"total_trials": 24, "sample": {"share": 0.5}, **ALL_SEARCH}
    session = planted_session(tmp_path, SOUND, 1, most=10, **asked).session
    shown = io.StringIO()
    dry_run(session.config, [], Console(file=shown, width=200))
    printed = [line[6:].split(";")[0] for line in shown.getvalue().splitlines()]
    assert printed == [" + ".join(map(str, trial.plans)) for trial in session.trials]


@pytest.mark.parametrize(
    ("total", "shares", "drawn"),
    [
        (150, (0.15, 0.25, 0.1), 15),
        (60, (0.15, 0.25, 0.6), 18),  # the search keeps 18 beside the 24 of the others
        (60, (0.0, 0.0, 0.9), 42),
        (12, (0.0, 0.0, 0.5), 2),  # and never fewer than its initial points
        (10, (0.15, 0.25, 0.5), 0),
        (60, (0.15, 0.25, 0.0), 0),
    ],
)
def test_free_draws_make_room_for_the_search(session_data, total, shares, drawn):
    names = zip(("confirm", "minimise", "sample"), shares, strict=True)
    data = session_data("http://127.0.0.1:1", total_trials=total, **{name: {"share": share} for name, share in names})
    data.pop("initial_points", None)
    assert Budget.of(parse_session(data), ()).sample == drawn


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"sample": {"share": 0.7}}, "sample.share: must be at most 1 together with all other shares"),
        (
            {"sample": {"share": 0}, "stop_when": {"new_failure_below": 0.2}},
            "stop_when.new_failure_below: is told by free draws: needs a sample.share, got 0.2",
        ),
        ({"sample": {"share": 0.1}, "stop_when": {"new_failure_below": 1}}, "stop_when.new_failure_below: must be"),
    ],
)
def test_shares_and_limits_that_cannot_be_are_refused(session_data, changes, line):
    data = {**session_data("http://127.0.0.1:1"), "confirm": {}, "minimise": {}, **changes}
    with pytest.raises(InvalidInput, match=line):
        parse_session(data)


def test_shares_and_limits_are_the_files_when_a_session_is_resumed(tmp_path):
    part = planted_session(tmp_path, SOUND, 1, total_trials=20, sample={"share": 0.2}, most=4, **ALL_SEARCH).session
    more = part.config.model_copy(update={"sample": type(part.config.sample)(share=0.4)})
    assert resume_session(part.folder, more).sample.share == 0.4


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_the_limit_holds_in_at_least_182_of_200_sessions(tmp_path):
    """The truth is counted over the planted weaknesses; every other session ends on the limit, where it can."""
    held, ended_early, known = 0, 0, 0
    for seed in range(200):
        rng = np.random.default_rng([seed, 22])
        asked = {"total_trials": int(rng.integers(16, 33)), "initial_points": 5, "sample": {"share": 0.6}, **ALL_SEARCH}
        if seed % 2:
            asked["stop_when"] = {"new_failure_below": float(rng.uniform(0.25, 0.5))}
        ended = planted_session(tmp_path / str(seed), planted(rng), seed, **asked)
        left = ended.session.left_at_its_end
        truth = ended.chance_of_a_new_one(rng, 2_000)
        held += truth <= left.upper
        ended_early += "stop_when" in ended.reason
        known += left.estimate - truth
    assert held >= 182
    assert ended_early >= 20, "or the stop was not tried"
    assert abs(known / 200) < 0.03, "the estimate is right on average"
