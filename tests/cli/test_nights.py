"""Nights of campaigns by the service, against the embedded target: by their schedule, mended in between, cancelled."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
import yaml
from flow_runs import until
from services import ROOT, Service, free_port

from api.keys import digest
from boifi_core.campaign import CampaignFolder
from boifi_core.models import SessionStatus
from boifi_core.session.folder import SessionFolder, sessions_in
from demo.shop.mends import CART_FOR_NOTHING, NO_REVIEWS
from demo.target import start_target

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

EXAMPLE = ROOT / "examples" / "campaign" / "shop.yaml"
KEY = "boifi_key-of-the-tests"


@pytest.fixture(scope="module")
def service(tmp_path_factory, used_home):
    """One that wants a key of its callers, and whose Prefect wants a password."""
    entry = {"name": "tests", "sha256": digest(KEY), "scopes": ["admin"]}
    variables = {"BOIFI_API_KEYS": json.dumps([entry])}
    data = tmp_path_factory.mktemp("nights")
    used_home(data / "service")
    service = Service(data, variables, headers={"X-API-Key": KEY})
    service.start()
    service.until_ready()
    yield service
    service.close()


@pytest.fixture(scope="module")
def port():
    return free_port()


@pytest.fixture(scope="module")
def campaign(service, port, tmp_path_factory):
    """The campaign of docs/campaigns.md, on the port that we have; its session tries the three faults there are."""
    text = EXAMPLE.read_text()
    assert text.count("http://127.0.0.1:8080") == 1
    path = tmp_path_factory.mktemp("campaign") / EXAMPLE.name
    path.write_text(text.replace("http://127.0.0.1:8080", f"http://127.0.0.1:{port}"))
    return path


@pytest.fixture
def boifi_on(service, boifi):
    """Run the `boifi` command on the service's data dir."""
    return lambda *arguments, **more: boifi(*arguments, "--out", service.data, **more)


@pytest.fixture(scope="module")
def prefect(service):
    login = ("boifi", (service.data / "service" / "prefect-password").read_text())
    with httpx.Client(base_url=f"{service.prefect_url()}/api", timeout=30, trust_env=False, auth=login) as calls:
        yield calls


def runs_of(prefect, deployment_id):
    wanted = {"deployments": {"id": {"any_": [deployment_id]}}, "sort": "EXPECTED_START_TIME_ASC", "limit": 10}
    return prefect.post("/flow_runs/filter", json=wanted).raise_for_status().json()


def deployed(prefect, name):
    path = f"/deployments/name/campaign/{name}"
    return until(lambda: prefect.get(path).is_success and prefect.get(path).json()["id"], 60, f"campaign/{name}")


def told(service, name, night):
    """The services behind each standing."""
    place = CampaignFolder(service.data / "campaigns" / name)
    path = place.night_place(night.night) / "report.json"
    until(path.exists, 30, "the night's report, which is written after its end")
    report = json.loads(path.read_text())
    found = {}
    for each in report["told"]:
        found.setdefault(each["standing"], set()).add(each["known"]["plans"][0]["target_service"])
    return found


def ended_nights(service, name, count):
    place = CampaignFolder(service.data / "campaigns" / name)

    def ended():
        nights = [night for night in place.nights() if night.ended_at is not None]
        return nights if len(nights) == count else None

    return until(ended, 200, f"{count} nights of {name}")


def documented_target(port, weakness):
    """The embedded target without a weakness, as docs/campaigns.md starts it."""
    assert f'boifi target up --mended "{weakness}"' in (ROOT / "docs" / "campaigns.md").read_text()
    return start_target(port, mended=[weakness])


def test_prefects_api_is_closed_to_those_without_its_password_which_only_we_can_read(service, prefect):
    wanted = {"limit": 1}
    assert prefect.post("/flow_runs/filter", json=wanted).status_code == 200
    for auth in (None, ("boifi", "guessed"), ("admin", "pass")):
        answer = httpx.post(f"{prefect.base_url}flow_runs/filter", json=wanted, auth=auth, trust_env=False)
        assert answer.status_code == 401
    for file in ("prefect-password", "api.json"):
        assert (service.data / "service" / file).stat().st_mode & 0o077 == 0
    assert httpx.get(f"{service.url}/metrics", trust_env=False).status_code == 401


