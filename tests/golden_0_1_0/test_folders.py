"""What 0.1.0 left on disk is listed, reported, replayed and gone on with as 0.1.0 did it."""

import json
import re

import pytest

from tests.golden_0_1_0 import folders
from tests.golden_0_1_0.golden import masked, same_json, same_text
from tests.golden_0_1_0.page import Page

NAMES = ("ended", "killed")


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def page():
    with Page() as server:
        yield server


def without_library(html):
    """The page without the charts' library, a megabyte that is not ours."""
    longest = max(re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL), key=len)
    assert len(longest) > 500_000
    return html.replace(longest, "LIBRARY")


def test_they_are_listed(boifi_here, data):
    for name in NAMES:
        folders.copied(name, data)
    same_text("sessions.txt", boifi_here("sessions", check=0).stdout)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["md", "html", "json", "junit"])
def test_they_are_reported(boifi_here, data, name, form):
    folder = folders.copied(name, data)
    told = masked(boifi_here("report", folder.name, "--format", form, check=0).stdout, data=data)
    if form == "json":
        same_json(f"report-{name}.json", json.loads(told))
    else:
        same_text(f"report-{name}.{form}", without_library(told) if form == "html" else told)


@pytest.mark.parametrize("name", NAMES)
def test_a_trial_is_replayed(boifi_here, data, page, name):
    folder = folders.copied(name, data, page.port)
    before = folders.rows(folder)
    replayed = boifi_here("replay", folder.name, {"ended": 19, "killed": 9}[name], check=0)
    same_text(f"replay-{name}.txt", replayed.stdout)
    after = folders.rows(folder, page.port)
    assert after[: len(before)] == before
    same_json(f"replay-{name}.json", after[len(before) :])
    assert page.active() == {}


def test_the_killed_one_goes_on_with_the_trials_that_it_would_have_made(boifi_here, data, tmp_path, page):
    folder = folders.copied("killed", data, page.port)
    before = folders.rows(folder)
    path = folders.session_file("killed", tmp_path, page.port)
    resumed = boifi_here("run", path, "--resume", folder.name[:8], check=0)
    same_text("resumed.txt", masked(resumed.stdout + resumed.stderr, session=folder.name, data=data, port=page.port))
    after = folders.rows(folder, page.port)
    assert after[: len(before)] == before
    same_json("resumed.json", after[len(before) :])
    assert page.active() == {}


def test_the_ended_one_goes_on_with_more_trials(boifi_here, data, tmp_path, page):
    folder = folders.copied("ended", data, page.port)
    path = folders.session_file("ended", tmp_path, page.port)
    boifi_here("run", path, "--resume", folder.name, "--trials", 22, check=0)
    same_json("more.json", folders.rows(folder, page.port)[20:])


@pytest.mark.parametrize("name", NAMES)
def test_a_history_has_its_columns(name):
    same_json(f"columns-{name}.json", folders.columns(folders.FOLDERS / name / folders.session_id(name)))
