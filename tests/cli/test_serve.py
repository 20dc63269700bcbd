"""`boifi serve` from outside: the whole service in its own processes, killed piece by piece and started again."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import yaml
from flow_runs import ended, kill_holder, made_trials, trials, until
from hfi_landscape import landscape
from hfi_server import HfiServer
from postgres import running_postgres
from services import ROOT, SESSIONS, Service, free_port

from boifi_core.models import SessionStatus
from boifi_core.storage.filelock import try_lock
from demo.target import start_target

SECRET = "what-only-the-target-may-be-told"
DOC = (ROOT / "docs" / "service.md").read_text()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def postgres(request):
    """The PostgreSQL that all of the service is on; None where it is on SQLite."""
    if request.param == "sqlite":
        yield None
        return
    with running_postgres() as server:
        yield server


# What no database has a part in.
HOSTS = '{"BOIFI_EXECUTOR_TOKEN": ["127.0.0.0/8"]}'
"""Where it may be sent."""

on_sqlite = pytest.mark.parametrize("postgres", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def service(postgres, tmp_path_factory, used_home):
    # As docs/service.md puts it on PostgreSQL, with databases of ours.
    documented = re.findall(r"^export (\w+)=(\w[\w+]+)://.*/(\w+)$", DOC, re.MULTILINE)
    databases = {variable: postgres.database(name, driver) for variable, driver, name in documented if postgres}
    data = tmp_path_factory.mktemp("served")
    used_home(data / "service")
    service = Service(data, {**databases, "BOIFI_EXECUTOR_TOKEN": SECRET, "BOIFI_SECRET_HOSTS": HOSTS})
    assert len(databases) == (0 if postgres is None else 2)
    service.start()
    service.until_ready()
    yield service
    service.close()


@pytest.fixture
def targets():
    """Makes control planes whose observations take some time."""
    with ExitStack() as stack:

        def make(seconds):
            server = stack.enter_context(HfiServer())
            server.respond = lambda faults: time.sleep(seconds if faults else 0) or landscape(faults)
            return server

        yield make


def whole(folder, count):
    """The session made all its trials, each once."""
    state = ended(folder, 240)
    assert (state.status, state.reason) == (SessionStatus.COMPLETED, f"all {count} trials made")
    assert [t.trial for t in trials(folder)] == list(range(1, count + 1))


def test_a_session_over_rest_is_made_by_the_worker_ends_completed_and_writes_its_token_nowhere(
    service, targets, session_data
):
    hfi = targets(0)
    hfi.knobs.token = SECRET
    token = {"token": "${BOIFI_EXECUTOR_TOKEN}"}
    folder = service.create(session_data(hfi.url, total_trials=4, initial_points=4, executor=token))
    whole(folder, 4)
    until(lambda: service.get(folder)["status"] == "COMPLETED", 20, "COMPLETED")
    assert hfi.active() == {}
    # Sessions, reports, logs, and on SQLite the databases.
    files = [path for path in service.data.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert any(folder.session_id.encode() in path.read_bytes() for path in files if path.name == "serve.log")


@pytest.fixture(scope="module")
def shop():
    """The embedded target."""
    with start_target() as target:
        yield target


@pytest.fixture
def five(service, shop, session_data):
    """Five sessions against the embedded target, all of which have begun; returns their folders."""
    dimensions = [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {
            "name": "target_service",
            "type": "categorical",
            "values": ["bank", "cart", "pricing", "promotions", "reviews"],
        },
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {"name": "abort_status_code", "type": "categorical", "values": [429, 500, 503]},
    ]
    # Where the machine is busy the shop is slow, and gives up: that must pass for its steady state.
    patient = {"weights": {"bug": 1, "perf": 8, "struct": 1}, "baseline_latency_ms": 5000, "threshold_latency_ms": 9000}
    config = session_data(shop.control_plane, search_space=dimensions, analyzer=patient, total_trials=MANY,
                          initial_points=MANY, executor={"timeout_s": 30})  # fmt: skip
    folders = [service.create(config) for _ in range(5)]
    for folder in folders:
        made_trials(folder, 1, 120)
    return folders


MANY = 10


def made_one_more(folders):
    """Wait until a session made one more trial: whatever was broken, they go on."""
    before = [len(list(folder.history.glob("*.parquet"))) for folder in folders]
    until(lambda: [len(list(folder.history.glob("*.parquet"))) for folder in folders] != before, 120, "one more trial")


def all_whole(folders, shop):
    for folder in folders:
        whole(folder, MANY)
    assert httpx.get(f"{shop.control_plane}/v1/policies").json()["policies"] == []


@pytest.mark.long
@pytest.mark.timeout(400)
def test_whatever_is_killed_five_sessions_on_the_embedded_target_make_every_trial_once(service, shop, five):
    for kind in ("facade", "worker", "prefect"):
        service.kill(kind)
        made_one_more(five)
    kill_holder(five[0], signal.SIGKILL)
    all_whole(five, shop)
    service.until_ready()
    until(lambda: [service.get(folder)["status"] for folder in five] == ["COMPLETED"] * 5, 20, "COMPLETED over REST")


@pytest.mark.system
@pytest.mark.timeout(400)
@pytest.mark.parametrize("postgres", ["postgresql"], indirect=True)
def test_a_database_that_is_restarted_in_the_middle_costs_no_trial(service, postgres, shop, five):
    postgres.stop("immediate")
    until(lambda: service.http.get(SESSIONS).status_code == 503, 20, "503 without a database")
    assert service.http.get("/health").is_success
    postgres.start()
    made_one_more(five)
    postgres.stop("fast")
    postgres.start()
    all_whole(five, shop)
    service.until_ready()
    until(lambda: [service.get(folder)["status"] for folder in five] == ["COMPLETED"] * 5, 20, "COMPLETED over REST")


@pytest.mark.slow
@on_sqlite
@pytest.mark.timeout(400)
def test_the_script_of_a_sessions_whole_life_runs_to_its_end(service, shop):
    service.until_ready()
    assert "`python -m scripts.service_life`" in DOC
    command = [sys.executable, "-m", "scripts.service_life", "--api", service.url, "--target", shop.control_plane]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "refused", "created", "watched", "listed", "trials", "report", "stopped", "at", "deleted", "target",
    ]  # fmt: skip


@pytest.mark.slow
@on_sqlite
def test_sigterm_removes_the_faults_and_the_next_start_goes_on(service, targets, session_data):
    plane = targets(0.5)
    folder = service.create(session_data(plane.url, total_trials=5, initial_points=5))
    made_trials(folder, 2, 60)
    until(plane.active, 20, "a fault")
    assert service.end() == 0
    assert plane.active() == {}
    assert folder.state().reason.startswith("interrupted")
    service.start()
    whole(folder, 5)
    assert plane.active() == {}


@pytest.mark.slow
@on_sqlite
@pytest.mark.timeout(400)
def test_a_killed_service_leaves_no_process_and_goes_on_when_it_is_started_again(service, targets, session_data):
    plane = targets(0.5)
    service.until_ready()
    folder = service.create(session_data(plane.url, total_trials=5, initial_points=5))
    made_trials(folder, 2, 60)
    children = service.children().values()
    service.end(signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in children), 70, "the end of all")
    assert plane.active() == {}
    service.start()
    whole(folder, 5)
    assert plane.active() == {}


@pytest.mark.slow
@pytest.mark.alone  # else another test's service may have the usual port
def test_services_that_start_at_once_each_have_a_prefect_of_their_own(tmp_path):
    homes = [tmp_path / "one", tmp_path / "two"]
    services = []
    for home in homes:
        home.mkdir()
        services.append(Service(home))
    try:
        for each in services:
            each.start()
        until(lambda: all("\nprefect " in each.log() for each in services), 60, "where their Prefect is")
        assert services[0].prefect_url() != services[1].prefect_url()
        until(lambda: all(each.is_ready() for each in services), 120, "ready")
    finally:
        for each in services:
            each.close()


def test_a_night_on_a_service_whose_prefect_is_gone_is_one_line(boifi, session_data, hfi, tmp_path):
    data = tmp_path / "data"
    home = data / "service"
    home.mkdir(parents=True)
    campaign = tmp_path / "campaign.yaml"
    campaign.write_text(yaml.safe_dump({"name": "nightly", "sessions": [session_data(hfi.url)]}))
    url = f"http://127.0.0.1:{free_port()}/api"
    (home / "api.json").write_text(json.dumps({"PREFECT_API_URL": url}))
    with (home / "lock").open("a+") as lock:
        assert try_lock(lock)
        said = boifi("campaign", "run", campaign, check=1).stderr
        other = f"http://127.0.0.1:{free_port()}/api"
        named = boifi("campaign", "run", campaign, check=1, PREFECT_API_URL=other).stderr
    assert named.startswith(f"error: PREFECT_API_URL: must answer, got {other}: ")
    assert said.startswith(f"error: Prefect of the service on {data}: must answer, got {url}: ")
    assert said.count("\n") == 1
    assert not (data / "campaigns").exists()


@on_sqlite
def test_what_it_cannot_begin_with_is_one_line(service, boifi):
    in_use = boifi("serve", "--port", service.port, check=2)
    assert in_use.stderr == f"error: --port: must be free on 127.0.0.1, got {service.port}\n"
    beyond = boifi("serve", "--host", "0.0.0.0", "--port", free_port(), check=2)
    assert "host" in beyond.stderr
    assert beyond.stderr.count("\n") == 1
    taken = boifi("serve", "--port", free_port(), "--out", service.data, check=1)
    assert taken.stderr == f"error: another boifi serve has {service.data}\n"
