"""What many tests share: one real Prefect server, control planes, and session files."""

import copy
import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import resumable
import sharing
import yaml
from hfi_server import HfiServer
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

SESSION = {
    "name": "ratings-delay",
    # The tests' control plane acts at once; that this is found out is `flows/test_settling.py`'s.
    "executor": {"type": "hfi", "endpoint": "http://127.0.0.1:1", "timeout_s": 5, "settle_s": 0},
    "search_space": {
        "dimensions": [
            {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
            {"name": "target_path", "type": "categorical", "values": ["/ratings", "/reviews", "/details"]},
            {"name": "percentage", "type": "integer", "min": 10, "max": 100},
            {
                "name": "delay_ms",
                "type": "integer",
                "min": 100,
                "max": 8000,
                "condition": {"field": "fault_type", "operator": "equals", "value": "delay"},
            },
            {
                "name": "abort_status_code",
                "type": "categorical",
                "values": [429, 500, 503],
                "condition": {"field": "fault_type", "operator": "equals", "value": "abort"},
            },
        ],
        "fixed": {"target_method": "GET"},
    },
    "total_trials": 12,
    "initial_points": 5,
    "seed": 7,
    "baseline_observations": 1,
    # Most tests are about the search for the worst: what is beside it is asked for where it is the point.
    "optimizer": {"objective": "severity"},
    "screen": {"share": 0},
    "sample": {"share": 0},
    "confirm": {"share": 0},
    "minimise": {"share": 0},
}

pytest_addoption = resumable.pytest_addoption
pytest_configure = resumable.pytest_configure
pytest_xdist_make_scheduler = sharing.pytest_xdist_make_scheduler

# How long one example takes says more of the machine than of the code.
settings.register_profile("boifi", deadline=None)
settings.load_profile("boifi")

# Where the tests run in the background, as a CI may have it, Ctrl-C is ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Without a server to speak to, Prefect in this process is not to start one that no test knows of.
os.environ["PREFECT_SERVER_EPHEMERAL_ENABLED"] = "false"


@pytest.fixture(scope="session", autouse=True)
def _no_environment_of_the_user():
    """A user's Prefect or data dir must not leak into the tests."""
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "BOIFI_"))]:
        del os.environ[name]


@pytest.fixture(scope="session")
def prefect_data(tmp_path_factory):
    """The data dir of the tests' Prefect server."""
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="session")
def prefect_database(tmp_path_factory):
    """Where Prefect's empty database lies once a server has made it, which is most of a first start."""
    base = tmp_path_factory.getbasetemp()
    return (base if "PYTEST_XDIST_WORKER" not in os.environ else base.parent) / "prefect.db"


@pytest.fixture(scope="session")
def prefect_server(prefect_data, prefect_database):
    """The URL of a real Prefect server, the same for all tests; Prefect in this process uses it too."""
    from prefects import prefect_for_tests

    with ExitStack() as stack:
        with prefect_database.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # one worker's server makes it, the others' begin with it
            is_made = prefect_database.exists()
            if is_made:
                copy_database(prefect_database, prefect_data / "prefect")
            else:
                url = stack.enter_context(prefect_for_tests(prefect_data / "prefect"))
                copy_database(prefect_data / "prefect" / "prefect.db", prefect_database.parent)
        if is_made:
            url = stack.enter_context(prefect_for_tests(prefect_data / "prefect"))
        # Prefect reads the environment once, when it is imported, which a test's module may have done by now.
        from prefect.context import refresh_global_settings_context

        refresh_global_settings_context()
        yield url


def copy_database(made, home):
    """Let a server with this home begin with that database."""
    home.mkdir(parents=True, exist_ok=True)
    begun = home / "prefect.db.begun"
    with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(begun)) as target:
        source.backup(target)
    begun.rename(home / "prefect.db")


@pytest.fixture(scope="session")
def used_home(prefect_server, prefect_database):
    """Gives a Prefect server of its own, in this folder, a database to begin with."""
    return lambda home: copy_database(prefect_database, home)


@pytest.fixture
def used_data_dir(used_home, tmp_path):
    """The test's data dir, with what the first start of a run's own server would make of it."""
    used_home(tmp_path / "data" / "prefect")


@pytest.fixture
def hfi():
    """A control plane with the tests' target behind it."""
    with HfiServer() as server:
        yield server


@pytest.fixture
def session_data():
    """A session file's value as a function of its endpoint and of what is to differ."""

    def make(endpoint, **changes):
        data = {**copy.deepcopy(SESSION), **changes}  # a test may change what it gets
        return {**data, "executor": {**SESSION["executor"], **changes.get("executor", {}), "endpoint": endpoint}}

    return make


@pytest.fixture
def session_file(tmp_path, session_data):
    """The same, written to a file."""

    def make(endpoint, **changes):
        path = tmp_path / "session.yaml"
        path.write_text(yaml.safe_dump(session_data(endpoint, **changes)))
        return path

    return make


@pytest.fixture(scope="session")
def s3_store():
    """A real S3 API on loopback, the same for all tests."""
    from s3_server import s3_server

    with s3_server() as store:
        yield store


@pytest.fixture
def s3_data(s3_store, monkeypatch, tmp_path):
    """A data dir of the test's own in object storage, which this process and its children can reach."""
    from boifi_core.storage import S3Path
    from boifi_core.storage.client import forget_client

    for name, value in s3_store.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOIFI_STATE", str(tmp_path / "state"))
    forget_client()
    yield S3Path(s3_store.bucket(), "team/mesh")
    forget_client()


def users_environment():
    """This process's environment without the settings that the tests' own Prefect server brought."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}


@pytest.fixture
def environment(tmp_path):
    """A user's environment, with the data dir in a folder of the test's."""
    return {**users_environment(), "BOIFI_DATA": str(tmp_path / "data")}


@pytest.fixture
def boifi(environment):
    """Run the `boifi` command as a user does; data in a folder of the test's."""

    def run(*arguments, timeout=120, check=None, **changes):
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *map(str, arguments)],
            cwd=ROOT,
            env={**environment, **changes},
            capture_output=True,
            text=True,
            encoding=changes.get("PYTHONIOENCODING"),
            timeout=timeout,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"{done.stdout}\n{done.stderr}"
        return done

    return run


@pytest.fixture
def boifi_here(prefect_server, boifi_alone):
    """As `boifi`, in this process, with the tests' Prefect server: it saves a start where that is not the point."""
    return boifi_alone


@pytest.fixture
def boifi_alone(tmp_path, monkeypatch, capsys):
    """The same for commands that need no Prefect."""
    from cli.main import command

    def run(*arguments, check=None):
        monkeypatch.setenv("BOIFI_DATA", str(tmp_path / "data"))
        monkeypatch.setattr("sys.argv", ["boifi", *map(str, arguments)])
        capsys.readouterr()
        status = command()
        said = capsys.readouterr()
        if check is not None:
            assert status == check, f"{said.out}\n{said.err}"
        return subprocess.CompletedProcess(arguments, status, said.out, said.err)

    return run
