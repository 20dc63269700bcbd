"""One trial at a time on one target, among all processes of this machine, whoever's they are.

Whoever may write where the locks lie may also hold one for as long as they like, or put something else in its place.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from boifi_core.errors import BoifiError
from boifi_core.storage.filelock import try_lock

SHARED = Path("/run/lock")
"""Where the locks of all users lie on Linux; services with a temporary folder of their own see it too."""

POLL_S = 0.05

MADE_WITHIN_S = 1.0
"""How long another user's lock file may be in the making, seconds."""

MOST_BYTES = 200

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

    The lock is a file lock: it ends with its process, however that dies.
    """
    path = _place() / f"boifi-target-{target_name(endpoint)}.lock"
    # Who waits stands in a doorway that the holder, back for its next turn, has to pass too: so they take turns.
    doorway = path.with_name(f"{path.stem}-next.lock")
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
                with contextlib.suppress(OSError):  # on a full disk it is held without a name
                    os.pwrite(file.fileno(), holder.encode(), 0)
                    os.ftruncate(file.fileno(), len(holder.encode()))
                try:
                    yield
                finally:
                    # While it is held, so that nobody else has it. Another user's stays: it is that user's to remove.
                    with contextlib.suppress(FileNotFoundError, PermissionError):
                        path.unlink()
                return
        wait()


def _text(path: Path) -> str:
    """What the holder has written, as one line: any user of the machine may have written anything."""
    try:
        with _open(path) as file:
            text = os.read(file.fileno(), MOST_BYTES).decode("utf-8", "replace")
    except (OSError, BoifiError):
        return ""
    return "".join(character for character in text if character.isprintable()).strip()


def target_name(endpoint: str) -> str:
    """The same short name for each way to write a target's address."""
    return hashlib.sha256(_canonical(endpoint).encode()).hexdigest()[:16]


def remove_dead_locks() -> None:
    """Remove the lock files that killed processes of this user left."""
    for path in _place().glob("boifi-target-*.lock"):
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


def _place() -> Path:
    """Where the locks lie: in the folder that all users of the machine share, if it is there and can be written."""
    with contextlib.suppress(OSError):
        mode = SHARED.stat().st_mode
        if stat.S_ISDIR(mode) and mode & stat.S_IWOTH and mode & stat.S_ISVTX and os.access(SHARED, os.W_OK):
            return SHARED
    return Path(tempfile.gettempdir())


def _open(path: Path) -> IO[str]:
    """The file at `path`, made for all users if it is not there.

    Raises:
        BoifiError: it cannot be had, or is no file of a lock: anyone may write where it lies.
    """
    deadline = time.monotonic() + MADE_WITHIN_S
    while True:
        try:
            return _checked(os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC))
        except FileNotFoundError:
            _make(path)
        except PermissionError as error:
            # Whoever makes it lets the others in a moment later.
            if time.monotonic() > deadline:
                raise _not_locked(path, error.strerror) from error
            time.sleep(POLL_S)
        except OSError as error:
            raise _not_locked(path, error.strerror) from error


def _make(path: Path) -> None:
    try:
        # Never an existing one: the system lets nobody open another's by O_CREAT where everybody may write.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise _not_locked(path, error.strerror) from error
    try:
        os.fchmod(descriptor, 0o666)
    finally:
        os.close(descriptor)


def _checked(descriptor: int) -> IO[str]:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no file of its own")
    return os.fdopen(descriptor, "r+")


def _not_locked(path: Path, why: object) -> BoifiError:
    return BoifiError(f"cannot lock the target by {path}: {why}")


def _is_there(path: Path, file: IO[str]) -> bool:
    """Whether `file` is still the one at `path`: its last holder may have removed it since it was opened."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
