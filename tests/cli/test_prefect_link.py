"""The link that lets a person in to Prefect's UI, in a real browser."""

import io

import httpx
import pytest
from browser import chromium
from flow_runs import until
from rich.console import Console

from cli.prefect_api import running_server
from cli.prefect_login import login, way_in

SEEN = "seen-by-whom-it-may"

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def home(tmp_path_factory, used_home):
    home = tmp_path_factory.mktemp("linked")
    used_home(home)
    return home


@pytest.fixture(scope="module")
def server(home):
    """With a flow run to be seen."""
    with running_server(home) as url:
        auth = tuple(login(home).split(":"))
        with httpx.Client(base_url=url, auth=auth, trust_env=False, timeout=30) as api:
            flow = api.post("/flows/", json={"name": "session"}).raise_for_status().json()["id"]
            run = api.post("/flow_runs/", json={"flow_id": flow, "name": SEEN}).raise_for_status().json()["id"]
        yield url, f"/runs/flow-run/{run}"


@pytest.fixture
def tab(tmp_path):
    with chromium(tmp_path / "chromium") as found:
        found.do("Emulation.setDeviceMetricsOverride", width=1400, height=900, deviceScaleFactor=1, mobile=False)
        yield found


def link_of(url, home):
    way_in(url, home, Console(file=io.StringIO()))
    return (home / "prefect-link").read_text().strip()


def text_of(tab):
    return tab.ask("document.body ? document.body.innerText : ''")


def go(tab, address):
    tab.do("Page.navigate", url=address)


def enter(tab, link):
    go(tab, link)
    until(lambda: "Deployments" in text_of(tab) and tab.ask("location.pathname").endswith("/dashboard"), 60, "the UI")


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_one_link_leads_to_the_ui_logged_in(tab, server, home, tmp_path, name):
    url, run = server
    enter(tab, link_of(url, home).replace("127.0.0.1", name))
    assert login(home).partition(":")[2] not in tab.ask("location.href")
    for ui in ("", "/v2"):
        go(tab, f"{url.removesuffix('/api').replace('127.0.0.1', name)}{ui}{run}")
        until(lambda: SEEN in text_of(tab), 60, "the flow run")
        tab.picture(tmp_path / f"run{ui.replace('/', '-')}.png")


def test_what_the_ui_would_tell_others_it_cannot(tab, server, home):
    url, _ = server
    enter(tab, link_of(url, home))
    assert tab.ask("fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => 'not sent')") == "not sent"
    assert any("Content Security Policy" in said for said in tab.complaints)
    assert {address for address in tab.requests if not address.startswith((url.removesuffix("/api"), "data:"))} == set()


def test_a_link_of_another_login_says_so_and_changes_nothing(tab, server, home):
    url, _ = server
    enter(tab, link_of(url, home))
    before = tab.ask("localStorage.getItem('prefect-password')")
    assert before
    go(tab, f"{url.removesuffix('/api')}/enter#boifi:wrong")
    until(lambda: "does not log in" in text_of(tab), 30, "that it is refused")
    assert tab.ask("localStorage.getItem('prefect-password')") == before
    assert "wrong" not in tab.ask("location.href")
