"""The workflow files are sound, and what they name exists."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def jobs():
    return [
        (path.name, name, job) for path in WORKFLOWS for name, job in yaml.safe_load(path.read_text())["jobs"].items()
    ]


def scripts():
    return [step["run"] for _, _, job in jobs() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [("github-workflows", WORKFLOWS), ("citation-file-format", [ROOT / "CITATION.cff"])],
    ids=["workflows", "citation"],
)
def test_each_file_keeps_to_its_schema(schema, paths):
    assert paths
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *paths]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_every_target_and_module_that_a_workflow_runs_exists():
    makefile = (ROOT / "Makefile").read_text()
    ran = "\n".join(scripts())
    targets = set(re.findall(r"^make (?:--\S+ )?([a-z-]+)", ran, re.MULTILINE))
    assert {"check", "test", "docs", "bench", "dist"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for module in re.findall(r"python -m (\S+)", ran):
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file(), module


def test_the_tests_run_on_every_python_that_the_project_names():
    [tests] = [job for path, name, job in jobs() if (path, name) == ("checks.yml", "tests")]
    named = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert tests["strategy"]["matrix"]["python"] == named
    assert PROJECT["requires-python"] == f">={named[0]}"


def test_every_image_is_built():
    [images] = [job for path, name, job in jobs() if (path, name) == ("checks.yml", "images")]
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "docker" / "Dockerfile").read_text(), re.MULTILINE)
    targets = images["strategy"]["matrix"]["target"]
    assert set(targets) <= set(stages)
    compose = "".join(path.read_text() for path in (ROOT / "docker").glob("compose.*.yaml"))
    assert set(re.findall(r"\btarget: (\w+)", compose)) <= set(targets)


def test_every_job_ends_and_may_do_only_what_it_needs():
    for path, name, job in jobs():
        assert job["timeout-minutes"] <= 90, (path, name)
        assert {"write"} & set(job.get("permissions", {}).values()) <= ({"write"} if path == "release.yml" else set())
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}


def test_nothing_that_others_wrote_is_put_into_a_script():
    # A branch or a tag may be named like a command.
    for script in scripts():
        assert not re.search(r"\$\{\{\s*(github\.(event|head_ref|ref)|inputs)", script), script


def test_the_hooks_before_a_commit_run_what_the_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text()
    for hook in hooks:
        tool = hook["entry"].removeprefix(".venv/bin/").removesuffix(" --fix")
        assert f"$(BIN)/{tool}" in makefile
