"""A session's trials as one file: JSON lines, CSV, Parquet."""

from __future__ import annotations

import io
from collections.abc import Iterator
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
        yield from _csv(tables, columns)
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


def _csv(tables: Iterator[pa.Table], columns: pa.Schema) -> Iterator[bytes]:
    yield _written(columns.empty_table(), include_header=True)
    for table in tables:
        yield _written(table, include_header=False)


def _written(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pyarrow.csv.write_csv(table, buffer, pyarrow.csv.WriteOptions(**options))
    return buffer.getvalue()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(CHUNK):
        yield piece
