"""Flow runs that Prefect has lost are made again from the folders, with a real Prefect server."""

import asyncio
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from damage import DAMAGE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.sorting import FlowRunSort
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Failed

from boifi_core.campaign import CampaignConfig, CampaignFolder, Night
from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.folder import FACADE, NIGHT
from boifi_core.session.make import make_session
from boifi_core.session.run_file import flow_run_of, keep_flow_run
from boifi_core.session.stored import state_without_holder
from deployments.deploy import Deployed, deploy
from deployments.names import WORK_POOL
from deployments.reconcile.act import settle_all

pytestmark = pytest.mark.slow


@pytest.fixture
def prefect(prefect_server, tmp_path):
    """Runs a coroutine function of a client, after all is deployed; it is removed afterwards."""

    def do(work):
        async def run():
            async with get_client() as client:
                await deploy(client, tmp_path, with_schedules=False)
                return await work(client)

        with temporary_settings({PREFECT_API_URL: prefect_server}):
            return asyncio.run(run())

    yield do

    async def remove():
        async with get_client() as client:
            for flow in ("session", "campaign", "upkeep"):
                await client.delete_deployment((await client.read_deployment_by_name(f"{flow}/boifi")).id)
            await client.delete_work_pool(WORK_POOL)

    with temporary_settings({PREFECT_API_URL: prefect_server}):
        asyncio.run(remove())


@pytest.fixture
def made(tmp_path, session_data):
    def make(by, run_id=None, status=SessionStatus.RUNNING):
        folder = make_session(tmp_path, parse_session(session_data("http://127.0.0.1:1")), made_by=by)
        folder.write_state(state_without_holder(folder, status, None))
        if run_id is not None:
            keep_flow_run(folder, run_id)
        return folder

    return make


def test_a_lost_run_of_the_services_own_is_made_again_once_and_no_other(prefect, made, tmp_path):
    lost = {by: made(by, str(uuid4())) for by in (FACADE, NIGHT, None)}
    over = made(FACADE, str(uuid4()), SessionStatus.COMPLETED)
    held = made(FACADE, str(uuid4()))
    before = {folder.session_id: flow_run_of(folder) for folder in (*lost.values(), over, held)}

    async def settled(client):
        for _ in range(2):
            await settle_all(client, tmp_path, ())
        found = {}
        for by in (FACADE, NIGHT):
            run = await client.read_flow_run(flow_run_of(lost[by]))
            found[by] = (run.state.type.value, run.parameters, run.tags)
        return found

    with held.held():
        found = prefect(settled)
    for by in (FACADE, NIGHT):
        assert found[by] == ("SCHEDULED", {"folder": str(lost[by].path)}, [f"session:{lost[by].session_id}"])
    assert [flow_run_of(each) for each in (lost[None], over, held)] == [
        before[each.session_id] for each in (lost[None], over, held)
    ]


@pytest.mark.parametrize("how", DAMAGE)
def test_a_run_file_that_is_lost_is_written_again_with_the_run_that_prefect_has(
    prefect, made, tmp_path, how, monkeypatch
):
    monkeypatch.setattr("deployments.reconcile.lost.STARTING_S", 0.0)
    folder = made(FACADE, str(uuid4()))

    async def settled(client):
        await settle_all(client, tmp_path, ())
        first = flow_run_of(folder)
        DAMAGE[how](folder.path / "run.json")
        assert flow_run_of(folder) is None
        await settle_all(client, tmp_path, ())
        return first, flow_run_of(folder)

    first, again = prefect(settled)
    assert first == again is not None


def test_a_session_goes_on_as_another_run_where_the_one_it_was_has_ended(prefect, made, tmp_path, monkeypatch):
    monkeypatch.setattr("deployments.reconcile.lost.STARTING_S", 0.0)
    folder = made(FACADE, str(uuid4()))

    async def settled(client):
        await settle_all(client, tmp_path, ())
        first = flow_run_of(folder)
        await client.set_flow_run_state(first, Failed(), force=True)
        (folder.path / "run.json").unlink()
        await settle_all(client, tmp_path, ())
        second = flow_run_of(folder)
        return first, second, (await client.read_flow_run(second)).state.type.value

    first, second, state = prefect(settled)
    assert first != second
    assert state == "SCHEDULED"


def test_deployments_that_are_gone_are_made_again(prefect, tmp_path):
    forgotten = []

    async def lost(client):
        deployed = Deployed(lambda client: deploy(client, tmp_path, with_schedules=False), lambda: forgotten.append(1))
        await deployed.look(client)
        await deployed.look(client)
        assert forgotten == []
        for flow in ("session", "campaign", "upkeep"):
            await client.delete_deployment((await client.read_deployment_by_name(f"{flow}/boifi")).id)
        await client.delete_work_pool(WORK_POOL)
        await deployed.look(client)
        return [(await client.read_deployment_by_name(f"{flow}/boifi")).work_pool_name
                for flow in ("session", "campaign", "upkeep")]  # fmt: skip

    assert prefect(lost) == [WORK_POOL] * 3
    assert forgotten == [1]


async def runs_of_night(client, place):
    wanted = FlowRunFilter(tags=FlowRunFilterTags(all_=["night:2026-01-01"]))
    found = await client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=50)
    return [run for run in found if run.parameters == {"folder": str(place.path)}]


@pytest.mark.parametrize("is_services_own", [True, False])
def test_a_night_whose_run_is_lost_goes_on_as_another_if_it_is_the_services(
    prefect, tmp_path, session_data, is_services_own
):
    config = CampaignConfig.read({"name": "nightly", "sessions": [session_data("http://127.0.0.1:1")]})
    place = CampaignFolder.make(tmp_path, config)
    night = Night(campaign="nightly", night="2026-01-01", flow_run_id=str(uuid4()), began_at=datetime.now(UTC),
                  is_services_own=is_services_own)  # fmt: skip
    place.write(night)

    async def settled(client):
        for _ in range(2):
            await settle_all(client, tmp_path, ())
        return await runs_of_night(client, place)

    assert len(prefect(settled)) == is_services_own


def test_and_ends_with_the_reason_where_that_run_has_ended_without_it(prefect, tmp_path, session_data):
    config = CampaignConfig.read({"name": "nightly", "sessions": [session_data("http://127.0.0.1:1")]})
    place = CampaignFolder.make(tmp_path, config)
    place.write(Night(campaign="nightly", night="2026-01-01", flow_run_id=str(uuid4()), began_at=datetime.now(UTC),
                      is_services_own=True))  # fmt: skip

    async def settled(client):
        await settle_all(client, tmp_path, ())
        (run,) = await runs_of_night(client, place)
        await client.set_flow_run_state(run.id, Failed(message="no such campaign"), force=True)
        await settle_all(client, tmp_path, ())

    prefect(settled)
    (night,) = place.nights()
    assert night.problem == "no such campaign"
    assert night.ended_at is not None
    assert json.loads((place.night_place("2026-01-01") / "night.json").read_text())["is_services_own"] is True
