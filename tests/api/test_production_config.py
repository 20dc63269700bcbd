"""config/production.yaml is held to the settings that there are."""

import json
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from api.settings import Settings
from boifi_core.settings import ServiceSettings
from boifi_core.storage import S3Path

FILE = Path(__file__).resolve().parents[2] / "config" / "production.yaml"
DEFAULTS = yaml.safe_load(FILE.with_name("default.yaml").read_text())
GIVEN = yaml.safe_load(FILE.read_text())
KEY = {"name": "ci", "sha256": "0" * 64, "scopes": ["run"]}


@pytest.fixture(autouse=True)
def _configured(monkeypatch):
    monkeypatch.setenv("BOIFI_CONFIG", str(FILE))


def test_it_loads_with_keys_and_not_without(monkeypatch):
    with pytest.raises(ValidationError, match="must be loopback while neither api_keys"):
        Settings()
    monkeypatch.setenv("BOIFI_API_KEYS", json.dumps([KEY]))
    settings = Settings()
    assert settings.data == ServiceSettings().data == S3Path("boifi", "production")
    assert settings.store_url.startswith("postgresql+psycopg://")
    plain = settings.model_dump(mode="json")
    assert {name: plain[name] for name in GIVEN} == GIVEN


def test_every_key_is_a_setting_that_differs_and_says_why():
    assert GIVEN.keys() <= Settings.model_fields.keys()
    assert [name for name in GIVEN if GIVEN[name] == DEFAULTS[name]] == []
    lines = FILE.read_text().splitlines()
    for number, line in enumerate(lines):
        if line and not line.startswith("#"):
            assert lines[number - 1].startswith("# "), line


def test_it_holds_no_secret():
    assert {"api_keys", "jwt_secret"}.isdisjoint(GIVEN)
    assert "@" not in GIVEN["database_url"] or ":" not in GIVEN["database_url"].split("://")[1].split("@")[0]
