"""What is printed to terminals of few letters, and to readers that go away."""

import json
import subprocess
import sys

import pytest
from command_lines import ROOT
from junit_schemas import problems

SAYS = """
import sys
from cli.output import outlive_readers, take_what_cannot_be_shown
take_what_cannot_be_shown()
outlive_readers()
"""


def python(code, **more):
    command = [sys.executable, "-c", SAYS + code]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "utf-8"])
def test_f19_what_an_encoding_lacks_is_replaced(environment, encoding):
    code = "print('\\u201cpage\\u201d \\u2192 \\u03a9'); print('\\u201c', file=sys.stderr); sys.exit(3)"
    done = python(code, env={**environment, "PYTHONIOENCODING": encoding})
    out, err = done.communicate(timeout=30)
    assert done.returncode == 3
    assert b"page" in out
    assert len(err.decode(encoding).strip()) == 1
    if encoding == "utf-8":
        assert out.decode().strip() == "\u201cpage\u201d \u2192 \u03a9"


def test_p12_of_the_log_what_nobody_reads_any_more_ends_nothing(environment):
    code = "print('first', flush=True)\nfor n in range(20_000): print('line', n)\nsys.stdout.flush()\nsys.exit(3)"
    process = python(code, env=environment)
    assert process.stdout.readline() == b"first\n"
    process.stdout.close()
    assert process.wait(30) == 3
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_f19_a_session_ends_as_it_would_and_its_reports_are_printed(boifi, session_file, hfi, tmp_path, encoding):
    said = {"PYTHONIOENCODING": encoding}
    path = session_file(hfi.url, total_trials=8, initial_points=4)
    done = boifi("run", path, "--fail-on", 1, check=3, **said)
    assert "COMPLETED: all 8 trials made" in done.stdout
    (folder,) = (tmp_path / "data" / "sessions").iterdir()
    for form in ("md", "html", "json"):
        assert folder.name[:8] in boifi("report", folder.name, "--format", form, check=0, **said).stdout
    assert problems(boifi("report", folder.name, "--format", "junit", check=0, **said).stdout) == []


@pytest.mark.slow
def test_p12_of_the_log_a_session_whose_output_is_cut_off_is_brought_to_its_end(start, session_file, hfi, tmp_path):
    process = start("run", session_file(hfi.url, total_trials=8, initial_points=4))
    for line in process.stdout:
        if line.lstrip().startswith("1/"):
            break
    process.stdout.close()
    assert process.wait(120) == 0
    (folder,) = (tmp_path / "data" / "sessions").iterdir()
    assert json.loads((folder / "state.json").read_text())["status"] == "COMPLETED"
    assert hfi.active() == {}
