"""Sessions resumed and deleted over HTTP, with a real Prefect behind the facade."""

import os

import httpx
import pytest
from facades import SESSIONS, facade, made, refused, wait_for

from boifi_core.session.folder import FACADE
from boifi_core.session.run_file import flow_run_of, keep_flow_run

POOL = "resume-tests"


def prefect(path, **body):
    """What Prefect's API says."""
    answer = httpx.post(f"{os.environ['PREFECT_API_URL']}{path}", json=body, trust_env=False).raise_for_status()
    return answer.json()


@pytest.fixture
def deployment(prefect_server):
    """A deployment of the name that the facade looks for."""
    flow = prefect("/flows/", name="session")["id"]
    made = prefect("/deployments/", name="boifi", flow_id=flow)
    yield made["id"]
    httpx.delete(f"{os.environ['PREFECT_API_URL']}/deployments/{made['id']}", trust_env=False)


def runs_of(session_id):
    return prefect("/flow_runs/filter", flow_runs={"tags": {"all_": [f"session:{session_id}"]}})


def ours(tmp_path, **named):
    """A session of the service that has made three of its twelve trials."""
    return made(tmp_path, trials=3, made_by=FACADE, **named)


def resume(api, folder):
    return api.post(f"{SESSIONS}/{folder.session_id}/resume")


@pytest.mark.parametrize(
    ("status", "reason"), [("FAILED", "no room"), ("FAILED", "cancelled"), ("COMPLETED", "stopped")]
)
def test_a_session_that_ended_before_its_time_goes_on_as_another_run_however_often_it_is_asked(
    tmp_path, deployment, status, reason
):
    folder = ours(tmp_path, status="RUNNING")
    with facade(tmp_path) as api:
        first = wait_for_run(folder)
        end(folder, first, status, reason)
        wait_for(lambda: api.get(f"{SESSIONS}/{folder.session_id}").json()["status"] == status)
        answers = [resume(api, folder) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202] * 3
        assert {answer.json()["status"] for answer in answers} == {"PENDING"}
        second = wait_for_run(folder, other_than=first)
        seen = api.get(f"{SESSIONS}/{folder.session_id}").json()
    assert seen["progress"] == {"current_iteration": 3, "total_iterations": 12}
    assert len(runs_of(folder.session_id)) == 2
    assert (tmp_path / "audit.jsonl").read_text().count('"action": "resumed"') == 1
    assert not folder.stop_requested()
    assert second != first


def wait_for_run(folder, other_than=None):
    wait_for(lambda: flow_run_of(folder) not in (None, other_than), 30)
    return flow_run_of(folder)


def end(folder, run_id, status, reason):
    from facades import set_state

    folder.request_stop()
    set_state(folder, status, reason)
    state = {"type": status, "message": reason}
    prefect(f"/flow_runs/{run_id}/set_state", state=state, force=True)


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [("COMPLETED", "all 12 trials made", "complete"), ("COMPLETED", "nothing is left to try", "complete")],
)
def test_one_that_has_done_all_is_complete(tmp_path, status, reason, code):
    folder = ours(tmp_path, status=status, reason=reason)
    with facade(tmp_path) as api:
        refused(resume(api, folder), 409, code)
    assert folder.state().reason == reason


def test_one_that_runs_is_about_to_end_is_damaged_or_was_begun_at_a_terminal_is_refused(tmp_path):
    running, stopping = ours(tmp_path, status="RUNNING"), ours(tmp_path, status="RUNNING")
    damaged, terminal = ours(tmp_path, status="FAILED"), made(tmp_path, status="FAILED")
    elsewhere = ours(tmp_path, status="FAILED", executor={"endpoint": "http://10.1.2.3:80"})
    for folder in (running, stopping):
        keep_flow_run(folder, "00000000-0000-4000-8000-000000000000")
    stopping.request_stop()
    with facade(tmp_path) as api, running.held():
        wait_for(lambda: api.get(SESSIONS).json()["total"] == 5)
        (damaged.history / "part-000002.parquet").write_bytes(b"none")
        refused(resume(api, running), 409, "running")
        refused(resume(api, stopping), 409, "stopping")
        said = refused(resume(api, damaged), 409, "damaged")["message"]
        refused(resume(api, terminal), 409, "not_the_services")
        refused(resume(api, elsewhere), 409, "not_allowed")
    assert "part-000002.parquet" in said
    assert str(tmp_path) not in said
    assert terminal.state().status == damaged.state().status == "FAILED"


