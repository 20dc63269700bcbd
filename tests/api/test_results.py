"""Trials, reports and events over HTTP."""

import io
import json
import threading
import time

import pandas as pd
import pytest
from facades import SESSIONS, add_trials, facade, made, parsed, refused, set_state, wait_for

from api import reports
from boifi_core.history.dataset import History
from boifi_core.session.stored import stored_config


@pytest.fixture
def api(tmp_path):
    with facade(tmp_path) as calls:
        yield calls


@pytest.fixture
def folder(tmp_path):
    return made(tmp_path, trials=7, status="COMPLETED", reason="all trials made")


def url(folder, tail):
    return f"{SESSIONS}/{folder.session_id}/{tail}"


def test_trials_come_in_pages_without_their_traces(api, folder):
    seen, after = [], 0
    while after is not None:
        page = api.get(url(folder, "trials"), params={"limit": 3, "after": after}).json()
        assert page["total"] == 7
        seen += page["trials"]
        after = page["next"]
    assert [trial["trial"] for trial in seen] == [1, 2, 3, 4, 5, 6, 7]
    assert seen[3]["plans"][0]["delay_ms"] == 400
    assert seen[3]["score"]["total_score"] == 2.0
    assert "trace_data" not in seen[3]["observation"]


def test_trials_come_as_files(api, folder):
    kept = pd.read_parquet(folder.history)
    answer = api.get(url(folder, "trials"), params={"format": "parquet"})
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    assert f"boifi-{folder.session_id[:8]}.parquet" in answer.headers["content-disposition"]
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(answer.content)), kept)
    table = pd.read_csv(io.StringIO(api.get(url(folder, "trials"), params={"format": "csv"}).text))
    assert list(table.columns) == list(kept.columns)
    assert list(table["point.delay_ms"]) == [100, 200, 300, 400, 500, 600, 700]
    lines = api.get(url(folder, "trials"), params={"format": "jsonl"}).text.splitlines()
    page = api.get(url(folder, "trials")).json()["trials"]
    assert [json.loads(line) for line in lines] == page


def test_files_of_a_session_without_trials_have_their_columns(api, tmp_path):
    folder = made(tmp_path)
    table = pd.read_parquet(io.BytesIO(api.get(url(folder, "trials"), params={"format": "parquet"}).content))
    assert len(table) == 0
    assert "point.delay_ms" in table.columns
    assert api.get(url(folder, "trials"), params={"format": "jsonl"}).text == ""
    assert api.get(url(folder, "trials"), params={"format": "csv"}).text.count("\n") == 1


@pytest.mark.parametrize(
    "query", [{"format": "xml"}, {"after": -1}, {"limit": 501}, {"format": "csv", "limit": 5}, {"from": 1}]
)
def test_trials_are_asked_for_soundly(api, folder, query):
    refused(api.get(url(folder, "trials"), params=query), 422, "invalid_input")


