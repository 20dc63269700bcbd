"""Trials as files: what comes from elsewhere stays text in a spreadsheet."""

import csv
import io
import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from api.exports import csv_of
from boifi_core.history.columns import schema
from boifi_core.space import SearchSpace

FORMULA = st.sampled_from(['=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
TEXT = st.one_of(FORMULA, st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20), st.none())
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")


def cells(table):
    text = b"".join(csv_of([table], table.schema)).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_cell_is_a_formula_whatever_text_it_is_made_of(data):
    name = data.draw(st.one_of(FORMULA, st.text(st.characters(codec="utf-8", categories=["L"]), min_size=1)), "name")
    dimensions = [
        {"name": "fault_type", "type": "categorical", "values": ["abort"]},
        {"name": name.replace(".", ""), "type": "categorical", "values": ["a", "b"]},
    ]
    columns = schema(SearchSpace.parse(dimensions).dimensions)
    row = {field.name: data.draw(TEXT, field.name) for field in columns if field.type == pa.string()}
    header, line = cells(pa.Table.from_pylist([row], columns))
    for cell in (*header, *line):
        assert not cell.startswith(("=", "@", "\t", "\r", "\n"))
        assert not cell.startswith(("+", "-")) or NUMBER.fullmatch(cell)
    shown = dict(zip(columns.names, line, strict=True))
    for field, text in row.items():
        assert shown[field].removeprefix("'") == (text or "").removeprefix("'"), "nothing else is changed"


def test_numbers_stay_numbers():
    table = pa.table({"real": [-1.5, 2.0], "whole": [-3, 4], "text": ["-7", "+8.5e3"]})
    assert cells(table) == [["real", "whole", "text"], ["-1.5", "-3", "-7"], ["2", "4", "+8.5e3"]]
