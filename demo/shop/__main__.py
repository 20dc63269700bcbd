"""The shop as a process: `python -m demo.shop --mesh SOCKET --otlp URL --sockets FOLDER`.

Once it serves, one line of JSON on stdout has every service's socket. It ends on SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
from collections.abc import Collection
from functools import partial
from pathlib import Path

import aiohttp

from demo.shop import browsing, front, selling
from demo.shop.mends import MENDABLE
from demo.shop.service import Mesh, serve
from demo.shop.tracing import Exporter

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


async def run(mesh_socket: str, otlp_endpoint: str, sockets: Path, mended: Collection[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    builders = {
        **BUILDERS,
        "gateway": partial(front.gateway, mended=mended),
        "cart": partial(selling.cart, mended=mended),
    }
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    exporter = Exporter(otlp_endpoint)
    connector = aiohttp.UnixConnector(mesh_socket, limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as http:
        # By number: a socket's path must be short.
        places = {name: sockets / f"s{number}.sock" for number, name in enumerate(builders)}
        served = [
            await serve(name, build(Mesh(name, http)), exporter, places[name]) for name, build in builders.items()
        ]
        print(json.dumps({name: str(place) for name, place in places.items()}), flush=True)
        await stop.wait()
        await asyncio.gather(*(runner.cleanup() for runner in served))
    await exporter.close()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m demo.shop")
    parser.add_argument("--mesh", required=True, help="the mesh's outbound socket")
    parser.add_argument("--otlp", required=True, help="where spans go: http://HOST:PORT")
    parser.add_argument("--sockets", required=True, type=Path, help="the folder for the services' sockets")
    parser.add_argument("--mended", action="append", default=[], choices=MENDABLE, help="without this weakness")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(run(arguments.mesh, arguments.otlp, arguments.sockets, arguments.mended))


if __name__ == "__main__":
    main()
