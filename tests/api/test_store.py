"""The index: the same on both databases, and made again from nothing."""

import asyncio
import shutil
from datetime import UTC, datetime

import pytest
from facades import SESSIONS, add_trials, facade, made, refused, set_state, wait_for
from postgres import running_postgres
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.index import Index
from api.settings import Settings
from api.store import Claim, Store, micros, moment
from boifi_core.errors import InvalidInput
from boifi_core.session.events import Recorded, Stream


@pytest.fixture(scope="module")
def postgres():
    """The URL of a database of a real PostgreSQL."""
    with running_postgres() as server:
        yield server.database("store")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def url(request, tmp_path):
    """A database's URL, empty of our tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'index.db'}"
    found = request.getfixturevalue("postgres")
    store = Store(Settings(data=tmp_path, database_url=found).store_url)
    with store.engine.begin() as connection:
        for table in ("boifi_trials", "boifi_sessions", "boifi_idempotency_keys", "boifi_version"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table} CASCADE"))
    asyncio.run(store.close())
    return found


def looked(data, url, look):
    """What `look` finds in an index of `data` that was just brought up to date."""

    async def run():
        store = Store(Settings(data=data, database_url=url).store_url)
        await store.open()
        index = Index(store, data, Stream())
        try:
            await index.refresh_all()
            return await look(store, index)
        finally:
            await store.close()

    return asyncio.run(run())


async def everything(store, _index):
    page = await store.page(None, 200, None)
    return [(tuple(row), await store.trials(row.id, 0, 1000)) for row in page.sessions]


def test_an_index_made_again_from_nothing_is_the_same(tmp_path, url):
    for number in range(3):
        made(tmp_path, trials=number, status="COMPLETED" if number else None, reason="done ✓")
    before = looked(tmp_path, url, everything)
    assert sorted(len(trials) for _, trials in before) == [0, 1, 2]

    async def again(store, index):
        for session_id in await store.stamps():
            await store.forget(session_id)
        assert await everything(store, index) == []
        await index.refresh_all()
        return await everything(store, index)

    assert looked(tmp_path, url, again) == before


def test_what_changes_is_seen_and_what_is_gone_is_forgotten(tmp_path, url):
    folder = made(tmp_path, trials=1, status="RUNNING")
    gone = made(tmp_path, trials=1, status="COMPLETED")

    async def look(store, index):
        add_trials(folder, [2, 3])
        shutil.rmtree(gone.path)
        await index.refresh_all()
        assert await store.last_trial(folder.session_id) == 3
        assert await store.session(gone.session_id) is None
        set_state(folder, "FAILED", "cancelled")
        await index.refresh_all()
        row = await store.session(folder.session_id)
        assert (row.status, row.reason, row.current_iteration) == ("FAILED", "cancelled", 3)

    looked(tmp_path, url, look)


def test_why_a_session_waits_is_not_said_of_one_that_has_ended(tmp_path, url):
    """A start that fails may come to that conclusion after the session was stopped."""
    folder = made(tmp_path, trials=0, status="PENDING")

    async def look(store, index):
        await store.note(folder.session_id, "not started yet")
        assert (await store.session(folder.session_id)).reason == "not started yet"
        set_state(folder, "COMPLETED", "stopped before it began")
        await index.refresh_all()
        await store.note(folder.session_id, "not started yet")
        assert (await store.session(folder.session_id)).reason == "stopped before it began"

    looked(tmp_path, url, look)


def test_a_key_is_taken_by_one_only(tmp_path, url):
    async def look(store, _index):
        claims = [Claim("same", f"session-{n}") for n in range(8)]
        got = await asyncio.gather(*(store.claim("ci", "key", claim) for claim in claims))
        assert len(set(got)) == 1
        assert await store.claim("other", "key", claims[0]) == claims[0]
        await store.release(got[0].session_id)
        assert await store.claim("ci", "key", Claim("x", "y")) == Claim("x", "y")

    looked(tmp_path, url, look)


def test_two_that_look_at_the_same_folders_count_each_trial_once(tmp_path, url):
    made(tmp_path, trials=5, status="COMPLETED")

    async def run():
        counted = []

        def count(event):
            if isinstance(event, Recorded):
                counted.append(event.trial)

        stores = [Store(Settings(data=tmp_path, database_url=url).store_url) for _ in range(2)]
        for store in stores:
            await store.open()
        await asyncio.gather(*(Index(store, tmp_path, Stream(count)).refresh_all() for store in stores))
        for store in stores:
            await store.close()
        return counted

    assert sorted(trial.trial for trial in asyncio.run(run())) == [1, 2, 3, 4, 5]


def test_tables_of_another_version_are_made_anew(tmp_path, url):
    made(tmp_path, trials=1, status="COMPLETED")
    before = looked(tmp_path, url, everything)
    store = Store(Settings(data=tmp_path, database_url=url).store_url)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE boifi_version SET version = 0"))
        connection.execute(text("ALTER TABLE boifi_sessions DROP COLUMN target"))
    asyncio.run(store.close())
    assert looked(tmp_path, url, everything) == before


def test_a_folder_that_cannot_be_read_hides_no_other(tmp_path):
    bad, good = made(tmp_path, status="RUNNING"), made(tmp_path, status="RUNNING")
    (bad.path / "session.json").write_text("{")
    with facade(tmp_path) as api:
        wait_for(lambda: api.get(SESSIONS).json()["total"] == 1)
        assert api.get(f"{SESSIONS}/{good.session_id}").status_code == 200
        assert "session.json" in refused(api.get(f"{SESSIONS}/{bad.session_id}"), 503, "unavailable")["message"]


def test_a_database_that_goes_away_is_gone_back_to(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    with facade(tmp_path) as api:
        wait_for(lambda: "PREFECT" in api.get("/ready").text)
        stamps = Store.stamps

        def away(self):
            raise OperationalError("SELECT", {}, ConnectionError("away"))

        monkeypatch.setattr(Store, "by_status", away)
        monkeypatch.setattr(Store, "stamps", away)
        refused(api.get("/metrics"), 503, "unavailable")
        folder = made(tmp_path, status="RUNNING")
        monkeypatch.setattr(Store, "stamps", stamps)
        wait_for(lambda: [row["session_id"] for row in api.get(SESSIONS).json()["sessions"]] == [folder.session_id])


def test_a_cursor_of_others_is_refused(tmp_path, url):
    async def look(store, _index):
        for cursor in ("", "x", "e30=", "WzEsMl0=", "WyJhIiwiYiJd", "é"):
            with pytest.raises(InvalidInput, match="cursor"):
                await store.page(None, 5, cursor)

    looked(tmp_path, url, look)


def test_times_come_back_as_they_were():
    now = datetime.now(UTC)
    assert abs((moment(micros(now)) - now).total_seconds()) < 2e-6
