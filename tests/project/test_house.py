"""The house keeps to its rules, and each rule bites: `make check` runs import-linter and `scripts.house`."""

import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.house import HALL, MOST_ARROWS, MOST_LINES, breaches
from scripts.imports import ROOT, rooms

LINT = Path(sys.executable).with_name("lint-imports")


def linted(root):
    """Exit status and words of import-linter."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"COLUMNS": "200"}
    command = [LINT, "--no-cache", "--no-logo"]
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)
    return run.returncode, run.stdout + run.stderr


def test_the_house_keeps_to_its_rules():
    assert breaches() == []
    assert {path.stem for path in (ROOT / "boifi_core").glob("*.py")} == set(HALL)


def test_imports_go_one_way():
    status, said = linted(ROOT)
    assert status == 0, said


def test_the_check_runs_both():
    [recipe] = [part for part in (ROOT / "Makefile").read_text().split("\n\n") if part.startswith("check:")]
    assert "$(BIN)/lint-imports\n" in recipe
    assert "$(BIN)/python -m scripts.house" in recipe


class TestImports:
    """What import-linter refuses."""

    @pytest.fixture(scope="class")
    def copy(self, tmp_path_factory):
        """The product's Python files."""
        root = tmp_path_factory.mktemp("house")
        shutil.copy(ROOT / "pyproject.toml", root)
        for room in rooms():
            shutil.copytree(
                ROOT / room, root / room, ignore=lambda folder, names: [
                    name for name in names if not name.endswith(".py") and not (Path(folder) / name).is_dir()
                ]
            )  # fmt: skip
        return root

    @pytest.mark.parametrize(
        ("name", "text", "contract"),
        [
            ("boifi_core/faults/plan.py", "import boifi_core.analyzer.config", "the core's rooms"),
            ("boifi_core/injectors/table.py", "def late():\n    import boifi_core.observers.table", "the core's rooms"),
            ("boifi_core/newcomer/__init__.py", '"""A room that has no place yet."""', "the core's rooms"),
            ("boifi_core/wire/loop.py", "import boifi_core.wire.http", "no circles"),
            ("deployments/logs.py", "import deployments.worker", "no circles"),
            ("tasks/steps.py", "import flows.session", "rooms import inwards"),
            ("demo/run.py", "import api.runs", "rooms import inwards"),
            ("api/runs.py", "import flows.session", "the facade starts runs"),
            ("boifi_core/session/trial.py", "import prefect", "the core stands alone"),
        ],
    )
    def test_one_that_goes_the_wrong_way_is_refused(self, copy, name, text, contract):
        path = copy / name
        is_new = not path.exists()
        before = "" if is_new else path.read_text()
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{before}\n{text}\n")
        try:
            status, said = linted(copy)
        finally:
            shutil.rmtree(path.parent) if is_new else path.write_text(before)
        assert status != 0
        assert any(line.startswith(contract) and line.endswith("BROKEN") for line in said.splitlines()), said

    def test_the_copy_itself_is_sound(self, copy):
        status, said = linted(copy)
        assert status == 0, said


@pytest.fixture
def small(tmp_path):
    """A house with little in it, to be spoiled: gives the function that adds a file."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)

    def add(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return breaches(tmp_path)

    for room in ("faults", "report", "wire"):
        add(f"boifi_core/{room}/__init__.py", f'"""{room}."""\n')
    for name in (*HALL, "faults/plan", "report/tables", "wire/client"):
        assert add(f"boifi_core/{name}.py", "class Value: ...\n") == []
    return add


@pytest.mark.parametrize("room", rooms())
def test_a_file_has_400_lines_at_most(small, room):
    assert small(f"{room}/deep/down/long.py", "# a line\n" * MOST_LINES) == []
    [said] = small(f"{room}/deep/down/long.py", "# a line\n" * (MOST_LINES + 1))
    assert said == f"{room}/deep/down/long.py: a file has at most 400 lines, this one 401"


def test_no_further_file_stands_in_the_hall(small):
    [said] = small("boifi_core/helpers.py", "")
    assert said.startswith("boifi_core/helpers.py: belongs into a room")


@pytest.mark.parametrize(
    "text",
    [
        "from boifi_core.models import Value\n",
        "from boifi_core.models import Value\n\n__all__ = ['Value']\n\nALL = (Value,)\n",
        "from boifi_core.report.tables import *\n",
        "from boifi_core import wire\n",
    ],
)
@pytest.mark.parametrize("package", ["boifi_core/faults", "boifi_core/faults/kinds", "demo"])
def test_no_init_hands_on_names_of_another_room(small, package, text):
    [said] = small(f"{package}/__init__.py", text)
    assert said.startswith(f"{package}/__init__.py: hands on ")


def test_a_relative_import_is_one_too(small):
    [said] = small("boifi_core/faults/__init__.py", "from ..wire import client as own_client\n")
    assert said.endswith("hands on own_client of boifi_core.wire.client, another room")


@pytest.mark.parametrize("text", ["from boifi_core.faults.plan import Value\n", "from .plan import Value\n",
                                  "from boifi_core.errors import Value\n\nclass Odd(Value): ...\n"])  # fmt: skip
def test_an_init_hands_on_names_of_its_own_room_and_may_use_others(small, text):
    assert small("boifi_core/faults/__init__.py", text) == []


@pytest.mark.parametrize("how", ["import boifi_core.{}", "from boifi_core import {}", "from ..{} import code",
                                 "if TYPE_CHECKING:\n    from boifi_core.{} import code",
                                 "def late():\n    from boifi_core.{}.code import VALUE"])  # fmt: skip
def test_arrows_are_counted_wherever_they_begin(small, how):
    pairs = list(itertools.combinations([f"room{number}" for number in range(14)], 2))
    imports = {}
    for upper, lower in pairs:
        for name in (upper, lower):
            small(f"boifi_core/{name}/__init__.py", "") if name not in imports else None
            imports.setdefault(name, [])
    for upper, lower in pairs[:MOST_ARROWS]:
        # One from two files is one.
        imports[upper] += [how.format(lower)] * 2
    for name, lines in imports.items():
        assert small(f"boifi_core/{name}/code.py", "\n".join(lines)) == []
    upper, lower = pairs[MOST_ARROWS]
    [said] = small(f"boifi_core/{upper}/more.py", how.format(lower))
    assert "at most 80 arrows" in said
    assert "got 81" in said


def test_a_circle_through_an_init_is_found(small):
    assert small("boifi_core/report/tables.py", "def late():\n    from boifi_core.report import html\n") == []
    [said] = small("boifi_core/report/__init__.py", "from boifi_core.report.tables import late\n")
    assert said.startswith("modules import each other in a circle: ")
    assert "boifi_core.report.tables → boifi_core.report" in said


def test_the_command_prints_one_line_for_each_breach_and_fails(small, tmp_path):
    small("flows/long.py", "# a line\n" * (MOST_LINES + 1))
    small("boifi_core/helpers.py", "")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    run = subprocess.run([sys.executable, "-m", "scripts.house"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, "")
    assert sorted(line.partition(":")[0] for line in run.stdout.splitlines()) == [
        "boifi_core/helpers.py",
        "flows/long.py",
    ]
