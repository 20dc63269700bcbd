"""An event loop in a thread of its own, so that plain callers get calls that end when they must."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CLEAN_UP_S = 1.0


class LoopThread:
    """Runs coroutines for callers in any thread.

    A blocking client bounds each read, not the whole call; a coroutine can be cancelled at any await. And a caller that
    is interrupted by a signal (a time-out by SIGALRM, Ctrl-C) leaves nothing running behind.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, function: Callable[..., Coroutine[Any, Any, T]], *args: Any, **kwargs: Any) -> T:
        """The coroutine's result; if the caller is interrupted, it is cancelled and its clean-up waited for."""
        ended = threading.Event()

        async def noted() -> T:
            try:
                return await function(*args, **kwargs)
            finally:
                ended.set()

        future = asyncio.run_coroutine_threadsafe(noted(), self._loop)
        try:
            return future.result()
        except BaseException:
            if not future.done():
                future.cancel()
                ended.wait(_CLEAN_UP_S)
            raise

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._loop.is_closed()

    def close(self) -> None:
        """End the loop and its thread; what still runs is cancelled."""
        if self.closed:
            return
        with contextlib.suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_cancel_the_rest(), self._loop).result(_CLEAN_UP_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _cancel_the_rest() -> None:
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
