import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from histories import Axis, trial_of
from hypothesis import given
from hypothesis import strategies as st
from observations import observed, span, trace
from reports import BASELINE, EVIL, evil_session, report_of, session

from boifi_core.models import Choice
from boifi_core.report import html
from boifi_core.report.curves import Curve
from boifi_core.report.page.chart_data import chart_data
from boifi_core.report.page.document import script_json

SECTIONS = [
    "Weaknesses",
    "Severity over the trials",
    "The worst fault",
    "What each dimension did",
    "All faults side by side",
    "The worst faults",
    "Errors",
    "What to try next",
]
TAGS = """
html head meta title style body a header main footer section article nav h1 h2 h3 p i b strong em span div dl dt dd ul
li table caption thead tbody tr th td code details summary figure label input output svg rect script
"""
OWN_TAGS = set(re.findall(r"\w+", TAGS))
VOID = {"meta", "input", "rect"}


class Page(HTMLParser):
    """Which elements a page has, that they are closed in order, and what stands in them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes, self.text = [], set(), [], []
        self.of_tag = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        self.attributes += attrs
        self.of_tag.setdefault(tag, []).append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "script" not in self.open and "style" not in self.open:
            self.text.append(data)
        for tag in self.open:
            self.of_tag[tag][-1] += data

    @property
    def data(self):
        return json.loads(self.of_tag["script"][0])


def words(page):
    return " ".join(" ".join(Page(page).text).split())


def curve_of(name, values, mean):
    n = len(values)
    return Curve(name, tuple(values), None, tuple(mean), (0.5,) * n, (1.0,) * n)


@pytest.mark.parametrize("trials", [(), (trial_of(1, None),), (trial_of(1, 0.0),), session(14), session(200)])
def test_every_page_has_every_section(trials):
    page = Page(html(report_of(trials, baseline=None, baseline_severity=None, seed=None)))
    assert [" ".join(title.split()) for title in page.of_tag["h2"]] == SECTIONS
    assert len(page.data["trials"]) == len(trials)


def test_text_from_the_target_stays_text():
    page = Page(html(evil_session()))
    assert page.seen <= OWN_TAGS
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "style", "srcset")]
    assert {value for name, value in page.attributes if name == "href" and not value.startswith("#")} == set()
    shown = [text for text in page.text if "<img src=x onerror=alert(1)>" in text]
    # In the title, the heading, the sentence, the fault, the log, the trace, the errors and more.
    assert len(shown) > 12
    assert page.data["trials"][0]["point"][0] == page.data["axes"][0]["labels"].index(EVIL)


@given(st.text(), st.text())
def test_no_text_ends_the_script_that_holds_it(key, value):
    written = script_json({key: [value, "</script><!--<script>"]})
    assert not set(written) & set("<>&")
    assert json.loads(written) == {key: [value, "</script><!--<script>"]}
    written.encode()


def test_the_page_needs_nothing_else_and_lets_nothing_in():
    page = Page(html(report_of(session(20))))
    policy = next(value for name, value in page.attributes if name == "content" and "default-src" in value)
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    for text in [page.of_tag["style"][0], *page.of_tag["script"][1:]]:
        fingerprint = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{fingerprint}'" in policy
    assert not re.search(r"url\(|@import", page.of_tag["style"][0])


def test_the_library_is_there_with_its_licence():
    page = html(report_of(()))
    assert "Licensed to the Apache Software Foundation (ASF)" in page
    assert "Apache ECharts 6.1.0, Apache License 2.0" in page


def test_every_trial_and_every_error_is_in_the_text():
    report = report_of(session(60))
    text = words(html(report))
    for trial in report.trials:
        assert all(str(plan) in text for plan in trial.plans)
    assert "4 skipped no observation newer than the policy within 30 s 13, 26, 39, 52" in text
    assert "boifi replay 3f2a9c1e-0000-4000-8000-000000000000" in text


def test_every_reference_leads_somewhere():
    page = Page(html(report_of(session(60))))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    assert {value[1:] for name, value in page.attributes if name == "href"} <= set(ids)
    assert {value for name, value in page.attributes if name == "for"} <= set(ids)


def test_a_failure_shows_its_trace_beside_the_normal_one():
    report = report_of(session(60))
    mode = report.catalogue.modes[0]
    text = words(html(report))
    assert f"Trace of trial {mode.worst} beside the normal one" in text
    # SHOP's call to ratings fails; in BASELINE it does not.
    assert "gateway GET / without: 10 with: 10" in text
    assert "ratings get without: – with: 10 new, fails" in text


def test_a_failure_without_a_normal_trace_shows_its_own():
    report = report_of(session(60), baseline=None)
    assert "without a normal one to compare it with" in words(html(report))


def test_why_a_fault_was_tried():
    report = report_of((trial_of(1, 9.6, why=Choice(reason="initial")),))
    assert "part of the first look around" in words(html(report))


def test_a_long_text_of_the_target_is_cut():
    reasons = [trial_of(n, None, reason=f"{n} " + "x" * 100_000) for n in range(1, 51)]
    page = html(report_of((*reasons,)))
    assert len(page) < 1_600_000
    assert "x" * 500 in page


def test_a_session_of_200_trials_stays_below_3_mb():
    calls = [span(str(n), f"service-{n} GET /some/path/that/is/long", str(n // 2), status="error") for n in range(400)]
    seen = observed(status_code=503, error_rate=0.7, trace_data=trace(*calls))
    trials = [
        trial.model_copy(update={"observation": seen}) if trial.severity else trial for trial in session(200, seed=3)
    ]
    assert len(html(report_of(tuple(trials))).encode()) < 3_000_000


def test_what_the_charts_show():
    axes = (Axis("kind", values=("a", True, 1, None)), Axis("delay_ms", "integer", low=1, high=9))
    points = [{"kind": True, "delay_ms": 3}, {"kind": 1}, {"kind": None, "delay_ms": 9}, {"kind": "a"}]
    severities = [2.0, None, 1.0, 5.0]
    trials = tuple(
        trial_of(n, severity, point=point)
        for n, (severity, point) in enumerate(zip(severities, points, strict=True), start=1)
    )
    curves = (curve_of("kind", ("a", True), (0.2, float("nan"))), curve_of("delay_ms", (1, 9), (9.8, 4.0)))
    data = chart_data(report_of(trials, dimensions=axes, curves=curves))
    assert data["axes"][0]["labels"] == ["a", "true", "1", "null"]
    assert [trial["point"] for trial in data["trials"]] == [[1, 3], [2, None], [3, 9], [0, None]]
    assert [trial["soFar"] for trial in data["trials"]] == [2.0, 2.0, 2.0, 5.0]
    assert [trial["severity"] for trial in data["trials"]] == severities
    assert data["curves"][0]["values"] == [0, 1]
    assert data["curves"][0]["mean"] == [0.2, None]
    assert data["curves"][0]["low"] == [0.0, None]
    assert data["curves"][1]["high"] == [10.0, 4.5]
    script_json(data)


def test_a_curve_is_told_as_a_table_too():
    report = report_of(session(20))
    curve = replace(curve_of("percentage", (10, 100), (1.25, float("nan"))), through=report.trials[3].point)
    text = words(html(replace(report, curves=(curve,))))
    assert f"The model, around trial 4: {report.trials[3].plans[0]}" in text
    assert "percentage expected give or take average over the space 10 1.2 0.5 1.0 100 – 0.5 1.0" in text


def test_a_baseline_of_another_kind_of_request_is_no_normal():
    other = BASELINE.model_copy(update={"trace_kind": "home"})
    assert "beside the normal one" not in words(html(report_of(session(60), baseline=other)))
