"""The facade: what it promises, what it measures, and what it says of the sessions that 0.1.0 left."""

import json
import re

import pytest
from facades import SESSIONS, facade, parsed, wait_for

from tests.golden_0_1_0 import folders
from tests.golden_0_1_0.golden import masked, same_json, same_text

NAMES = ("ended", "killed")
SCORED = 27.0
"""Trials of both that have a score."""


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    data = tmp_path_factory.mktemp("golden") / "data"
    for name in NAMES:
        folders.copied(name, data)
    with pytest.MonkeyPatch.context() as patch, facade(data) as calls:
        for name in ("PREFECT_API_URL", "PREFECT_UI_URL"):  # of a server that other tests may have
            patch.delenv(name, raising=False)
        wait_for(lambda: calls.get(SESSIONS).json()["total"] == len(NAMES))
        calls.data = data
        yield calls


def test_the_openapi_document(api):
    document = api.get("/openapi.json").json()
    document["info"]["version"] = "VERSION"
    same_json("openapi.json", document)


def test_the_names_of_the_metrics(api):
    def samples():
        return api.get("/metrics").text

    wait_for(lambda: f"boifi_trial_severity_count {SCORED}" in samples())
    text = samples()
    described = [line for line in text.splitlines() if line.startswith("#")]
    found = re.findall(r"(?m)^(\w+)(?:\{(.*)\})? ", text)
    labelled = {(name, *re.findall(r'(\w+)="', labels)) for name, labels in found}
    same_text("metrics.txt", "\n".join([*described, *(" ".join(each) for each in sorted(labelled))]) + "\n")


def test_the_list_of_sessions(api):
    same_json("rest-list.json", api.get(SESSIONS).json())


@pytest.mark.parametrize("name", NAMES)
def test_a_session_its_trials_and_its_report(api, name):
    session_id = folders.session_id(name)
    at = f"{SESSIONS}/{session_id}"
    same_json(f"rest-{name}.json", api.get(at).json())
    same_json(f"rest-{name}-trials.json", api.get(f"{at}/trials", params={"after": 6, "limit": 2}).json())
    report = api.get(f"{at}/report", params={"format": "json"}).text
    same_json(f"report-{name}.json", json.loads(masked(report, data=api.data)))
    lines = api.get(f"{at}/trials", params={"format": "csv"}).text.splitlines()
    same_text(f"rest-{name}.csv", "\n".join(lines[:2]) + "\n")


def test_the_events_of_a_session(api):
    told = parsed(api.get(f"{SESSIONS}/{folders.session_id('ended')}/events").text)
    same_json("rest-events.json", [*([name, number] for name, number, _ in told), *told[-2:]])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/health"),
        ("GET", "/nowhere"),
        ("GET", SESSIONS + "/none"),
        ("GET", SESSIONS + "?limit=0"),
        ("POST", SESSIONS),
        ("POST", SESSIONS + "/none/stop"),
        ("DELETE", SESSIONS + "/none"),
    ],
)
def test_short_answers(api, method, path):
    answer = api.request(method, path)
    name = re.sub(r"\W+", "-", f"{method} {path.removeprefix('/v1/optimization')}")
    same_json(f"answer-{name}.json", {"status": answer.status_code, "body": answer.json()})
