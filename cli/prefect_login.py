"""The login of a Prefect server of ours, and how a person's browser gets in."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from urllib.parse import quote

from rich.console import Console

from boifi_core.errors import BoifiError
from boifi_core.storage.private import read_private, write_private

SERVER_LOGIN = "PREFECT_SERVER_API_AUTH_STRING"
CLIENT_LOGIN = "PREFECT_API_AUTH_STRING"

_USER = "boifi"
_PASSWORD = re.compile(r"[A-Za-z0-9_-]{32,}")
_LINK_FILE = "prefect-link"


def login(home: Path) -> str:
    """`user:password` of the server with its home here: yours where the environment has one, else made once and kept.

    Raises:
        BoifiError: it cannot be kept.
    """
    return os.environ.get(SERVER_LOGIN) or f"{_USER}:{_password(home / 'prefect-password')}"


def _password(path: Path) -> str:
    kept = read_private(path)
    if kept is not None and _PASSWORD.fullmatch(kept.strip()):
        return kept.strip()
    made = secrets.token_urlsafe(24)
    _keep(path, made)
    return made


def way_in(api_url: str, home: Path, console: Console) -> str:
    """How a person opens the UI: a link that logs the browser in where a person reads this, else where that link lies.

    What is no terminal may be a log, and no login gets into logs.

    Raises:
        BoifiError: the link cannot be kept.
    """
    ui = api_url.removesuffix("/api")
    link = f"{ui}/enter#{quote(login(home), safe=':')}"
    _keep(home / _LINK_FILE, f"{link}\n")
    return link if console.file.isatty() else f"{ui} (log in by the link in {home / _LINK_FILE})"


def _keep(path: Path, text: str) -> None:
    try:
        write_private(path, text)
    except OSError as error:
        raise BoifiError(f"{path}: must be a file that can be written ({error.strerror})") from error
