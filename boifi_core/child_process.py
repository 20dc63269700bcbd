"""Child processes that die with their parent, `kill -9` included.

The command is started through this file as a script. On Linux it asks the kernel for a signal at the parent's death and
becomes the command; elsewhere it stays beside the command and watches for the parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.1


def spawn(
    command: Sequence[str], *, death_signal: signal.Signals = signal.SIGKILL, **popen: Any
) -> subprocess.Popen[bytes]:
    """Start `command`; it gets `death_signal` as soon as this process is gone.

    On Linux that is tied to the calling *thread*: call it from one that lives as long as the child should.

    Args:
        command: program and arguments.
        death_signal: SIGKILL, or SIGTERM for a child that cleans up after itself and can be relied on to end.
        popen: passed on to `subprocess.Popen`.
    """
    launcher = [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(int(death_signal))]
    return subprocess.Popen([*launcher, *command], **popen)


def end(child: subprocess.Popen[bytes], *, grace_s: float = 2.0) -> int:
    """End `child`: SIGTERM, then SIGKILL after `grace_s` seconds. Returns its exit status."""
    if child.poll() is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.wait(grace_s)
        child.kill()
    return child.wait()


def entitle(title: str) -> None:
    """Let lists of processes, such as that of `ps`, show this title for the process that calls."""
    from setproctitle import setproctitle  # not for the script that this file also is

    os.environ["SPT_NOENV"] = "1"  # else the title is written over what /proc/PID/environ shows, too
    setproctitle(title)
    del os.environ["SPT_NOENV"]


def _launch(parent: int, death_signal: int, command: list[str]) -> int:
    if not _ask_for_death_signal(death_signal):
        return _watch(parent, death_signal, command)
    if os.getppid() == parent:  # else it died before the request was in place
        os.execvp(command[0], command)
    return 1


def _ask_for_death_signal(number: int) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    import ctypes

    return bool(ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) == 0)


def _watch(parent: int, death_signal: int, command: list[str]) -> int:
    child = subprocess.Popen(command, close_fds=False)  # it may have to inherit some

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    while child.poll() is None:
        if os.getppid() != parent:
            child.send_signal(death_signal)
            return child.wait()
        time.sleep(_POLL_S)
    return child.returncode


if __name__ == "__main__":
    sys.exit(_launch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
