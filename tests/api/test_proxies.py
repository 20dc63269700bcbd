"""Whom a request is from, where it came through a proxy."""

import asyncio
import json
import logging

import httpx
import pytest
from facades import SESSIONS, facade, refused
from pydantic import ValidationError

from api.app import create_app
from api.keys import digest
from api.settings import Settings

KEYS = [{"name": "ci", "sha256": digest("boifi_good"), "scopes": ["read"]}]
LIMIT = {"api_keys": KEYS, "failed_login_limit": "3/minute"}


def failed(api, forwarded):
    headers = {"X-API-Key": "boifi_bad", "X-Forwarded-For": forwarded}
    return api.get(SESSIONS, headers=headers).status_code


def test_nobody_is_believed_where_no_proxy_is_named(tmp_path, caplog):
    logging.getLogger("boifi.requests").addHandler(caplog.handler)
    with facade(tmp_path, **LIMIT) as api:
        assert [failed(api, f"203.0.113.{n}") for n in range(5)] == [401] * 3 + [429] * 2
    assert {record.client for record in caplog.records if hasattr(record, "client")} == {"127.0.0.1"}


def test_a_named_proxy_is_believed_of_the_last_hop_that_is_none(tmp_path):
    with facade(tmp_path, **LIMIT, trusted_proxies="127.0.0.0/8, 10.0.0.7") as api:
        assert [failed(api, f"203.0.113.{n}") for n in range(5)] == [401] * 5
        # What the caller wrote itself stands before what the proxy adds.
        assert [failed(api, f"198.51.100.{n}, 203.0.113.9, 10.0.0.7") for n in range(4)] == [401] * 3 + [429]


def test_another_than_the_named_one_is_not(tmp_path):
    with facade(tmp_path, **LIMIT, trusted_proxies="10.0.0.7") as api:
        assert [failed(api, f"203.0.113.{n}") for n in range(4)] == [401] * 3 + [429]


@pytest.mark.parametrize(
    ("client", "forwarded", "status"),
    [
        ("127.0.0.1", None, 200),
        ("127.0.0.1", "10.1.1.1", 401),  # the proxy says that it is from elsewhere
        ("10.0.0.7", "127.0.0.1", 401),  # and of none elsewhere can it be said that it is from here
        ("10.0.0.7", None, 401),
    ],
)
def test_without_keys_both_the_connection_and_its_caller_must_be_of_this_machine(tmp_path, client, forwarded, status):
    app = create_app(Settings(data=tmp_path, trusted_proxies="127.0.0.1, 10.0.0.7"))

    async def ask():
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app, client=(client, 5))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as api:
                headers = {"X-Forwarded-For": forwarded} if forwarded else {}
                return await api.get(SESSIONS, headers=headers)

    answer = asyncio.run(ask())
    assert answer.status_code == status, answer.text
    if status != 200:
        refused(answer, 401, "unauthenticated")


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "10.0.0.1/24", "10.0.0.300", "unix:"])
def test_what_is_no_address_and_no_network_is_refused(tmp_path, wrong):
    with pytest.raises(ValidationError, match="addresses and networks"):
        Settings(data=tmp_path, trusted_proxies=wrong)


def test_lists_are_read_as_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("BOIFI_TRUSTED_PROXIES", "10.0.0.7, ::1, 10.1.0.0/16")
    assert Settings(data=tmp_path).trusted_proxies == ("10.0.0.7", "::1", "10.1.0.0/16")
    assert json.loads(Settings(data=tmp_path).model_dump_json())["prefect_port"] is None
