import dataclasses
import json
import re
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from failures import HEALTHY, LATE, tried, verifying
from histories import Axis, trial_of
from junit_schemas import problems
from observations import NOON
from reports import evil_session, report_of, session

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue, Verdict
from boifi_core.findings.identity import origin
from boifi_core.models import Choice, Near
from boifi_core.optimizer import BestPoint, Importance
from boifi_core.report import html, json_report, junit, markdown
from boifi_core.session.preflight.base import Line

ROOT = Path(__file__).resolve().parents[3]
SECTIONS = [
    "Weaknesses",
    "Severity over the trials",
    "The worst fault",
    "The 10 worst faults",
    "Pareto front of the three scores",
    "What each dimension did",
    "Time per step",
    "Errors",
    "The session",
    "What to try next",
]


def verified(*, shows=True, readings=4):
    """A failure that was measured again, in vain or not."""
    again = {} if shows else {"observation": HEALTHY, "severity": 0.0}
    trials = (tried(1), *(verifying(n, **again) for n in range(2, 2 + readings)))
    return report_of(trials, baseline=HEALTHY)


@pytest.mark.parametrize("trials", [(), (trial_of(1, None),), (trial_of(1, 0.0),), session(14), session(200)])
def test_every_report_has_every_section(trials):
    report = report_of(trials, baseline=None, baseline_severity=None, seed=None)
    text = markdown(report)
    assert re.findall("^## (.*)$", text, re.MULTILINE) == SECTIONS
    json.dumps(json_report(report), allow_nan=False)
    ET.fromstring(junit(report, 5))


def test_a_clock_that_was_set_back_makes_no_time_negative():
    back = timedelta(hours=2)
    trials = tuple(trial.model_copy(update={"finished_at": trial.finished_at - back}) for trial in session(20))
    report = report_of(trials, created_at=NOON)
    assert "A whole trial took 0 ms (median)." in markdown(report) or "No step was timed." in markdown(report)
    assert json_report(report)["duration_s"] >= 0
    assert all(float(case.get("time")) >= 0 for case in ET.fromstring(junit(report, 5)).iter("testcase"))
    assert "-" not in re.search(r"Lasted \| (.*) \|", markdown(report))[1]


def test_the_report_says_what_was_found():
    text = markdown(report_of(session(60), created_at=NOON - timedelta(seconds=20)))
    assert "| Trials | 60 of 60 (56 scored, 4 skipped) |" in text
    assert "| Lasted | 1 min 20 s |" in text
    assert "**abort 429 on /ratings, 100 %**" in text
    assert "Why: most requests got 503; failing: get (gateway→ratings)." in text
    assert "| Most frequent status | 200 | 503 |" in text
    assert "boifi replay 3f2a9c1e 56" in text
    assert "| 4 | skipped | no observation newer than the policy within 30 s | 13, 26, 39, 52 |" in text


def test_a_fault_that_was_repeated_shows_its_range():
    text = markdown(report_of((trial_of(1, 4.0), trial_of(2, 6.0, phase="confirm"), trial_of(3, 5.5))))
    assert "Severity **5.2**, measured 3 times (4.0 to 6.0). In trial 3: bugs 5.5" in text
    assert "| Distinct faults scored | 1 |" in text
    assert "| 1 | 5.2 | 3 times | 3 |" in text


def test_the_report_says_how_sure_it_is_and_why_the_fault_was_tried():
    trials = (
        trial_of(1, 9.6, why=Choice(reason="initial")),
        trial_of(2, 9.4, phase="confirm", why=Choice(reason="confirm", nearest=(Near(trial=1, severity=9.6),))),
        trial_of(
            3, 9.9, point={"fault_type": "abort"}, plans=(FaultPlan(fault_type="abort"),), why=Choice(reason="explore")
        ),
    )
    report = report_of(trials, best=BestPoint(trials[0].point, 9.5, 9.37, 0.31, 2))
    text = markdown(report)
    assert (
        "Severity **9.5**, measured twice (9.4 to 9.6); by all trials together the model takes it for 9.4 ± 0.3."
        in text
    )
    assert "Tried first in trial 1: part of the first look around." in text
    assert re.search(r"\| 2 \| 9\.9 \| once \| 3 \| .* \| little was known here \|", text)
    data = json_report(report)
    assert (data["best"]["severity"], data["best"]["readings"]) == (9.5, 2)
    assert data["best"]["tried_because"] == "part of the first look around"
    assert [tried["choice"]["reason"] for tried in data["worst"]] == ["initial", "explore"]
    assert (data["model"]["best_mean"], data["model"]["best_std"]) == (9.37, 0.31)


