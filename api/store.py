"""The index of all sessions and trials, in one database: what answers are made of.

It holds nothing that the session folders do not: `api.index` fills it from them, at any time, from nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

from pydantic import Field, TypeAdapter
from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Text,
    create_engine,
    delete,
    event,
    func,
    inspect,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from boifi_core.errors import InvalidInput
from boifi_core.models import ENDED, SessionStatus
from boifi_core.storage.aside import damage_of, move_database_aside

VERSION = 1
"""Of the tables; a database of another version is emptied and filled again."""

THREADS = 4
"""How many of the store's statements run at a time."""

_log = logging.getLogger("boifi.index")

P = ParamSpec("P")
T = TypeVar("T")

_AT_ONCE = 200
"""Rows in one statement: databases limit its parameters."""


class Base(DeclarativeBase):
    """The tables."""


class VersionRow(Base):
    """The version of the tables."""

    __tablename__ = "boifi_version"
    version: Mapped[int] = mapped_column(primary_key=True)


class SessionRow(Base):
    """A session, as its folder has it. Times are microseconds since 1970, so that both databases order them alike."""

    __tablename__ = "boifi_sessions"
    __table_args__ = (Index("boifi_sessions_newest", "created_us", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    target: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    created_us: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)
    total_iterations: Mapped[int]
    current_iteration: Mapped[int]
    best_result: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    flow_run_id: Mapped[str | None]
    created_by: Mapped[str | None]
    is_ours_to_start: Mapped[bool]
    stamp: Mapped[str] = mapped_column(Text)


class TrialRow(Base):
    """A trial; `document` is the trial as JSON, without its traces."""

    __tablename__ = "boifi_trials"

    session_id: Mapped[str] = mapped_column(ForeignKey("boifi_sessions.id", ondelete="CASCADE"), primary_key=True)
    trial: Mapped[int] = mapped_column(primary_key=True)
    finished_us: Mapped[int] = mapped_column(BigInteger)
    document: Mapped[str] = mapped_column(Text)


class KeyRow(Base):
    """An Idempotency-Key that a caller has used: for which request, and which session it made."""

    __tablename__ = "boifi_idempotency_keys"

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    session_id: Mapped[str] = mapped_column(index=True)


class IndexLost(SQLAlchemyError):
    """The database's file was removed or replaced while it was open."""


@dataclass(frozen=True)
class Claim:
    """The request that an Idempotency-Key stands for, and the session that it makes."""

    digest: str
    session_id: str


@dataclass(frozen=True)
class Page:
    """Some sessions, newest first; how many there are in all; where the next page begins, None at the end."""

    sessions: Sequence[Any]
    total: int
    next: str | None


def _in_thread(method: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], Coroutine[Any, Any, T]]:
    """Run a method in one of the store's own threads: whoever waits for it may go, it ends as if they had stayed."""

    @wraps(method)
    async def run(self: Store, /, *arguments: P.args, **options: P.kwargs) -> T:
        call = partial(method, self, *arguments, **options)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    return run


