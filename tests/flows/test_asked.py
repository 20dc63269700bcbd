"""What flow runs may be asked to do: what they name lies in this process's data dir, or is refused untouched."""

import math

import pytest

from boifi_core.campaign import CampaignFolder
from boifi_core.campaign.config import parse_campaign
from boifi_core.errors import InvalidInput
from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from boifi_core.storage import S3Path
from flows.asked import check


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def session(data, session_data):
    return make_session(data, parse_session(session_data("http://127.0.0.1:1")))


@pytest.fixture
def campaign(data, session_data):
    config = {"name": "nightly", "sessions": [session_data("http://127.0.0.1:1")]}
    return CampaignFolder.make(data, parse_campaign(config))


def test_what_this_data_dir_has_is_carried_out(data, session, campaign):
    check("session", {"folder": str(session.path)}, data)
    check("replay", {"folder": str(session.path), "trial": 3}, data)
    check("campaign", {"folder": str(campaign.path)}, data)
    check("upkeep", {"data": str(data), "life_s": 86400.0}, data)


def strange(data, session, elsewhere):
    own = str(session.path)
    return [
        str(elsewhere), "", "/", ".", own + "/", own + "/.", own + "/../" + session.path.name, f"{own}/history",
        str(data), str(data / "sessions"), str(data / "sessions" / ".."), f"{data}//sessions/{session.path.name}",
        str(data / "campaigns" / session.path.name), session.path.name, f"sessions/{session.path.name}",
        f"file://{own}", f"s3://bucket/sessions/{session.path.name}", own + "\n", own + "\0", "~", "$HOME",
        str(data / "sessions" / ("0" * 200)), None, 7, True, [own], {"path": own}, math.nan,
    ]  # fmt: skip


def test_all_else_is_refused(data, session, campaign, tmp_path, session_data):
    elsewhere = make_session(tmp_path / "other", parse_session(session_data("http://127.0.0.1:1"))).path
    for folder in strange(data, session, elsewhere):
        for flow in ("session", "campaign"):
            with pytest.raises(InvalidInput, match="folder: must") as refused:
                check(flow, {"folder": folder}, data)
            assert "\n" not in str(refused.value)
    with pytest.raises(InvalidInput, match="folder"):
        check("campaign", {"folder": str(session.path)}, data)
    with pytest.raises(InvalidInput, match="folder"):
        check("session", {"folder": str(campaign.path)}, data)
    with pytest.raises(InvalidInput, match="folder"):
        check("session", {"folder": str(S3Path("bucket", "sessions/x"))}, S3Path("other"))


def test_no_symbolic_link_leads_out(data, session, tmp_path, session_data):
    outside = make_session(tmp_path / "other", parse_session(session_data("http://127.0.0.1:1"))).path
    link = data / "sessions" / "link"
    link.symlink_to(outside)
    with pytest.raises(InvalidInput, match="symbolic link"):
        check("session", {"folder": str(link)}, data)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "sessions").symlink_to(outside.parent)
    with pytest.raises(InvalidInput, match="symbolic link"):
        check("session", {"folder": str(tmp_path / "linked" / "sessions" / outside.name)}, tmp_path / "linked")


def test_upkeep_looks_after_this_data_dir_by_its_setting(data):
    for wrong in (str(data / "x"), str(data) + "/", "/", None, ["/"]):
        with pytest.raises(InvalidInput, match="data: must be"):
            check("upkeep", {"data": wrong, "life_s": 86400.0}, data)
    for wrong in (0, -1, 1e9, math.inf, math.nan, True, None, "86400"):
        with pytest.raises(InvalidInput, match="life_s: must be"):
            check("upkeep", {"data": str(data), "life_s": wrong}, data)


def test_what_is_no_flow_of_ours_or_has_other_parameters_is_refused(data, session):
    with pytest.raises(InvalidInput, match=r"flow: must be one of .*, got 'shell'"):
        check("shell", {"command": "id"}, data)
    for parameters in ({}, {"folder": str(session.path), "more": 1}, {"path": str(session.path)}):
        with pytest.raises(InvalidInput, match="parameters: must be folder"):
            check("session", parameters, data)
    for trial in ("1", 1.5, None, True):
        with pytest.raises(InvalidInput, match="trial"):
            check("replay", {"folder": str(session.path), "trial": trial}, data)
