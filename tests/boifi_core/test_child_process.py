import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from boifi_core import child_process

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
PARENT = """
import subprocess, sys, time
from boifi_core import child_process
child = child_process.spawn([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_running(pid):
    """Whether the process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pid, limit_s=2.0):
    end = time.monotonic() + limit_s
    while is_running(pid):
        assert time.monotonic() < end, f"{pid} is still there after {limit_s} s"
        time.sleep(0.02)


linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@linux_only
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_dies_with_its_parent(number):
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.send_signal(number)
        parent.wait(5)
    wait_until_gone(child)


@linux_only
def test_the_child_may_choose_its_last_signal(tmp_path):
    note = tmp_path / "note"
    script = (
        "import signal, sys, time, pathlib\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(note)!r}).write_text('bye'), sys.exit()))\n"
        "print('up', flush=True)\ntime.sleep(60)"
    )
    parent_code = (
        "import signal, sys, time\nfrom boifi_core import child_process\n"
        f"child = child_process.spawn([sys.executable, '-c', {script!r}], death_signal=signal.SIGTERM)\n"
        "print(child.pid, flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", parent_code], stdout=subprocess.PIPE) as parent:
        lines = {parent.stdout.readline().strip(), parent.stdout.readline().strip()}
        assert b"up" in lines
        (child,) = (int(line) for line in lines if line != b"up")
        parent.kill()
    wait_until_gone(child)
    assert note.read_text() == "bye"


def test_the_command_keeps_its_arguments_streams_and_status():
    command = [sys.executable, "-c", "import sys; print(sys.argv[1:], flush=True); sys.exit(3)", "a b", "--c"]
    child = child_process.spawn(command, stdout=subprocess.PIPE)
    out, _ = child.communicate(timeout=10)
    assert out.decode().strip() == "['a b', '--c']"
    assert child.returncode == 3


def test_a_child_whose_parent_is_already_gone_does_not_start(tmp_path):
    mark = tmp_path / "mark"
    command = [sys.executable, "-c", f"open({str(mark)!r}, 'w').close()"]
    somebody_else = str(os.getpid() + 1)
    done = subprocess.run(
        [sys.executable, "-I", "-S", child_process.__file__, somebody_else, "9", *command], check=False, timeout=10
    )
    assert done.returncode != 0
    assert not mark.exists()


def test_where_the_kernel_cannot_help_the_launcher_watches():
    code = (
        "import os, sys, time\nfrom boifi_core import child_process\n"
        "if os.fork() == 0:\n"
        "    sys.exit(child_process._watch(os.getppid(), 9, [sys.executable, '-c', "
        "'import os, time; print(os.getpid(), flush=True); time.sleep(60)']))\n"
        "time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    wait_until_gone(child)


def test_end_is_gentle_first():
    child = child_process.spawn(SLEEP)
    assert child_process.end(child) == -signal.SIGTERM
    assert child_process.end(child) == -signal.SIGTERM


def test_end_is_firm_at_last():
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    child = child_process.spawn([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"up\n"
    assert child_process.end(child, grace_s=0.2) == -signal.SIGKILL
    child.stdout.close()
