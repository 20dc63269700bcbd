"""What the commands are called, what they take, and what they say before anything is started."""

import copy
import json
import re

import pytest
import yaml

from tests.golden_0_1_0 import proposals
from tests.golden_0_1_0.golden import same_json, same_text

WIDTH = "100"

ABORT = {"name": "fault_type", "type": "categorical", "values": ["abort"]}
DELAY = {"name": "delay_ms", "type": "integer", "min": 1, "max": 100}
IF = {"field": "fault_type", "operator": "equals", "value": "abort"}
REFUSED = [
    {"name": ""},
    {"name": "two\nlines"},
    {"total_trials": 0},
    {"total_trials": "many"},
    {"total_trails": 3},
    {"initial_points": 99},
    {"seed": -1},
    {"executor": {}},
    {"executor": {"endpoint": "http://127.0.0.1:1", "type": "carrier-pigeon"}},
    {"executor": {"endpoint": "127.0.0.1"}},
    {"executor": {"endpoint": "http://127.0.0.1:1", "token": "${NOT_SET_ANYWHERE}"}},
    {"observer": {"type": "probe", "requests": []}},
    {"observer": {"type": "probe", "requests": [{"url": "ftp://x"}]}},
    {"observer": {"type": "probe", "requests": [{"url": "http://x"}], "traces": {"type": "paper"}}},
    {"search_space": []},
    {"search_space": [ABORT, ABORT]},
    {"search_space": [ABORT, {**DELAY, "min": 200}]},
    {"search_space": [ABORT, {**DELAY, "log_scale": True, "min": 0}]},
    {"search_space": [ABORT, {**DELAY, "type": "complex"}]},
    {"search_space": [ABORT, {**DELAY, "condition": {"field": "x", "operator": "equals", "value": 1}}]},
    {"search_space": [ABORT, {**DELAY, "condition": {"field": "fault_type", "operator": "like", "value": 1}}]},
    {"search_space": [ABORT, {**DELAY, "name": "colour"}]},
    {"search_space": [{**ABORT, "values": ["rate_limit"]}]},
    {"search_space": [{**ABORT, "values": ["delay"]}, {**DELAY, "max": 30001}]},
    {"search_space": {"dimensions": [ABORT], "fixed": {"fault_type": "abort"}}},
    {"search_space": {"dimensions": [ABORT], "constraints": [{"if": IF, "then": {**IF, "value": "delay"}}]}},
    {"optimizer": {"surrogate": "oracle"}},
    {"optimizer": {"acquisition": "luck"}},
    {"optimizer": {"selection": "taste"}},
    {"optimizer": {"objective": "fame"}},
    {"optimizer": {"xi": -1}},
    {"optimizer": {"stop_below": 0}},
    {"warm_start": ["feed"]},
    {"analyzer": {"weights": {"bug": 0}}},
    {"analyzer": {"baseline_latency_ms": 900, "threshold_latency_ms": 800}},
    {"analyzer": {"profile": "strict"}},
    {"confirm": {"share": 0.9}, "minimise": {"share": 0.9}},
    {"confirm": {"readings": 1}},
    {"recovery": {"timeout_s": 0}},
    {"guardrails": {"protected_paths": ["/"]}},
    {"guardrails": {"protected_services": ["cart"]}},
    {"guardrails": {"max_percentage": 5}},
    {"guardrails": {"abort_if": {"field": "mood", "operator": "equals", "value": 1}}},
    {"guardrails": {"max_duration_s": 0}},
    {"baseline_observations": 0},
    {"max_failures_in_row": 0},
]


def test_commands_and_options(boifi_here, monkeypatch):
    monkeypatch.setenv("COLUMNS", WIDTH)
    monkeypatch.setattr("__main__.__package__", None)  # else it calls itself `python -m pytest`
    said = []

    def ask(*command):
        text = boifi_here(*command, "--help", check=0).stdout
        said.append(f"$ boifi {' '.join([*command, '--help'])}\n{text}")
        listed = text.partition("Commands:\n")[2]
        for name in re.findall(r"(?m)^  (\w+) ", listed):
            ask(*command, name)

    ask()
    same_text("help.txt", "\n".join(said))


def test_validate_and_dry_run(boifi_here):
    said = []
    for name in proposals.names():
        if name not in proposals.EARLIER:
            path = proposals.SESSIONS / f"{name}.yaml"
            for command in (("validate", path), ("run", path, "--dry-run", "--trials", 12, "--seed", 4)):
                done = boifi_here(*command, check=0)
                said += [f"$ boifi {' '.join(map(str, command))}", done.stdout, done.stderr]
    same_text("dry-run.txt", "\n".join(said).replace(f"{proposals.SESSIONS}/", ""))


@pytest.mark.parametrize("command", ["validate", "run"])
def test_what_is_refused_and_how(boifi_here, tmp_path, command):
    path = tmp_path / "session.yaml"
    said = []
    for changes in REFUSED:
        sound = {"executor": {"endpoint": "http://127.0.0.1:1"}, "search_space": [ABORT, DELAY], "seed": 1}
        path.write_text(yaml.safe_dump({**sound, **copy.deepcopy(changes)}))
        done = boifi_here(command, path)
        line = done.stderr.replace(str(tmp_path), "TMP")
        said.append([json.dumps(changes), done.returncode, done.stdout.replace(str(tmp_path), "TMP"), line])
    same_json(f"refused-{command}.json", said)


def test_what_cannot_be_found(boifi_here, tmp_path, hfi):
    few = tmp_path / "few.yaml"
    few.write_text((proposals.SESSIONS / few.name).read_text().replace("http://127.0.0.1:8080", hfi.url))
    said = []
    for command in (
        ("sessions",),
        ("stop", "feed"),
        ("report", "feed"),
        ("report", "feed", "--format", "pdf"),
        ("replay", "feed", 1),
        ("run", "none.yaml"),
        ("run", few, "--resume", "feed"),
        ("run", few, "--trials", 0),
        ("sweep", "nowhere"),
        ("campaign", "run", "none.yaml"),
    ):
        done = boifi_here(*command)
        said.append(f"$ boifi {' '.join(map(str, command))}\n{done.returncode}\n{done.stdout}{done.stderr}")
    same_text("not-found.txt", "\n".join(said).replace(str(tmp_path), "TMP"))
