"""What computes for long, in a process of its own: it holds up nobody, and ends when its time is over."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from typing import Any, TypeVar, TypeVarTuple

from api.errors import ApiError
from api.heavy import LIBRARIES
from boifi_core.storage import patience_s

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

# A process that has imported all that is needed, and starts others by forking: each begins in milliseconds, and what it
# did is gone with it. The facade itself never imports that.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["api.heavy", *LIBRARIES])

MOST_WAITING = 100


class Work:
    """Calls functions, each in a process of its own, some at a time; the others wait, but neither many nor long.

    Args:
        at_once: how many.
        deadline_s: how long each may take, seconds.
        wait_s: how long each may wait before it begins, seconds.
    """

    def __init__(self, at_once: int, deadline_s: float, wait_s: float = 10.0) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._deadline_s = deadline_s
        self._wait_s = wait_s
        self._waiting = 0

    async def run(self, function: Callable[[*Arguments], T], *args: *Arguments) -> T:
        """What `function` returns, or raises. If the caller is cancelled, the process ends.

        Raises:
            ApiError: too much is asked for at this time, it took too long, or the process died.
        """
        await self._place()
        try:
            outcome: T = await self._called(function, args)
            return outcome
        finally:
            self._places.release()

    async def _place(self) -> None:
        if self._waiting >= MOST_WAITING:
            raise _busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1

    async def _called(self, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        told, tells = _PROCESSES.Pipe(duplex=False)
        call = (tells, patience_s.get(), dict(os.environ), function, args)
        process = _PROCESSES.Process(target=_carry_out, args=call, daemon=True)
        starting = asyncio.ensure_future(asyncio.to_thread(_start, process))
        deadline = None
        try:
            await asyncio.shield(starting)
            tells.close()
            async with asyncio.timeout(self._deadline_s) as deadline:
                succeeded, outcome = await asyncio.to_thread(lambda: pickle.loads(told.recv_bytes()))
        except EOFError:
            raise ApiError(503, "the process that did this ended before it was done", code="overloaded") from None
        except TimeoutError:
            if deadline is None or not deadline.expired():
                raise
            limit = f"this takes longer than {self._deadline_s:g} s here; a smaller search space takes less"
            raise ApiError(504, limit) from None
        finally:
            await asyncio.shield(asyncio.ensure_future(_ended(starting, process)))
            tells.close()
        if succeeded:
            return outcome
        raise outcome


def _busy() -> ApiError:
    return ApiError(503, "too much of this kind is asked for", code="overloaded", headers={"Retry-After": "5"})


def start_early() -> None:
    """Have all imported that is needed, before somebody waits for it. Takes no time itself."""
    ensure_running()


async def _ended(starting: asyncio.Future[None], process: Any) -> None:
    await asyncio.wait({starting})
    if starting.exception() is None:
        await asyncio.to_thread(_end, process)


def _start(process: Any) -> None:
    with _ONE_AT_A_TIME:
        process.start()


def _end(process: Any) -> None:
    with _ONE_AT_A_TIME:
        if process.is_alive():
            process.kill()
        process.join(_DIES_IN_S)
        if not process.is_alive():
            process.close()


# Each start looks at all processes there are, of which another thread may just close one.
_ONE_AT_A_TIME = threading.Lock()

_DIES_IN_S = 5.0
"""A process that was killed; longer only where it hangs in the kernel, as on a disk that does not answer."""


def _carry_out(
    tells: Connection, patience: float, environment: Mapping[str, str], function: Callable[..., Any], args: Any
) -> None:
    threading.Thread(target=_end_with_the_facade, daemon=True).start()
    os.environ.clear()
    os.environ.update(environment)  # that of the process we come from is as old as that one
    patience_s.set(patience)
    try:
        outcome = pickle.dumps((True, function(*args)))
    except Exception as error:
        error.add_note(traceback.format_exc())
        outcome = pickle.dumps((False, error))
    tells.send_bytes(outcome)


def _end_with_the_facade() -> None:
    facade = multiprocessing.parent_process()
    assert facade is not None
    facade.join()
    os.kill(os.getpid(), signal.SIGKILL)
