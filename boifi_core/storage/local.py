"""A folder on this machine's disk."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar

from boifi_core.storage.aside import move_aside
from boifi_core.storage.base import Held, Note, NotWritten, not_written, wait_to_write
from boifi_core.storage.filelock import is_locked, opened_folder, try_lock, try_lock_folder

T = TypeVar("T")

log = logging.getLogger("boifi.storage")

LOOK_S = 0.5
"""How long a lock may be somebody's who only looks, seconds."""

_GONE = (errno.ENOENT, errno.ENOTDIR)


class LocalFolder:
    """A folder on disk: what is written goes to a name with a leading dot, is flushed, and renamed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def read_all(self, names: Sequence[str]) -> Iterator[bytes | None]:
        for name in names:
            try:
                yield self.read(name)
            except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
                yield None

    def write(self, name: str, data: bytes) -> None:
        # Only who holds the session writes, so what a killed one left half written is written over.
        path = self.path / name
        _write(path, path.with_name(f".{path.name}.part"), data)

    def create(self, name: str, data: bytes) -> None:
        path = self.path / name
        if path.exists():
            raise FileExistsError(path)
        _write(path, path.with_name(f".{path.name}"), data)
        _changed(path, lambda: _flush_folder(path.parent))

    def mark(self, name: str, text: str) -> None:
        # Never waited for: a signal's handler marks too.
        path = self.path / name
        try:
            path.touch()
        except OSError as error:
            raise not_written(path, error.strerror) from error
        with contextlib.suppress(OSError):
            path.write_text(text)

    def remove(self, name: str) -> None:
        path = self.path / name
        _changed(path, lambda: _remove(path))

    def exists(self, name: str) -> bool:
        return (self.path / name).exists()

    def exists_lately(self, name: str) -> bool:
        return self.exists(name)

    def modified_ns(self, name: str) -> int:
        with contextlib.suppress(OSError):
            return (self.path / name).stat().st_mtime_ns
        return 0

    def names(self, *, prefix: str = "", after: str = "") -> list[str]:
        try:
            found = [path.name for path in self.path.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted(name for name in found if name.startswith(prefix) and name > after and name[0] != ".")

    def make(self) -> None:
        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            raise
        except OSError as error:
            raise not_written(self.path, error.strerror) from error

    def make_ready(self) -> None:
        def make() -> None:
            is_new = not self.path.exists()
            self.path.mkdir(parents=True, exist_ok=True)
            if is_new:
                _flush_folder(self.path.parent)

        _changed(self.path, make)

    def tidy(self, prefix: str) -> None:
        def remove() -> None:
            for leftover in self.path.glob(f".{prefix}*"):
                leftover.unlink(missing_ok=True)

        _changed(self.path, remove)

    def discard(self, first: str) -> None:
        aside = self.path.with_name(f".{self.path.name}.deleted")
        # At once gone for all who list, whatever comes between.
        (self.path / first).unlink()
        self.path.rename(aside)
        try:
            shutil.rmtree(aside)
        except OSError as error:
            raise NotWritten(f"{aside} cannot be removed whole: {error.strerror}", error.strerror) from error

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        path = self.path / name
        if not self.path.exists():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
        # The folder is locked too: a lock file can be lost while its holder lives.
        with _changed(path, lambda: _lock_file(path)) as lock, opened_folder(self.path) as folder:
            deadline = time.monotonic() + LOOK_S
            while not (try_lock(lock) and try_lock_folder(folder)):  # who only looks has it for a moment
                if time.monotonic() > deadline:
                    raise Held(f"{path} is held by another process")
                time.sleep(0.02)
            _changed(path, lambda: _sign(lock))
            yield

    def is_held(self, name: str) -> bool:
        try:
            with opened_folder(self.path) as folder:
                return is_locked(self.path / name) or not try_lock_folder(folder)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def holder(self, name: str) -> int | None:
        try:
            with (self.path / name).open("r", errors="replace") as lock:
                if try_lock(lock):
                    return None
                host, _, pid = lock.read().rpartition(" ")
        except (FileNotFoundError, IsADirectoryError):
            return None
        return int(pid) if host == socket.gethostname() and pid.isdecimal() else None

    def note(self, text: str | None) -> None:
        """The files themselves are read quickly enough."""

    def note_stamp(self) -> str | None:
        return None

    def note_stamps(self) -> Mapping[str, str] | None:
        return None

    def notes(self) -> Mapping[str, Note] | None:
        return None


def _changed(path: Path, change: Callable[[], T]) -> T:
    """What `change` gives; as long as the disk cannot be written, it is tried again, where this context waits for it.

    Raises:
        NotWritten: nobody waits, or not for this: a folder that is gone does not come back.
    """
    waited = False
    while True:
        try:
            changed = change()
        except OSError as error:
            problem = not_written(path, error.strerror)
            wait = wait_to_write.get()
            if wait is None or error.errno in _GONE:
                raise problem from error
        else:
            if waited:
                log.warning("%s could be written again", path)
            return changed
        wait(problem)
        waited = True


def _write(path: Path, temporary: Path, data: bytes) -> None:
    def write() -> None:
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            try:
                temporary.replace(path)
            except IsADirectoryError:
                move_aside(path)
                temporary.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    _changed(path, write)


def _sign(lock: IO[str]) -> None:
    """Write into a lock's file whose it is."""
    # Straight to the file: what a buffer could not write it would try again when it is closed.
    # Over what is there, since a full disk has room for that.
    text = f"{socket.gethostname()} {os.getpid()}".encode()
    os.pwrite(lock.fileno(), text, 0)
    os.ftruncate(lock.fileno(), len(text))


def _remove(path: Path) -> None:
    if path.is_dir():
        move_aside(path)
    else:
        path.unlink(missing_ok=True)


def _lock_file(path: Path) -> IO[str]:
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
    except IsADirectoryError:
        move_aside(path)
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")


def _flush_folder(folder: Path) -> None:
    """Make a rename in `folder` outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
