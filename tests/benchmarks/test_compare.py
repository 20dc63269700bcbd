"""Two documents of figures are compared cell by cell."""

import sys

import pytest

from benchmarks import compare
from benchmarks.document import replaced
from benchmarks.table import Table, spread


def document(tmp_path, name, record_ms, cold_ms=1.0):
    head = ("dim.", "trials", "optimizer", "propose cold", "record", "× BOIFI")
    rows = (("5", "20", "BOIFI", spread([cold_ms]), spread([record_ms], 60), ""),
            ("5", "20", "skopt RF", spread([0.1]), spread([200.0]), f"{200 / record_ms:.1f}"))  # fmt: skip
    text = replaced("<!-- optimizer: begin --><!-- optimizer: end -->", "optimizer", [Table("T", head, rows)], "today")
    path = tmp_path / name
    path.write_text(text)
    return path


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, arguments)])
    return compare.main()


def test_a_figure_is_known_by_its_row_and_column(tmp_path):
    found = compare.figures(document(tmp_path, "a.md", 61.0).read_text(), "optimizer")
    assert found == {
        ("5", "20", "BOIFI", "propose cold"): 1.0,
        ("5", "20", "BOIFI", "record"): 61.0,
        ("5", "20", "skopt RF", "propose cold"): 0.1,
        ("5", "20", "skopt RF", "record"): 200.0,
    }


@pytest.mark.parametrize(("record_ms", "cold_ms", "status"), [(29.0, 2.9, 0), (31.0, 1.0, 1), (5.0, 1.0, 0)])
def test_worse_is_half_as_long_again_and_two_milliseconds(tmp_path, monkeypatch, capsys, record_ms, cold_ms, status):
    before, after = document(tmp_path, "a.md", 20.0), document(tmp_path, "b.md", record_ms, cold_ms)
    assert run(monkeypatch, before, after, "optimizer") == status
    said = capsys.readouterr().out
    assert f"| 5, 20, BOIFI, record | 20 | {record_ms:g} | {'worse' if status else ''} |" in said


def test_nothing_to_compare_is_no_success(tmp_path, monkeypatch, capsys):
    path = document(tmp_path, "a.md", 20.0)
    with pytest.raises(ValueError, match="figures of the benchmark scoring"):
        run(monkeypatch, path, path, "scoring")
    other = tmp_path / "b.md"
    other.write_text(path.read_text().replace("| 5 |", "| 50 |"))
    assert run(monkeypatch, path, other, "optimizer") == 1
    assert "no figure in common" in capsys.readouterr().err
