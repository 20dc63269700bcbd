"""Forks processes from one that has everything imported and runs nothing.

`ForkServer` forks that one from this process, so that both share the memory of what is imported: make it while nothing
runs here, no thread and no event loop. It ends with this process; those that were forked from it live on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn

from boifi_core.child_process import entitle

Work = Callable[..., None]


class ForkServerDied(RuntimeError):
    """No process can be forked any more."""


@dataclass(frozen=True)
class Process:
    """A forked process of this machine; `ended` is set as soon as it is gone."""

    pid: int
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


class ForkServer:
    """What asks for processes.

    Args:
        work: what each of them does, with the texts that it was asked for with.
    """

    def __init__(self, work: Work) -> None:
        if threading.active_count() != 1:
            raise RuntimeError(f"no thread may run where processes are forked from, got {threading.enumerate()}")
        self._ours, theirs = socket.socketpair()
        if os.fork() == 0:
            self._ours.close()
            _serve(theirs, work)
        theirs.close()
        self._writer: asyncio.StreamWriter | None = None
        self._listening = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self._born: asyncio.Queue[Process] = asyncio.Queue()

    async def listen(self) -> None:
        """Hear of births and deaths, for ever; without this nothing is forked.

        Raises:
            ForkServerDied: the process that forks has ended.
        """
        reader, self._writer = await asyncio.open_connection(sock=self._ours)
        self._listening.set()
        living: dict[int, Process] = {}
        while line := await reader.readline():
            what, pid = json.loads(line)
            if what == "born":
                living[pid] = Process(pid)
                self._born.put_nowait(living[pid])
            else:
                living.pop(pid).ended.set()
        raise ForkServerDied("the process that sessions are forked from has ended")

    async def fork(self, *texts: str) -> Process:
        """A new process, at work."""
        await self._listening.wait()
        assert self._writer is not None
        async with self._one_by_one:
            self._writer.write(json.dumps(texts).encode() + b"\n")
            return await self._born.get()


def _serve(asked: socket.socket, work: Work) -> NoReturn:
    """Fork a process for each line that comes in; tell of its birth and its death."""
    status = 1
    try:
        entitle("boifi: fork server")
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in a terminal is for whoever asks
        died, wake = socket.socketpair()
        for end in (died, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(wake.fileno())
        with selectors.DefaultSelector() as selector:
            selector.register(asked, selectors.EVENT_READ)
            selector.register(died, selectors.EVENT_READ)
            lines = _Lines(asked)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is died:
                        died.recv(4096)
                        for pid in _reaped():
                            _tell(asked, "dead", pid)
                        continue
                    for line in lines.read():
                        pid = os.fork()
                        if pid == 0:
                            _become(work, json.loads(line), asked, died, wake)
                        _tell(asked, "born", pid)
    except OSError:
        status = 0  # nobody asks any more
    finally:
        os._exit(status)


class _Lines:
    """The whole lines that a socket has brought so far."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._rest = b""

    def read(self) -> list[bytes]:
        brought = self._source.recv(65536)
        if not brought:
            raise ConnectionResetError
        *lines, self._rest = (self._rest + brought).split(b"\n")
        return lines


def _tell(asked: socket.socket, what: str, pid: int) -> None:
    asked.sendall(json.dumps([what, pid]).encode() + b"\n")


def _reaped() -> Iterator[int]:
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid


def _become(work: Work, texts: list[str], *sockets: socket.socket) -> NoReturn:
    """Be a process of its own from here on: work, and end."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for each in sockets:
            each.close()
        work(*texts)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)
