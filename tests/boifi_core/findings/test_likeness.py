"""Which failures belong together, on made ones and on recordings of the embedded target."""

import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService
from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Fact, FactKind
from boifi_core.findings.catalogue import HARMLESS
from boifi_core.findings.likeness import Failure, grouped, likeness
from boifi_core.findings.signature import signature
from boifi_core.models import RawObservation

GOLDEN = Path(__file__).parent / "golden" / "demo.jsonl.gz"
"""Recorded from the embedded target: fault-free windows, and each documented weakness by several faults, twice each."""


@pytest.fixture(scope="module")
def recorded():
    rows = [json.loads(line) for line in gzip.decompress(GOLDEN.read_bytes()).decode().splitlines()]
    for row in rows:
        row["observation"] = RawObservation.model_validate(row["observation"])
        row["plans"] = tuple(FaultPlan.model_validate(plan) for plan in row["plans"])
    normal = Normal(tuple(row["observation"] for row in rows if row["cause"] is None))
    analyzer = AnalyzerService(AnalyzerConfig(baseline_latency_ms=110, threshold_latency_ms=180))
    hurt = [analyzer.calculate_severity(row["observation"], normal).total_score > HARMLESS for row in rows]
    return normal, [row for row, hurts in zip(rows, hurt, strict=True) if hurts]


def test_the_weaknesses_of_the_embedded_target_are_told_apart(recorded):
    normal, rows = recorded
    found = grouped([Failure.of(signature(row["observation"], normal), row["plans"]) for row in rows])
    causes = [{rows[index]["cause"] for index in group} for group in found]
    assert all(len(together) == 1 for together in causes)
    # Customers are charged twice where the bank is late; where payments is, they are told the same and not charged.
    assert Counter(cause for together in causes for cause in together) == {
        cause: 2 if cause == "Customers are charged twice" else 1 for cause in {row["cause"] for row in rows}
    }
    assert len({row["cause"] for row in rows}) == 9


def fact(kind, where, weight=3.0):
    return Fact(kind=kind, where=where, weight=weight)


FACTS = st.builds(
    fact, st.sampled_from(FactKind), st.sampled_from(["a → x", "b → y", "c → z"]), st.sampled_from([0.25, 1.0, 3.0])
)
PLANS = st.sampled_from(["cart", "bank"]).map(
    lambda service: FaultPlan(fault_type="delay", target_service=service, delay_ms=5)
)
FAILURES = st.builds(
    Failure.of, st.lists(FACTS, max_size=4, unique_by=lambda fact: fact.key), st.lists(PLANS, max_size=2)
)


@given(FAILURES, FAILURES)
def test_likeness_is_symmetric_and_1_for_equals(one, other):
    alike = likeness(one.features, other.features)
    assert 0 <= alike <= 1
    assert alike == pytest.approx(likeness(other.features, one.features))
    assert likeness(one.features, one.features) == 1


@given(st.lists(FAILURES, max_size=8))
def test_every_failure_is_in_one_group_and_equal_ones_in_the_same(failures):
    groups = grouped(failures)
    assert sorted(index for group in groups for index in group) == list(range(len(failures)))
    assert all(one[0] < other[0] for one, other in pairwise(groups))
    home = {index: place for place, group in enumerate(groups) for index in group}
    for index, failure in enumerate(failures):
        assert home[index] == home[failures.index(failure)]


def test_a_faint_failure_belongs_to_the_one_at_its_place_that_shows_it_all():
    cart = [FaultPlan(fault_type="abort", target_service="cart")]
    bank = [FaultPlan(fault_type="abort", target_service="bank")]
    said = fact(FactKind.LOG, "try later", 2.0)
    broken = Failure.of([fact(FactKind.FAILS, "orders → cart"), said], cart)
    other = Failure.of([fact(FactKind.FAILS, "orders → bank"), said], bank)
    faint = Failure.of([said], bank)
    assert grouped([broken, other, faint]) == [[0], [1, 2]]
    assert grouped([broken, faint]) == [[0], [1]]


