"""A known failure from which the target did not come back: no night takes the target down by itself."""

from datetime import UTC, datetime

from boifi_core.campaign import Known
from boifi_core.campaign.comparison import standings
from boifi_core.campaign.run import Standing
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Catalogue, Fact, FactKind
from boifi_core.session.config import parse_session
from flows.campaign import may_be_tried

NIGHT = datetime(2026, 12, 1, tzinfo=UTC)


def known(kind):
    return Known(
        id="2026-11-30/shop/F3",
        session="shop",
        sentence="the target does not come back",
        signature=(Fact(kind=kind, where="", says="", weight=3.0),),
        plans=(FaultPlan(fault_type="abort", abort_status_code=503, target_service="cart", percentage=100),),
        severity=10.0,
        since=NIGHT,
        shown_by="boifi replay",
    )


def test_its_fault_is_not_put_in_again(session_data):
    session = parse_session(session_data("http://127.0.0.1:1"))
    assert may_be_tried(known(FactKind.FAILS), session)
    assert not may_be_tried(known(FactKind.STAYS_DOWN), session)


def test_it_stays_known_and_why_it_was_not_measured_is_told():
    down = known(FactKind.STAYS_DOWN)
    asked = {"session": "shop", "session_id": "s", "night": "2026-12-01", "began_at": NIGHT, "replayed": ()}
    [told] = standings([down], [], Catalogue(), **asked)
    assert (told.standing, told.known) == (Standing.NOT_MEASURED, down)
    assert told.note == "the target did not come back from its fault"
