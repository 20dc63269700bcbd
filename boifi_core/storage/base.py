"""What is asked of the place that a data dir lies in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from boifi_core.errors import BoifiError

patience_s: ContextVar[float] = ContextVar("patience_s", default=120.0)
"""How long a store that does not answer is asked again, seconds: a session waits so long for it."""

IMPATIENT_S = 10.0
"""The same in a process that comes back to it by itself, seconds."""


class StorageError(BoifiError):
    """The store did not do what was asked; the message names the place and why."""


class NotWritten(StorageError):
    """Nothing has changed.

    Args:
        message: one line.
        why: what kept it from being written.
    """

    def __init__(self, message: str, why: object) -> None:
        super().__init__(message)
        self.why = str(why)

    def __reduce__(self) -> tuple[type[NotWritten], tuple[str, str]]:
        return type(self), (str(self), self.why)


def not_written(place: object, why: object) -> NotWritten:
    """What is to be raised where this place could not be written."""
    return NotWritten(f"cannot write {place}: {why}", why)


wait_to_write: ContextVar[Callable[[NotWritten], None] | None] = ContextVar("wait_to_write", default=None)
"""What is called where a disk cannot be written for now, as long as that is so: it waits a moment, or raises.

Without it, who writes is told at once. With it a session waits until there is room again, whatever took it.
"""


class StorageRefused(StorageError):
    """The store says no: no such bucket, no right, no credentials. Repeating it cannot help."""


class StorageUnavailable(StorageError):
    """The store does not answer, or only with errors of its own, though it was asked again for a while."""

    safe_to_retry = True


class Held(BoifiError):
    """Somebody else holds the lock."""


@dataclass(frozen=True)
class Note:
    """What lists show of a folder, and a text that changes whenever that is written anew."""

    stamp: str
    text: str


class Folder(Protocol):
    """A folder of a data dir. Names may have slashes in them; those that begin with a dot are nobody's.

    A missing file is a `FileNotFoundError`. What a store far away keeps from being done is a `StorageError`.
    """

    def read(self, name: str) -> bytes:
        """What the file holds."""

    def read_all(self, names: Sequence[str]) -> Iterator[bytes | None]:
        """What these files hold, in this order; None for one that is missing."""

    def write(self, name: str, data: bytes) -> None:
        """Write a file, new or anew: a reader, and a restart after a crash, sees the old or the new, never a part.

        Raises:
            NotWritten: no room, or no right to write.
        """

    def create(self, name: str, data: bytes) -> None:
        """Write a file that is not there yet; once this returns, it outlives a crash of the machine.

        Raises:
            FileExistsError: it is there, and holds something else.
            NotWritten: no room, or no right to write.
        """

    def mark(self, name: str, text: str) -> None:
        """Write a small file that says all by being there; whoever comes last wins.

        Where there is room for the file, but not for its text, it is there without.

        Raises:
            NotWritten: no room, or no right to write.
        """

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone counts as removed.

        Raises:
            NotWritten: no right to write.
        """

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""

    def exists_lately(self, name: str) -> bool:
        """Like `exists`, for who asks again and again: the answer may be some seconds old, and is never an error."""

    def modified_ns(self, name: str) -> int:
        """When the file was written, or what lies in the folder of this name changed; 0 where there is none."""

    def names(self, *, prefix: str = "", after: str = "") -> list[str]:
        """What lies in the folder, files and folders, sorted: names that begin with `prefix` and come after `after`."""

    def make(self) -> None:
        """Make the folder.

        Raises:
            FileExistsError: it is there.
            NotWritten: no room, or no right to write.
        """

    def make_ready(self) -> None:
        """Make the folder if it is not there.

        Raises:
            NotWritten: no room, or no right to write.
        """

    def tidy(self, prefix: str) -> None:
        """Remove what a killed process left half written that was to create files of this beginning.

        Raises:
            NotWritten: no right to write.
        """

    def discard(self, first: str) -> None:
        """Remove the folder with all that lies in it, before all else the file `first`.

        Raises:
            NotWritten: some of it is still there.
        """

    def held(self, name: str) -> AbstractContextManager[None]:
        """Hold the lock of this name for as long as this lasts; it ends with its process, however that dies.

        Raises:
            Held: another process has it.
            NotWritten: no room, or no right to write.
        """

    def is_held(self, name: str) -> bool:
        """Whether a process holds the lock now."""

    def holder(self, name: str) -> int | None:
        """The process of this machine that holds the lock now; None if none does, or one elsewhere."""

    def note(self, text: str | None) -> None:
        """Keep what lists show of this folder, where reading that from its files would be slow.

        Without a text the note stays as it is, but its stamp changes.
        """

    def note_stamp(self) -> str | None:
        """The stamp of this folder's note; None where no notes are kept."""

    def note_stamps(self) -> Mapping[str, str] | None:
        """The stamps of the notes of all folders in this one; None where no notes are kept."""

    def notes(self) -> Mapping[str, Note] | None:
        """The notes of all folders in this one; None where no notes are kept."""
