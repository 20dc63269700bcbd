"""What a session learns from before its first trial."""

import json
import shutil

import pytest
from histories import trial_of

from boifi_core.errors import InvalidInput
from boifi_core.history.dataset import History
from boifi_core.models import Phase
from boifi_core.session.config import parse_session
from boifi_core.session.folder import SessionDamaged
from boifi_core.session.make import make_session
from boifi_core.session.warm_start import FILE, past_of, stored_past


@pytest.fixture
def made(tmp_path, session_data):
    """Make a session with these trials' severities; returns its folder and its config."""

    def make(*severities, **changes):
        config = parse_session(session_data("http://127.0.0.1:1", **changes))
        folder = make_session(tmp_path, config)
        history = History(folder.history, config.search_space)
        history.create()
        for number, severity in enumerate(severities, start=1):
            point = {"fault_type": "abort", "target_path": "/ratings", "percentage": 10 + number,
                     "abort_status_code": 503}  # fmt: skip
            phase = Phase.REPLAY if severity == 10.0 else Phase.SEARCH
            history.append(trial_of(number, severity, point=point, phase=phase))
        return folder, config

    return make


def test_scored_trials_are_kept_with_what_was_fixed_but_for_replays(made):
    earlier, _ = made(1.0, None, 10.0, 4.0)
    folder, config = made(warm_start=[earlier.session_id])
    past = stored_past(folder)
    assert [score for _, score, _ in past] == [1.0, 4.0]
    assert [point["percentage"] for point, _, _ in past] == [11, 14]
    assert all(point["target_method"] == "GET" for point, _, _ in past)
    assert all(told["bug_score"] == score for _, score, told in past)
    assert config.warm_start == (earlier.session_id,)


def test_what_was_learnt_outlives_the_earlier_session(made):
    earlier, _ = made(1.0, 2.0)
    folder, _ = made(warm_start=[earlier.session_id[:8]])
    before = stored_past(folder)
    shutil.rmtree(earlier.path)
    assert stored_past(folder) == before


def test_several_sessions_are_learnt_from_in_order(made, tmp_path):
    one, config = made(1.0)
    two, _ = made(2.0)
    past = past_of(tmp_path, [two.session_id, one.session_id], config.search_space)
    assert [score for _, score, _ in past] == [2.0, 1.0]


def refused(made, tmp_path, session_id):
    before = sorted(path.name for path in (tmp_path / "sessions").iterdir())
    with pytest.raises(InvalidInput) as caught:
        made(warm_start=[session_id])
    assert sorted(path.name for path in (tmp_path / "sessions").iterdir()) == before
    assert str(caught.value).startswith("warm_start[0]: must be ")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_session_that_is_not_there_is_refused_and_nothing_is_made(made, tmp_path):
    made(1.0)
    assert "the id of one session" in refused(made, tmp_path, "feed")


def test_a_session_whose_history_cannot_be_read_is_refused(made, tmp_path):
    earlier, _ = made(1.0, 2.0)
    (earlier.history / "part-000002.parquet").write_bytes(b"no parquet")
    assert "whose history can be read" in refused(made, tmp_path, earlier.session_id)


def test_a_session_that_teaches_nothing_is_refused(made, tmp_path):
    earlier, _ = made(None, None)
    assert "of its 0 none does" in refused(made, tmp_path, earlier.session_id)
    elsewhere = {
        "dimensions": [{"name": "fault_type", "type": "categorical", "values": ["error_injection", "none"]}],
        "fixed": {},
    }
    known, _ = made(3.0)
    with pytest.raises(InvalidInput, match="of its 1 none does"):
        made(warm_start=[known.session_id], search_space=elsewhere)


@pytest.mark.parametrize("text", ["", "{}x", json.dumps([{"point": {}}]), "[1]"])
def test_what_was_learnt_and_cannot_be_read_is_told(made, text):
    earlier, _ = made(1.0)
    folder, _ = made(warm_start=[earlier.session_id])
    (folder.path / FILE).write_text(text)
    with pytest.raises(SessionDamaged, match=r"past\.json cannot be read"):
        stored_past(folder)
