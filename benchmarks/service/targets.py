"""Control planes of the tests that take their time: `python -m benchmarks.service.targets NUMBER SECONDS`.

Its first line names their addresses; they are gone with its standard input.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import PIPE

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def slow_targets(number: int, observation_s: float) -> Iterator[list[str]]:
    """The addresses of so many control planes, in a process of their own, whose observations take so long."""
    from boifi_core.child_process import end, spawn

    command = [sys.executable, "-m", "benchmarks.service.targets", str(number), str(observation_s)]
    process = spawn(command, cwd=_ROOT, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline().decode().split()
    finally:
        end(process)
        process.stdin.close()
        process.stdout.close()


def main(number: int, observation_s: float) -> None:
    sys.path.insert(0, str(_ROOT / "tests" / "support"))
    from hfi_landscape import landscape
    from hfi_server import HfiServer

    def respond(faults):  # type: ignore[no-untyped-def]
        time.sleep(observation_s)
        return landscape(faults)

    with ExitStack() as stack:
        planes = [stack.enter_context(HfiServer(respond=respond)) for _ in range(number)]
        print(*(plane.url for plane in planes), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
