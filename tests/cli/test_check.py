"""`boifi check`: what the first look at a target says, and what it breaks."""

import io
import json

import pytest
from hfi_handler import Handler
from hfi_landscape import landscape
from hfi_policy import RefusedError
from lagging_mesh import LaggingMesh
from rich.console import Console
from target_server import Reply, Target

from boifi_core.safety.target_lock import target_lock
from boifi_core.session.config import parse_session
from cli.check import run_check

PLACES = {
    "dimensions": [
        {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": "target_service", "type": "categorical", "values": ["page", "ratings"]},
        {"name": "delay_ms", "type": "integer", "min": 100, "max": 8000},
    ]
}


@pytest.fixture
def checked(session_data):
    """The exit status, and by check: how it came out, and what it said."""

    def check(endpoint, **changes):
        shown = io.StringIO()
        config = parse_session(session_data(endpoint, **changes))
        status = run_check(config, Console(file=shown, width=500))
        lines = (line.split(None, 1) for line in shown.getvalue().splitlines())
        return status, {text.partition(": ")[0]: (outcome, text.partition(": ")[2].strip()) for outcome, text in lines}

    return check


def test_what_is_well_passes_and_next_to_nothing_is_injected(hfi, checked):
    status, lines = checked(hfi.url, search_space=PLACES)
    assert (status, {outcome for outcome, _ in lines.values()}) == (0, {"passed"})
    assert list(lines) == ["control_plane", "answers", "few_requests", "traces", "services", "fault"]
    assert lines["answers"][1] == "status 200 in 64 ms"
    assert lines["traces"][1] == "of 4 services: details, page, ratings, reviews"
    (post,) = hfi.requests("POST")
    fault = post.body["spec"]["rules"][0]["fault"]
    assert (fault["percentage"], fault["delay"]["fixed_delay_ms"]) == (1, 1)
    assert 0 < fault["duration_seconds"] <= 60
    assert post.body["spec"]["selector"]["service"] in ("page", "ratings")
    assert hfi.active() == {}


def test_it_says_what_is_wrong_and_injects_nothing_then(hfi, checked):
    hfi.respond = lambda faults: {**landscape([]), "status_code": 502, "error_rate": 0.9, "logs": ["no upstream"]}
    status, lines = checked(hfi.url)
    assert status == 1
    assert lines["answers"] == (
        "failed",
        "most requests fail without a fault: status 502 in 64 ms, 'no upstream'; "
        "mend the target, or the requests that are sent to it",
    )
    assert "fault" not in lines
    assert hfi.requests("POST") == []


def test_nobody_there(checked):
    status, lines = checked("http://127.0.0.1:1")
    assert status == 1
    assert {name for name, (outcome, _) in lines.items() if outcome == "failed"} == {"control_plane", "answers"}
    assert "executor.endpoint" in lines["control_plane"][1]


def test_traces_that_nobody_asks_for_and_few_requests_are_warned_of_unless_silenced(checked):
    with LaggingMesh() as mesh:
        probe = {"type": "probe", "requests": [{"url": mesh.url}], "count": 5}
        status, lines = checked(mesh.url, observer=probe)
        assert status == 0
        assert lines["traces"] == (
            "warned", "none are asked for, so broken calls are not scored; name their source: observer.traces"
        )  # fmt: skip
        assert lines["few_requests"][:1] == ("warned",)
        _, lines = checked(mesh.url, observer=probe, silence=["few_requests"])
        assert (lines["few_requests"][0], lines["traces"][0]) == ("passed", "warned")


@pytest.mark.parametrize(
    ("name", "meant"), [("reviws", "reviews"), ("rating", "ratings"), ("Details", "details")]
)  # fmt: skip
def test_p24_a_service_that_no_trace_tells_of_is_warned_of(hfi, checked, name, meant):
    kinds = {"name": "fault_type", "type": "categorical", "values": ["abort"]}
    places = {"name": "target_service", "type": "categorical", "values": [name, "page"]}
    _, lines = checked(hfi.url, search_space=[kinds, places])
    outcome, text = lines["services"]
    assert outcome == "warned"
    assert text.startswith(f"no trace tells of {name}; did you mean {meant}?")


@pytest.mark.parametrize("name", ["reviews.bookinfo", "reviews:9080", "reviews.default.svc.cluster.local"])
def test_p24_a_service_may_go_by_more_than_its_name(hfi, checked, name):
    kinds = {"name": "fault_type", "type": "categorical", "values": ["abort"]}
    places = {"name": "target_service", "type": "categorical", "values": [name, "page"]}
    assert checked(hfi.url, search_space=[kinds, places])[1]["services"][0] == "passed"


def test_a_fault_that_is_refused_not_listed_or_not_removed_fails(hfi, checked, monkeypatch):
    def refuse(document):
        raise RefusedError("no faults on Mondays")

    with monkeypatch.context() as patched:
        patched.setattr(hfi, "apply", refuse)
        status, lines = checked(hfi.url)
        assert (status, lines["fault"][0]) == (1, "failed")
        assert "was not taken: POST" in lines["fault"][1]
        assert "no faults on Mondays" in lines["fault"][1]
    with monkeypatch.context() as patched:
        patched.setattr(hfi, "apply", lambda document: None)
        patched.setattr("boifi_core.session.preflight.fault.LISTED_WITHIN_S", 0.2)
        assert "was taken, but is not in the list" in checked(hfi.url)[1]["fault"][1]
    with monkeypatch.context() as patched:
        patched.setattr("boifi_core.session.preflight.fault.CLEAR_TIMEOUT_S", 0.5)
        real = Handler._one_policy
        away = lambda self, name: (200, "login") if self.command == "DELETE" else real(self, name)  # noqa: E731
        patched.setattr(Handler, "_one_policy", away)
        status, lines = checked(hfi.url)
        assert status == 1
        assert "is not removed: DELETE" in lines["fault"][1]


def test_a_session_that_has_the_target_keeps_it(hfi, checked, monkeypatch):
    monkeypatch.setattr("cli.check.WAIT_S", 0.1)
    with target_lock(hfi.url, "session abc", on_wait=print, give_up=lambda: False):
        status, lines = checked(hfi.url)
    assert status == 0
    assert lines["fault"] == ("warned", "not tried: session abc has the target; check again when it has ended")
    assert hfi.requests("POST") == []


def test_guardrails_hold_for_it_too(hfi, checked):
    _, lines = checked(hfi.url, search_space=PLACES, guardrails={"protected_services": ["page"]})
    assert lines["fault"][0] == "passed"
    assert [post.body["spec"]["selector"]["service"] for post in hfi.requests("POST")] == ["ratings"]


def test_exit_statuses(hfi, boifi, session_file):
    done = boifi("check", session_file(hfi.url), check=0)
    assert done.stdout.startswith("passed  control_plane: answers\n")
    boifi("check", session_file("http://127.0.0.1:1"), check=1)
    path = session_file(hfi.url, total_trials=0)
    assert "total_trials" in boifi("check", path, check=2).stderr
    assert json.dumps(hfi.active()) == "{}"


def test_answers_that_are_not_what_is_expected_are_named(hfi, checked):
    empty = {"json": [{"field": "$.total", "operator": "greater_than", "value": 0}]}
    with Target() as shop:
        shop.reply = lambda seen: Reply(body=b'{"total": 0}' if seen.path == "/cart" else b'{"total": 1}')
        carts = {"type": "probe", "requests": [{"url": f"{shop.url}/cart"}]}
        status, lines = checked(hfi.url, observer=carts, expect=empty)
        assert status == 1
        assert lines["answers"][1].endswith("'most answers of GET /cart break $.total > 0'; mend the target, or the "
                                            "requests that are sent to it")  # fmt: skip
        carts["requests"] += [{"url": f"{shop.url}/home"}, {"url": f"{shop.url}/offers"}]
        status, lines = checked(hfi.url, observer=carts, expect=empty)
        assert lines["answers"][0] == "warned"
        assert (
            "33% of the requests fail without a fault: most answers of GET /cart break $.total > 0"
            in lines["answers"][1]
        )