def test_the_report_comes_as_markdown_html_and_json_and_is_whole(api, folder):
    (folder.path / "report.md").write_text("# as written at the end")
    markdown = api.get(url(folder, "report"))
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert markdown.text == "# as written at the end"
    page = api.get(url(folder, "report"), params={"format": "html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "sandbox" in page.headers["content-security-policy"]
    report = api.get(url(folder, "report"), params={"format": "json"}).json()
    assert folder.session_id in json.dumps(report)
    refused(api.get(url(folder, "report"), params={"format": "pdf"}), 422, "invalid_input")
    add_trials(folder, [8])
    assert api.get(url(folder, "report")).text.startswith("# ratings-delay"), "what was written is not whole any more"


def slow(folder, form):
    """In place of what makes a report: it takes until a file says that it may be done."""
    go_on = folder.path / "go on"
    while not go_on.exists():
        time.sleep(0.01)
    go_on.unlink()
    return f"{len(list((folder.path / 'history').iterdir()))} parts"


def test_of_a_running_session_the_last_report_comes_at_once_and_says_its_age(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "report", slow)
    folder = made(tmp_path, trials=2, status="RUNNING")
    go_on = folder.path / "go on"
    with facade(tmp_path) as api:
        go_on.touch()
        first = api.get(url(folder, "report"))
        assert (first.text, first.headers["age"]) == ("3 parts", "0")
        again = api.get(url(folder, "report"))
        assert (again.text, again.headers["age"]) == ("3 parts", "0"), "nothing has changed, so nothing is made"
        add_trials(folder, [3])
        time.sleep(1.1)
        last = [api.get(url(folder, "report")) for _ in range(3)]
        assert [answer.text for answer in last] == ["3 parts"] * 3
        assert {int(answer.headers["age"]) for answer in last} <= {1, 2, 3, 4, 5, 6}
        go_on.touch()
        wait_for(lambda: api.get(url(folder, "report")).text == "4 parts")
        add_trials(folder, [4])
        monkeypatch.setattr(reports, "OLDEST_S", 0.0)
        go_on.touch()
        assert api.get(url(folder, "report")).text == "5 parts", "one that is too old is not shown any more"


def test_a_report_that_cannot_be_made_says_so(api, folder):
    (folder.history / "part-000003.parquet").write_bytes(b"no parquet")
    assert "part-000003" in refused(api.get(url(folder, "report")), 503, "unavailable")["message"]


def test_a_session_that_cannot_be_read_is_told_from_one_that_is_not_there(api, tmp_path):
    elsewhere = made(tmp_path / "elsewhere", trials=3, status="COMPLETED")
    part = elsewhere.history / "part-000003.parquet"
    whole = part.read_bytes()
    part.write_bytes(b"no parquet")
    (tmp_path / "sessions").mkdir(exist_ok=True)
    folder = type(elsewhere)(elsewhere.path.rename(tmp_path / "sessions" / elsewhere.session_id))
    refusal = refused(api.get(f"{SESSIONS}/{folder.session_id}"), 503, "unavailable")
    assert refusal["message"].startswith(f"session {folder.session_id} cannot be read: ")
    assert "part-000003" in refusal["message"]
    (folder.history / part.name).write_bytes(whole)
    assert api.get(url(folder, "trials")).json()["total"] == 3


def test_the_events_of_a_finished_session_end(api, folder):
    answer = api.get(url(folder, "events"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = parsed(answer.text)
    assert [name for name, _, _ in events] == ["trial"] * 7 + ["status", "end"]
    assert [data["trial"] for name, _, data in events if name == "trial"] == [1, 2, 3, 4, 5, 6, 7]
    assert events[-2][2]["status"] == "COMPLETED"
    assert events[-1] == ("end", "7.COMPLETED", {"reason": "all trials made"})


@pytest.mark.parametrize("known", range(9))
def test_a_stream_goes_on_after_any_event(api, folder, known):
    events = parsed(api.get(url(folder, "events")).text)
    answer = api.get(url(folder, "events"), headers={"Last-Event-ID": events[known][1]})
    if known >= 7:
        assert answer.status_code == 204  # the status itself says that nothing more will come
    else:
        assert parsed(answer.text) == events[known + 1 :]


def test_an_id_of_another_stream_is_refused(api, folder):
    for known in ("abc", "1.DONE", "-1.RUNNING", "99999999999.RUNNING"):
        refused(api.get(url(folder, "events"), headers={"Last-Event-ID": known}), 422, "invalid_input")


def test_events_are_live_and_taken_up_again(api, tmp_path):
    folder = made(tmp_path, trials=1)

    def session():
        set_state(folder, "RUNNING")
        for number in range(2, 9):
            add_trials(folder, [number])
            set_state(folder, "RUNNING", "waiting for the target" if number == 4 else None)
        set_state(folder, "COMPLETED", "done")

    seen, known = [], {}
    running = threading.Thread(target=session)
    with api.stream("GET", url(folder, "events")) as answer:
        for block in blocks(answer):
            if not seen:
                running.start()
            seen += parsed(block)
            if len(seen) > 4:
                known = {"Last-Event-ID": seen[-1][1]}
                break
    with api.stream("GET", url(folder, "events"), headers=known) as answer:
        for block in blocks(answer):
            seen += parsed(block)
    running.join()
    assert [data["trial"] for name, _, data in seen if name == "trial"] == list(range(1, 9))
    assert [data["status"] for name, _, data in seen if name == "status"][-1] == "COMPLETED"
    assert seen[-1][0] == "end"


def blocks(answer):
    """The events of a stream as they come."""
    text = ""
    for piece in answer.iter_text():
        text += piece
        while "\n\n" in text:
            block, text = text.split("\n\n", 1)
            yield block


def test_a_stream_of_a_session_that_is_deleted_ends(api, folder):
    set_state(folder, "RUNNING")
    with api.stream("GET", url(folder, "events")) as answer:
        last = None
        for block in blocks(answer):
            last = parsed(block)[0] if parsed(block) else last
            if last[0] == "status" and last[2]["status"] == "RUNNING":
                set_state(folder, "FAILED", "cancelled")
    assert last == ("end", "7.FAILED", {"reason": "cancelled"})


def test_no_more_streams_than_there_is_room_for(tmp_path):
    folder = made(tmp_path, status="RUNNING")
    with facade(tmp_path, max_streams=1) as api:
        with api.stream("GET", url(folder, "events")) as first:
            pieces = first.iter_text()  # closes the stream when it goes
            assert next(pieces)
            refused(api.get(url(folder, "events")), 429, "too_many_streams")
        assert api.get("/metrics").status_code == 200


def test_a_history_that_grows_is_read_from_where_it_was(folder):
    history = History(folder.history, stored_config(folder).search_space)
    assert [trial.trial for trial in history.trials(5)] == [6, 7]
    assert [trial.trial for trial in history.trials(0, 2)] == [1, 2]
    assert [trial.trial for trial in history.trials(3, 2)] == [4, 5]
    assert history.trials(7) == []
