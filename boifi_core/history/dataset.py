"""A session's history: a Parquet dataset of one part per trial, whole at every moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.history.columns import is_earlier, row, schema, trial_from
from boifi_core.models import Dimension, Trial
from boifi_core.storage import NotWritten, Place, open_folder


class HistoryDamaged(BoifiError):
    """A part of the history cannot be read; the message names the file."""


class HistoryNotWritten(BoifiError):
    """A trial could not be written; what was there before is untouched."""


SETTLING = 0
"""The number of the settling trial; its part is there from the beginning, without it, and has all columns."""


class Space(Protocol):
    """What the history must know of a search space."""

    @property
    def dimensions(self) -> Sequence[Dimension]: ...


class History:
    """The trials of one session, in `folder`.

    `pandas.read_parquet(folder)` reads it at any moment, while it is written too: a part is there whole or not at all.
    One process writes at a time.

    Args:
        folder: the dataset's folder; need not exist.
        space: its dimensions name the `point.` columns.
    """

    def __init__(self, folder: Place, space: Space) -> None:
        self.folder = folder
        self._files = open_folder(folder)
        self._dimensions = tuple(space.dimensions)
        self._schema = schema(self._dimensions)

    def create(self) -> None:
        """Make ready to write: the folder, and an empty part with all columns. What is there already stays.

        What a killed writer left half written is removed.

        Raises:
            InvalidInput: the folder holds the history of another search space.
            HistoryNotWritten: no room, or no right to write.
        """
        try:
            self._files.make_ready()
            self._files.tidy("part-")
        except NotWritten as error:
            raise HistoryNotWritten(f"{self.folder} cannot be made ready: {error.why}") from error
        if self._files.exists(_part(SETTLING)):
            try:
                self._read(_part(SETTLING))
            except HistoryDamaged:  # none of the session's own trials is in it
                self._files.write(_part(SETTLING), self._as_bytes([]))
        else:
            self._create(_part(SETTLING), [])

    def append(self, trial: Trial) -> None:
        """Write one trial; once this returns, it outlives a crash of the process or the machine.

        Raises:
            InvalidInput: the trial's number is recorded already.
            HistoryNotWritten: no room, or no right to write; nothing has changed.
        """
        try:
            self._create(_part(trial.trial), [trial])
        except FileExistsError:
            raise InvalidInput("trial", "must not be recorded already", trial.trial) from None

    def trials(self, after: int = 0, limit: int | None = None) -> list[Trial]:
        """The trials whose number is above `after`, by number: all, or the first `limit`.

        Raises:
            InvalidInput: the folder holds the history of another search space.
            HistoryDamaged: a part cannot be read.
        """
        names = self._files.names(prefix="part-", after=_part(after) if after else "")
        parts = [name for name in names if name.endswith(".parquet")]
        # The first part may be the empty one.
        wanted = parts[: None if limit is None else limit + 1]
        found = [trial for part, data in self._contents(wanted) for trial in self._kept(part, data)]
        return [trial for trial in found if trial.trial != SETTLING][:limit]

    def settling(self) -> Trial | None:
        """The settling trial, which is none of `trials`; None where there is none, or it is damaged.

        Raises:
            InvalidInput: the folder holds the history of another search space.
        """
        if not self._files.exists(_part(SETTLING)):
            return None
        found = [trial for part, data in self._contents([_part(SETTLING)]) for trial in self._kept(part, data)]
        return found[0] if found else None

    def rewrite(self, trial: Trial) -> None:
        """Write a trial in place of what is there of it; until it is there whole, that stays.

        So the settling trial takes the place of the empty part, and a trial is told how its target healed.

        Raises:
            HistoryNotWritten: no room, or no right to write; nothing has changed.
        """
        part = _part(trial.trial)
        try:
            self._files.write(part, self._as_bytes([trial]))
        except NotWritten as error:
            raise HistoryNotWritten(f"{self.folder / part} cannot be written: {error.why}") from error

    def _kept(self, part: str, data: bytes) -> list[Trial]:
        try:
            return self._parsed(part, data)
        except HistoryDamaged:
            if part != _part(SETTLING):
                raise
            return []  # none of the session's own trials is in it; who writes next makes it anew

    def _as_bytes(self, trials: Sequence[Trial]) -> bytes:
        buffer = pa.BufferOutputStream()
        table = pa.Table.from_pylist([row(trial, self._dimensions) for trial in trials], schema=self._schema)
        pq.write_table(table, buffer, write_page_checksum=True)
        whole: bytes = buffer.getvalue().to_pybytes()
        return whole

    def _create(self, part: str, trials: Sequence[Trial]) -> None:
        try:
            self._files.create(part, self._as_bytes(trials))
        except NotWritten as error:
            raise HistoryNotWritten(f"{self.folder / part} cannot be written: {error.why}") from error

    def _contents(self, parts: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        try:
            for part, data in zip(parts, self._files.read_all(parts), strict=True):
                if data is None and part != _part(SETTLING):
                    raise _unreadable(self.folder / part, "it is gone")
                yield part, data or b""
        except OSError as error:
            raise _unreadable(error.filename, error.strerror) from error

    def _read(self, part: str) -> list[Trial]:
        return [trial for name, data in self._contents([part]) for trial in self._parsed(name, data)]

    def _parsed(self, name: str, data: bytes) -> list[Trial]:
        part = self.folder / name
        try:
            # Not pq.read_table: its threads can outlive the interpreter and abort it at exit (apache/arrow#34314).
            source = pa.BufferReader(data)
            table = pq.ParquetFile(source, page_checksum_verification=True).read(use_threads=False)
        except (OSError, ValueError, pa.ArrowException) as error:  # a name that is no UTF-8 is a ValueError
            raise _unreadable(part, _one_line(error)) from error
        if not table.schema.equals(self._schema) and not is_earlier(table.schema, self._dimensions):
            raise InvalidInput("search_space", f"must be the one that {self.folder} was made with")
        try:
            return [trial_from(cells, self._dimensions) for cells in table.to_pylist()]
        except (ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise HistoryDamaged(f"{part} holds no trial: {_one_line(error)}") from error


def _part(number: int) -> str:
    return f"part-{number:06}.parquet"


def _unreadable(part: object, why: object) -> HistoryDamaged:
    return HistoryDamaged(
        f"{part} cannot be read: {why}; its trial is lost: restore the file, or remove it to go on without"
    )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
