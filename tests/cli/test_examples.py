"""Every example runs as it is, against the embedded target and against any strict control plane."""

import re
from pathlib import Path

import pytest
import yaml
from hfi_server import HfiServer

from boifi_core.session.folder import sessions_in
from demo.target import start_target

ROOT = Path(__file__).resolve().parents[2]
USAGE = (ROOT / "docs" / "usage-examples.md").read_text()
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def target():
    with start_target() as running:
        yield running


def at(endpoint, example, tmp_path):
    """The example, with its endpoint on the port that this test has."""
    text = example.read_text()
    assert text.count("http://127.0.0.1:8080") == 1
    path = tmp_path / example.name
    path.write_text(text.replace("http://127.0.0.1:8080", endpoint))
    return path


@pytest.mark.alone
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_against_the_embedded_target(boifi_here, example, target, tmp_path):
    path = at(target.control_plane, example, tmp_path)
    done = boifi_here("run", path, "--trials", 6, check=0)
    assert "COMPLETED: all 6 trials made. 6 trials, 6 of them scored." in done.stdout


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_against_a_strict_control_plane(boifi_here, example, tmp_path):
    with HfiServer() as hfi:
        boifi_here("run", at(hfi.url, example, tmp_path), "--trials", 4, check=0)
        assert hfi.active() == {}
        delays = [fault["delay"] for post in hfi.requests("POST") for fault in [post.body["spec"]["rules"][0]["fault"]]
                  if "delay" in fault]  # fmt: skip
        assert all(set(delay) == {"fixed_delay", "fixed_delay_ms"} for delay in delays)


def test_the_warm_start_learns_from_the_example_before_it(boifi_here, tmp_path):
    again = ROOT / "examples" / "warm-start" / "again.yaml"
    with HfiServer() as hfi:
        boifi_here("run", at(hfi.url, ROOT / "examples" / "one-fault.yaml", tmp_path), "--trials", 6, check=0)
        [earlier] = sessions_in(tmp_path / "data")
        path = at(hfi.url, again, tmp_path)
        path.write_text(path.read_text().replace("[EARLIER]", f"[{earlier.session_id}]"))
        done = boifi_here("run", path, "--trials", 5, check=0)
    assert re.search(rf"knows +[1-6] trials of {earlier.session_id}", done.stdout)


@pytest.mark.parametrize("name", sorted(re.findall(r"`(examples/[\w/-]+\.yaml)`", USAGE)))
def test_what_the_usage_examples_show_is_what_the_files_say(name):
    shown = USAGE.partition(f"`{name}`")[2].partition("\n## ")[0]
    said = [line.strip() for line in (ROOT / name).read_text().splitlines()]
    for line in (line for block in re.findall(r"```yaml\n(.*?)```", shown, re.DOTALL) for line in block.splitlines()):
        assert line.strip() in said or line.strip() == "# …", line
    assert name in shown, "a command runs it"


def yaml_blocks(name):
    return [yaml.safe_load(block.split("```")[0]) for block in (ROOT / name).read_text().split("```yaml\n")[1:]]


def test_the_documented_session_files_are_sound(boifi_alone, tmp_path):
    whole, *parts = yaml_blocks("docs/session-file.md")
    path = tmp_path / "session.yaml"
    for data in [whole, *({**whole, **part} for part in parts), *yaml_blocks("README.md")]:
        path.write_text(yaml.safe_dump(data))
        boifi_alone("validate", path, check=0)


def test_every_command_in_the_readme_exists(boifi_alone):
    said = set(re.findall(r"`(?:\.venv/bin/)?boifi ([a-z]+)", (ROOT / "README.md").read_text()))
    assert said >= {"demo", "run", "validate", "sessions", "stop", "report", "replay", "sweep", "target"}
    for command in said:
        boifi_alone(command, "--help", check=0)
