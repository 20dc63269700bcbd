"""What becomes of a flow run whose process nobody knows of, with a real Prefect server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hfi_server import HfiServer
from prefect.client.orchestration import get_client
from prefect.states import Pending, Running

from boifi_core.config import parse_session
from boifi_core.models import SessionStatus
from boifi_core.run_file import keep_flow_run
from boifi_core.session import make_session
from deployments.fate import MAX_DEATHS
from deployments.settling import settle

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def settled(tmp_path, session_data):
    """Puts a session's run into this state, an hour ago, and settles it; `times` over. Session and last state."""

    def settle_each(state, times):
        async def settling(endpoint):
            from flows.session import session

            folder = make_session(tmp_path, parse_session(session_data(endpoint)))
            async with get_client() as client:
                run = await client.create_flow_run(session, parameters={"folder": str(folder.path)})
                keep_flow_run(folder, str(run.id))
                for _ in range(times):
                    long_ago = state(timestamp=datetime.now(UTC) - timedelta(hours=1))
                    await client.set_flow_run_state(run.id, long_ago, force=True)
                    await settle(client, run, is_over=False, pending_s=900.0)
                return folder, (await client.read_flow_run(run.id)).state

        with HfiServer() as hfi:
            return asyncio.run(settling(hfi.url))

    return settle_each


def test_a_run_that_waited_for_its_pod_in_vain_is_asked_for_again_however_often(settled):
    folder, state = settled(Pending, MAX_DEATHS + 2)
    assert state.name == "AwaitingRetry"
    assert folder.state() is None


def test_a_run_whose_process_is_gone_is_not(settled):
    folder, state = settled(Running, MAX_DEATHS + 1)
    assert state.name == "Failed"
    assert folder.state().status is SessionStatus.FAILED
    assert "its process died 4 times without a new trial" in folder.state().reason
