"""A night whose flow run was lost, and which another goes on with, by its tag."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from prefect import tags

from boifi_core.campaign import CampaignConfig, CampaignFolder, Night, SessionOfNight

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def place(tmp_path, session_data):
    config = CampaignConfig.read({"name": "nightly", "sessions": [session_data("http://127.0.0.1:1")]})
    return CampaignFolder.make(tmp_path, config)


def kept(place, session="ratings-delay"):
    """A night that another flow run had begun; its session could not begin."""
    sessions = (SessionOfNight(name=session, reason="could not begin: of a test"),)
    night = Night(campaign="nightly", night="2026-01-01", flow_run_id=str(uuid4()), began_at=datetime.now(UTC),
                  is_services_own=True, sessions=sessions)  # fmt: skip
    place.write(night)
    return night


def run_on(place, night):
    from flows.campaign import campaign, night_tag

    with tags(night_tag(night)):
        return campaign(str(place.path), return_state=True)


def test_it_goes_on_with_that_night_and_begins_no_other(place):
    before = kept(place)
    run_on(place, before)
    (night,) = place.nights()
    assert night.ended_at is not None
    assert night.flow_run_id != before.flow_run_id
    assert "could not begin: of a test" in night.problem


def test_where_the_campaign_has_other_sessions_by_now_it_says_so_and_begins_none(place):
    state = run_on(place, kept(place, session="another"))
    assert state.is_failed()
    assert "the campaign has changed" in state.message
    assert [night.ended_at for night in place.nights()] == [None]
