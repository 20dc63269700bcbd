"""One trial at a time on one target, among all processes of this machine."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boifi_core.errors import BoifiError
from boifi_core.filelock import try_lock

POLL_S = 0.05


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
    name = hashlib.sha256(endpoint.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"boifi-target-{os.getuid()}-{name}.lock"
    with path.open("a+") as file:
        told = False
        while not try_lock(file):
            if give_up():
                raise WaitGivenUp(f"{endpoint} is held by another session")
            if not told:
                file.seek(0)
                on_wait(file.read().strip() or "another session")
                told = True
            time.sleep(POLL_S)
        file.truncate(0)
        file.write(holder)
        file.flush()
        yield
