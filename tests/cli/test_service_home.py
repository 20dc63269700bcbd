"""What the service keeps for itself: damaged in every way, it is moved aside, and said."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from damage import DAMAGE, put_aside

from cli.service_home import heal

SOUND = {
    "api.json": '{"PREFECT_API_URL": "http://127.0.0.1:4200/api"}',
    "prefect-password": "jF8s-Lq2_word",
    "prefect.log": "a line\n",
    "profiles.toml": 'active = "local"\n[profiles.local]\n',
    "memo_store.toml": 'x = "1"\n',
}
HARMLESS = {
    "prefect.log random bytes", "prefect.log zero bytes", "prefect.log cut", "profiles.toml zero bytes",
    "memo_store.toml zero bytes", "prefect-password cut", "prefect.db zero bytes",
}  # fmt: skip


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "service"
    (home / "storage").mkdir(parents=True)
    for name, text in SOUND.items():
        (home / name).write_text(text)
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        database.execute("CREATE TABLE flow_run (id TEXT)")
        database.executemany("INSERT INTO flow_run VALUES (?)", [(str(n) * 100,) for n in range(1000)])
        database.commit()
    return home


def test_what_is_sound_stays_as_it_is(home):
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert heal(home) == []
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", [*SOUND, "prefect.db"])
@pytest.mark.parametrize("how", DAMAGE)
def test_what_is_damaged_is_moved_aside_and_said(home, name, how):
    if name == "profiles.toml" and how == "cut":
        (home / name).write_text("active = [" * 2)
    DAMAGE[how](home / name)
    said = heal(home)
    if how == "deleted" or f"{name} {how}" in HARMLESS:
        assert said == []
        return
    (line,) = said
    (aside,) = put_aside(home / name)
    assert line.startswith(f"{home / name} is damaged (")
    assert f"moved to {aside}; lost: " in line
    assert "\n" not in line
    assert not (home / name).exists()
    assert heal(home) == []


def test_a_file_where_a_folder_belongs_is_too(home):
    shutil.rmtree(home / "storage")
    (home / "storage").write_text("no folder")
    assert "it is no folder" in heal(home)[0]


def test_a_database_of_a_prefect_that_this_one_does_not_know_is_moved_aside(home):
    with closing(sqlite3.connect(home / "prefect.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('ffffffffffff')")
        database.commit()
    (line,) = heal(home)
    assert "it is of another version of Prefect (ffffffffffff)" in line
    assert "go on from their folders" in line


def test_a_full_disk_is_no_damage(home, monkeypatch):
    def refuse(*_arguments, **_named):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("sqlite3.connect", refuse)
    assert heal(home) == []
    assert (home / "prefect.db").exists()