def test_a_faint_failure_is_not_of_what_the_same_fault_shows_now_and_then_if_that_shows_little_of_it():
    """A fault of one request in ten: the pages are only late, or one fails, whose trace is not the typical one."""
    fault = [FaultPlan(fault_type="delay", target_service="shelf", delay_ms=90, percentage=10)]
    more = [fault[0].model_copy(update={"percentage": 40})]
    said, failed = fact(FactKind.LOG, "page is late", 2.0), fact(FactKind.STATUS, "some", 1.0)
    broken = Failure.of([fact(FactKind.TIMES_OUT, "front → shelf"), said, failed], more)
    slow = Failure.of([fact(FactKind.SLOW, "client → front"), fact(FactKind.SLOW, "front → shelf")], fault)
    faint = Failure.of([said, failed], fault)
    assert faint.is_faint
    assert not slow.is_faint
    assert grouped([broken, slow, faint]) == [[0, 2], [1]]
    again = Failure.of([fact(FactKind.TIMES_OUT, "front → shelf"), said, failed], fault)
    assert grouped([broken, slow, again, faint]) == [[0, 2, 3], [1]]


def test_a_failure_that_most_answers_tell_of_is_not_faint_though_no_call_does():
    fault = (FaultPlan(fault_type="abort", target_service="bank"),)
    some, most = fact(FactKind.STATUS, "some", 1.0), fact(FactKind.STATUS, "")
    assert Failure.of([some], fault).is_faint
    assert not Failure.of([most, some], fault).is_faint


def test_a_faint_failure_that_has_not_come_to_what_the_others_say_is_another():
    pages = [FaultPlan(fault_type="delay", target_service="shelf", delay_ms=90)]
    late, closed = fact(FactKind.LOG, "page is late", 2.0), fact(FactKind.LOG, "shop is closed", 2.0)
    less = [pages[0].model_copy(update={"delay_ms": 80})]
    broken = Failure.of([fact(FactKind.TIMES_OUT, "front → shelf"), late, closed], pages)
    assert grouped([broken, Failure.of([late], less)]) == [[0], [1]]
    assert grouped([broken, Failure.of([late, closed], less)]) == [[0, 1]]


def test_a_faint_failure_amid_the_faults_of_the_others_is_theirs():
    def pages(ms):
        return [FaultPlan(fault_type="delay", target_service="shelf", delay_ms=ms)]

    late, closed = fact(FactKind.LOG, "page is late", 2.0), fact(FactKind.LOG, "shop is closed", 2.0)
    broken = [Failure.of([fact(FactKind.TIMES_OUT, "front → shelf"), late, closed], pages(ms)) for ms in (90, 140)]
    assert grouped([*broken, Failure.of([late], pages(120))]) == [[0, 1, 2]]
    assert grouped([*broken, Failure.of([late], pages(80))]) == [[0, 1], [2]]


def test_what_runs_of_one_fault_show_is_one_failure_if_it_is_nearly_alike():
    """They are 0.48 alike: apart, unless the same fault showed both."""
    checkout = (fact(FactKind.STATUS, "checkout"), fact(FactKind.TIMES_OUT, "orders → stock"))
    both = (fact(FactKind.TIMES_OUT, "gateway → stock"), fact(FactKind.LOG, "try again", 0.25))
    other = (fact(FactKind.FAILS, "gateway → bank"), fact(FactKind.STATUS, "home"))

    def failed(facts, delay_ms):
        return Failure.of(facts, [FaultPlan(fault_type="delay", target_service="stock", delay_ms=delay_ms)])

    whole, part = failed((*checkout, *both), 100), failed(both, 100)
    assert 0.4 < likeness(whole.features, part.features) < 0.5
    assert grouped([whole, failed(both, 200)]) == [[0], [1]]
    assert grouped([whole, part]) == [[0, 1]]
    assert grouped([whole, failed(other, 100)]) == [[0], [1]]