class Store:
    """The index in its database.

    Args:
        url: the database's, with its driver.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = create_engine(
            url, pool_size=THREADS, max_overflow=0, pool_pre_ping=url.startswith("postgresql")
        )
        self._threads = ThreadPoolExecutor(THREADS, "store")
        self._file = _file_of(self.engine)
        self._opened: os.stat_result | None = None
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _tune_sqlite)
            self._insert: Any = sqlite.insert
        else:
            self._insert = postgresql.insert

    @_in_thread
    def open(self) -> None:
        """Make the tables; those of another version are made anew, and a database that is damaged is moved aside.

        Repeat it where the database fails: it is an index, and whoever fills it finds it empty then.
        """
        self.engine.dispose()
        if self._file is not None and (why := damage_of(self._file)):
            aside = move_database_aside(self._file)
            _log.error(
                "%s is damaged (%s): moved to %s; the index of sessions is made again from their folders, nothing of "
                "them is lost", self._file, why, aside and aside.name,
            )  # fmt: skip
        with self.engine.begin() as connection:
            _make_tables(connection)
        self._opened = None if self._file is None else self._file.stat()

    def _see_it_is_there(self) -> None:
        """Raise `IndexLost` where the file is not the one any more that is open."""
        if self._file is None or self._opened is None:
            return
        try:
            if os.path.samestat(self._file.stat(), self._opened):
                return
        except OSError:
            pass
        raise IndexLost(f"{self._file} is gone")

    async def close(self) -> None:
        """Give back all connections; what is running is waited for."""
        await asyncio.to_thread(self._threads.shutdown)
        self.engine.dispose()

    @_in_thread
    def ping(self) -> None:
        with self.engine.connect() as connection:
            connection.execute(select(1))

    @_in_thread
    def put(self, session: dict[str, Any], trials: Sequence[dict[str, Any]]) -> set[int]:
        """Keep a session as it is now, and trials that are new; returns the numbers that were not kept before."""
        insert = self._insert(SessionRow).values(**session)
        others = {name: insert.excluded[name] for name in session if name != "id"}
        new: set[int] = set()
        with self.engine.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=["id"], set_=others))
            for start in range(0, len(trials), _AT_ONCE):
                some = self._insert(TrialRow).values(list(trials[start : start + _AT_ONCE]))
                kept = connection.execute(some.on_conflict_do_nothing().returning(TrialRow.trial))
                new.update(kept.scalars())
        return new

    @_in_thread
    def forget(self, session_id: str) -> None:
        """Drop a session with its trials and its Idempotency-Key."""
        with self.engine.begin() as connection:
            connection.execute(delete(TrialRow).where(TrialRow.session_id == session_id))
            connection.execute(delete(SessionRow).where(SessionRow.id == session_id))
            connection.execute(delete(KeyRow).where(KeyRow.session_id == session_id))

    @_in_thread
    def note(self, session_id: str, reason: str) -> None:
        """Say why a session does not go on yet, until its folder says more; of one that has ended, nothing."""
        waits = (SessionRow.id == session_id) & SessionRow.status.not_in(ENDED)
        with self.engine.begin() as connection:
            connection.execute(update(SessionRow).where(waits).values(reason=reason))

    @_in_thread
    def session(self, session_id: str) -> Any | None:
        """One session's row."""
        with self.engine.connect() as connection:
            return connection.execute(select(SessionRow).where(SessionRow.id == session_id)).one_or_none()

    @_in_thread
    def stamps(self) -> dict[str, tuple[str, str]]:
        """Status and stamp of every session, by id."""
        self._see_it_is_there()
        with self.engine.connect() as connection:
            rows = connection.execute(select(SessionRow.id, SessionRow.status, SessionRow.stamp))
            return {row.id: (row.status, row.stamp) for row in rows}

    @_in_thread
    def last_trial(self, session_id: str) -> int:
        """The highest number of a session's trials that are kept here; 0 if none is."""
        query = select(func.coalesce(func.max(TrialRow.trial), 0)).where(TrialRow.session_id == session_id)
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    @_in_thread
    def page(self, status: str | None, limit: int, cursor: str | None) -> Page:
        """Sessions, newest first, from where `cursor` says.

        Raises:
            InvalidInput: the cursor is none of ours.
        """
        wanted = select(SessionRow).order_by(SessionRow.created_us.desc(), SessionRow.id.desc()).limit(limit + 1)
        count = select(func.count()).select_from(SessionRow)
        if status is not None:
            wanted, count = wanted.where(SessionRow.status == status), count.where(SessionRow.status == status)
        if cursor is not None:
            wanted = wanted.where(tuple_(SessionRow.created_us, SessionRow.id) < _place(cursor))
        with self.engine.connect() as connection:
            rows = connection.execute(wanted).all()
            total = int(connection.execute(count).scalar_one())
        more = len(rows) > limit
        return Page(rows[:limit], total, _cursor(rows[limit - 1]) if more else None)

    @_in_thread
    def trials(self, session_id: str, after: int, limit: int) -> list[tuple[int, str]]:
        """Numbers and documents of a session's trials above `after`."""
        query = select(TrialRow.trial, TrialRow.document).where(
            TrialRow.session_id == session_id, TrialRow.trial > after
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(TrialRow.trial).limit(limit))
            return [(row.trial, row.document) for row in rows]

    @_in_thread
    def count_trials(self, session_id: str) -> int:
        """How many trials of a session are kept here."""
        query = select(func.count()).select_from(TrialRow).where(TrialRow.session_id == session_id)
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    @_in_thread
    def ends(self, session_id: str, last: int) -> list[datetime]:
        """When the latest trials of a session ended, latest first."""
        query = select(TrialRow.finished_us).where(TrialRow.session_id == session_id)
        with self.engine.connect() as connection:
            rows = connection.execute(query.order_by(TrialRow.trial.desc()).limit(last))
            return [moment(microseconds) for microseconds in rows.scalars()]

    @_in_thread
    def by_status(self) -> dict[str, int]:
        """How many sessions there are in each status."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(SessionRow.status, func.count()).group_by(SessionRow.status))
            counts = {status: int(number) for status, number in rows}
        return {status.value: counts.get(status.value, 0) for status in SessionStatus}

    @_in_thread
    def waiting(self) -> int:
        """How many unfinished sessions wait for their target."""
        query = select(func.count()).where(SessionRow.status.not_in(ENDED), SessionRow.reason.like("waiting%"))
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    @_in_thread
    def unstarted(self) -> list[str]:
        """The sessions that were asked for here and have no flow run yet, oldest first."""
        query = select(SessionRow.id).where(
            SessionRow.is_ours_to_start, SessionRow.flow_run_id.is_(None), SessionRow.status.not_in(ENDED)
        )
        with self.engine.connect() as connection:
            return list(connection.execute(query.order_by(SessionRow.created_us)).scalars())

    @_in_thread
    def claim(self, caller: str, key: str, claim: Claim) -> Claim:
        """Take an Idempotency-Key for a request; returns who has it now: this request, or an earlier one."""
        row = {"caller": caller, "key": key, "digest": claim.digest, "session_id": claim.session_id}
        mine = select(KeyRow.digest, KeyRow.session_id).where(KeyRow.caller == caller, KeyRow.key == key)
        with self.engine.begin() as connection:
            connection.execute(self._insert(KeyRow).values(**row).on_conflict_do_nothing())
            digest, session_id = connection.execute(mine).one()
        return Claim(digest, session_id)

    @_in_thread
    def release(self, session_id: str) -> None:
        """Give an Idempotency-Key back whose request made no session."""
        with self.engine.begin() as connection:
            connection.execute(delete(KeyRow).where(KeyRow.session_id == session_id))


def _file_of(engine: Engine) -> Path | None:
    """The file of an SQLite database."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name.startswith((":", "file:")):
        return None
    return Path(name).resolve()


