"""A folder in object storage: a PUT is whole or nothing, and a list brings a thousand names at a time."""

from __future__ import annotations

import contextlib
import contextvars
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from boifi_core.storage import lease
from boifi_core.storage.base import Note, NotWritten, StorageError, StorageRefused, not_written, patience_s
from boifi_core.storage.client import Changed, call
from boifi_core.storage.place import S3Path

AT_ONCE = 16
"""How many requests are under way at a time where many are needed."""

READ_AHEAD = 128
"""How many files are in memory at a time where many are read."""

LATELY_S = 1.0
"""How old the answer of `exists_lately` may be, seconds."""

LATELY_PATIENCE_S = 2.0

COMPACT_AT = 50
"""From how many notes on that had to be read one by one they are kept together for whoever reads them next."""

X = TypeVar("X")
Y = TypeVar("Y")

_lately: dict[S3Path, tuple[float, bool]] = {}


class S3Folder:
    """Objects whose keys begin with the folder's.

    Beside a folder `x` whose folders have notes lie the notes, as `x.listing/<name>.json`, and in `x.listing.json` what
    they were when somebody last read many.
    """

    def __init__(self, path: S3Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes:
        body: bytes = _get(self.path / name)["Body"]
        return body

    def read_all(self, names: Sequence[str]) -> Iterator[bytes | None]:
        for start in range(0, len(names), READ_AHEAD):
            yield from _in_parallel(self._read_if_there, names[start : start + READ_AHEAD])

    def _read_if_there(self, name: str) -> bytes | None:
        try:
            return self.read(name)
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes) -> None:
        _put(self.path / name, data)

    def create(self, name: str, data: bytes) -> None:
        lease.confirm(self.path)
        place = self.path / name
        try:
            _put(place, data, IfNoneMatch="*")
        except Changed:
            if self.read(name) != data:  # else it was written by a try whose answer was lost
                raise FileExistsError(place) from None

    def mark(self, name: str, text: str) -> None:
        self.write(name, text.encode())

    def remove(self, name: str) -> None:
        _delete(self.path / name)

    def exists(self, name: str) -> bool:
        return _head(self.path / name) is not None

    def exists_lately(self, name: str) -> bool:
        place = self.path / name
        asked_at, known = _lately.get(place, (-LATELY_S, False))
        if time.monotonic() - asked_at < LATELY_S:
            return known
        patience = patience_s.set(LATELY_PATIENCE_S)
        try:
            known = self.exists(name)
        except StorageError:
            pass  # as far as is known
        finally:
            patience_s.reset(patience)
        _lately[place] = (time.monotonic(), known)
        return known

    def modified_ns(self, name: str) -> int:
        place = self.path / name
        head = _head(place)
        times = [head["LastModified"]] if head else [each["LastModified"] for each in _objects(f"{place.key}/", place)]
        return max((int(moment.timestamp() * 1_000_000_000) for moment in times), default=0)

    def names(self, *, prefix: str = "", after: str = "") -> list[str]:
        start = f"{self.path.key}/" if self.path.key else ""
        ask = {"StartAfter": start + after} if after else {}
        found = []
        for page in _pages(self.path, Prefix=start + prefix, Delimiter="/", **ask):
            found += [each["Key"] for each in page.get("Contents", ())]
            found += [each["Prefix"].rstrip("/") for each in page.get("CommonPrefixes", ())]
        names = {key.removeprefix(start) for key in found}
        return sorted(name for name in names if name > after and not name.startswith("."))

    def make(self) -> None:
        """There are no folders; what is in it makes it."""
        if self.names():
            raise FileExistsError(self.path)

    def make_ready(self) -> None:
        """There are no folders; what is in it makes it."""

    def tidy(self, prefix: str) -> None:
        """Nothing is ever half written."""

    def discard(self, first: str) -> None:
        _delete(self._note_place)
        _delete(self.path / first)
        _in_parallel(
            lambda key: _delete(S3Path(self.path.bucket, key)),
            [each["Key"] for each in _objects(f"{self.path.key}/", self.path)],
        )

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        with lease.held(self.path / name):
            yield

    def is_held(self, name: str) -> bool:
        return lease.is_held(self.path / name)

    def holder(self, name: str) -> int | None:
        return lease.holder(self.path / name)

    @property
    def _note_place(self) -> S3Path:
        return _listing(self.path.parent) / f"{self.path.name}.json"

    def note(self, text: str | None) -> None:
        place = self._note_place
        stamped = {"at": time.time_ns()}  # so that no two are the same
        if text is not None:
            _put(place, json.dumps({**stamped, "text": text}).encode())
            return
        try:
            now = _get(place)
            _put(place, json.dumps({**json.loads(now["Body"]), **stamped}).encode(), IfMatch=now["ETag"])
        except (FileNotFoundError, Changed):
            return  # whoever changed it in between has changed its stamp

    def note_stamp(self) -> str | None:
        head = _head(self._note_place)
        return "" if head is None else str(head["ETag"])

    def note_stamps(self) -> Mapping[str, str] | None:
        listing = _listing(self.path)
        found = _objects(f"{listing.key}/", listing)
        return {each["Key"].rpartition("/")[2].removesuffix(".json"): each["ETag"] for each in found}

    def notes(self) -> Mapping[str, Note] | None:
        stamps = self.note_stamps() or {}
        together = S3Path(self.path.bucket, f"{_listing(self.path).key}.json")
        try:
            kept = {name: Note(**note) for name, note in json.loads(_get(together)["Body"]).items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            kept = {}
        unknown = [name for name, stamp in stamps.items() if name not in kept or kept[name].stamp != stamp]
        read = _in_parallel(self._note, unknown)
        notes = {name: kept[name] for name in stamps if name not in unknown}
        notes |= {name: note for name, note in zip(unknown, read, strict=True) if note is not None}
        if len(unknown) >= COMPACT_AT:
            body = {name: {"stamp": note.stamp, "text": note.text} for name, note in notes.items()}
            with contextlib.suppress(NotWritten):  # who may only read goes without
                _put(together, json.dumps(body).encode())
        return notes

    def _note(self, name: str) -> Note | None:
        try:
            found = _get(_listing(self.path) / f"{name}.json")
            return Note(found["ETag"], json.loads(found["Body"])["text"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def check(path: S3Path, *, within_s: float) -> None:
    """See that the bucket answers.

    Raises:
        StorageRefused: there is none, or it is not for us.
        StorageUnavailable: no answer within this time, seconds.
    """
    patience = patience_s.set(within_s)
    try:
        call("list_objects_v2", path, Bucket=path.bucket, Prefix=f"{path.key}/" if path.key else "", MaxKeys=1)
    finally:
        patience_s.reset(patience)


def _listing(folder: S3Path) -> S3Path:
    return S3Path(folder.bucket, f"{folder.key}.listing")


def _get(place: S3Path) -> dict[str, Any]:
    return call("get_object", place, Bucket=place.bucket, Key=place.key)


def _head(place: S3Path) -> dict[str, Any] | None:
    try:
        return call("head_object", place, Bucket=place.bucket, Key=place.key)
    except FileNotFoundError:
        return None


def _put(place: S3Path, data: bytes, **condition: str) -> None:
    _lately.pop(place, None)
    try:
        call("put_object", place, Bucket=place.bucket, Key=place.key, Body=data, **condition)
    except StorageRefused as error:
        raise not_written(place, str(error).removeprefix(f"{place}: ")) from error


def _delete(place: S3Path) -> None:
    _lately.pop(place, None)
    try:
        call("delete_object", place, Bucket=place.bucket, Key=place.key)
    except FileNotFoundError:
        return


def _objects(prefix: str, where: S3Path) -> list[dict[str, Any]]:
    return [each for page in _pages(where, Prefix=prefix) for each in page.get("Contents", ())]


def _pages(where: S3Path, **ask: str) -> Iterator[dict[str, Any]]:
    more: dict[str, str] = {}
    while True:
        page = call("list_objects_v2", where, Bucket=where.bucket, **ask, **more)
        yield page
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _in_parallel(work: Callable[[X], Y], items: Iterable[X]) -> list[Y]:
    todo = list(items)
    if len(todo) < 2:
        return [work(item) for item in todo]
    pool = ThreadPoolExecutor(min(AT_ONCE, len(todo)), "storage")
    try:
        # Each thread is as patient as this one.
        jobs = [pool.submit(contextvars.copy_context().run, work, item) for item in todo]
        return [job.result() for job in jobs]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
