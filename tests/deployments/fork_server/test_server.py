"""The process that others are forked from: a program with a fork server, and what becomes of its children."""

import subprocess
import sys
import textwrap
from pathlib import Path

PROGRAM = """
import asyncio, os, signal, sys, time
from deployments.fork_server.server import ForkServer, ForkServerDied

def work(path, text):
    if text == "sleep":
        time.sleep(60)
    if text == "fail":
        raise ValueError("broken work")
    with open(path, "a") as file:
        file.write(f"{text} {os.getpid()}\\n")

fork_server = ForkServer(work)
path = sys.argv[1]

async def with_fork_server(part):
    listening = asyncio.create_task(fork_server.listen())
    try:
        await part(listening)
    finally:
        listening.cancel()
"""


def run(tmp_path, part):
    """What a program with a fork_server prints and complains of, and the lines that its processes wrote."""
    program = PROGRAM + textwrap.dedent(part) + "\nasyncio.run(with_fork_server(part))\n"
    written, said, failed = (tmp_path / name for name in ("written", "said", "failed"))
    with said.open("w") as out, failed.open("w") as err:  # no pipes: processes that outlive the program keep them open
        command = [sys.executable, "-c", program, str(written)]
        status = subprocess.run(command, stdout=out, stderr=err, timeout=60, check=False).returncode
    assert status == 0, failed.read_text()
    return said.read_text(), failed.read_text(), written.read_text().splitlines() if written.exists() else []


def test_each_process_is_another_and_its_end_is_told(tmp_path):
    said, _, lines = run(
        tmp_path,
        """
        async def part(_):
            made = await asyncio.gather(*(fork_server.fork(path, f"{n}") for n in range(20)))
            await asyncio.gather(*(process.ended.wait() for process in made))
            print(*sorted(process.pid for process in made))
        """,
    )
    assert sorted(int(line.split()[0]) for line in lines) == list(range(20))
    assert sorted(int(line.split()[1]) for line in lines) == [int(pid) for pid in said.split()]


def test_a_process_that_fails_or_is_killed_has_ended_too_and_hurts_no_other(tmp_path):
    _, failed, lines = run(
        tmp_path,
        """
        async def part(_):
            failing, sleeping = await fork_server.fork(path, "fail"), await fork_server.fork(path, "sleep")
            await failing.ended.wait()
            assert not sleeping.ended.is_set()
            sleeping.kill()
            await sleeping.ended.wait()
            sleeping.terminate()
            await (await fork_server.fork(path, "after")).ended.wait()
        """,
    )
    assert "ValueError: broken work" in failed
    assert [line.split()[0] for line in lines] == ["after"]


def test_the_end_of_the_nursery_is_told(tmp_path):
    said, *_ = run(
        tmp_path,
        """
        async def part(listening):
            await (await fork_server.fork(path, "one")).ended.wait()
            [pid] = open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()
            os.kill(int(pid), signal.SIGKILL)
            try:
                await listening
            except ForkServerDied as error:
                print(error)
        """,
    )
    assert said == "the process that sessions are forked from has ended\n"


def test_processes_outlive_who_asked_for_them(tmp_path):
    said, *_ = run(
        tmp_path,
        """
        async def part(_):
            process = await fork_server.fork(path, "sleep")
            print(process.pid, flush=True)
            os._exit(0)
        """,
    )
    pid = int(said)
    try:
        assert "boifi: fork server" in Path(f"/proc/{pid}/cmdline").read_text()
    finally:
        subprocess.run(["kill", str(pid)], check=True)
