"""What `make` runs of the tests is all of them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from resumable import OPTION

ROOT = Path(__file__).resolve().parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def test_what_wants_to_be_alone_is_where_it_is_looked_for():
    [folders] = re.findall(r"^ALONE := (.*)$", MAKEFILE, re.MULTILINE)
    marked = {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py") if "mark.alone" in path.read_text()}
    assert marked - {Path(__file__).relative_to(ROOT)}
    assert all(
        str(path).startswith((*(f"{folder}/" for folder in folders.split()), "tests/project/")) for path in marked
    )


def test_each_test_is_run_by_one_of_them():
    chosen = re.findall(
        r"^\t\$\([^\n]*pytest\)?[^\n]* -m ('[^'\n]+'|\w+)", MAKEFILE.replace("$(PYTEST)", "$(pytest)"), re.M
    )
    words = ("alone", "slow", "system", "long")
    for number in range(2 ** len(words)):
        marks = {word: bool(number >> place & 1) for place, word in enumerate(words)}
        runs = [each for each in chosen if eval(each.strip("'"), {}, marks)]
        assert len(runs) == 1, marks


@pytest.mark.slow
def test_a_long_run_goes_on_with_what_has_not_passed_and_then_begins_anew(tmp_path):
    # As here: the option's own conftest is only looked at where no path that is there stands among the words.
    (tmp_path / "pytest.ini").write_text("[pytest]\ntestpaths = tests\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text("from resumable import pytest_addoption, pytest_configure\n")
    (tmp_path / "tests" / "test_two.py").write_text(
        "import os\n\n\ndef test_one():\n    pass\n\n\ndef test_two():\n    assert 'SOUND' in os.environ\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "support")}
    asked = re.search(rf"{OPTION}\S*(?: \S+)?$", MAKEFILE, re.M)[0].split()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *asked]

    def told(**more):
        done = subprocess.run(command, cwd=tmp_path, env={**environment, **more}, capture_output=True, text=True)
        return done.stdout.splitlines()[-1]

    assert re.match(r"=+ 1 failed, 1 passed in ", told())
    assert re.match(r"=+ 1 failed, 1 deselected in ", told())
    assert re.match(r"=+ 1 passed, 1 deselected in ", told(SOUND="1"))
    assert re.match(r"=+ 2 passed in ", told(SOUND="1"))