def test_what_a_spared_request_does_not_show_tells_nothing():
    """One trial hit both kinds of request, two hit either; a fault of all requests spares none."""

    def seen(kind, where):
        return Fact(kind=kind, where=where, request=where.partition(" ")[0], weight=3.0)

    page = (seen(FactKind.TIMES_OUT, "page → stock"), seen(FactKind.STATUS, "page"))
    order = (seen(FactKind.TIMES_OUT, "order → stock"), seen(FactKind.STATUS, "order"))

    def failed(facts, percentage, service="stock"):
        plan = FaultPlan(fault_type="delay", target_service=service, delay_ms=percentage, percentage=percentage)
        return Failure.of((*facts, fact(FactKind.LOG, "try again", 2.0)), [plan])

    assert grouped([failed(page + order, 75), failed(page, 74), failed(order, 73)]) == [[0, 1, 2]]
    assert grouped([failed(page + order, 100), failed(page, 99), failed(order, 98)]) == [[0, 1], [2]]
    assert grouped([failed(page, 75), failed(order, 73, "orders")]) == [[0], [1]]


def struck(cause, *, kind="/x", fault="cart", says="shop: no answer", delay_ms=100):
    """One kind of request, all of which get a 503 because of the cause."""
    outcomes = [fact(FactKind.STATUS, ""), fact(FactKind.STATUS, kind), fact(FactKind.STATUS, "some", 1.0)]
    plans = (FaultPlan(fault_type="delay", target_service=fault, target_path="/", delay_ms=delay_ms),)
    return Failure.of([cause, *outcomes, fact(FactKind.LOG, says, 2.0), fact(FactKind.LATENCY, "", 0.25)], plans)


def call(kind, callee, caller="shop", weight=3.0, request="/x"):
    return Fact(kind=kind, where=f"{caller} → GET {callee}/{{id}}", callee=callee, weight=weight, request=request)


TROUBLES = [FactKind.FAILS, FactKind.REFUSES, FactKind.TIMES_OUT]


@given(st.sampled_from(TROUBLES), st.sampled_from(TROUBLES), st.lists(st.sampled_from(["cart", "bank"]), min_size=2))
def test_p3_two_calls_in_trouble_keep_failures_apart_though_customers_see_the_same(one, other, order):
    kinds = {"cart": one, "bank": other}
    groups = grouped([struck(call(kinds[callee], callee), fault=callee) for callee in order])
    assert {frozenset(order[index] for index in group) for group in groups} == {frozenset([c]) for c in order}


def test_p3_they_stay_apart_where_a_third_fault_brings_out_both():
    both = Failure.of(
        [call(FactKind.FAILS, "cart"), call(FactKind.FAILS, "bank"), fact(FactKind.STATUS, "")],
        (FaultPlan(fault_type="delay", target_path="/", delay_ms=9),),
    )
    one, other = (struck(call(FactKind.FAILS, name), fault=name) for name in ("cart", "bank"))
    groups = grouped([one, other, one, other, both])
    assert not any({0, 1} <= set(group) for group in groups)


def test_p3_the_same_call_by_faults_at_two_places_is_one_failure():
    late = struck(call(FactKind.TIMES_OUT, "cart"), fault="cart")
    later = struck(call(FactKind.TIMES_OUT, "cart"), fault="shelf", delay_ms=300)
    assert grouped([late, later]) == [[0, 1]]


@pytest.mark.parametrize("other", TROUBLES)
def test_p11_an_abort_and_a_time_out_of_one_call_are_one_failure(other):
    by_abort = Failure.of(
        [call(FactKind.REFUSES, "cart"), fact(FactKind.STATUS, "/x")],
        (FaultPlan(fault_type="abort", target_service="cart", abort_status_code=503),),
    )
    by_delay = Failure.of(
        [call(other, "cart"), fact(FactKind.STATUS, "/x")],
        (FaultPlan(fault_type="delay", target_service="cart", delay_ms=900),),
    )
    assert grouped([by_abort, by_delay]) == [[0, 1]]
