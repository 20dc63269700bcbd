"""What becomes of a flow run whose process nobody knows of, with a real Prefect server."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hfi_server import HfiServer
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running, Scheduled

from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.run_file import keep_flow_run
from deployments.reconcile.act import settle
from deployments.reconcile.decide import MAX_DEATHS


@pytest.fixture
def settled(prefect_server, tmp_path, session_data):
    """Puts a session's run into this state and settles it, `times` over. Session and last state."""

    def settle_each(state, times, *, is_over):
        async def settling(endpoint):
            from flows.session import session

            folder = make_session(tmp_path, parse_session(session_data(endpoint)))
            async with get_client() as client:
                run = await client.create_flow_run(session, parameters={"folder": str(folder.path)})
                keep_flow_run(folder, str(run.id))
                for _ in range(times):
                    await client.set_flow_run_state(run.id, state(), force=True)
                    await settle(client, run, tmp_path, is_over=is_over, pending_s=0.0)
                return folder, (await client.read_flow_run(run.id)).state

        # Others may have let Prefect read its settings before its server was there.
        with HfiServer() as hfi, temporary_settings({PREFECT_API_URL: prefect_server}):
            return asyncio.run(settling(hfi.url))

    return settle_each


def test_a_run_that_waited_for_its_pod_in_vain_is_asked_for_again_however_often(settled):
    folder, state = settled(Pending, MAX_DEATHS + 2, is_over=False)
    assert state.name == "AwaitingRetry"
    assert folder.state() is None


def test_a_run_whose_process_is_gone_is_not(settled):
    folder, state = settled(Running, MAX_DEATHS + 1, is_over=True)
    assert state.name == "Failed"
    assert folder.state().status is SessionStatus.FAILED
    assert "its process died 4 times without a new trial" in folder.state().reason


def test_a_run_that_a_clock_set_back_would_keep_waiting_starts_now_and_has_not_died(settled):
    later = datetime.now(UTC) + timedelta(hours=2)
    folder, state = settled(lambda: Scheduled(scheduled_time=later), MAX_DEATHS + 2, is_over=False)
    assert state.state_details.scheduled_time < datetime.now(UTC) + timedelta(seconds=60)
    assert folder.state() is None
