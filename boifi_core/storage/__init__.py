"""Where data dirs lie, on disk or in object storage: the same few operations on both."""

from __future__ import annotations

import _thread
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from boifi_core.storage.base import (
    IMPATIENT_S,
    Folder,
    Held,
    Note,
    NotWritten,
    StorageError,
    StorageRefused,
    StorageUnavailable,
    patience_s,
    wait_to_write,
)
from boifi_core.storage.local import LocalFolder
from boifi_core.storage.place import Place, S3Path, place_of, uri

__all__ = [
    "IMPATIENT_S",
    "Folder",
    "Held",
    "NotWritten",
    "Note",
    "Place",
    "S3Path",
    "StorageError",
    "StorageRefused",
    "StorageUnavailable",
    "in_handler",
    "open_folder",
    "patience_s",
    "place_of",
    "uri",
    "wait_to_write",
]


HANDLER_S = 5.0
"""How long a signal's handler waits for a store far away, seconds."""

T = TypeVar("T")


def in_handler(place: Place, ask: Callable[[], T]) -> T | None:
    """What `ask` says of this place, in a signal's handler; None where a store far away does not say it in time.

    The handler may have interrupted a request, whose locks another one in this thread would wait for without end.
    """
    if isinstance(place, Path):
        return ask()
    said: list[T] = []
    over = _thread.allocate_lock()
    over.acquire()

    def ask_aside() -> None:
        try:
            said.append(ask())
        except StorageError:
            pass
        finally:
            over.release()

    # Not by `threading`, whose own lock may be the interrupted one's too.
    _thread.start_new_thread(ask_aside, ())
    over.acquire(timeout=HANDLER_S)
    return said[0] if said else None


def open_folder(place: Place) -> Folder:
    """What reads and writes there; nothing is asked or made yet."""
    if isinstance(place, Path):
        return LocalFolder(place)
    from boifi_core.storage.s3 import S3Folder  # botocore, which a data dir on disk does without

    return S3Folder(place)
