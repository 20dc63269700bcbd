"""`boifi campaign run`: night after night against a target in which a weakness is mended and another comes up."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.etree import ElementTree as ET

import pytest
import yaml
from flow_runs import FlowRuns, until
from hfi_landscape import landscape
from hfi_server import HfiServer
from junit_schemas import problems
from workers import Worker

SPACE = [
    {"name": "fault_type", "type": "categorical", "values": ["abort"]},
    {"name": "target_path", "type": "categorical", "values": ["/ratings", "/reviews", "/details"]},
    {"name": "abort_status_code", "type": "categorical", "values": [500, 503]},
]


def without(service, faults):
    return [fault for fault in faults if not fault.hits("GET", f"/{service}/0", service)]


def before(faults):
    """Details can do no harm."""
    return landscape(without("details", faults))


def after(faults):
    """Reviews can do no harm any more, but details answering 503 is not handled now."""
    seen = landscape(without("details", without("reviews", faults)))
    if any(fault.abort_status == 503 and fault.hits("GET", "/details/0", "details") for fault in faults):
        seen |= {"status_code": 500, "error_rate": 1.0, "logs": ["ERROR page: no details"]}
    return seen


@pytest.fixture
def hook():
    """A webhook's address, and what it was told."""
    told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/a-secret", told
        server.shutdown()


def told_by_standing(report):
    found = {}
    for told in report["told"]:
        plans = told["known"]["plans"]
        found.setdefault(told["standing"], set()).add((plans[0]["target_path"], plans[0]["abort_status_code"]))
    return found


@pytest.fixture
def worker(tmp_path, prefect_server, monkeypatch):
    """One at the tests' Prefect server, for the sessions of nights in this process."""
    monkeypatch.setattr("flows.campaign.POLL_S", 0.1)
    data = tmp_path / "data"
    data.mkdir()
    worker = Worker(data, prefect_server)
    found = FlowRuns(prefect_server, data).http
    until(lambda: found.get("/deployments/name/session/boifi").is_success, 60, "the deployment")
    yield worker
    worker.close()


@pytest.mark.usefixtures("worker")
def test_what_was_mended_is_fixed_and_what_came_up_is_new(boifi_here, session_data, tmp_path, hook, monkeypatch):
    address, told = hook
    monkeypatch.setenv("HOOK", address)
    with HfiServer(respond=before) as hfi:
        session = session_data(hfi.url, name="page", search_space=SPACE, total_trials=8, initial_points=6,
                               minimise={"share": 0})  # fmt: skip
        path = tmp_path / "campaign.yaml"
        path.write_text(yaml.safe_dump({"name": "nightly", "sessions": [session], "webhook": "${HOOK}", "fail_on": 9}))

        first = boifi_here("campaign", "run", path)
        assert first.returncode in (0, 3), first.stderr + first.stdout
        nights = tmp_path / "data" / "campaigns" / "nightly" / "nights"
        (one,) = nights.iterdir()
        was = told_by_standing(json.loads((one / "report.json").read_text()))
        assert set(was) == {"new"}
        assert ("/reviews", 500) in was["new"]

        hfi.respond = after
        second = boifi_here("campaign", "run", path)
        (two,) = set(nights.iterdir()) - {one}
        report = json.loads((two / "report.json").read_text())
        now = told_by_standing(report)
        assert ("/reviews", 500) in now["fixed"]
        assert ("/details", 503) in now["new"]
        assert hfi.active() == {}
        assert "Fixed" in second.stdout
    assert [each["summary"] for each in told] == [json.loads((n / "report.json").read_text())["summary"]
                                                  for n in (one, two)]  # fmt: skip
    assert address not in "".join(p.read_text() for p in nights.rglob("*.*") if p.is_file())
    assert problems((two / "junit.xml").read_text()) == []
    cases = ET.parse(two / "junit.xml").getroot().findall(".//testcase")
    assert any("(fixed)" in case.get("name") for case in cases)
    fixed = next(each for each in report["told"] if each["standing"] == "fixed")
    assert len(fixed["readings"]) == 2
    assert fixed["shown"] == 0
    assert len(fixed["trials"]) == 2


@pytest.mark.usefixtures("used_data_dir")
def test_a_night_that_cannot_run_says_so_loudly(boifi, session_data, tmp_path, hfi):
    """By a Prefect server and a worker of the night's own."""
    hfi.respond = lambda faults: {**landscape(faults), "status_code": 500}
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump({"name": "nightly", "sessions": [session_data(hfi.url)]}))
    night = boifi("campaign", "run", path, check=1)
    assert "COULD NOT RUN: no session ran well: ratings-delay: " in night.stdout.replace("\\", "")
    (junit,) = (tmp_path / "data").rglob("junit.xml")
    assert problems(junit.read_text()) == []
    assert len(ET.parse(junit).getroot().findall(".//error")) == 2


def test_bad_input_is_one_line(boifi_alone, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text("name: nightly\n")
    assert boifi_alone("campaign", "run", path, check=2).stderr == "error: sessions: is required\n"
