"""The wheel brings all that the commands need; the source package makes the same wheel."""

import os
import signal
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

import httpx
import pytest
import yaml
from services import free_port

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
VERSION = PROJECT["project"]["version"]


def build(source, kind, folder):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
        cwd=source,
        check=True,
        capture_output=True,
    )
    [path] = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel's files, in a folder of their own."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(folder)
    return folder


def files_of(room):
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / room).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts}  # fmt: skip


def names_in(wheel):
    with zipfile.ZipFile(wheel) as packed:
        return set(packed.namelist())


def test_every_file_of_the_rooms_is_in_the_wheel(wheel):
    named = names_in(wheel)
    for room in ROOMS:
        assert files_of(room) <= named
    shipped = {name.removeprefix("boifi_core/shipped_config/") for name in named if "/shipped_config/" in name}
    assert shipped == {path.name for path in (ROOT / "config").iterdir()} >= {"default.yaml"}
    licences = {name.partition("/licenses/")[2] for name in named}
    assert {"LICENSE", "boifi_core/report/page/assets/echarts/NOTICE"} <= licences
    assert not [name for name in named if name.split("/")[0] not in {*ROOMS, f"boifi-{VERSION}.dist-info"}]


def test_the_source_package_makes_the_same_wheel(wheel, tmp_path):
    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as packed:
        packed.extractall(tmp_path, filter="data")
    source = tmp_path / f"boifi-{VERSION}"
    assert names_in(build(source, "wheel", tmp_path / "wheel")) == names_in(wheel)
    for name in (
        "Makefile",
        "requirements.lock",
        "CHANGELOG.md",
        "CITATION.cff",
        "docs/session-file.md",
        "tests/conftest.py",
    ):
        assert (source / name).read_bytes() == (ROOT / name).read_bytes()


def run_installed(installed, *arguments, **environment):
    """A Python that finds the wheel's files before the checkout's."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=installed.parent, text=True, capture_output=True,
        env={**os.environ, "PYTHONPATH": str(installed), **environment}, check=True,
    ).stdout  # fmt: skip


def test_the_service_finds_its_defaults_where_the_wheel_has_them(installed):
    # Another package's `config` beside ours is not ours.
    (installed / "config").mkdir()
    (installed / "config" / "default.yaml").write_text("port: 1\n")
    said = run_installed(
        installed, "-c", "from boifi_core.settings import DEFAULT_FILE; from api.settings import Settings;"
        "print(DEFAULT_FILE, Settings().port)"
    )  # fmt: skip
    assert said.split() == [str(installed / "boifi_core" / "shipped_config" / "default.yaml"), "8000"]


def test_the_command_runs_from_the_wheel(installed):
    assert "campaign" in run_installed(installed, "-m", "cli.main", "--help")
    checked = run_installed(installed, "-m", "cli.main", "validate", ROOT / "examples" / "one-fault.yaml")
    assert "sound; 5 dimensions" in checked


def test_the_version_is_the_same_wherever_it_stands():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## [{VERSION}]" in changelog or f"Will be {VERSION}" in changelog


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_a_package_installs_and_runs_in_an_empty_environment(packages, kind, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    # What the lock says, since what is newest today may not work together.
    pins = tmp_path / "pins.txt"
    locked = (ROOT / "requirements.lock").read_text().splitlines()
    pins.write_text("\n".join(line.rstrip(" \\") for line in locked if not line.startswith(" ")))
    [package] = packages.glob(kind)
    pip = [tmp_path / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "-c", pins, package]
    subprocess.run(pip, check=True, timeout=900)

    boifi, data = tmp_path / "venv" / "bin" / "boifi", tmp_path / "data"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    made = subprocess.run(
        [boifi, "demo", "--trials", "12", "--out", data], cwd=tmp_path, env=environment, text=True,
        capture_output=True, timeout=300,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    assert "12 trials" in made.stdout
    [report] = (data / "sessions").glob("*/report.html")
    assert "echarts" in report.read_text()

    port = free_port()
    served = subprocess.Popen([boifi, "serve", "--port", str(port), "--out", data], cwd=tmp_path, env=environment)
    try:
        deadline = time.monotonic() + 120
        while not answers(f"http://127.0.0.1:{port}/ready"):
            assert served.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        served.send_signal(signal.SIGTERM)
        assert served.wait(60) == 0


@pytest.fixture(scope="module")
def packages():
    """What `make dist` makes."""
    subprocess.run(["make", "dist", f"PYTHON={sys.executable}"], cwd=ROOT, check=True, timeout=600)
    return ROOT / "dist"


def answers(url):
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
