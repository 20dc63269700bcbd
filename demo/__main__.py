"""The embedded target as a process: `python -m demo [--host H] [--port P]`.

Once it is ready, one line of JSON on stdout says where: `{"control_plane": …, "shop": …, "pid": …}`. It ends on SIGTERM
or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import tempfile
import threading
from pathlib import Path

from boifi_core.errors import BoifiError, InvalidInput
from demo.run import LOOPBACK, running
from demo.shop.mends import MENDABLE
from demo.tracing import Tracing, default_batch_s

DEFAULT_OTLP = "http://127.0.0.1:4318"

_LONGEST = 60
"""Characters of a folder below which the target's sockets may lie: a socket's path has 107 at most (unix(7))."""


async def serve(arguments: argparse.Namespace) -> None:
    """Run the target until it is asked to end."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if arguments.until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(loop, stop), daemon=True).start()
    by_default_s = default_batch_s(arguments.tracing, goes_elsewhere=arguments.no_observations)
    otlp_endpoint = (arguments.otlp_endpoint or DEFAULT_OTLP) if arguments.no_observations else None
    with tempfile.TemporaryDirectory(prefix="boifi-", dir=short_enough(tempfile.gettempdir())) as folder:
        async with running(
            arguments.port,
            Path(folder),
            host=arguments.host,
            shop_port=arguments.shop_port,
            otlp_endpoint=otlp_endpoint,
            tracing=arguments.tracing,
            batch_s=arguments.batch_s or by_default_s,
            mended=arguments.mended,
        ) as at:
            line = {"control_plane": at.control_plane, "shop": at.shop, "pid": os.getpid()}
            print(json.dumps(line), flush=True)
            await stop.wait()


def short_enough(folder: str) -> str:
    """Where temporary files go, or the system's own place for them where sockets there would have too long a path."""
    return folder if len(folder) <= _LONGEST else "/tmp"


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    # Not by sys.stdin, whose lock this thread would hold at the interpreter's end.
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


def main() -> int:
    """Read the arguments and serve; 2 if they cannot work, 1 if a part did not start."""
    parser = argparse.ArgumentParser(prog="python -m demo", description="A small shop behind a real Envoy.")
    parser.add_argument("--port", type=int, default=8080, help="the control plane's; 0 takes a free one")
    parser.add_argument("--host", default=LOOPBACK, help="where the control plane listens; nobody is asked for a key")
    parser.add_argument("--shop-port", type=int, default=0, help="the shop's; 0 takes a free one")
    parser.add_argument(
        "--no-observations", action="store_true", help="only inject, like a stock control plane; spans go elsewhere"
    )
    parser.add_argument("--otlp-endpoint", help=f"with --no-observations: where spans go ({DEFAULT_OTLP})")
    parser.add_argument("--tracing", type=Tracing, default=Tracing.OWN, choices=list(Tracing), help="who reports spans")
    parser.add_argument("--batch-s", type=float, help="how long they collect them")
    parser.add_argument("--mended", action="append", default=[], choices=MENDABLE, help="without this weakness")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when stdin does")
    arguments = parser.parse_args()
    if arguments.otlp_endpoint and not arguments.no_observations:
        parser.error("--otlp-endpoint is for --no-observations")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        asyncio.run(serve(arguments))
    except InvalidInput as error:
        print(error, file=sys.stderr)
        return 2
    except BoifiError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
