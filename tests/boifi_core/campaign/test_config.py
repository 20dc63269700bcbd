"""The campaign file, and the one line that says what is wrong with it."""

import json

import pytest
import yaml

from boifi_core.campaign import CampaignFolder, read_campaign_file
from boifi_core.campaign.config import parse_campaign
from boifi_core.errors import InvalidInput


def test_sessions_lie_beside_it_or_in_it_and_it_comes_back_from_the_data_dir(tmp_path, session_data):
    (tmp_path / "one.yaml").write_text(yaml.safe_dump(session_data("http://127.0.0.1:1", name="one")))
    path = tmp_path / "campaign.yaml"
    inside = session_data("http://127.0.0.1:1", name="two", executor={"token": "a literal secret"})
    schedule = {"cron": "0 2 * * *", "timezone": "Europe/Berlin"}
    path.write_text(yaml.safe_dump({"name": "nightly", "schedule": schedule, "sessions": ["one.yaml", inside]}))
    config = read_campaign_file(path)
    assert [session.name for session in config.sessions] == ["one", "two"]
    place = CampaignFolder.make(tmp_path / "data", config)
    assert "a literal secret" not in (place.path / "campaign.json").read_text()
    stored = place.config()
    assert stored.schedule == config.schedule
    assert stored.sessions[0] == config.sessions[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Nightly Run"}, "name: "),
        ({"sessions": []}, "sessions: must have at least 1 entries"),
        ({"schedule": {"cron": "every night"}}, "schedule.cron: must be a cron line of five fields"),
        ({"schedule": {"cron": "0 2 * * *", "timezone": "Berlin"}}, "schedule.timezone: must be a time zone's name"),
        ({"schedule": {"cron": "0 2 * * *", "timezone": "../x"}}, "schedule.timezone: must be a time zone's name"),
        ({"at_once": 0}, "at_once: must be at least 1"),
        ({"webhook": "ftp://example.org"}, "webhook: "),
        ({"night": 1}, "night: unknown key"),
    ],
)
def test_bad_input_is_one_line_that_names_the_field(session_data, change, message):
    data = {"name": "nightly", "sessions": [session_data("http://127.0.0.1:1")], **change}
    with pytest.raises(InvalidInput) as caught:
        parse_campaign(json.loads(json.dumps(data)))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_two_sessions_of_one_name_are_refused(session_data):
    one = session_data("http://127.0.0.1:1", name="same")
    with pytest.raises(InvalidInput, match="sessions: must have names that differ, got 'same'"):
        parse_campaign({"name": "nightly", "sessions": [one, one]})
