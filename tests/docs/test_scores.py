"""The table of outcomes in docs/session-file.md: what each scores, and that a person would agree with it."""

import re
from pathlib import Path

import pytest
from meshes import hop, page, unanswered, window

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService
from boifi_core.analyzer.normal import Normal

PAGE = Path(__file__).parent.parent.parent / "docs" / "session-file.md"
NORMAL = Normal((window(page(ms=90), latency_ms=100, logs=("INFO served",)), window(page(ms=90), latency_ms=100)))
BROKEN = page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17"), code=503, ms=2)
WITHOUT_IT = page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17"), ms=90)
SLOW_CALL = hop("r", "g", "reviews", "GET /reviews/17", 6000)

OUTCOMES = {
    "all as without a fault": window(page(ms=90), latency_ms=100),
    "a call fails, the page is whole without it": window(WITHOUT_IT, latency_ms=100),
    "requests take 0.3 s instead of 0.1 s": window(page(ms=290), latency_ms=300),
    "one request in thirty fails": window(page(ms=90), latency_ms=100, error_rate=1 / 30),
    "a page takes 6.1 s instead of 0.1 s": window(page(reviews=SLOW_CALL, ms=6090), latency_ms=6100),
    "a third of the requests fail": window(page(ms=90), latency_ms=100, error_rate=1 / 3),
    "the log tells of new errors, requests are well": window(page(ms=90), latency_ms=100, logs=("ERROR lost it",)),
    "most requests get a redirect instead of the page": window(page(code=302, ms=3), status_code=302, latency_ms=5),
    "all answers have a good status and are not what is expected": window(
        page(ms=90), latency_ms=100, error_rate=1, wrong_rate=1
    ),
    "60 % of the requests get a 503": window(BROKEN, latency_ms=20, status_code=503, error_rate=0.6),
    "all requests get a 404": window(page(code=404, ms=3), latency_ms=5, status_code=404, error_rate=1),
    "all requests get a 503 at once": window(BROKEN, latency_ms=5, status_code=503, error_rate=1),
    "all requests time out": window(BROKEN, latency_ms=5000, status_code=504, error_rate=1),
}
"""From mild to bad, as a person would order them by the worst that customers meet."""

LIMITS = {"baseline_latency_ms": 150, "threshold_latency_ms": 750}


def told():
    section = re.search(r"\n(\| outcome \|.*?)\n\n", PAGE.read_text(), re.DOTALL)
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section[1].splitlines()]
    return head, {row[0]: row[1:] for row in rows}


def score(outcome, profile, *, traces):
    seen = outcome if traces else outcome.model_copy(update={"traces": {}})
    config = AnalyzerConfig(profile=profile, **LIMITS)
    return AnalyzerService(config).calculate_severity(seen, NORMAL).total_score


COLUMNS = [("plan", True), ("plan", False), ("graded", True), ("worst", True)]


@pytest.mark.parametrize("name", OUTCOMES)
def test_the_table_says_what_each_outcome_scores(name):
    shown = [f"{score(OUTCOMES[name], profile, traces=traces):.1f}" for profile, traces in COLUMNS]
    assert told()[1][name] == shown


def test_the_table_has_thirteen_outcomes_in_order():
    assert list(told()[1]) == list(OUTCOMES)
    assert len(OUTCOMES) == 13


def of(name, profile="plan", *, traces=True):
    return score(OUTCOMES[name], profile, traces=traces)


@pytest.mark.parametrize(("profile", "traces"), COLUMNS)
def test_a_person_would_agree(profile, traces):
    by = {name: of(name, profile, traces=traces) for name in OUTCOMES}
    assert by["all as without a fault"] == 0
    everything = [by[name] for name in OUTCOMES if name.startswith("all requests")]
    assert everything == [10, 10, 10]
    most = by["60 % of the requests get a 503"]
    assert 9 <= most < 10
    assert by["one request in thirty fails"] <= by["a third of the requests fail"] < most
    assert 2 < by["most requests get a redirect instead of the page"] < most
    assert max(value for name, value in by.items() if name.startswith("a call fails")) < 3


def test_p16_slowness_is_as_bad_as_failing_with_the_profile_worst():
    assert of("a page takes 6.1 s instead of 0.1 s", "worst") > 9
    assert of("a page takes 6.1 s instead of 0.1 s", "plan") < 3
    assert of("requests take 0.3 s instead of 0.1 s", "worst") > of("requests take 0.3 s instead of 0.1 s", "graded")
