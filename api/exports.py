"""A session's trials as one file: JSON lines, CSV, Parquet."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from tempfile import TemporaryFile
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from api.index import document_of
from boifi_core.history.columns import row, schema
from boifi_core.history.dataset import History
from boifi_core.models import Trial
from boifi_core.session.folder import SessionFolder
from boifi_core.session.stored import stored_config

BATCH = 100
CHUNK = 1 << 16

# A spreadsheet takes what begins so for a formula, wherever the text came from: names, reasons, what a target said.
_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def export(folder: SessionFolder, form: str) -> Iterator[bytes]:
    """The trials, in pieces; CSV and Parquet have the columns of the history."""
    space = stored_config(folder).search_space
    history = History(folder.history, space)
    batches = _batches(history)
    if form == "jsonl":
        for trials in batches:
            yield "".join(f"{document_of(trial)}\n" for trial in trials).encode()
        return
    columns = schema(space.dimensions)
    tables = (pa.Table.from_pylist([row(trial, space.dimensions) for trial in trials], columns) for trials in batches)
    if form == "csv":
        yield from csv_of(tables, columns)
    else:
        with TemporaryFile() as file:
            with pq.ParquetWriter(file, columns) as writer:
                for table in tables:
                    writer.write_table(table)
            yield from _pieces(file)


def _batches(history: History) -> Iterator[list[Trial]]:
    after = 0
    while trials := history.trials(after, BATCH):
        yield trials
        after = trials[-1].trial


def csv_of(tables: Iterable[pa.Table], columns: pa.Schema) -> Iterator[bytes]:
    """The tables as one CSV file, in pieces, with no cell that a spreadsheet would take for a formula."""
    names = [_no_formula(name) for name in columns.names]
    yield _written(columns.empty_table().rename_columns(names), include_header=True)
    for table in tables:
        yield _written(_plain(table), include_header=False)


def _plain(table: pa.Table) -> pa.Table:
    """The same, with no text in it that a spreadsheet would compute; numbers stay as they are."""
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            texts = [None if text is None else _no_formula(text) for text in table.column(index).to_pylist()]
            table = table.set_column(index, field, pa.array(texts, field.type))
    return table


def _no_formula(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _written(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer, pyarrow.csv.WriteOptions(**options))
    return buffer.getvalue()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(CHUNK):
        yield piece