def test_a_night_begins_by_its_schedule_and_the_next_tells_what_was_mended_and_what_came_up(
    service, prefect, campaign, boifi_on, port
):
    boifi_on("campaign", "schedule", campaign, check=0)
    deployment = deployed(prefect, "shop")
    run = until(lambda: runs_of(prefect, deployment), 120, "a scheduled run")[0]
    assert run["auto_scheduled"]
    at = datetime.fromisoformat(run["expected_start_time"]).astimezone(ZoneInfo("Asia/Kathmandu"))
    assert (at.hour, at.minute) == (2, 30)
    with documented_target(port, CART_FOR_NOTHING):
        # Nobody waits for half past two: the scheduled run is brought forward.
        now = {"type": "SCHEDULED", "state_details": {"scheduled_time": datetime.now(UTC).isoformat()}}
        prefect.post(f"/flow_runs/{run['id']}/set_state", json={"state": now, "force": True}).raise_for_status()
        [first] = ended_nights(service, "shop", 1)
        assert first.flow_run_id == run["id"]
        assert first.problem is None
        new = told(service, "shop", first)["new"]
        assert "reviews" in new
        assert "promotions" not in new
        until(lambda: prefect.get(f"/flow_runs/{run['id']}").json()["state"]["type"] == "COMPLETED", 30, "COMPLETED")
        assert prefect.get(f"/flow_runs/{run['id']}").json()["name"] == "campaign shop"
    with documented_target(port, NO_REVIEWS) as target:
        night = boifi_on("campaign", "run", campaign)
        assert night.returncode in (0, 3), night.stdout + night.stderr
        second = ended_nights(service, "shop", 2)[1]
        now = told(service, "shop", second)
        assert "reviews" in now.get("fixed", ()), night.stdout
        assert "promotions" in now["new"], night.stdout
        assert httpx.get(f"{target.control_plane}/v1/policies").json()["policies"] == []


def test_a_cancelled_night_ends_its_session_and_leaves_no_fault(service, prefect, campaign, boifi_on, port, tmp_path):
    endless = yaml.safe_load(campaign.read_text())
    endless |= {"name": "endless", "schedule": None}
    endless["sessions"][0] |= {"total_trials": 500, "initial_points": 3, "confirm": {"share": 0}}
    endless["sessions"][0]["search_space"]["dimensions"].append(
        {"name": "percentage", "type": "real", "min": 10, "max": 100}
    )
    del endless["sessions"][0]["search_space"]["fixed"]["percentage"]
    path = tmp_path / "endless.yaml"
    path.write_text(yaml.safe_dump(endless))
    boifi_on("campaign", "schedule", path, check=0)
    deployment = deployed(prefect, "endless")
    known = {folder.session_id for folder in sessions_in(service.data)}
    with start_target(port) as target:
        run = prefect.post(f"/deployments/{deployment}/create_flow_run", json={}).raise_for_status().json()
        [session] = until(
            lambda: [f for f in sessions_in(service.data) if f.session_id not in known], 60, "the night's session"
        )
        until(lambda: list(session.history.glob("part-*2.parquet")), 60, "two trials")
        cancel = {"state": {"type": "CANCELLING", "name": "Cancelling"}, "force": False}
        prefect.post(f"/flow_runs/{run['id']}/set_state", json=cancel).raise_for_status()
        [night] = ended_nights(service, "endless", 1)
        assert night.problem == "cancelled"
        ended = until(lambda: is_over(session) and session.state(), 60, "the session's end")
        assert (ended.status, ended.reason) == (SessionStatus.COMPLETED, "stopped")
        until(lambda: prefect.get(f"/flow_runs/{run['id']}").json()["state"]["type"] == "CANCELLED", 60, "CANCELLED")
        assert httpx.get(f"{target.control_plane}/v1/policies").json()["policies"] == []
    assert CampaignFolder(service.data / "campaigns" / "endless").is_held() is False


def is_over(folder: SessionFolder) -> bool:
    state = folder.state()
    return state is not None and state.status in (SessionStatus.COMPLETED, SessionStatus.FAILED)
