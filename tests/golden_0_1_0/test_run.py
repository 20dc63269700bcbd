"""The session that 0.1.0 ended is run again: on the terminal, on the wire, in Prefect and on disk it is as recorded.

Severities are others than 0.1.0's, and so is what follows from them; what does not is as it was.
"""

import json
import re
import time

import httpx
import pytest
from flow_runs import until

from tests.golden_0_1_0 import folders
from tests.golden_0_1_0.golden import alike, masked, same_json, same_text, without_code_of_addresses
from tests.golden_0_1_0.page import Page

QUIET_S = 4
"""Prefect writes of tasks in batches: where none more came for so long, all are there."""

ENDED = ("COMPLETED", "FAILED")


@pytest.fixture
def then():
    """The folder that 0.1.0 left."""
    return folders.FOLDERS / "ended" / folders.session_id("ended")


def test_a_whole_session(boifi_here, tmp_path, prefect_server, then):
    with Page() as page:
        path = folders.session_file("ended", tmp_path, page.port)
        done = boifi_here("run", path, check=0)
    data = tmp_path / "data"
    (folder,) = (data / "sessions").iterdir()
    parts = {"session": folder.name, "data": data, "port": page.port, "short": folder.name[:8]}
    same_text("run.txt", folders.timeless(masked(done.stdout + done.stderr, **parts)))
    same_json("wire.json", [json.loads(masked(json.dumps(each), **parts)) for each in sent(page)])
    same_json("prefect.json", json.loads(masked(json.dumps(in_prefect(prefect_server, folder)), **parts)))
    rows = folders.rows(folder, page.port)
    same_json("run-rows.json", rows)
    for now, before in zip(rows[:3], folders.rows(then)[:3], strict=True):  # none failed by then
        alike({name: now[name] for name in before if name != "control"} | {"control": None}, before)
    columns, *before = ([each for each in folders.columns(place) if "boifi" not in each] for place in (folder, then))
    assert {*before[0]} < {*columns}
    left = {path.name for path in folder.iterdir()} - {*folders.LEFT_OUT, *folders.LATER}
    assert left == {path.name for path in then.iterdir()}
    for name in ("session.json", "baseline.json"):
        alike(*(without_later(json.loads(steady((place / name).read_text(), place, data, page)))
                for place in (folder, then)), name)  # fmt: skip
    same_json("run-state.json", json.loads(steady((folder / "state.json").read_text(), folder, data, page)))
    told = steady((folder / "report.md").read_text(), folder, data, page)
    same_text("run-report.md", without_code_of_addresses(told))


def without_later(kept):
    """What 0.1.0 kept: it waited from a severity of 5 on, held no faults, and had neither screen nor free draws."""
    for name in ("after_severity", "hold_s"):
        kept.get("config", {}).get("recovery", {}).pop(name, None)
    for name in ("screen", "sample"):
        assert kept.get("config", {}).pop(name, {"share": 0}) == {"share": 0}
    kept.pop("format", None)
    return kept


def sent(page):
    """What the control plane was told to do for trials; 0.1.0 did not look at it first."""
    told = [[each.method, each.path, each.body] for each in page.received if each.method != "GET"]
    return [each for each in told if "-0000" not in json.dumps(each)]


def in_prefect(url, folder):
    """What Prefect's UI shows of the session: its run's name, tags and state, its tasks, its artifacts."""
    asked = {"flow_runs": {"tags": {"all_": []}}, "sort": "START_TIME_DESC", "limit": 50}
    runs = httpx.post(f"{url}/flow_runs/filter", json=asked).json()
    (run,) = (each for each in runs if each["parameters"].get("folder") == str(folder))
    of_run = {"flow_runs": {"id": {"any_": [run["id"]]}}, "limit": 200}

    last = [0, time.monotonic()]

    def tasks():
        found = httpx.post(f"{url}/task_runs/filter", json=of_run).json()
        if len(found) != last[0]:
            last[:] = len(found), time.monotonic()
        has_all = time.monotonic() - last[1] > QUIET_S and all(each["state_type"] in ENDED for each in found)
        return found if has_all else None

    def artifacts():
        return httpx.post(f"{url}/artifacts/filter", json=of_run).json()

    made = until(tasks, 60, "all tasks")
    flow = httpx.get(f"{url}/flows/{run['flow_id']}").json()
    return {
        "flow": flow["name"],
        "run": [run["name"], run["tags"], run["state"]["type"], run["state"]["message"], list(run["parameters"])],
        "tasks": sorted(f"{each['name']} {sorted(each['tags'])} {each['state_type']}" for each in made),
        "artifacts": sorted([each["key"], each["type"], each["description"]] for each in artifacts()),
    }


def steady(text, folder, data, page):
    """A file's text without what is of the run alone: id, place, port, moments, durations."""
    text = masked(text, session=folder.name, data=data, short=folder.name[:8])
    text = folders.timeless(text.replace(f":{page.port}", f":{folders.PORT}"))
    text = re.sub(r"(?m)^\| (propose|apply|observe|score|record) \| (\d+) .*$", r"| \1 | \2 |", text)
    return re.sub(r"(?m)^(\| Lasted \||A whole trial took) .*$", r"\1 SHORT", text)
