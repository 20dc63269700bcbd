"""The shop as a process: `python -m demo.shop --otlp URL --folder FOLDER`.

Once it serves, one line of JSON on stdout has the names of its services. It ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
from collections.abc import Collection
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import aiohttp

from demo.mesh.bootstrap import Files
from demo.shop import browsing, front, selling
from demo.shop.mends import MENDABLE
from demo.shop.service import Mesh, serve
from demo.shop.tracers import Tracers, tracers_for
from demo.tracing import Tracing

BUILDERS = {
    build.__name__: build
    for build in (
        front.gateway,
        front.catalogue,
        browsing.recommendations,
        browsing.profiles,
        browsing.bestsellers,
        browsing.reviews,
        browsing.inventory,
        browsing.warehouse,
        selling.pricing,
        selling.promotions,
        selling.cart,
        selling.orders,
        selling.payments,
        selling.bank,
    )
}


async def run(files: Files, tracers: Tracers, mended: Collection[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    builders = {
        **BUILDERS,
        "gateway": partial(front.gateway, mended=mended),
        "cart": partial(selling.cart, mended=mended),
    }
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        tracer_of, served = await stack.enter_async_context(tracers), []
        for name, build in builders.items():
            connector = aiohttp.UnixConnector(str(files.outbound(name)), limit=0)
            no_limit = aiohttp.ClientTimeout(total=None)
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=no_limit))
            tracer = tracer_of(name)
            served.append(await serve(name, build(Mesh(http, tracer)), tracer, files.service(name)))
        print(json.dumps(list(builders)), flush=True)
        await stop.wait()
        await asyncio.gather(*(runner.cleanup() for runner in served))


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m demo.shop")
    parser.add_argument("--folder", required=True, type=Path, help="where its sockets are, and those of the mesh")
    parser.add_argument("--otlp", required=True, help="where spans go: http://HOST:PORT")
    parser.add_argument("--tracing", type=Tracing, default=Tracing.OWN, choices=list(Tracing), help="who makes spans")
    parser.add_argument("--batch-s", type=float, default=0.01, help="how long spans are collected")
    parser.add_argument("--mended", action="append", default=[], choices=MENDABLE, help="without this weakness")
    given = parser.parse_args()
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(run(Files(given.folder), tracers_for(given.tracing, given.otlp, given.batch_s), given.mended))


if __name__ == "__main__":
    main()
