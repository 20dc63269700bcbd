"""Upkeep, in this process: sessions past their life are stopped, policies that nobody holds are removed."""

import pytest
from hfi_server import HfiServer

from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.table import open_injector
from boifi_core.session.config import parse_session
from boifi_core.session.folder import SessionFolder
from boifi_core.session.make import make_session
from boifi_core.session.run_file import keep_flow_run

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def made(tmp_path, session_data):
    """Makes a session that began to run."""

    def make(endpoint, config=None):
        from boifi_core.session.opening import open_session

        config = parse_session(session_data(endpoint, total_trials=3, initial_points=3))
        folder = make_session(tmp_path, config)
        with open_session(folder) as live:
            live.write_state("RUNNING")
        return folder

    return make


def test_sessions_past_their_life_are_stopped_with_that_reason(made, tmp_path):
    from flows.session import session
    from flows.upkeep import upkeep

    with HfiServer() as hfi:
        of_service, by_hand = made(hfi.url), made(hfi.url)
        keep_flow_run(of_service, "9c6f6b1e-0000-4000-8000-000000000000")
        upkeep(str(tmp_path), life_s=3600)
        assert not of_service.stop_requested()
        upkeep(str(tmp_path), life_s=0)
        assert of_service.stop_requested()
        assert not by_hand.stop_requested()
        session(str(of_service.path), return_state=True)
    state = SessionFolder(of_service.path).state()
    assert (state.status, state.reason) == ("COMPLETED", "stopped: past its life of 0 h")


def test_policies_of_sessions_that_nobody_holds_are_removed_and_others_stay(made, tmp_path):
    from flows.upkeep import upkeep

    with HfiServer() as hfi:
        dead, alive = made(hfi.url), made(hfi.url)
        injector = open_injector(parse_session(dead.session()["config"]).executor)
        plan = FaultPlan(fault_type="abort", abort_status_code=500, duration_seconds=300)
        names = [f"boifi-{folder.session_id[:8]}-0001" for folder in (dead, alive)] + ["boifi-01234567-0001"]
        for name in names:
            injector.apply(name, plan, timeout_s=5)
        injector.close()
        with alive.held():
            upkeep(str(tmp_path), life_s=3600)
            assert set(hfi.active()) == set(names[1:])
