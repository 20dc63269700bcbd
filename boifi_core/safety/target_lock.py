"""One trial at a time on one target, among all processes of this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from boifi_core.errors import BoifiError
from boifi_core.storage.filelock import try_lock

POLL_S = 0.05

ALONE = "BOIFI_PREFECT_IS_OURS"
"""Set in the environment of a process that has a Prefect server to itself: no other machine asks there for a target."""


class WaitGivenUp(BoifiError):
    """The target was held by another, and there was no more reason to wait."""


@contextmanager
def target_lock(
    endpoint: str, holder: str, *, on_wait: Callable[[str], None], give_up: Callable[[], bool]
) -> Iterator[None]:
    """Hold the target for as long as this lasts; wait while another holds it.

    Args:
        endpoint: the target's control plane; one lock each.
        holder: who we are, for those who wait.
        on_wait: called once, with the present holder's name, when it has to be waited for.
        give_up: asked while waiting; True ends it.

    Raises:
        WaitGivenUp: `give_up` said so.

    The lock is a file lock in the machine's temporary folder: it ends with its process, however that dies.
    """
    start = f"boifi-target-{os.getuid()}-{target_name(endpoint)}"
    path = Path(tempfile.gettempdir()) / f"{start}.lock"
    # Who waits stands in a doorway that the holder, back for its next turn, has to pass too: so they take turns.
    doorway = path.with_name(f"{start}-next.lock")
    told = False

    def tell() -> None:
        nonlocal told
        if not told and (present := _text(path)):
            on_wait(present)
            told = True

    def wait() -> None:
        if give_up():
            raise WaitGivenUp(f"{endpoint} is held by another session")
        tell()
        time.sleep(POLL_S)

    with ExitStack() as standing:
        standing.enter_context(_held(doorway, holder, wait))
        with _held(path, holder, wait):
            standing.close()
            yield


@contextmanager
def _held(path: Path, holder: str, wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file at `path`, with `holder` in it; `wait` is called as long as another does."""
    while True:
        with _open(path) as file:
            if try_lock(file) and _is_there(path, file):
                file.seek(0)
                file.truncate()
                file.write(holder)
                file.flush()
                try:
                    yield
                finally:
                    path.unlink(missing_ok=True)  # while it is held, so that nobody else has it
                return
        wait()


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def target_name(endpoint: str) -> str:
    """The same short name for each way to write a target's address."""
    return hashlib.sha256(_canonical(endpoint).encode()).hexdigest()[:16]


def remove_dead_locks() -> None:
    """Remove the lock files that killed processes of this user left."""
    for path in Path(tempfile.gettempdir()).glob(f"boifi-target-{os.getuid()}-*.lock"):
        with contextlib.suppress(OSError, BoifiError), _open(path) as file:
            if try_lock(file) and _is_there(path, file):
                path.unlink()


def _canonical(endpoint: str) -> str:
    """The same text for each way to write an address; all of loopback is one host."""
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").lower().rstrip(".")
    if host in ("localhost", "::1") or host.startswith("127."):
        host = "loopback"
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def _open(path: Path) -> IO[str]:
    try:
        # No link is followed: anyone may write where this file lies.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BoifiError(f"cannot lock the target by {path}: {error.strerror}") from error
    return os.fdopen(descriptor, "r+")


def _is_there(path: Path, file: IO[str]) -> bool:
    """Whether `file` is still the one at `path`: its last holder may have removed it since it was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
