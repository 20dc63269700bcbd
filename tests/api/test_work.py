"""Work in processes of its own: it ends when its time is over, when nobody wants it, and with the facade."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from facades import wait_for
from working import die, fail, refuse, write_and_sleep

from api import work
from api.errors import ApiError
from api.work import Work
from boifi_core.errors import InvalidInput

ROOT = Path(__file__).parents[2]


def gone(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    except FileNotFoundError:
        return True
    return state.startswith("Z")


def pid_in(path):
    wait_for(lambda: path.is_file() and path.read_text(), timeout_s=60)
    return int(path.read_text())


def test_each_call_has_a_process_and_errors_come_through_whole(tmp_path):
    async def calls():
        places = Work(1, 20)
        with pytest.raises(InvalidInput) as refused:
            await places.run(refuse)
        assert (refused.value.field, refused.value.rule) == ("search_space", "must be smaller")
        assert str(refused.value) == "search_space: must be smaller, got [1, 2]"
        with pytest.raises(RuntimeError) as failed:
            await places.run(fail)
        assert "in fail" in failed.value.__notes__[0], "where it happened, for the log"
        with pytest.raises(ApiError) as died:
            await places.run(die)
        assert died.value.status == 503
        first, second = [await places.run(write_and_sleep, str(tmp_path / "pid"), 0) for _ in range(2)]
        assert os.getpid() != first != second
        assert gone(first)
        assert gone(second)

    asyncio.run(calls())


def test_the_deadline_ends_the_process_and_the_loop_goes_on(tmp_path):
    path = tmp_path / "pid"

    async def call():
        beats = []

        async def beat():
            while True:
                beats.append(time.monotonic())
                await asyncio.sleep(0.05)

        beating = asyncio.create_task(beat())
        with pytest.raises(ApiError) as error:
            await Work(1, 3).run(write_and_sleep, str(path), 600)
        beating.cancel()
        assert error.value.status == 504
        assert "longer than 3 s" in str(error.value)
        assert len(beats) > 3
        return await Work(1, 20).run(write_and_sleep, str(tmp_path / "other"), 0)

    assert asyncio.run(call())
    assert gone(pid_in(path))


def test_a_caller_who_leaves_ends_the_process_and_its_place_is_free(tmp_path):
    path = tmp_path / "pid"

    async def call():
        places = Work(1, 600)
        running = asyncio.create_task(places.run(write_and_sleep, str(path), 600))
        pid = await asyncio.to_thread(pid_in, path)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert gone(pid)
        return await places.run(write_and_sleep, str(tmp_path / "other"), 0)

    assert asyncio.run(call())


def test_neither_many_wait_nor_long(tmp_path, monkeypatch):
    monkeypatch.setattr(work, "MOST_WAITING", 2)

    async def calls():
        places = Work(1, 600, wait_s=0.3)
        path = tmp_path / "pid"
        running = asyncio.create_task(places.run(write_and_sleep, str(path), 600))
        await asyncio.to_thread(pid_in, path)
        answers = await asyncio.gather(*(places.run(refuse) for _ in range(3)), return_exceptions=True)
        assert [(answer.status, answer.headers["Retry-After"]) for answer in answers] == [(503, "5")] * 3
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(calls())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere it ends with its work")
def test_nothing_outlives_a_facade_that_is_killed(tmp_path):
    path = tmp_path / "pid"
    program = (
        "import asyncio, sys; from api.work import Work; from working import write_and_sleep\n"
        "asyncio.run(Work(1, 600).run(write_and_sleep, sys.argv[1], 600))"
    )
    places = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "support")))
    facade = subprocess.Popen([sys.executable, "-c", program, str(path)], env={**os.environ, "PYTHONPATH": places})
    try:
        pid = pid_in(path)
        with Path(f"/proc/{pid}/stat").open() as stat:
            server = int(stat.read().rpartition(") ")[2].split()[1])
    finally:
        facade.kill()
        facade.wait()
    wait_for(lambda: gone(pid), timeout_s=60)
    wait_for(lambda: gone(server), timeout_s=60)