def _make_tables(connection: Connection) -> None:
    if _are_ours(connection):
        return
    Base.metadata.drop_all(connection)
    Base.metadata.create_all(connection)
    connection.execute(VersionRow.__table__.insert().values(version=VERSION))  # type: ignore[attr-defined]


def _are_ours(connection: Connection) -> bool:
    found = inspect(connection)
    for table in Base.metadata.tables.values():
        if not found.has_table(table.name):
            return False
        if not {column.name for column in table.columns} <= {each["name"] for each in found.get_columns(table.name)}:
            return False
    return list(connection.execute(select(VersionRow.version)).scalars()) == [VERSION]


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Readers beside one writer; what a power cut takes of an index is read from the folders again.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def micros(moment: datetime) -> int:
    """Microseconds since 1970."""
    return int(moment.timestamp() * 1_000_000)


def moment(microseconds: int) -> datetime:
    """What `micros` was given, in UTC."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)


def _cursor(row: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.created_us, row.id]).encode()).decode()


def _place(cursor: str) -> tuple[int, str]:
    try:
        place = _PLACE.validate_json(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except ValueError:  # pydantic's, base64's and Unicode's errors are all of this kind
        raise InvalidInput("cursor", "must be the `next` of an earlier page") from None
    return place


_PLACE = TypeAdapter(tuple[Annotated[int, Field(ge=0, lt=2**63)], Annotated[str, Field(pattern="^[A-Za-z0-9-]+$")]])
