"""A lock in object storage: an object that its holder writes anew every few seconds.

The store lets one of many make it, and one of many replace it as they saw it. Who finds it waits until it is written
anew, and then somebody else has it; or until it was not for `LEASE_S`, and then its holder is dead, and it is replaced.
No two clocks are compared for that: who waits counts from when it first saw the object as it is. A holder that ran in
the same process namespace as who looks is seen to be dead at once, as with a file lock.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from boifi_core.storage.base import Held, StorageError, StorageRefused, patience_s
from boifi_core.storage.client import Changed, call
from boifi_core.storage.place import S3Path

LEASE_S = 45.0
"""How long a lease lasts that is not kept alive, seconds."""

BEAT_S = 10.0
POLL_S = 1.0

log = logging.getLogger("boifi.storage")

_held: list[Lease] = []
"""What this process holds, or is about to."""


@contextmanager
def held(place: S3Path) -> Iterator[None]:
    """Hold the lock for as long as this lasts.

    Raises:
        Held: a living process has it.

    A holder that finds that it has lost the lock gets SIGTERM.
    """
    lease = Lease(place)
    _held.append(lease)
    try:
        lease.take()
        keeper = threading.Thread(target=lease.keep_alive, name=f"lease {place}", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            lease.release()
    finally:
        _held.remove(lease)


def confirm(folder: S3Path) -> None:
    """See that the locks that this process has of this folder, or of one that it lies in, are still its own.

    Raises:
        Held: one is another's by now.
    """
    for lease in _held:
        if f"{folder}/".startswith(f"{lease.place.parent}/"):
            lease.confirm()


def is_held(place: S3Path) -> bool:
    """Whether a process holds the lock now; of one elsewhere that has died it takes `LEASE_S` to know."""
    found = _read(place)
    if found is None or found.record.get("holder") is None:
        return False
    alive = _is_alive(found.record)
    return found.age_s < LEASE_S if alive is None else alive


def holder(place: S3Path) -> int | None:
    """The process of this machine that holds the lock now; None if none does, or one elsewhere."""
    found = _read(place)
    return found.record["pid"] if found is not None and _is_alive(found.record) else None


class Lease:
    """One lock, as this process takes and keeps it."""

    def __init__(self, place: S3Path) -> None:
        self.place = place
        self.nonce = uuid.uuid4().hex
        self._beats = 0
        self._etag = ""
        self._renewed_at = 0.0
        self._released = threading.Event()
        self._one_by_one = threading.Lock()

    def take(self) -> None:
        """Take it; wait as long as its holder may be dead.

        Raises:
            Held: it is alive.
        """
        self._take()
        # A store that passes over conditions would give the lock to everybody.
        if self._is_lawless():
            raise StorageRefused(f"{self.place}: the store does not know conditional writes")

    def _take(self) -> None:
        first: _Found | None = None
        since = time.monotonic()
        while not self._put(IfNoneMatch="*"):
            found = _read(self.place)
            if found is None:
                continue
            if first is None:
                first, since = found, time.monotonic()
            alive = _is_alive(found.record)
            is_free = found.record.get("holder") is None or alive is False
            if is_free or (found.etag == first.etag and time.monotonic() - since > LEASE_S):
                if self._put(IfMatch=found.etag):
                    return
                continue
            if alive or found.etag != first.etag:
                raise Held(f"{self.place} is held by {found.record['holder']}")
            time.sleep(POLL_S)

    def _is_lawless(self) -> bool:
        """Whether the store writes in spite of a condition that does not hold."""
        try:
            call("put_object", self.place, **_at(self.place), Body=b"{}", IfMatch='"0"')
        except (Changed, FileNotFoundError):
            return False
        return True

    def keep_alive(self) -> None:
        """Write it anew until it is released."""
        patience_s.set(BEAT_S)
        while not self._released.wait(BEAT_S):
            try:
                self._renew()
            except Held as error:
                if not self._released.is_set():
                    log.critical("%s", error)
                    os.kill(os.getpid(), signal.SIGTERM)
                return
            except StorageError as error:
                log.info("the lock cannot be kept alive now: %s", error)

    def confirm(self) -> None:
        """See that it is ours, unless that is certain.

        Raises:
            Held: it is another's.
        """
        if self._etag and _clock_s() - self._renewed_at > LEASE_S / 2:
            self._renew()

    def release(self) -> None:
        """Give it back; where that cannot be done, it ends by itself."""
        self._released.set()
        with self._one_by_one, contextlib.suppress(StorageError):
            patience = patience_s.set(BEAT_S)
            try:
                self._put(IfMatch=self._etag, holder=None)
            finally:
                patience_s.reset(patience)

    def _renew(self) -> None:
        with self._one_by_one:
            if not self._released.is_set() and not self._put(IfMatch=self._etag):
                raise Held(f"the lock {self.place} was lost: it was not kept alive in time")

    def _put(self, *, holder: str | None = "", **condition: str) -> bool:
        """Write it, if the condition holds; whether it is ours now."""
        self._beats += 1
        record = {"holder": holder, "nonce": self.nonce, "beat": self._beats, **_myself()}
        if holder == "":
            record["holder"] = f"process {record['pid']} on {socket.gethostname()}"
        began = _clock_s()
        body = json.dumps(record).encode()
        try:
            answer = call("put_object", self.place, **_at(self.place), Body=body, **condition)
            self._etag = answer["ETag"]
        except (Changed, FileNotFoundError):
            # It may have been written and the answer lost.
            found = _read(self.place)
            if found is None or found.record.get("nonce") != self.nonce:
                return False
            self._etag = found.etag
        self._renewed_at = began
        return True


class _Found:
    """The object as it is."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.etag: str = answer["ETag"]
        try:
            record = json.loads(answer["Body"])
        except ValueError:
            record = None
        # Whoever wrote anything else is none of us.
        self.record: dict[str, Any] = record if isinstance(record, dict) else {"holder": "somebody"}
        stated = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        now = parsedate_to_datetime(stated) if stated else datetime.now(UTC)
        self.age_s = (now - answer["LastModified"]).total_seconds()
        """By the store's own clock."""


def _read(place: S3Path) -> _Found | None:
    try:
        return _Found(call("get_object", place, **_at(place)))
    except FileNotFoundError:
        return None


def _at(place: S3Path) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.key}


def _clock_s() -> float:
    """Goes on while the machine sleeps, where there is a clock that does: others' leases on us run out then too."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _myself() -> dict[str, Any]:
    pid = os.getpid()
    return {"pid": pid, "started": _started(pid), "space": _space()}


def _is_alive(record: dict[str, Any]) -> bool | None:
    """Whether the process that wrote this lives; None where it cannot be seen from here."""
    space = _space()
    if space is None or record.get("space") != space:
        return None
    if record["pid"] == os.getpid():  # it may be one that could not be given back
        return record["nonce"] in {lease.nonce for lease in _held}
    return record.get("started") == _started(record["pid"])


def _space() -> str | None:
    """The process namespace of this machine since its start; None where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """When the process began, so that it is told from a later one of this number; None if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]
