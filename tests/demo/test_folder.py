"""Where the embedded target keeps its sockets."""

import os
import subprocess
import sys

from demo.__main__ import short_enough


def test_a_usual_folder_is_taken_and_one_too_long_for_sockets_is_not():
    assert short_enough("/var/tmp") == "/var/tmp"
    assert short_enough("/tmp/" + "long/" * 20) == "/tmp"


def test_the_target_starts_where_temporary_files_lie_deep(tmp_path):
    deep = tmp_path / ("deep" * 20)
    deep.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "demo", "--port", "0", "--until-stdin-closes"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(deep)},
    ) as target:  # fmt: skip
        try:
            assert b"control_plane" in target.stdout.readline()
        finally:
            target.stdin.close()
            target.wait(timeout=30)
