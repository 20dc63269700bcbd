"""The service with its data dir in object storage: a session's whole life, and a night of a campaign."""

import os
import signal
import time

import pytest
import yaml
from flow_runs import ended, kill_holder, made_trials, trials, until
from hfi_landscape import landscape
from services import SESSIONS, Service

from boifi_core.campaign import CampaignFolder
from boifi_core.models import SessionStatus
from boifi_core.storage import open_folder

pytestmark = pytest.mark.slow


@pytest.fixture
def service(s3_data, tmp_path, used_home):
    used_home(tmp_path / "state" / s3_data.bucket / s3_data.key / "service")
    service = Service(s3_data, {"BOIFI_STATE": os.environ["BOIFI_STATE"]}, home=tmp_path)
    service.start()
    service.until_ready()
    yield service
    service.close()


@pytest.mark.parametrize("is_killed", [False, pytest.param(True, marks=pytest.mark.long)])
def test_sessions_live_there_from_their_request_to_their_deletion(
    service, s3_data, tmp_path, session_data, hfi, boifi, is_killed
):
    hfi.respond = lambda faults: time.sleep(0.3 if faults else 0) or landscape(faults)
    folder = service.create(session_data(hfi.url, total_trials=8, initial_points=4))
    made_trials(folder, 2)
    if is_killed:
        kill_holder(folder, signal.SIGKILL)
    state = ended(folder, 120)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, "all 8 trials made")
    assert [trial.trial for trial in trials(folder)] == list(range(1, 9))
    until(lambda: service.get(folder)["status"] == "COMPLETED", 30, "COMPLETED")
    assert service.http.get(f"{SESSIONS}/{folder.session_id}/trials").json()["total"] == 8
    report = service.http.get(f"{SESSIONS}/{folder.session_id}/report").text
    assert report == open_folder(folder.path).read("report.md").decode()
    assert f"--out {s3_data}" in report

    other = service.create(session_data(hfi.url, total_trials=200, initial_points=4))
    made_trials(other, 1)
    assert service.http.post(f"{SESSIONS}/{other.session_id}/stop").status_code == 202
    assert ended(other, 60).reason == "stopped"
    assert boifi("sessions", "--out", s3_data, check=0).stdout.count("COMPLETED") == 2

    assert service.http.delete(f"{SESSIONS}/{folder.session_id}").status_code == 204
    assert service.http.get(f"{SESSIONS}/{folder.session_id}").status_code == 404
    assert [each["session_id"] for each in service.http.get(SESSIONS).json()["sessions"]] == [other.session_id]
    assert open_folder(s3_data / "sessions").names() == [other.session_id]

    night(hfi, session_data, s3_data, tmp_path, boifi)
    assert hfi.active() == {}
    state = tmp_path / "state" / s3_data.bucket / s3_data.key
    assert {"audit.jsonl", "boifi.db", "service"} <= {path.name for path in state.iterdir()}
    assert "Traceback" not in service.log()


def night(hfi, session_data, data, tmp_path, boifi):
    """A night runs by the service that is up."""
    hfi.respond = landscape
    campaign = {"name": "nightly", "fail_on": 10, "sessions": [session_data(hfi.url, total_trials=4, initial_points=4)]}
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(campaign))
    said = boifi("campaign", "run", tmp_path / "campaign.yaml", "--out", data, check=0).stdout
    assert f"report      {data}/campaigns/nightly/nights/" in said
    place = CampaignFolder(data / "campaigns" / "nightly")
    (only,) = place.nights()
    assert only.sessions[0].status is SessionStatus.COMPLETED
    assert open_folder(place.night_place(only.night)).names() == ["junit.xml", "night.json", "report.json", "report.md"]
    assert not place.is_held()
