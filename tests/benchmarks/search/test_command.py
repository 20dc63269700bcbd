"""The command line and its place in the docs."""

import shutil

import pytest

from benchmarks import document
from benchmarks.search.__main__ import main
from benchmarks.search.tuning import TUNING
from benchmarks.table import Table


def test_runs_are_made_told_and_then_only_told(tmp_path, capsys):
    given = ["--only", "random", "--landscapes", TUNING[-1].name, "--seeds", "1", "--folder", str(tmp_path)]
    main([*given, "--jobs", "1"])
    first = capsys.readouterr().out
    assert "0 of 1 runs are there, 1 are to be made" in first
    assert f"random, {TUNING[-1].name}, seed 0" in first
    assert "Tuning: means over landscapes" in first
    assert "Held out:" not in first
    main(given)
    assert "1 of 1 runs are there, 0 are to be made" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--only", "nobody"], "--only must be of BOIFI"),
        (["--landscapes", "nowhere"], "--landscapes must be of"),
        (["--trials", "5"], "give another --folder"),
    ],
)
def test_what_cannot_work_is_refused(given, said, capsys):
    with pytest.raises(SystemExit):
        main(given)
    assert said in capsys.readouterr().err


def test_the_docs_have_a_place_for_the_search(tmp_path):
    copy = tmp_path / "benchmarks.md"
    shutil.copy(document.DOCUMENT, copy)
    document.write("search", [Table("Regret", ("search",), (("BOIFI",),))], "in no time", copy)
    assert "<!-- search: begin -->\n\nMeasured in no time.\n\n**Regret**" in copy.read_text()
