"""A failure's id: the same tomorrow, on another machine, however it was met."""

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Fact, FactKind
from boifi_core.findings.identity import identity, origin

ASKS = "front → GET reviews/{id}"


def plan(**fields):
    return FaultPlan(**({"fault_type": "delay", "target_service": "reviews", "delay_ms": 100} | fields))


def fact(kind, where=ASKS, weight=3.0, **fields):
    return Fact(kind=kind, where=where, weight=weight, callee="reviews", **fields)


FAILS = Fact(kind=FactKind.STATUS, where="product", weight=3.0)


@given(
    st.sampled_from(["fails", "refuses", "times_out", "gone"]),
    st.floats(1, 1e4),
    st.lists(st.sampled_from([FAILS, fact(FactKind.NEW, "front → top", 2.0), fact(FactKind.RETRIED)])),
    st.integers(1, 100),
)
def test_f29_it_does_not_change_with_what_varies_from_night_to_night(kind, value, others, percentage):
    met = identity((fact(FactKind(kind), value=value), *others), (plan(percentage=percentage),))
    assert met == identity((fact(FactKind.FAILS),), (plan(fault_type="abort", abort_status_code=503),))
    assert re.fullmatch(r"f-[0-9a-f]{8}", met)


@pytest.mark.parametrize(
    "other",
    [
        fact(FactKind.FAILS, "front → GET stock/{id}"),
        fact(FactKind.SLOW),
        fact(FactKind.FAILS, "cart → GET reviews/{id}"),
    ],
)
def test_f29_another_call_or_another_way_is_another_failure(other):
    assert identity((other,), (plan(),)) != identity((fact(FactKind.FAILS),), (plan(),))


def test_f29_without_calls_it_is_where_the_fault_was_and_what_was_seen():
    most = Fact(kind=FactKind.STATUS, where="", weight=3.0)
    ids = [
        identity((most,), (plan(delay_ms=200, percentage=40),)),
        identity((most,), (plan(target_service="stock"),)),
        identity((most,), (plan(target_method="POST"),)),
        identity((FAILS,), (plan(),)),
    ]
    assert len(set(ids)) == 4
    assert ids[0] == identity((most,), (plan(),))


def test_where_two_began_alike_each_has_an_id_of_its_own():
    one = identity((fact(FactKind.FAILS),), (plan(),))
    two = identity((fact(FactKind.FAILS),), (plan(),), [one])
    assert len({one, two, identity((fact(FactKind.FAILS),), (plan(),), [one, two])}) == 3


def test_where_it_began_is_told_and_not_what_is_seen_most():
    late = fact(FactKind.SLOW, "payments → POST bank/debits")
    assert origin((fact(FactKind.RETRIED), late, FAILS), (plan(),)) == "payments → POST bank/debits slow"
    assert origin((fact(FactKind.GONE, weight=1.0),), ()) == f"{ASKS} in trouble"
    assert origin((FAILS,), (plan(target_method="POST"),)) == "delay at POST reviews/"


def test_it_is_the_same_in_another_process():
    code = (
        "from boifi_core.findings import Fact, FactKind as K\nfrom boifi_core.findings.identity import identity\n"
        f"print(identity((Fact(kind=K.FAILS, where={ASKS!r}, weight=3.0),), ()))"
    )
    own = identity((fact(FactKind.FAILS),), ())
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == own
    )