def test_before_there_is_a_model_nothing_is_said_of_it():
    trial = trial_of(1, 9.6)
    report = report_of((trial,), best=BestPoint(trial.point, 9.6, 9.6, 0.0, 1))
    assert "the model" not in markdown(report).split("## Severity over")[0]
    assert json_report(report)["model"] == {
        "best_mean": None,
        "best_std": None,
        "accuracy": None,
        "dimensions": [],
        "pairs": [],
    }


def test_what_the_model_makes_of_the_dimensions():
    importance = Importance(
        (
            ("percentage", 0.5),
            ("fault_type", 0.25),
            ("target_path", 0.0),
            ("delay_ms", 0.0),
            ("abort_status_code", 0.0),
        ),
        (("percentage", "fault_type", 0.126), ("delay_ms", "percentage", 0.05)),
    )
    text = markdown(report_of(session(40), importance=importance, accuracy=0.874))
    part = text.split("## What each dimension did")[1].split("## Time per step")[0]
    rows = re.findall(r"^\| `(\w+)` \| .* \| (\d+ %) \|$", part, re.MULTILINE)
    assert rows[:2] == [("percentage", "50 %"), ("fault_type", "25 %")]
    assert len(rows) == 5
    assert "beyond what each does alone: `percentage` with `fault_type` 13 %, `delay_ms` with `percentage` 5 %." in part
    assert "R² 0.87 (1: exactly; 0: no better than their mean).\n" in part
    assert "take what it says as a guess" in markdown(report_of(session(40), importance=importance, accuracy=-0.2))
    model = json_report(report_of(session(40), importance=importance, accuracy=0.874))["model"]
    assert model["dimensions"][0] == {"name": "percentage", "share": 0.5}
    assert model["pairs"][0] == {"names": ["percentage", "fault_type"], "share": 0.126}
    assert model["accuracy"] == 0.874


def test_many_categories_are_cut_to_the_worst():
    axis = Axis("service", values=tuple(f"s{n}" for n in range(40)))
    trials = tuple(trial_of(n, n / 4, point={"service": f"s{n}"}) for n in range(1, 31))
    text = markdown(report_of(trials, dimensions=(axis,)))
    assert "| s30 | 1 | 7.5 | 7.5 |" in text
    assert "| s2 | 1 |" not in text
    assert "`service`: 18 milder values left out, 10 values never scored." in text


def test_every_table_has_as_many_cells_in_each_row():
    for report in (report_of(session(60)), evil_session()):
        for block in re.findall(r"(?:^\|.*\n)+", markdown(report), re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_text_from_the_target_stays_text():
    assert markdown(evil_session()).count("\n# ") == 0


def test_json_has_what_the_markdown_has():
    data = json.loads(json.dumps(json_report(report_of(session(60))), allow_nan=False))
    assert data["best"] == data["worst"][0]
    assert (data["best"]["trial"], data["best"]["bug_score"]) == (56, 10.0)
    assert data["best"]["plans"][0]["fault_type"] == "abort"
    assert len(data["worst"]) == 10
    assert len(data["severity_by_trial"]) == 60
    assert data["trials_by_status"] == {"scored": 56, "skipped": 4}
    assert [step["step"] for step in data["steps"]] == ["propose", "apply", "observe", "score", "record"]
    assert data["errors"][0]["trials"] == [13, 26, 39, 52]


def test_json_has_the_catalogue_and_it_is_as_its_schema_says():
    report = report_of(session(60))
    data = json.loads(json.dumps(json_report(report), allow_nan=False))
    assert Catalogue.model_validate(data["catalogue"]) == report.catalogue
    assert len(data["catalogue"]["modes"]) >= 2
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text())
    for each in (data, json_report(report_of(())), json_report(verified())):
        jsonschema.validate(json.loads(json.dumps(each)), schema)
    assert schema["properties"]["catalogue"] == {"$ref": "#/$defs/Catalogue"}
    assert schema["$defs"]["FailureMode"] == Catalogue.model_json_schema(mode="serialization")["$defs"]["FailureMode"]


