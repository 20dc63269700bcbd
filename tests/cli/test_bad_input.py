"""Bad input: one line on stderr, the right exit status, and nothing started."""

import re
import socket
import tomllib

import pytest
import yaml
from command_lines import ROOT
from hfi_server import HfiServer
from loopback import free_port

from api.app import create_app
from api.settings import Settings
from cli.main import command


@pytest.fixture(scope="module")
def hfi():
    with HfiServer() as server:
        yield server


@pytest.fixture
def refuse(tmp_path, monkeypatch, capsys):
    """Run a command in this process, which is quicker; returns its one line of error."""

    def refuse(*arguments, status=2):
        monkeypatch.setenv("BOIFI_DATA", str(tmp_path / "data"))
        monkeypatch.setattr("sys.argv", ["boifi", *map(str, arguments)])
        ended = command()
        said = capsys.readouterr()
        assert ended == status, said
        lines = said.err.splitlines()
        assert len(lines) == 1, said.err
        assert lines[0].startswith("error: ")
        assert said.out == ""
        assert not (tmp_path / "data" / "sessions").exists()
        return lines[0]

    return refuse


def test_from_outside(boifi, tmp_path):
    done = boifi("run", tmp_path / "none.yaml", check=2)
    assert done.stderr == f"error: {tmp_path}/none.yaml: no such file\n"


DELAY = {"name": "delay_ms", "type": "integer", "min": 1, "max": 100}
ABORT = {"name": "fault_type", "type": "categorical", "values": ["abort"]}
IS_ABORT = {"field": "fault_type", "operator": "equals", "value": "abort"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"total_trials": 0}, "total_trials: must be at least 1, got 0"),
        ({"initial_points": 13}, "initial_points: must be at most total_trials (12), got 13"),
        ({"total_trails": 3}, "total_trails: unknown key; did you mean total_trials?"),
        ({"search_space": []}, "search_space"),
        ({"search_space": [ABORT, ABORT]}, "search_space[1].name"),
        ({"search_space": [ABORT, {**DELAY, "min": 100}]}, "search_space[1].min"),
        ({"search_space": [{**ABORT, "values": []}]}, "search_space[0].values"),
        (
            {"search_space": [ABORT, {**DELAY, "condition": {"field": "x", "operator": "equals", "value": 1}}]},
            "search_space[1].condition.field",
        ),
        (
            {
                "search_space": [
                    ABORT,
                    {**DELAY, "name": "a", "condition": {"field": "b", "operator": "greater_than", "value": 1}},
                    {**DELAY, "name": "b", "condition": {"field": "a", "operator": "greater_than", "value": 1}},
                ]
            },
            "condition",
        ),
        (
            {
                "search_space": {
                    "dimensions": [ABORT, {**DELAY, "name": "percentage"}],
                    "constraints": [
                        {"if": IS_ABORT, "then": {"field": "percentage", "operator": "greater_than", "value": 50}},
                        {"if": IS_ABORT, "then": {"field": "percentage", "operator": "less_than", "value": 40}},
                    ],
                }
            },
            "search_space.constraints: must leave at least one point",
        ),
        ({"search_space": [ABORT, {**DELAY, "name": "colour"}]}, "search_space.colour"),
        ({"search_space": [{**ABORT, "values": ["rate_limit"]}]}, "search_space.fault_type"),
        ({"search_space": [{**ABORT, "values": ["delay"]}, {**DELAY, "max": 30001}]}, "search_space.delay_ms"),
        ({"analyzer": {"weights": {"bug": 0}}}, "analyzer.weights.bug: must be above 0, got 0"),
        ({"analyzer": {"baseline_latency_ms": 900, "threshold_latency_ms": 800}}, "must be below threshold_latency_ms"),
        ({"guardrails": {"protected_paths": ["/"]}}, "guardrails.protected_paths"),
        ({"guardrails": {"max_percentage": 5}}, "guardrails.max_percentage: must be at most 5"),
        ({"optimizer": {"surrogate": "oracle"}}, "surrogate"),
        ({"optimizer": {"acquisition": "luck"}}, "luck"),
        ({"optimizer": {"stop_below": 0}}, "optimizer.stop_below: must be above 0, got 0"),
        ({"warm_start": ["feed"]}, "warm_start[0]: must be the id of one session"),
        ({"warm_start": [""]}, "warm_start[0]: must have at least 1 character"),
        ({"executor": {"token": "${NOT_SET_ANYWHERE}"}}, "executor.token"),
    ],
)
def test_a_session_file_that_cannot_work(refuse, session_file, hfi, changes, said):
    path = session_file(hfi.url, **changes)
    assert said in refuse("run", path)
    assert said in refuse("validate", path)


def test_no_such_file(refuse, tmp_path):
    assert "none.yaml: no such file" in refuse("run", tmp_path / "none.yaml")


def test_no_yaml(refuse, tmp_path):
    (tmp_path / "x.yaml").write_text("a: [")
    assert "must be YAML" in refuse("run", tmp_path / "x.yaml")


