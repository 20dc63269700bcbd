import asyncio
import threading

import pytest

from boifi_core.wire.loop import LoopThread


@pytest.fixture
def loop():
    loop = LoopThread("test")
    yield loop
    loop.close()


async def doubled(number, *, after_s=0.0):
    await asyncio.sleep(after_s)
    return 2 * number


def test_results_and_exceptions_come_back(loop):
    async def broken():
        raise ZeroDivisionError("of mine")

    assert loop.run(doubled, 4, after_s=0.01) == 8
    with pytest.raises(ZeroDivisionError, match="of mine"):
        loop.run(broken)
    assert loop.run(doubled, 5) == 10


def test_callers_in_several_threads_run_side_by_side(loop):
    results = []
    all_are_in = asyncio.Barrier(5)

    async def doubled_together(number):
        await all_are_in.wait()  # one after the other would wait for ever
        return 2 * number

    threads = [
        threading.Thread(target=lambda number=number: results.append(loop.run(doubled_together, number)), daemon=True)
        for number in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [0, 2, 4, 6, 8]


def test_closing_cancels_what_runs_and_ends_the_thread():
    loop = LoopThread("test")
    started, ended = threading.Event(), []

    async def endless():
        started.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(True)

    def wait_for_it():
        try:
            loop.run(endless)
        except BaseException as error:
            ended.append(type(error).__name__)

    caller = threading.Thread(target=wait_for_it)
    caller.start()
    assert started.wait(5)
    loop.close()
    caller.join(5)
    assert not caller.is_alive()
    assert ended == [True, "CancelledError"]
    assert loop.closed