def test_the_catalogue_is_told_with_verdicts_thresholds_and_the_command_that_shows_it_again():
    text = markdown(verified())
    assert "1 distinct failure (1 confirmed).\n\n| failure" in text
    assert "0 trials showed nothing that the target does not do anyway." in text
    assert "Of 4 fault-free runs in between, none looked like a failure." in text
    assert "| F1 | 6.0 | confirmed | gateway gives up on reviews after 41 ms; product fails;" in text
    assert "Confirmed: measured again 4 times, shown 4 times (51 to 100 % of all runs, at 95 %)" in text
    assert "- Again: `boifi replay 3f2a9c1e-0000-4000-8000-000000000000 1`" in text


def test_what_was_not_measured_again_stands_apart_from_what_was():
    trials = (tried(1), *(verifying(n) for n in range(2, 6)), tried(6, LATE, 9.0, "stock"))
    report = report_of(trials, baseline=HEALTHY)
    told, rest = markdown(report).split("### Seen, and not measured again before the budget ended")
    assert "1 distinct failure (1 confirmed); 1 more was only seen." in told
    assert "| F1 | 6.0 | confirmed |" in told
    assert "| F6 | 9.0 | requests take longer |" in rest
    page = html(report)
    assert "1 distinct failure (1 confirmed); 1 more was only seen." in page
    assert '<article id="F1">' in page
    assert '<tr id="F6">' in page
    alone = markdown(report_of(trials[-1:], baseline=HEALTHY))
    assert "| F6 | 9.0 | not measured again |" in alone
    assert "budget ended" not in alone


def test_the_list_of_weaknesses_leads_and_the_surest_stand_first():
    doubtful = [verifying(n, of=2, service="stock", observation=HEALTHY, severity=0.0) for n in range(7, 11)]
    trials = (tried(1), tried(2, LATE, 9.0, "stock"), *(verifying(n) for n in range(3, 7)), *doubtful)
    report = report_of(trials, baseline=HEALTHY)
    sure, unsure = report.catalogue.modes
    found = report.catalogue.model_copy(update={"modes": (unsure.model_copy(update={"severity": 9.0}), sure)})
    text = markdown(dataclasses.replace(report, catalogue=found))
    assert "2 distinct failures (1 confirmed, 1 inconclusive)." in text
    assert 0 < text.index("## Weaknesses") < text.index("| F1 | 6.0 | confirmed") < text.index("| F2 | 9.0 |")
    assert text.index("| F2 | 9.0 |") < text.index("## The worst fault") < text.index("## The session")


def test_where_fault_free_runs_look_like_failures_that_is_said_before_the_list():
    found = report_of((tried(1),), baseline=HEALTHY).catalogue
    busy = found.model_copy(update={"controls": 8, "false_alarms": 2})
    line = "2 of 8 fault-free runs between the trials looked like a failure: the target flakes or drifts by itself, or"
    text = markdown(report_of((tried(1),), baseline=HEALTHY, catalogue=busy))
    assert text.index(line) < text.index("| F1 |")
    assert line in html(report_of((tried(1),), baseline=HEALTHY, catalogue=busy))
    quiet = found.model_copy(update={"controls": 9, "false_alarms": 2})
    assert "or this machine is too busy" not in markdown(report_of((tried(1),), baseline=HEALTHY, catalogue=quiet))


