"""The whole target in order: shop, mesh, control plane; and back again."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from boifi_core import child_process
from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.probe import Probe
from demo.control_plane import control_plane
from demo.faults import Faults
from demo.mesh.bootstrap import Mesh
from demo.mesh.envoy import Envoy
from demo.shop.graph import ENTRY, LINKS
from demo.tracing import Tracing
from demo.traffic import Windows, probe_config

LOOPBACK = "127.0.0.1"
_SHOP_START_S = 10.0
_WARM_UP_S = 5.0


@dataclass(frozen=True)
class Addresses:
    """Where the running target is reached."""

    control_plane: str
    shop: str


@asynccontextmanager
async def running(
    port: int,
    folder: Path,
    *,
    host: str = LOOPBACK,
    shop_port: int = 0,
    otlp_endpoint: str | None = None,
    tracing: Tracing = Tracing.OWN,
    batch_s: float,
    mended: Collection[str] = (),
) -> AsyncIterator[Addresses]:
    """The target, from ready to ended.

    Args:
        port: the control plane's; 0 takes a free one.
        folder: for sockets, configuration and logs; exists, and has a short path.
        host: where the control plane listens; all else stays on loopback.
        shop_port: the shop's; 0 takes a free one.
        otlp_endpoint: where spans go instead of the target's own receiver. Then it observes nothing itself, like a
            stock control plane.
        tracing: who reports spans.
        batch_s: how long they collect them, seconds.
        mended: the weaknesses of `demo.shop.front.MENDABLE` that the shop is without.

    Raises:
        InvalidInput: a port is in use.
        BoifiError: a part did not start.
    """
    # The ports first: nothing else is started for a target that cannot be reached.
    listening = _listen(host, port)
    receiver = shop = envoy = None
    try:
        if shop_port:
            _listen(LOOPBACK, shop_port).close()
        receiver = OtlpReceiver() if otlp_endpoint is None else None
        endpoint = otlp_endpoint or f"http://{LOOPBACK}:{receiver.port if receiver else 0}"
        shop, services = await _start_shop(folder, endpoint, tracing, batch_s, mended)
        envoy = await Envoy.start(folder, Mesh(services, LINKS, ENTRY, endpoint, shop_port, tracing, batch_s))
        faults = Faults(envoy)
        await asyncio.to_thread(_warm_up, envoy.entry)
        probe = Probe(probe_config(envoy.entry), receiver) if receiver else None
        app = control_plane(
            faults,
            Windows(probe, faults) if probe else None,
            lambda: envoy.returncode is None and shop.poll() is None,
        )
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        try:
            yield Addresses(f"http://{host}:{listening.getsockname()[1]}", envoy.entry)
        finally:
            await runner.cleanup()
            await faults.close()
            if probe is not None:
                await asyncio.to_thread(probe.close)
    finally:
        listening.close()
        if envoy is not None:
            await envoy.stop()
        if shop is not None:
            await asyncio.to_thread(child_process.end, shop)
        if receiver is not None:
            await asyncio.to_thread(receiver.close)


def _warm_up(shop: str) -> None:
    """Open the connections of a whole window, so that the first that is measured is like the others."""
    probe = Probe(probe_config(shop))
    try:
        probe.observe(newer_than=datetime.now(UTC), timeout_s=_WARM_UP_S)
    finally:
        probe.close()


def _listen(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A port that was in use a moment ago may be taken again; one that is in use may not.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        why = "already in use" if error.errno == errno.EADDRINUSE else (error.strerror or str(error)).lower()
        raise InvalidInput(f"port {port}", why) from None
    return listening


async def _start_shop(
    folder: Path, otlp_endpoint: str, tracing: Tracing, batch_s: float, mended: Collection[str]
) -> tuple[subprocess.Popen[bytes], list[str]]:
    command = [sys.executable, "-m", "demo.shop", "--folder", str(folder), "--otlp", otlp_endpoint]
    command += ["--tracing", tracing, "--batch-s", str(batch_s)]
    command += [argument for name in mended for argument in ("--mended", name)]
    with (folder / "shop.log").open("wb") as log:
        shop = child_process.spawn(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log)
    assert shop.stdout is not None
    try:
        line = await asyncio.wait_for(asyncio.to_thread(shop.stdout.readline), _SHOP_START_S)
        return shop, json.loads(line)
    except (TimeoutError, ValueError):
        await asyncio.to_thread(child_process.end, shop)
        raise BoifiError(
            f"the shop did not start: {(folder / 'shop.log').read_text(errors='replace')[-500:]}"
        ) from None
