"""Child processes that are kept running until this process is asked to end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from boifi_core.child_process import end, spawn

LONGEST_PAUSE_S = 30.0
SOUND_S = 20.0
"""A process that lived so long was sound: it is started again at once."""

START_TIMEOUT_S = 120.0
POLL_S = 0.1
LAST_BYTES = 4096


@dataclass
class Child:
    """A program that is to run.

    Attributes:
        death_signal: what it gets when this process is gone.
        grace_s: how long it may take to end.
        log: where its output goes; this process's own where there is none.
        held_port: the socket that it is to listen at, which it inherits; kept for it between its lives.
        most_starts: how often it is started; then its port is given up, so that who asks there is refused.
        heal: called before each start; mends what it can, and returns what there is to say of that.
        ended_with: the status of the process that ended last.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    death_signal: signal.Signals = signal.SIGKILL
    grace_s: float = 5.0
    log: Path | None = None
    held_port: socket.socket | None = None
    most_starts: int | None = None
    heal: Callable[[], Sequence[str]] = tuple
    ended_with: int | None = field(default=None, init=False)
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _started: float = field(default=0.0, init=False)
    _pause_s: float = field(default=0.0, init=False)
    _starts: int = field(default=0, init=False)

    def keep(self) -> str | None:
        """Start it, or start it again; says so where it had died. Call this often, and always in one thread."""
        now = time.monotonic()
        if self.process is None:
            if self._starts != self.most_starts and now >= self._started + self._pause_s:
                said = self.heal()
                self._start()
                return "\n".join(said) or None
            return None
        status = self.process.poll()
        if status is None:
            return None
        is_sound = now > self._started + SOUND_S
        self._pause_s = 0.0 if is_sound else min(self._pause_s * 2 + 1, LONGEST_PAUSE_S)
        self._started, self.process, self.ended_with = now, None, status
        ended = f"{self.name} ended with status {status}"
        if last := self.last_words():
            ended = f"{ended} ({last})"
        if self._starts == self.most_starts:
            self._give_up_port()
            return ended
        return f"{ended}; it is started again in {self._pause_s:g} s"

    def last_words(self) -> str:
        """The last line of its log; empty where it has none of its own."""
        try:
            with (self.log or Path(os.devnull)).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - LAST_BYTES))
                lines = file.read().decode(errors="replace").split("\n")
        except OSError:
            return ""
        return next((" ".join(line.split())[:300] for line in reversed(lines) if line.strip()), "")

    def _start(self) -> None:
        self._started = time.monotonic()
        self._starts += 1
        output = None if self.log is None else self.log.open("ab")
        try:
            # In a session of its own, so that a Ctrl-C in the terminal reaches this process alone.
            self.process = spawn(
                self.command, death_signal=self.death_signal, env=dict(self.environment), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True,
                pass_fds=() if self.held_port is None else [self.held_port.fileno()],
            )  # fmt: skip
        finally:
            if output is not None:
                output.close()

    def end(self) -> None:
        """End it, and wait for that."""
        if self.process is not None:
            end(self.process, grace_s=self.grace_s)
        self._give_up_port()

    def _give_up_port(self) -> None:
        if self.held_port is not None:
            self.held_port.close()


@contextmanager
def kept(child: Child) -> Iterator[None]:
    """Keep the child for as long as this lasts, in a thread of its own: a child's life hangs on that of its starter."""
    ending = threading.Event()

    def keep() -> None:
        while True:
            said = child.keep()
            if said and child.process is not None:  # what was mended; of its end who waits for it tells
                print(f"warning: {said}", file=sys.stderr)
            if ending.wait(POLL_S):
                break
        child.end()

    keeper = threading.Thread(target=keep, name=child.name, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ending.set()
        keeper.join()


def is_answered(url: str, *, login: str | None = None, give_up: Callable[[], bool] = lambda: False) -> bool:
    """Whether there is a sound answer at this URL, waited for `START_TIMEOUT_S`; `give_up` ends that.

    Args:
        login: `user:password`, where one is wanted.
    """
    import httpx  # whoever only keeps children starts sooner without it

    deadline = time.monotonic() + START_TIMEOUT_S
    headers = {"Authorization": f"Basic {b64encode(login.encode()).decode()}"} if login else {}
    with httpx.Client(trust_env=False, timeout=5.0, headers=headers) as client:
        while time.monotonic() < deadline and not give_up():
            with suppress(httpx.HTTPError):
                if client.get(url).is_success:
                    return True
            time.sleep(POLL_S)
    return False
