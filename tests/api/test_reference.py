"""What docs/api-reference.md shows and lists is so, what is made from the code is current, and `/docs` shows it."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from facades import facade

from api.errors import CODES
from boifi_core.session.folder import sessions_in
from scripts.reference import API_REFERENCE, made

TEXT = API_REFERENCE.read_text()


def test_the_commands_work(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)  # another test's, which has no worker to end the session
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


@pytest.mark.parametrize("path", made(), ids=lambda path: path.name)
def test_what_is_made_from_the_code_is_current(path):
    assert path.read_text() == made()[path], "make docs"


@pytest.mark.parametrize("source", ["errors.py", "routes/sessions.py", "routes/results.py", "routes/operating.py"])
def test_every_code_is_listed(source):
    text = (Path(__file__).parents[2] / "api" / source).read_text()
    codes = set(re.findall(r'code="(\w+)"', text)) | (set(CODES.values()) - {"conflict", "unsupported_media_type"})
    by_hand = TEXT[: TEXT.index("## Routes")]
    assert {code for code in codes if f"`{code}`" not in by_hand} == set()


def test_the_page_for_people_has_every_route_and_loads_and_runs_nothing(tmp_path):
    with facade(tmp_path) as api:
        page, paths = api.get("/docs"), api.get("/openapi.json").json()["paths"]
        other = api.get("/health")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert {path for path in paths if path not in page.text} == set()
    assert not re.search(r"<script|<link|<img|src=|@import|url\(", page.text)
    assert set(re.findall(r'href="([^"]*)"', page.text)) == {"openapi.json"}
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert other.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
