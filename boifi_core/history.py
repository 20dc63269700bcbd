"""A session's history: a Parquet dataset of one part per trial, whole at every moment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.history_columns import Dimension, is_earlier, row, schema, trial_from
from boifi_core.models import Trial


class HistoryDamaged(BoifiError):
    """A part of the history cannot be read; the message names the file."""


class HistoryNotWritten(BoifiError):
    """A trial could not be written; what was there before is untouched."""


class Space(Protocol):
    """What the history must know of a search space."""

    @property
    def dimensions(self) -> Sequence[Dimension]: ...


class History:
    """The trials of one session, in `folder`.

    `pandas.read_parquet(folder)` reads it at any moment, while it is written too: a part is written to a name with a
    leading dot, which readers of datasets pass over, flushed to the disk, and renamed. One process writes at a time.

    Args:
        folder: the dataset's folder; need not exist.
        space: its dimensions name the `point.` columns.
    """

    def __init__(self, folder: Path, space: Space) -> None:
        self.folder = folder
        self._dimensions = tuple(space.dimensions)
        self._schema = schema(self._dimensions)

    def create(self) -> None:
        """Make ready to write: the folder, and an empty part with all columns. What is there already stays.

        What a killed writer left half written is removed.

        Raises:
            InvalidInput: the folder holds the history of another search space.
            HistoryDamaged: its first part cannot be read.
            HistoryNotWritten: no room, or no right to write.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".part-*"):
                leftover.unlink()
        except OSError as error:
            raise HistoryNotWritten(f"{self.folder} cannot be made ready: {error.strerror}") from error
        if self._part(0).exists():
            self._read(self._part(0))
        else:
            self._write(self._part(0), [])
            _flush_folder(self.folder.parent)

    def append(self, trial: Trial) -> None:
        """Write one trial; once this returns, it outlives a crash of the process or the machine.

        Raises:
            InvalidInput: the trial's number is recorded already.
            HistoryNotWritten: no room, or no right to write; nothing has changed.
        """
        part = self._part(trial.trial)
        if part.exists():
            raise InvalidInput("trial", "must not be recorded already", trial.trial)
        self._write(part, [trial])

    def trials(self, after: int = 0, limit: int | None = None) -> list[Trial]:
        """The trials whose number is above `after`, by number: all, or the first `limit`.

        Raises:
            InvalidInput: the folder holds the history of another search space.
            HistoryDamaged: a part cannot be read.
        """
        first = self._part(after + 1 if after else 0).name
        parts = sorted(part for part in self.folder.glob("part-*.parquet") if part.name >= first)
        # The first part may be the empty one.
        return [trial for part in parts[: None if limit is None else limit + 1] for trial in self._read(part)][:limit]

    def _part(self, number: int) -> Path:
        return self.folder / f"part-{number:06}.parquet"

    def _write(self, part: Path, trials: Sequence[Trial]) -> None:
        temporary = part.with_name(f".{part.name}")
        buffer = pa.BufferOutputStream()
        table = pa.Table.from_pylist([row(trial, self._dimensions) for trial in trials], schema=self._schema)
        pq.write_table(table, buffer, write_page_checksum=True)
        try:
            try:
                with temporary.open("wb") as file:
                    file.write(buffer.getvalue())
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(part)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
            _flush_folder(self.folder)
        except OSError as error:
            raise HistoryNotWritten(f"{part} cannot be written: {error.strerror}") from error

    def _read(self, part: Path) -> list[Trial]:
        try:
            # Not pq.read_table: its threads can outlive the interpreter and abort it at exit (apache/arrow#34314).
            with part.open("rb") as file:
                table = pq.ParquetFile(file, page_checksum_verification=True).read(use_threads=False)
        except (OSError, ValueError, pa.ArrowException) as error:  # a name that is no UTF-8 is a ValueError
            raise HistoryDamaged(f"{part} cannot be read: {_one_line(error)}") from error
        if not table.schema.equals(self._schema) and not is_earlier(table.schema, self._dimensions):
            raise InvalidInput("search_space", f"must be the one that {self.folder} was made with")
        try:
            return [trial_from(cells, self._dimensions) for cells in table.to_pylist()]
        except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise HistoryDamaged(f"{part} holds no trial: {_one_line(error)}") from error


def _flush_folder(folder: Path) -> None:
    """Make a rename in `folder` outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
