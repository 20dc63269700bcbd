"""What a person sees of a session in Prefect's UI, in a real browser."""

import httpx
import pytest
from browser import chromium
from flow_runs import until
from hfi_server import HfiServer, Knobs

from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.session.run_file import run_name

pytestmark = pytest.mark.system

STEPS = ("propose", "apply policy", "fetch observation", "score", "record")


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def flow_run(prefect_server, tmp_path, session_data):
    """The run in Prefect of a session that has ended. Its control plane was out of order at times."""
    from flows.session import session

    with HfiServer(knobs=Knobs(seed=1, fail_share=0.3, failures=("503",))) as hfi:
        folder = make_session(tmp_path, parse_session(session_data(hfi.url, total_trials=3, initial_points=3)))
        name = run_name(folder)
        session.with_options(flow_run_name=name)(str(folder.path), return_state=True)
    found = httpx.post(f"{prefect_server}/flow_runs/filter", json={"flow_runs": {"name": {"any_": [name]}}}).json()
    return found[0]


def test_the_page_of_a_run_shows_names_steps_and_artifacts(tab, flow_run, prefect_server, tmp_path):
    run = flow_run
    address = f"{prefect_server.removesuffix('/api')}/runs/flow-run/{run['id']}"
    tab.open(address)
    until(lambda: run["name"] in text_of(tab), 60, "the run's name")
    until(lambda: "Retry 1/5 will start" in text_of(tab), 60, "a retry")
    tab.picture(tmp_path / "run.png")
    press(tab, "Task Runs")
    shown = [f"trial {number}: {step}" for number in (1, 2, 3) for step in STEPS] + ["baseline 1: fetch observation"]
    until(lambda: all(name in text_of(tab) for name in shown), 60, "the steps of all trials")
    tab.picture(tmp_path / "task-runs.png")
    press(tab, "Artifacts")
    kept = [f"boifi-ratings-delay-{what}" for what in ("progress", "findings", "report", "history")]
    # The later ones are loaded when they are scrolled to.
    scroll = "document.querySelectorAll('*').forEach(e => e.scrollTop = e.scrollHeight)"
    until(lambda: (tab.ask(scroll), all(key in text_of(tab) for key in kept))[1], 60, "the artifacts")
    tab.picture(tmp_path / "artifacts.png")


def text_of(tab):
    return tab.ask("document.body.innerText")


def press(tab, label):
    """Click what has this text and nothing else in it."""
    texts = "[...document.querySelectorAll('*')].filter(e => !e.childElementCount && e.textContent.trim() === "
    until(lambda: tab.ask(f"(e => e ? (e.click(), true) : false)({texts}{label!r})[0])"), 30, label)
