"""The Dockerfile and what is copied by it, as far as no image has to be built."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from containers import COMPOSE, DOCKERFILE, ENTRY, ROOT, compose, stages

from scripts.image_requirements import FOLDER, NOT_FOR_SERVICE, made

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

ONLY = """
import importlib, importlib.metadata, re, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        is_removed = any(f"{name}.".startswith(f"{each}.") for each in removed)
        if is_removed or owners.get(name.partition(".")[0], {"none"}).isdisjoint(present):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

owners = {module: {re.sub("[-_.]+", "-", name).lower() for name in names}
          for module, names in importlib.metadata.packages_distributions().items()}
present = {"none", "boifi", *sys.argv[1].split()}
removed = sys.argv[2].split()
sys.meta_path.insert(0, Missing())
for name in sys.argv[3:]:
    importlib.import_module(name)
"""


def run(command, **named):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **named)


def test_the_linter_has_nothing_to_say():
    linter = Path(sys.executable).parent / "hadolint"
    said = run([linter, DOCKERFILE])
    assert (said.returncode, said.stdout) == (0, ""), said.stdout
    worse = run([linter, "-"], input=DOCKERFILE.read_text().replace("# hadolint ignore=DL3008\n", ""))
    assert "DL3008" in worse.stdout


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="pendulum, which Python 3.13 has not, says what it needs")
def test_requirements_are_the_locks():
    assert {path: path.read_text() for path in FOLDER.glob("*.txt") if path.name != "sbom.txt"} == made()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "modules"),
    [
        ("service", ["api.app", "api.exports", "cli.main", "cli.serve", "deployments.prefect_server",
                     "deployments.worker", "boifi_core.session.check", "boifi_core.optimizer.forest",
                     "boifi_core.storage.s3",
                     "skopt.space", "sklearn.tree", "pyarrow.parquet", "uvicorn"]),
        ("demo", ["demo.__main__", "demo.shop.__main__"]),
    ],
)  # fmt: skip
def test_an_image_has_what_its_programs_import_and_not_what_others_do(image, modules):
    lines = (FOLDER / f"{image}.txt").read_text().splitlines()
    names = {line.partition("==")[0].partition("[")[0] for line in lines if "==" in line}
    slimmed = re.findall(r"^rm -rf (.*)$", (ROOT / "docker" / "slim.sh").read_text(), re.M)
    removed = [path.replace("/", ".") for line in slimmed for path in line.split() if "*" not in path]
    assert "scipy.signal" in removed
    imported = run([sys.executable, "-c", ONLY, " ".join(names), " ".join(removed), *modules], cwd=ROOT)
    assert imported.returncode == 0, imported.stderr[-1000:]
    for fewer, more in ((names - {"pydantic"}, []), (names, ["pydantic.fields"])):
        without = run([sys.executable, "-c", ONLY, " ".join(fewer), " ".join(more), *modules], cwd=ROOT)
        assert "No module named 'pydantic" in without.stderr
    assert names.isdisjoint({"pytest", "mypy", *(NOT_FOR_SERVICE if image == "service" else {"prefect"})})


def test_the_wheels_parts_are_let_into_the_build():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {*packages, "pyproject.toml", PROJECT["project"]["readme"]} <= let_in
    assert let_in.isdisjoint({"tests", ".git", ".venv", "boifi-data"})
    # Where docs/deployment.md has secrets made: the last rule that fits a path decides.
    assert lines.index("docker/secrets") > lines.index("!docker")


def test_its_version_is_the_projects():
    version = PROJECT["project"]["version"]
    assert f"ARG VERSION={version}\n" in DOCKERFILE.read_text()
    labels = stages(DOCKERFILE.read_text())["demo"].labels
    assert labels["org.opencontainers.image.licenses"] == PROJECT["project"]["license"]


def test_secrets_come_from_files_and_only_from_those_that_are_secrets(tmp_path):
    (tmp_path / "keys").write_text('[{"name": "a b", "sha256": "$HOME"}]\n')
    (tmp_path / "login").write_text("boifi:p'w\"d")
    given = {
        "PATH": os.environ["PATH"],
        "BOIFI_API_KEYS_FILE": str(tmp_path / "keys"),
        "PREFECT_SERVER_API_AUTH_STRING_FILE": str(tmp_path / "login"),
        "PREFECT_API_SSL_CERT_FILE": "/somewhere/ca.pem",
    }
    told = run(["sh", ENTRY, sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"], env=given)
    environment = json.loads(told.stdout)
    assert environment["BOIFI_API_KEYS"] == '[{"name": "a b", "sha256": "$HOME"}]'
    assert environment["PREFECT_SERVER_API_AUTH_STRING"] == "boifi:p'w\"d"
    assert environment["PREFECT_API_SSL_CERT_FILE"] == "/somewhere/ca.pem"
    assert not environment.keys() & {"BOIFI_API_KEYS_FILE", "PREFECT_SERVER_API_AUTH_STRING_FILE"}


def test_a_secret_that_cannot_be_read_is_one_line():
    wrong = run(["sh", ENTRY, "true"], env={"PATH": os.environ["PATH"], "BOIFI_JWT_SECRET_FILE": "/nowhere"})
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("error: BOIFI_JWT_SECRET_FILE: must be a file that user")
    assert wrong.stderr.endswith("may read, got /nowhere\n")


@pytest.fixture
def programs(tmp_path):
    """A folder with what a shell script needs, and nothing else."""
    for name in ("bash", "dirname", "cat", "sleep", "head", "base64", "tr"):
        (tmp_path / name).symlink_to(shutil.which(name))
    return tmp_path


def test_without_docker_the_start_script_says_so_in_one_line(programs):
    said = run(["bash", ROOT / "scripts" / "start-dev.sh"], env={"PATH": str(programs)})
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.count("\n") == 1
    assert "needs docker" in said.stderr


def test_it_waits_and_prints_the_addresses_that_compose_publishes(programs):
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\necho "$@" >>{programs}/asked\n')
    docker.chmod(0o755)
    said = run(["bash", ROOT / "scripts" / "start-dev.sh"], env={"PATH": str(programs)})
    assert said.returncode == 0, said.stderr
    for service in compose(COMPOSE["dev"].read_text())["services"].values():
        for port in service.get("ports", []):
            assert f"http://{port.rpartition(':')[0]}" in said.stdout
    login = re.search(r"http://127.0.0.1:4200/enter#boifi:([\w-]{32})$", said.stdout, re.MULTILINE)
    _, up, ready = (programs / "asked").read_text().splitlines()
    assert up.startswith("compose -f docker/compose.dev.yaml up --build --detach --wait")
    assert ready.endswith("answers.py http://127.0.0.1:8000/ready")
    again = run(["bash", ROOT / "scripts" / "start-dev.sh"], env={"PATH": str(programs)})
    assert login[1] not in again.stdout
