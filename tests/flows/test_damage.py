"""A session whose files were lost or damaged between two of its runs: it makes all its trials, or says why not."""

import json

import pytest
from damage import DAMAGE

from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.folder import FACADE
from boifi_core.session.make import make_session
from boifi_core.session.stored import read_trials

pytestmark = pytest.mark.usefixtures("prefect_server")

HARMLESS = ("state.json", "run.json", "request.json", "deaths.json", "baseline.json", "lock", "report.md",
            "report.html", "preflight.json", "history/part-000000.parquet")  # fmt: skip


@pytest.fixture
def begun(hfi, tmp_path, session_data):
    """A session of the service that has made two of its five trials, and knows of an earlier one's."""
    from flows.session import session

    config = parse_session(session_data(hfi.url, total_trials=2, initial_points=2))
    first = make_session(tmp_path, config)
    session(str(first.path), return_state=True)
    data = session_data(hfi.url, total_trials=5, initial_points=2, warm_start=[first.session_id])
    others = {"request.json": json.dumps({"caller": "me", "idempotency_key": None, "digest": ""}),
              "run.json": "{}", "deaths.json": "{}", "replays.json": "[]"}  # fmt: skip
    folder = make_session(tmp_path, parse_session(data), made_by=FACADE, others=others)
    hfi.respond, sound = _stopping(folder, hfi.respond, 2), hfi.respond
    session(str(folder.path), return_state=True)
    hfi.respond = sound
    folder.forget_stop()
    assert folder.state().progress.current_iteration == 2
    return folder


def _stopping(folder, respond, after):
    def answer(faults):
        if faults and len(list(folder.history.glob("part-*"))) == after:
            folder.request_stop()
        return respond(faults)

    return answer


def run_again(folder):
    from flows.session import session

    session(str(folder.path), return_state=True)
    return folder.state()


@pytest.mark.slow
@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_derived_is_made_again(begun, name, how):
    DAMAGE[how](begun.path / name)
    state = run_again(begun)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 5 trials made")
    trials = read_trials(begun, parse_session(begun.session()["config"]))
    assert [trial.trial for trial in trials] == [1, 2, 3, 4, 5]
    assert state.progress.current_iteration == 5
    assert begun.is_requested


@pytest.mark.slow
@pytest.mark.parametrize("how", ["random bytes", "zero bytes", "a folder", "cut"])
@pytest.mark.parametrize("name", ["past.json", "replays.json", "history/part-000001.parquet"])
def test_what_nobody_can_make_again_ends_it_with_the_file_the_loss_and_the_cure(begun, name, how):
    DAMAGE[how](begun.path / name)
    state = run_again(begun)
    assert state.status is SessionStatus.FAILED
    assert name in state.reason
    assert "lost" in state.reason
    assert "\n" not in state.reason
    assert any(cure in state.reason for cure in ("restore the file", "remove the file"))


@pytest.mark.parametrize("how", ["random bytes", "a folder"])
def test_a_damaged_request_to_stop_is_one(begun, how):
    DAMAGE[how](begun.path / "stop")
    state = run_again(begun)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "stopped")
    assert not begun.stop_requested()
