"""`boifi demo` and `boifi target up`: the embedded target, with and without a session against it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from boifi_core.report.session_report import stored_catalogue
from boifi_core.session.check import check
from boifi_core.session.config import SessionConfig, parse_session, with_overrides
from boifi_core.session.folder import SessionFolder
from boifi_core.session.make import make_session
from boifi_core.storage.data_dir import data_dir
from boifi_core.storage.yaml_file import read_yaml
from cli import run as running
from cli.termination import Terminated, sigterm_raises
from demo.target import start_target

SESSION_FILE = Path(__file__).resolve().parent.parent / "demo" / "session.yaml"

EMBEDDED = "embedded-target"
"""A file of this name lies in the folder of a session that had the embedded target, which ended with it."""


def demo_config(endpoint: str, trials: int | None, seed: int | None) -> SessionConfig:
    """The demo's session file, pointed at a running target."""
    data = read_yaml(SESSION_FILE)
    data["executor"] = {**data.get("executor", {}), "endpoint": endpoint}
    return check(with_overrides(parse_session(data), trials=trials, seed=seed))[0]


def run_demo(trials: int | None, seed: int | None, out: str | None, console: Console) -> int:
    """Start the target, run a session against it, show what it found; returns the exit status."""
    # Overrides are checked before anything is started, whatever port the target will get.
    demo_config("http://127.0.0.1:1", trials, seed)
    data = data_dir(out)
    console.print(Text("BOIFI demo: which fault hurts this web shop most?", style="bold"))
    console.print(Text("starting a small shop behind a real Envoy, and a Prefect server; some seconds…"))
    with sigterm_raises(), start_target() as target:
        config = demo_config(target.control_plane, trials, seed)
        folder = make_session(data, config, others={EMBEDDED: ""})
        running.introduce(console, folder, config)
        try:
            state = running.run_session(folder, config, data, console)
        except running.Interrupted:
            # Its target is gone with it, so there is nothing to go on with.
            raise running.Interrupted(f"interrupted; what was tried until then lies in {folder.path}") from None
    from cli.terminal import closing

    found = stored_catalogue(folder)
    closing(console, folder, state, found, resumable=False)
    if "not healthy" in (state.reason or ""):
        # The shop lives by time-outs of some tens of milliseconds.
        console.print(
            Text("The shop needs two free cores: try again when this machine has less to do."), soft_wrap=True
        )
    return running.exit_status(state, None, found)


@contextmanager
def embedded_target(folder: SessionFolder, config: SessionConfig) -> Iterator[None]:
    """The embedded target where the session had it, for as long as this lasts; nothing for a session of another's.

    Raises:
        InvalidInput: its port is in use by now.
    """
    if not folder.files.exists(EMBEDDED):
        yield
        return
    with start_target(urlsplit(config.executor.endpoint).port or 0):
        yield


def target_up(port: int, mended: Sequence[str], console: Console) -> None:
    """Run the embedded target until Ctrl-C or SIGTERM."""
    with sigterm_raises(), start_target(port, mended=mended) as target:
        console.print(Text(f"control plane  {target.control_plane}"), soft_wrap=True)
        console.print(Text(f"shop           {target.shop}"), soft_wrap=True)
        console.print(Text("try            boifi run examples/one-fault.yaml   (Ctrl-C ends the target)"))
        try:
            threading.Event().wait()
        except (KeyboardInterrupt, Terminated):
            return
