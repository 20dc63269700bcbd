"""What tests have done in processes of its own."""

import os
import time
from pathlib import Path

from boifi_core.errors import InvalidInput


def write_and_sleep(path, seconds):
    Path(path).write_text(str(os.getpid()))
    until = time.monotonic() + seconds
    while time.monotonic() < until:  # busy, as a check that computes is
        pass
    return os.getpid()


def refuse():
    raise InvalidInput("search_space", "must be smaller", [1, 2])


def fail():
    raise RuntimeError("a bug")


def die():
    os.kill(os.getpid(), 9)
