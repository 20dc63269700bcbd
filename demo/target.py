"""The embedded target for others to start: a process of its own that ends with theirs."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from boifi_core import child_process
from boifi_core.errors import BoifiError, InvalidInput
from demo.shop.mends import MENDABLE
from demo.tracing import AT_ONCE_S, Tracing, default_batch_s

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Target:
    """A running target: where it is reached, its process, and how it is traced."""

    control_plane: str
    shop: str
    pid: int
    otlp_endpoint: str | None = None
    tracing: Tracing = Tracing.OWN
    batch_s: float = AT_ONCE_S


@contextlib.contextmanager
def start_target(
    port: int = 0,
    *,
    shop_port: int = 0,
    observations: bool = True,
    otlp_endpoint: str | None = None,
    tracing: Tracing = Tracing.OWN,
    batch_s: float | None = None,
    mended: Collection[str] = (),
    timeout_s: float = 20.0,
) -> Iterator[Target]:
    """Start the embedded target, wait until it is ready, and end it at the end of the block.

    It ends with the calling process too, however that ends. Ctrl-C in the terminal does not reach it.

    Args:
        port: the control plane's; 0 takes a free one.
        shop_port: the shop's; 0 takes a free one.
        observations: False for a control plane that only injects.
        otlp_endpoint: without observations: where spans go, by default port 4318 of loopback.
        tracing: who reports spans.
        batch_s: how long they collect them, seconds; else as `default_batch_s` says.
        mended: the weaknesses, by their names in `docs/demo-target.md`, that the shop is without.
        timeout_s: how long the start may take.

    Raises:
        InvalidInput: a port is in use, or a weakness cannot be mended.
        BoifiError: it did not start; with its own words.
    """
    for name in mended:
        if name not in MENDABLE:
            raise InvalidInput("mended", f"must be one of {', '.join(MENDABLE)}", name)
    command = [sys.executable, "-m", "demo", "--port", str(port), "--until-stdin-closes"]
    command += ["--shop-port", str(shop_port), "--tracing", tracing]
    every_s = default_batch_s(tracing, goes_elsewhere=not observations) if batch_s is None else batch_s
    command += ["--batch-s", str(every_s)]
    command += [argument for name in mended for argument in ("--mended", name)]
    command += [] if observations else ["--no-observations"]
    command += ["--otlp-endpoint", otlp_endpoint] if otlp_endpoint else []
    with tempfile.TemporaryFile() as errors:
        process = _spawn(command, errors)
        try:
            line = _first_line(process, timeout_s)
            if not line:
                raise _failure(process, errors)
            yield Target(**json.loads(line), otlp_endpoint=otlp_endpoint, tracing=tracing, batch_s=every_s)
        finally:
            _end(process)


def _spawn(command: list[str], errors: IO[bytes]) -> subprocess.Popen[bytes]:
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
    options = {**streams, "cwd": _ROOT, "start_new_session": True}
    if threading.current_thread() is not threading.main_thread():
        # The kernel would end it with this thread; its closed stdin will do.
        return subprocess.Popen(command, **options)  # type: ignore[call-overload, no-any-return]
    return child_process.spawn(command, death_signal=signal.SIGTERM, **options)


def _first_line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], timeout_s)
    return process.stdout.readline() if ready else b""


def _failure(process: subprocess.Popen[bytes], errors: IO[bytes]) -> BoifiError:
    status = child_process.end(process)
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip()
    if status == 2:
        field, _, rule = said.partition(": ")
        return InvalidInput(field, rule)
    return BoifiError(f"the embedded target did not start: {said or f'exit status {status}'}")


def _end(process: subprocess.Popen[bytes]) -> None:
    child_process.end(process, grace_s=5.0)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
