"""Figures find their place in the docs."""

import shutil

import pytest

from benchmarks import document
from benchmarks.__main__ import NAMES
from benchmarks.table import Table, spread

TABLE = Table("Times, ms", ("step", "median / p95"), (("one", "1.0 / 2.0"), ("two", "3.0 / 4.0")))


@pytest.mark.parametrize("name", NAMES)
def test_the_docs_have_a_place_for_each_benchmark(tmp_path, name):
    copy = tmp_path / "benchmarks.md"
    shutil.copy(document.DOCUMENT, copy)
    document.write(name, [TABLE], "today", copy)
    written = copy.read_text()
    assert f"<!-- {name}: begin -->\n\nMeasured today.\n\n**Times, ms**\n\n| step | median / p95 |" in written
    document.write(name, [TABLE], "today", copy)
    assert copy.read_text() == written


def test_only_what_stands_between_the_markers_is_replaced():
    text = "before <!-- a: begin --> old\nlines <!-- a: end --> between <!-- b: begin --> kept <!-- b: end --> after"
    new = document.replaced(text, "a", [TABLE], "today")
    assert new.startswith("before <!-- a: begin -->\n\nMeasured today.\n")
    assert new.endswith("<!-- a: end --> between <!-- b: begin --> kept <!-- b: end --> after")
    assert "old" not in new


def test_markers_that_are_not_there_are_an_error():
    with pytest.raises(ValueError, match="must be there once, is 0 times"):
        document.replaced("nothing here", "a", [TABLE], "today")


def test_the_machine_line_names_what_figures_depend_on():
    line = document.machine()
    for part in ("cores", "Python 3.", "scikit-learn ", "scikit-optimize ", "prefect "):
        assert part in line


def test_a_table_is_markdown():
    assert TABLE.markdown().splitlines()[2:] == [
        "| step | median / p95 |",
        "| --- | --- |",
        "| one | 1.0 / 2.0 |",
        "| two | 3.0 / 4.0 |",
    ]


@pytest.mark.parametrize(("aim", "shown"), [(None, "2.0 / 2.9"), (2.5, "2.0 / 2.9"), (2.0, "2.0 / 2.9 missed")])
def test_a_median_that_is_not_under_its_aim_is_marked(aim, shown):
    assert spread([1.0, 2.0, 3.0], aim) == shown