def test_a_resumed_session_counts_as_unfinished_and_as_one_that_was_asked_for(tmp_path):
    folders = [ours(tmp_path, status="FAILED") for _ in range(3)]
    with facade(tmp_path, max_active_sessions=1) as api:
        assert resume(api, folders[0]).status_code == 202
        refused(resume(api, folders[1]), 429, "too_many_sessions")
    with facade(tmp_path, create_limit="1/minute") as api:
        assert resume(api, folders[1]).status_code == 202
        refused(resume(api, folders[2]), 429, "rate_limited")


def artifact(run_id, key):
    return prefect("/artifacts/", key=key, type="markdown", data="what was found", flow_run_id=run_id)["id"]


def there(path):
    return httpx.get(f"{os.environ['PREFECT_API_URL']}{path}", trust_env=False).status_code == 200


def test_what_is_deleted_is_gone_from_prefect_too_and_nothing_of_another(tmp_path, deployment):
    mine, other = ours(tmp_path, status="RUNNING"), ours(tmp_path, status="RUNNING")
    with facade(tmp_path) as api:
        runs = [wait_for_run(mine)]
        others = wait_for_run(other)
        end(mine, runs[0], "FAILED", "no room")
        wait_for(lambda: api.get(f"{SESSIONS}/{mine.session_id}").json()["status"] == "FAILED")
        assert resume(api, mine).status_code == 202
        runs.append(wait_for_run(mine, other_than=runs[0]))
        end(mine, runs[1], "COMPLETED", "all 12 trials made")
        wait_for(lambda: api.get(f"{SESSIONS}/{mine.session_id}").json()["status"] == "COMPLETED")
        gone = [artifact(run, "boifi-ratings-delay-report") for run in runs]
        kept = artifact(others, "boifi-ratings-delay-report")
        log = {"name": "a", "level": 20, "message": "of mine", "timestamp": "2026-01-01T00:00:00Z"}
        httpx.post(
            f"{os.environ['PREFECT_API_URL']}/logs/", json=[{**log, "flow_run_id": runs[0]}], trust_env=False
        ).raise_for_status()
        assert api.delete(f"{SESSIONS}/{mine.session_id}").status_code == 204
    assert not mine.path.exists()
    assert not any(there(f"/artifacts/{each}") for each in gone)
    assert not any(there(f"/flow_runs/{each}") for each in runs)
    assert there(f"/artifacts/{kept}")
    assert there(f"/flow_runs/{others}")
    wait_for(lambda: prefect("/logs/filter", logs={"flow_run_id": {"any_": runs}}) == [], 30)


def test_while_prefect_is_away_nothing_is_deleted_and_asking_again_works(tmp_path, deployment, monkeypatch):
    folder = ours(tmp_path, status="COMPLETED", reason="all 12 trials made")
    keep_flow_run(folder, "00000000-0000-4000-8000-000000000000")  # which Prefect does not know any more
    url = os.environ["PREFECT_API_URL"]
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with facade(tmp_path) as api:
        answer = api.delete(f"{SESSIONS}/{folder.session_id}")
        refused(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert api.get(f"{SESSIONS}/{folder.session_id}").json()["progress"]["current_iteration"] == 3
    monkeypatch.setenv("PREFECT_API_URL", url)
    with facade(tmp_path) as api:
        assert api.delete(f"{SESSIONS}/{folder.session_id}").status_code == 204
    assert not folder.path.exists()


def test_a_deployment_that_was_made_anew_is_found_at_once(tmp_path, deployment):
    with facade(tmp_path) as api:
        first = ours(tmp_path, status="RUNNING")
        wait_for_run(first)
        httpx.delete(f"{os.environ['PREFECT_API_URL']}/deployments/{deployment}", trust_env=False)
        again = prefect("/deployments/", name="boifi", flow_id=prefect("/flows/", name="session")["id"])["id"]
        second = ours(tmp_path, status="RUNNING")
        run = wait_for_run(second)
        answer = httpx.get(f"{os.environ['PREFECT_API_URL']}/flow_runs/{run}", trust_env=False).json()
        assert answer["deployment_id"] == again != deployment
        assert api.get(f"{SESSIONS}/{second.session_id}").json()["reason"] is None
        httpx.delete(f"{os.environ['PREFECT_API_URL']}/deployments/{again}", trust_env=False)
