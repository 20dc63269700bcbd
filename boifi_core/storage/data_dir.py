"""The data dir, and what goes with it on this machine's own disk."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

from boifi_core.errors import InvalidInput
from boifi_core.storage import (
    NotWritten,
    Place,
    S3Path,
    StorageError,
    StorageRefused,
    open_folder,
    patience_s,
    place_of,
)
from boifi_core.storage.private import make_private

PROBE_BYTES = 64 * 1024
"""How much is written to see that something can be: more than what a trial leaves in its history."""

STORE_TIMEOUT_S = 15.0
"""How long a store may take to answer at all, seconds."""


def data_dir(out: str | os.PathLike[str] | S3Path | None = None) -> Place:
    """The data dir: `out`, else the environment's BOIFI_DATA, else ./boifi-data; made if missing, for its user alone.

    Raises:
        InvalidInput: a URL of another kind, or a folder or bucket that cannot be used.
        StorageUnavailable: its store does not answer.
    """
    place = place_of(out if out is not None else os.environ.get("BOIFI_DATA") or "boifi-data", "--out")
    if not isinstance(place, Path):
        from boifi_core.storage.s3 import check  # botocore, which a data dir on disk does without

        try:
            check(place, within_s=STORE_TIMEOUT_S)
        except StorageRefused as error:
            why = str(error).removeprefix(f"{place}: ")
            raise InvalidInput("--out", f"must be a place that can be used ({why})", str(place)) from error
        return place
    try:
        make_private(place)
    except OSError as error:
        raise InvalidInput("--out", f"must be a folder that can be written ({error.strerror})", str(place)) from error
    return place


def why_not_written(place: Place) -> str | None:
    """Why nothing can be written there now, seen by writing some; None where it can."""
    name = f".ready-{socket.gethostname()}-{os.getpid()}-{threading.get_ident()}"
    files = open_folder(place)
    patience = patience_s.set(STORE_TIMEOUT_S)
    try:
        files.write(name, bytes(PROBE_BYTES))
        files.remove(name)
    except NotWritten as error:
        return error.why
    except StorageError as error:
        return str(error)
    finally:
        patience_s.reset(patience)
    return None


def state_path(data: Place, state: str | os.PathLike[str]) -> Path:
    """The folder that `state_dir` makes, where `state` is the one that all of them lie in."""
    return data if isinstance(data, Path) else Path(state).expanduser().resolve() / data.bucket / data.key
