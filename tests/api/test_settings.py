"""Where settings come from, and what becomes of wrong ones."""

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from api.settings import Settings
from boifi_core.settings import DEFAULT_FILE, ServiceSettings


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Puts a text into the file that BOIFI_CONFIG names."""

    def put(text):
        (tmp_path / "boifi.yaml").write_text(text)
        monkeypatch.setenv("BOIFI_CONFIG", str(tmp_path / "boifi.yaml"))

    return put


def test_the_environment_goes_before_the_named_file_and_that_before_the_defaults(file, monkeypatch):
    file("port: 9000\nallowed_targets: [mesh.local, 10.0.0.0/8]\nmax_trials: 50\nsession_life_s: 60\n")
    monkeypatch.setenv("BOIFI_MAX_TRIALS", "70")
    monkeypatch.setenv("BOIFI_CORS_ORIGINS", "https://a.example, https://b.example")
    seen = Settings(port=9001)
    assert (seen.port, seen.max_trials, seen.max_streams) == (9001, 70, 200)
    assert seen.allowed_targets == ("mesh.local", "10.0.0.0/8")
    assert seen.cors_origins == ("https://a.example", "https://b.example")
    assert ServiceSettings().session_life_s == 60
    assert ServiceSettings().allowed_targets == seen.allowed_targets


def test_the_default_file_is_read(monkeypatch, tmp_path):
    changed = tmp_path / "default.yaml"
    changed.write_text(DEFAULT_FILE.read_text().replace("port: 8000", "port: 8123"))
    monkeypatch.setattr("boifi_core.settings.DEFAULT_FILE", changed)
    assert Settings().port == 8123


@pytest.mark.parametrize("text", ["prot: 9000\n", "port: 0\n"])
def test_an_unknown_key_and_a_value_against_its_rule_are_refused(file, text):
    file(text)
    with pytest.raises(ValidationError, match=r"prot|port"):
        Settings()


@pytest.mark.parametrize("text", ["port: [", "- port\n"])
def test_a_file_that_is_no_mapping_is_refused_by_its_name(file, text):
    file(text)
    with pytest.raises(SettingsError, match=r"boifi\.yaml"):
        Settings()


def test_a_file_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("BOIFI_CONFIG", "/nowhere.yaml")
    with pytest.raises(SettingsError, match="BOIFI_CONFIG: must be a file, got /nowhere"):
        Settings()


def test_the_service_says_what_is_wrong_in_one_line(boifi, tmp_path):
    (tmp_path / "boifi.yaml").write_text("prot: 9000\n")
    wrong = boifi("serve", check=2, BOIFI_CONFIG=str(tmp_path / "boifi.yaml"))
    assert wrong.stderr == "error: prot: unknown key; did you mean port?\n"
