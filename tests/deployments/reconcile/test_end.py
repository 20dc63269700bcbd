"""Ending sessions from outside, and counting how often their processes died."""

import pytest
from hfi_server import HfiServer

from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.folder import SessionHeld
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from deployments.reconcile.end import count_death, end_session


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Nobody answers at these sessions' endpoint, and that is not waited for."""
    monkeypatch.setattr("deployments.reconcile.end.CLEAR_TIMEOUT_S", 0.1)


@pytest.fixture
def folder(tmp_path, session_data):
    return make_session(tmp_path, parse_session(session_data("http://127.0.0.1:1")))


def test_deaths_are_counted_until_there_is_a_new_trial(folder):
    assert [count_death(folder) for _ in range(3)] == [1, 2, 3]
    folder.history.mkdir()
    (folder.history / "part-1.parquet").touch()
    assert count_death(folder) == 1


def test_a_process_that_was_ended_in_good_order_did_not_die_but_its_silent_successor_did(folder):
    with open_session(folder) as live:
        live.write_state(SessionStatus.RUNNING, "interrupted; go on")
        assert [count_death(folder) for _ in range(3)] == [0, 1, 2]
        live.write_state(SessionStatus.RUNNING, "interrupted; go on")
        assert count_death(folder) == 2


def test_a_session_that_never_began_ends_failed_with_the_reason_and_says_what_could_not_be_done(folder):
    (problem,) = end_session(folder, "cancelled")
    assert problem.startswith("sweep: ")
    state = folder.state()
    assert (state.status, state.reason, state.progress.current_iteration) == (SessionStatus.FAILED, "cancelled", 0)
    assert "FAILED" in (folder.path / "report.md").read_text()


def test_its_policies_are_removed_and_others_stay(tmp_path, session_data):
    with HfiServer() as hfi:
        folder = make_session(tmp_path, parse_session(session_data(hfi.url)))
        own = f"boifi-{folder.session_id[:8]}-0001"
        for name in (own, "boifi-01234567-0001"):
            rule = {"match": {"path": {"prefix": "/"}}, "fault": {"percentage": 1, "abort": {"http_status": 500}}}
            hfi._policies[name] = ({"metadata": {"name": name}, "spec": {"rules": [rule]}}, [], float("inf"))
        assert end_session(folder, "why") == []
        assert set(hfi.active()) == {"boifi-01234567-0001"}


def test_a_session_that_a_process_runs_is_not_ended(folder):
    with folder.held(), pytest.raises(SessionHeld):
        end_session(folder, "why")
    assert folder.state() is None
