"""`boifi demo` and `boifi target up`: the embedded target, with and without a session against it."""

from __future__ import annotations

import json
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.text import Text

from boifi_core.errors import InvalidInput
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.observers.trace_sources.config import ReceiverConfig
from boifi_core.report.session_report import stored_catalogue
from boifi_core.session.check import check
from boifi_core.session.config import SessionConfig, parse_session, with_overrides
from boifi_core.session.folder import SessionFolder
from boifi_core.session.make import make_session
from boifi_core.storage.data_dir import data_dir
from boifi_core.storage.yaml_file import read_yaml
from boifi_core.wire.endpoint import parse_http_url
from cli import run as running
from cli.prefect_api import hold_port
from cli.termination import Terminated, sigterm_raises
from demo.target import Target, start_target
from demo.tracing import Tracing

SESSION_FILE = Path(__file__).resolve().parent.parent / "demo" / "session.yaml"

EMBEDDED = "embedded-target"
"""A file of this name lies in the folder of a session that had the embedded target, which ended with it.

It says how the target was traced; in older sessions it is empty.
"""

_NOWHERE = Target("http://127.0.0.1:1", "http://127.0.0.1:1", 0, "http://127.0.0.1:1")


def demo_config(target: Target, trials: int | None, seed: int | None) -> SessionConfig:
    """The demo's session file, pointed at a running target."""
    data = read_yaml(SESSION_FILE)
    data["executor"] = {**data.get("executor", {}), "endpoint": target.control_plane}
    observer = data["observer"]
    for request in observer["requests"]:
        request["url"] = target.shop + urlsplit(request["url"]).path
    observer["traces"] = _traces(target)
    return check(with_overrides(parse_session(data), trials=trials, seed=seed))[0]


_SHORTEST_QUIET_S = 0.3
"""On a busy machine, spans that are sent at once come in no less."""


def _traces(target: Target) -> dict[str, Any] | None:
    if target.tracing is Tracing.NONE:
        return None
    # A little longer than the longest time between two batches of one sender.
    quiet_s = max(_SHORTEST_QUIET_S, 1.2 * target.batch_s + 0.05)
    return {"type": "otlp", "port": urlsplit(target.otlp_endpoint or "").port, "quiet_s": quiet_s}


@contextmanager
def demo_target(
    tracing: Tracing = Tracing.OWN, batch_s: float | None = None, mended: Collection[str] = ()
) -> Iterator[Target]:
    """The embedded target for a session with a probe: it only injects, and sends its spans to a port that is free."""
    with hold_port() as held:
        endpoint = f"http://127.0.0.1:{held.getsockname()[1]}"
    options: dict[str, Any] = {"tracing": tracing, "batch_s": batch_s, "mended": mended}
    with start_target(observations=False, otlp_endpoint=endpoint, **options) as target:
        yield target


def run_demo(trials: int | None, seed: int | None, out: str | None, tracing: Tracing, console: Console) -> int:
    """Start the target, run a session against it, show what it found; returns the exit status."""
    # Overrides are checked before anything is started, whatever ports the target will get.
    demo_config(_NOWHERE, trials, seed)
    data = data_dir(out)
    console.print(Text("BOIFI demo: how does this web shop break?", style="bold"))
    console.print(Text("starting a small shop behind a real Envoy, and a Prefect server; some seconds…"))
    with sigterm_raises(), demo_target(tracing) as target:
        config = demo_config(target, trials, seed)
        folder = make_session(data, config, others={EMBEDDED: json.dumps({"tracing": target.tracing})})
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
    with start_target(urlsplit(config.executor.endpoint).port or 0, **_as_it_was(folder, config)):
        yield


def _as_it_was(folder: SessionFolder, config: SessionConfig) -> dict[str, Any]:
    """What else the session's target was started with."""
    if not isinstance(config.observer, ProbeConfig):
        return {}  # it observed by itself
    said = json.loads(folder.files.read(EMBEDDED) or b"{}")
    traces = config.observer.traces
    port = traces.port if isinstance(traces, ReceiverConfig) else 1
    return {
        "shop_port": urlsplit(config.observer.requests[0].url).port or 0,
        "observations": False,
        "otlp_endpoint": f"http://127.0.0.1:{port}",
        "tracing": Tracing(said.get("tracing", Tracing.OWN)),
    }


def target_up(
    port: int,
    mended: Sequence[str],
    tracing: Tracing,
    batch_s: float | None,
    otlp_endpoint: str | None,
    console: Console,
) -> None:
    """Run the embedded target until Ctrl-C or SIGTERM."""
    options: dict[str, Any] = {"tracing": tracing, "batch_s": batch_s, "mended": mended}
    if otlp_endpoint is not None:
        try:
            parse_http_url(otlp_endpoint)
        except ValueError as error:
            raise InvalidInput("--otlp-endpoint", str(error), otlp_endpoint) from None
        options |= {"observations": False, "otlp_endpoint": otlp_endpoint}
    with sigterm_raises(), start_target(port, **options) as target:
        console.print(Text(f"control plane  {target.control_plane}"), soft_wrap=True)
        console.print(Text(f"shop           {target.shop}"), soft_wrap=True)
        if otlp_endpoint is not None:
            console.print(Text(f"spans go to    {otlp_endpoint}   (the control plane observes nothing itself)"))
        console.print(Text("try            boifi run examples/one-fault.yaml   (Ctrl-C ends the target)"))
        try:
            threading.Event().wait()
        except (KeyboardInterrupt, Terminated):
            return