LAUGHS = "\n".join(["a0: &a0 [ha, ha]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))])


@pytest.mark.parametrize("command", [("validate",), ("run",), ("campaign", "run")], ids=" ".join)
def test_aliases_of_aliases(refuse, tmp_path, command):
    path = tmp_path / "laughs.yaml"
    path.write_text(LAUGHS)
    assert refuse(*command, path) == (
        f"error: {path}: must have at most 200000 values, each alias counted as all that it stands for"
    )


def test_aliases_of_aliases_in_settings(refuse, tmp_path, monkeypatch):
    path = tmp_path / "laughs.yaml"
    path.write_text(LAUGHS)
    monkeypatch.setenv("BOIFI_CONFIG", str(path))
    assert f"{path}: must have at most 200000 values" in refuse("serve")


def test_an_endpoint_that_does_not_answer(refuse, session_file):
    port = free_port()
    line = refuse("run", session_file(f"http://127.0.0.1:{port}"), status=1)
    assert f"executor.endpoint: must answer, got GET http://127.0.0.1:{port}/" in line


def test_a_port_of_the_observer_in_use(refuse, session_file, hfi):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        observer = {
            "type": "probe",
            "requests": [{"url": "http://127.0.0.1:9/"}],
            "traces": {"type": "otlp", "port": taken.getsockname()[1]},
        }
        line = refuse("run", session_file(hfi.url, observer=observer))
    assert "observer.traces.port" in line


@pytest.mark.parametrize(
    "arguments", [["--trials", "0"], ["--trials", "x"], ["--seed", "-1"], ["--fail-on", "11"], ["--colour"]]
)
def test_bad_options(boifi_alone, tmp_path, session_file, hfi, arguments):
    done = boifi_alone("run", session_file(hfi.url), *arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data" / "sessions").exists()


def test_a_session_to_resume_that_does_not_exist(refuse, session_file, hfi):
    line = refuse("run", session_file(hfi.url), "--resume", "feed")
    assert "--resume: must be the id of one session" in line
    assert line.endswith("got 'feed'")


def test_a_session_to_resume_of_another_search_space(boifi_here, tmp_path, session_file, hfi):
    path = session_file(hfi.url)
    boifi_here("run", path, "--trials", 1, check=0)
    (folder,) = (tmp_path / "data" / "sessions").iterdir()
    data = yaml.safe_load(path.read_text())
    data["search_space"]["dimensions"][2]["max"] = 90
    path.write_text(yaml.safe_dump(data))
    done = boifi_here("run", path, "--resume", folder.name)
    assert done.returncode == 2
    assert "--resume: must be a session with the same search space" in done.stderr


@pytest.mark.parametrize("command", [["replay", "nope", "1"], ["stop", "nope"], ["report", "nope"]])
def test_commands_about_sessions_that_are_not_there(refuse, command):
    assert "must be the id of one session" in refuse(*command)


def test_a_sweep_of_nowhere(refuse):
    assert "endpoint: must be an http" in refuse("sweep", "nowhere")


def test_data_that_cannot_be_written(refuse, tmp_path, session_file, hfi):
    (tmp_path / "file").touch()
    line = refuse("run", session_file(hfi.url), "--out", tmp_path / "file")
    assert "--out: must be a folder" in line


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("ftp://host/boifi", "must be a local path or s3://bucket/prefix"),
        ("s3://A_bucket/boifi", "must be s3://bucket/prefix, with the bucket's name in 3 to 63"),
    ],
)
def test_a_url_for_data_that_names_no_object_storage(refuse, session_file, hfi, url, rule):
    line = refuse("run", session_file(hfi.url), "--out", url)
    assert f"--out: {rule}" in line
    assert url in line


def test_a_prefect_api_that_does_not_answer(refuse, session_file, hfi, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert "PREFECT_API_URL: must answer" in refuse("run", session_file(hfi.url), status=1)


def test_a_secret_header_must_name_a_variable(refuse, session_file, hfi):
    request = {"url": "http://127.0.0.1:9/", "headers": {"Authorization": "Bearer s3cret"}}
    line = refuse("run", session_file(hfi.url, observer={"type": "probe", "requests": [request]}))
    assert "must be ${NAME}" in line
    assert "s3cret" not in line


@pytest.mark.parametrize(
    ("cron", "rule"),
    [("99 99 99 99 99", "a minute of 0..59"), ("0 24 * * 1", "an hour of 0..23"), ("0 2 30 2 *", "a day that the")],
)
def test_f17_a_campaign_whose_nights_never_come(refuse, tmp_path, session_data, cron, rule):
    path = tmp_path / "campaign.yaml"
    campaign = {"name": "n", "schedule": {"cron": cron}, "sessions": [session_data("http://127.0.0.1:1")]}
    path.write_text(yaml.safe_dump(campaign))
    for what in ("schedule", "run"):
        line = refuse("campaign", what, path)
        assert line.startswith("error: schedule.cron: must ")
        assert rule in line
    assert not (tmp_path / "data" / "campaigns").exists()


def test_a_campaign_is_scheduled_with_its_next_night(tmp_path, monkeypatch, capsys, session_data):
    path = tmp_path / "campaign.yaml"
    schedule = {"cron": "0 2 29 2 *", "timezone": "Europe/Berlin"}
    path.write_text(
        yaml.safe_dump({"name": "n", "schedule": schedule, "sessions": [session_data("http://127.0.0.1:1")]})
    )
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr("sys.argv", ["boifi", "campaign", "schedule", str(path), "--out", str(tmp_path / "data")])
    assert command() == 0
    said = capsys.readouterr()
    first, second = said.out.splitlines()
    assert first == f"{tmp_path}/data/campaigns/n: 1 session, 0 2 29 2 * Europe/Berlin"
    assert re.fullmatch(r"next: 20\d\d-02-29 02:00 Europe/Berlin", second)
    assert said.err == f"warning: no service runs on {tmp_path}/data here; the nights begin when boifi serve does\n"


def test_the_version_is_the_projects(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["boifi", "--version"])
    assert command() == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"boifi {project['version']}\n"
    assert create_app(Settings()).version == project["version"]
