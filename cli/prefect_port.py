"""The port of the service's Prefect server: the same one at each start, so that bookmarks and links stay good."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from rich.console import Console
from rich.text import Text

from boifi_core.errors import InvalidInput
from boifi_core.storage.private import write_private
from cli.prefect_api import hold_port

FIRST = 4200
"""The one that Prefect has everywhere."""

_FILE = "prefect-port"


def prefect_port_of(home: Path, given: int | None, facade_port: int, console: Console) -> socket.socket:
    """A socket that has the port: the given one, else the one that is kept here, else 4200, else a free one.

    What is taken in the end is kept, except where somebody else has the kept one for now.

    Raises:
        InvalidInput: somebody has the given one.
    """
    if given is not None:
        try:
            held = _hold(given, facade_port)
        except OSError:
            raise InvalidInput("--prefect-port", "must be free on 127.0.0.1", given) from None
        _keep(home, given)
        return held
    kept = _kept(home)
    try:
        held = _hold(kept or FIRST, facade_port)
    except OSError:
        held = hold_port()
    now = held.getsockname()[1]
    if kept is None:
        _keep(home, now)
    elif now != kept:
        said = f"port {kept}, which Prefect's server had before, is another program's now: it has {now} this time"
        console.print(Text(said), soft_wrap=True)
    return held


def _hold(port: int, facade_port: int) -> socket.socket:
    if port == facade_port:
        raise OSError("the facade has it")
    return hold_port(port)


def _kept(home: Path) -> int | None:
    try:
        port = int((home / _FILE).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return port if 1 <= port <= 65535 else None


def _keep(home: Path, port: int) -> None:
    with contextlib.suppress(OSError):  # then it may be another one next time
        write_private(home / _FILE, f"{port}\n")
