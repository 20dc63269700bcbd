"""What docs/api.md shows and lists is so."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from facades import facade

from api.errors import CODES
from api.settings import settings_table
from boifi_core.folder import sessions_in

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_the_commands_work(tmp_path):
    [commands] = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    data = tmp_path / "data"
    with facade(data) as api:
        checked = commands.replace("curl ", "curl --fail-with-body ")
        script = f"set -eu\nAPI={str(api.base_url).rstrip('/')}\n{checked}"
        command = ["bash", "-c", script]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    created = json.loads(done.stdout[: done.stdout.index("}{") + 1])
    assert created["status"] == "PENDING"
    assert "event: end" in done.stdout
    assert "point.delay_ms" in (tmp_path / "trials.csv").read_text()
    assert created["session_id"] in (tmp_path / "report.md").read_text()
    assert sessions_in(data) == []


def test_every_setting_is_in_the_table():
    assert TEXT.endswith(settings_table() + "\n")


@pytest.mark.parametrize("source", ["errors.py", "routes/sessions.py", "routes/results.py", "routes/operating.py"])
def test_every_code_is_listed(source):
    text = (Path(__file__).parents[2] / "api" / source).read_text()
    codes = set(re.findall(r'code="(\w+)"', text)) | (set(CODES.values()) - {"conflict", "unsupported_media_type"})
    assert {code for code in codes if f"`{code}`" not in TEXT} == set()
