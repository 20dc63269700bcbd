"""A service to which nothing happens: its log has nothing to worry about, and `ps` says which process is what."""

import json
import subprocess
import threading

import httpx
import pytest
from flow_runs import made_trials, until
from hfi_server import HfiServer
from services import SESSIONS, Service


@pytest.fixture
def service(tmp_path, used_home):
    used_home(tmp_path / "service")
    service = Service(tmp_path)
    yield service
    service.close()


def titles(service):
    """What `ps` shows of all processes below the service's."""
    lines = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(maxsplit=2) for line in lines.splitlines()]
    below, found = {str(service.process.pid)}, set()
    for _ in rows:  # as deep as they may be
        below |= {pid for pid, parent, *_ in rows if parent in below}
    for pid, parent, *title in rows:
        if parent in below or pid in below:
            found |= set(title)
    return {title for title in found if title.startswith("boifi: ")}


def test_a_start_a_session_with_its_reader_and_an_end(service, session_data):
    service.start()
    service.until_ready()
    with HfiServer() as hfi:
        folder = service.create(session_data(hfi.url, total_trials=500))
        made_trials(folder, 2)
        session = f"boifi: session {folder.session_id}"
        wanted = {"boifi: facade", "boifi: worker", "boifi: fork server", "boifi: prefect", session}
        until(lambda: titles(service) == wanted, 20, f"{wanted}, got {titles(service)}")
        with httpx.stream("GET", f"{service.url}{SESSIONS}/{folder.session_id}/events", timeout=60) as stream:
            lines = stream.iter_lines()
            next(lines)
            reading = threading.Thread(target=lambda: list(lines))
            reading.start()
            assert service.end() == 0
            reading.join(20)
            assert not reading.is_alive()  # its stream came to an end, and was not cut
    log = service.log()
    told = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    assert [line for line in told if line["level"] not in ("INFO", "DEBUG")] == []
    assert "Traceback" not in log
    assert "ERROR" not in log
    assert [line["message"] for line in told if line["message"].endswith(" /ready")] == []
    ready = [line["message"] for line in told if line["message"] == "ready" or line["message"].startswith("not ready")]
    assert ready[-1] == "ready"
    assert len(ready) == len(dict.fromkeys(ready)) <= 6  # each only when it changes
    assert (service.data / "service" / "prefect.log").read_text() == ""