def test_junit_fails_on_failures_at_or_above_the_threshold():
    report = report_of(session(60))
    worst = report.catalogue.modes[0]
    suite = ET.fromstring(junit(report, worst.severity)).find("testsuite")
    cases = suite.findall("testcase")
    failing = [case.get("name") for case in cases if case.find("failure") is not None]
    assert failing == [
        f"{mode.id}: {origin(mode.signature, mode.worst_plans)}"
        for mode in report.catalogue.modes
        if mode.severity == worst.severity
    ]
    assert suite.get("failures") == str(len(failing))
    assert suite.get("tests") == str(len(cases)) == str(len(report.catalogue.modes) + 1)
    assert "abort 429 on /ratings" in cases[1].find("failure").text
    every = ET.fromstring(junit(report, 0)).findall("testsuite/testcase")
    assert all(case.find("failure") is not None for case in every[1:])


@pytest.mark.parametrize(
    "report",
    [
        report_of(()), report_of(session(60)), verified(), verified(shows=False), evil_session(),
        report_of((), status="FAILED", reason="not\x00 healthy\ud800"),
    ],
    ids=["nothing", "much", "sure", "unsure", "evil", "failed"],
)  # fmt: skip
@pytest.mark.parametrize("fail_at", [0, 5, 10])
def test_f18_junit_is_as_the_schemas_of_jenkins_and_of_ant_have_it(report, fail_at):
    assert problems(junit(report, fail_at)) == []


def test_f18_the_schemas_find_what_was_wrong():
    old = '<testsuites tests="1" skipped="0"><testsuite name="a" timestamp="2026-01-01T00:00:00+00:00"/></testsuites>'
    found = problems(old)
    assert "jenkins: testsuites@skipped is not allowed" in found
    assert "ant: testsuite@hostname is needed" in found
    assert "testsuite@timestamp is '2026-01-01T00:00:00+00:00'" in found


def test_junit_fails_on_what_was_confirmed_and_not_on_what_could_not_be():
    sure = ET.fromstring(junit(verified(), 5.0)).find("testsuite")
    assert (sure.get("failures"), sure.get("skipped")) == ("1", "0")
    unsure = ET.fromstring(junit(verified(shows=False), 0.0)).find("testsuite")
    assert (unsure.get("failures"), unsure.get("skipped")) == ("0", "1")
    assert "inconclusive" in unsure.findall("testcase")[1].find("skipped").get("message")


def test_f6_junit_fails_on_what_is_suspected():
    report = verified(readings=2)
    assert report.catalogue.modes[0].verdict is Verdict.SUSPECTED
    suite = ET.fromstring(junit(report, 5.0)).find("testsuite")
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "0")
    assert "suspected" in suite.find("testcase/failure").get("message")


def test_a_session_without_trials_claims_nothing_of_them():
    text = markdown(report_of((), status="FAILED", reason="not healthy"))
    assert "No trial showed anything" not in text
    assert "every trial was scored" not in text
    assert "No trial was made" in text


def test_replays_are_told_beside_the_trials_that_were_asked_for():
    trials = (trial_of(1), trial_of(2), trial_of(3, phase="replay"))
    assert "| Trials | 2 of 2, and 1 replay (3 scored) |" in markdown(report_of(trials, total_trials=2))


def test_junit_has_an_error_for_a_session_that_failed():
    suite = ET.fromstring(junit(evil_session(), 10.0)).find("testsuite")
    assert suite.get("errors") == "1"
    assert "onerror" in suite.find("testcase/error").get("message")
    assert ET.fromstring(junit(report_of(()), 5)).find("testsuite").get("errors") == "0"


def test_what_the_first_look_said_stands_among_the_facts():
    lines = (
        Line(check="control_plane", outcome="passed", text="answers"),
        Line(check="traces", outcome="warned", text="none came", advice="see that the services send spans"),
    )
    report = report_of(session(5), checks=lines, remarks=("settle faults take hold and let go at once",))
    text = markdown(report)
    assert "| First look | passed: control_plane: answers |" in text
    assert "| First look | warned: traces: none came; see that the services send spans |" in text
    data = json_report(report)
    assert [line["outcome"] for line in data["first_look"]] == ["passed", "warned"]
    assert data["remarks"] == ["settle faults take hold and let go at once"]
