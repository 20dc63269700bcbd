"""The server that the other tests trust: it must refuse what the wire forbids."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from documents import changed
from hfi_landscape import landscape
from hfi_policy import RefusedError, read_policy

SOUND = {
    "metadata": {"name": "boifi-3f2a9c1e-0007", "version": "1.0.0"},
    "spec": {
        "selector": {"service": "ratings", "namespace": "*"},
        "rules": [
            {
                "match": {"method": {"exact": "GET"}, "path": {"prefix": "/ratings"}},
                "fault": {
                    "percentage": 50,
                    "start_delay_ms": 0,
                    "duration_seconds": 60,
                    "delay": {"fixed_delay": "1.5s", "fixed_delay_ms": 500},
                },
            }
        ],
    },
}


RULE = ("spec", "rules", 0)
FAULT = (*RULE, "fault")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metadata",), ...),
        (("metadata", "name"), "-a-b"),
        (("metadata", "version"), "1.0"),
        (("spec", "rules"), []),
        ((*RULE, "match"), {}),
        ((*RULE, "match", "path"), {"prefix": ""}),
        ((*RULE, "match", "path"), {"prefix": "/a", "exact": "/b"}),
        ((*RULE, "match", "path"), {"regex": "("}),
        ((*RULE, "match", "headers"), [{"exact": "jason"}]),
        ((*FAULT, "percentage"), 50.0),
        ((*FAULT, "percentage"), 101),
        ((*FAULT, "percentage"), True),
        ((*FAULT, "percentage"), ...),
        ((*FAULT, "start_delay_ms"), 0.5),
        ((*FAULT, "duration_seconds"), "60"),
        ((*FAULT, "delay"), ...),
        ((*FAULT, "delay"), {"fixed_delay": "1s"}),
        ((*FAULT, "delay", "fixed_delay_ms"), 500.0),
        ((*FAULT, "abort"), {"httpStatus": 503.0}),
        ((*FAULT, "abort"), {}),
    ],
)
def test_refused(path, value):
    with pytest.raises(RefusedError):
        read_policy(changed(SOUND, path, value), delay_field="fixed_delay_ms")


@pytest.mark.parametrize("document", [None, [], "x", {"metadata": 3}])
def test_no_policy_at_all(document):
    with pytest.raises(RefusedError):
        read_policy(document, delay_field="fixed_delay_ms")


@pytest.mark.parametrize(
    ("delay_field", "given", "delay_ms"),
    [
        ("fixed_delay_ms", {"fixed_delay_ms": 500, "fixed_delay": "9s"}, 500),
        ("fixed_delay_ms", {"fixed_delay_ms": 99_000}, 30_000),
        ("fixed_delay", {"fixed_delay_ms": 1, "fixed_delay": "1.5s"}, 1500),
        ("fixed_delay", {"fixed_delay": "1m500ms"}, 60_500),
    ],
)
def test_each_reads_its_own_delay(delay_field, given, delay_ms):
    (fault,) = read_policy(changed(SOUND, (*FAULT, "delay"), given), delay_field=delay_field)
    assert fault.delay_ms == delay_ms


def faults(path, percentage=100, **fault):
    document = changed(SOUND, (*RULE, "match", "path"), {"prefix": path})
    document["spec"]["selector"] = {"service": "*"}
    document["spec"]["rules"][0]["fault"] = {"percentage": percentage, "duration_seconds": 9, **fault}
    return read_policy(document, delay_field="fixed_delay_ms")


def delay(milliseconds):
    return {"delay": {"fixed_delay_ms": milliseconds}}


def abort(status):
    return {"abort": {"httpStatus": status}}


@pytest.mark.parametrize(
    ("struck", "status", "latency_ms", "error_rate", "spans"),
    [
        ([], 200, 64, 0, 4),
        (faults("/ratings", **delay(1000)), 200, 1064, 0, 4),
        (faults("/ratings", **delay(3000)), 200, 5058, 0, 5),
        (faults("/ratings", percentage=4, **delay(3000)), 200, 64, 0, 4),
        (faults("/reviews", **delay(8000)), 504, 6000, 1, 4),
        (faults("/ratings", **delay(3000)) + faults("/details", **delay(1000)), 504, 6000, 1, 5),
        (faults("/reviews", **abort(500)), 500, 38.5, 1, 3),
        (faults("/reviews", percentage=40, **abort(500)), 200, 38.5, 0.4, 4),
        (faults("/reviews", **abort(503)), 200, 38.5, 0, 3),
        (faults("/details", **abort(429)), 200, 556.5, 0, 8),
    ],
)
def test_the_weaknesses_are_as_described(struck, status, latency_ms, error_rate, spans):
    seen = landscape(struck)
    assert (seen["status_code"], seen["latency_ms"], seen["error_rate"]) == (status, latency_ms, error_rate)
    assert len(json.loads(seen["trace_data"])["spans"]) == spans
    assert landscape(struck) == seen


def test_it_runs_as_a_program(tmp_path):
    program = Path(sys.modules["hfi_landscape"].__file__).with_name("hfi_server.py")
    log = tmp_path / "log"
    with subprocess.Popen([sys.executable, program, "--log", log], stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            assert httpx.post(f"{url}/v1/policies", json=SOUND).status_code == 201
            assert httpx.get(f"{url}/v1/policies").json() == {"policies": [SOUND]}
            assert httpx.post(f"{url}/v1/policies", content=b"{").status_code == 400
        finally:
            process.kill()
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(each["method"], each["status"]) for each in entries] == [("POST", 201), ("GET", 200), ("POST", 400)]
