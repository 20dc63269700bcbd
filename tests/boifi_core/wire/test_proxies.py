"""Proxies of the environment are for the world outside; one that cannot be used is named."""

import asyncio
import os
import urllib.request
from http.server import BaseHTTPRequestHandler
from importlib.util import find_spec

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Loopback

from boifi_core.errors import InvalidInput
from boifi_core.wire.client import new_client
from boifi_core.wire.proxies import check_proxies, direct_mounts, spare_loopback

SMALL = [f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")]
VARIABLES = [*SMALL, *map(str.upper, SMALL)]


class Here(Loopback):
    """Says `here` to whoever comes."""

    def handler(self):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"here")

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def set_proxies(monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that what is set within the test is taken back
        monkeypatch.delenv(name)

    def set_proxies(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_proxies


DEAD = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    "given_ones",
    [
        {"HTTP_PROXY": DEAD},
        {"HTTP_PROXY": DEAD, "NO_PROXY": "localhost"},
        {"http_proxy": DEAD, "no_proxy": ""},
        {"ALL_PROXY": DEAD, "NO_PROXY": "mesh.local, .corp.example"},
        {"ALL_PROXY": DEAD, "no_proxy": "mesh.local", "NO_PROXY": "127.0.0.1"},
        {"http_proxy": DEAD, "NO_PROXY": "10.0.0.0/8,.svc,fd00::/8"},
        {"all_proxy": DEAD, "no_proxy": "[::1], ::1/128, 127.0.0.0/8"},
    ],
)
def test_f7_loopback_is_reached_without_the_environments_proxy_by_whatever_client(set_proxies, given_ones):
    set_proxies(**given_ones)
    with Here() as server:
        spare_loopback()
        for host in ("127.0.0.1", "localhost"):
            url = f"http://{host}:{server.port}/"
            assert httpx.get(url).text == "here"
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.read() == b"here"
        with pytest.raises(httpx.HTTPError):
            httpx.get("http://elsewhere.example/")


def test_f7_our_own_clients_need_no_variable_for_that(set_proxies):
    set_proxies(ALL_PROXY=DEAD)

    async def ask(url):
        client = new_client([url], connections=1, headers={})
        async with client:
            return (await client.get(url)).text

    with Here() as server:
        assert asyncio.run(ask(server.url)) == "here"
    assert "NO_PROXY" not in os.environ


def test_f7_other_addresses_of_loopback_are_spared_where_they_are_asked_for(set_proxies):
    set_proxies(HTTP_PROXY=DEAD)
    spare_loopback(["http://127.8.9.10:4200/api", "http://[::1]:4200/api", "http://elsewhere.example", "http://[", ""])
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"] == "localhost,127.0.0.1,::1,127.8.9.10"


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_f7_networks_that_are_spared_are_reached_directly(set_proxies, name):
    set_proxies(HTTP_PROXY=DEAD, **{name: "10.0.0.0/8, 192.168.7.9/24,fd00::/8, mesh.local,10.0.0.0/99"})
    urls = ["http://10.1.2.3:8080/x", "http://11.1.2.3", "http://192.168.7.1", "http://[fd12::1]:80", "http://cart/10"]
    spare_loopback(urls[:1])
    check_proxies()
    assert [*direct_mounts(urls)][3:] == ["all://10.1.2.3", "all://192.168.7.1", "all://[fd12::1]"]
    assert "10.1.2.3" in os.environ["no_proxy"].split(",")
    client = new_client(urls, connections=1, headers={})
    direct = {url: client._transport_for_url(httpx.URL(url)) is client._transport for url in urls}
    assert [url for url, is_direct in direct.items() if is_direct] == [urls[0], urls[2], urls[3]]


@pytest.mark.parametrize("values", [{}, {"NO_PROXY": "mesh.local"}, {"HTTP_PROXY": DEAD, "NO_PROXY": "a, *"}])
def test_what_needs_no_change_is_left_as_it_is(set_proxies, values):
    set_proxies(**values)
    spare_loopback()
    assert {name: os.environ[name] for name in VARIABLES if name in os.environ} == values


@given(st.lists(st.from_regex(r"[a-z0-9]{1,8}(\.[a-z]{2,5})?", fullmatch=True), max_size=5))
def test_whatever_was_spared_still_is(listed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("http_proxy", DEAD)
        patch.setenv("no_proxy", " , ".join(listed))
        patch.setenv("NO_PROXY", "")
        spare_loopback()
        spare_loopback()
        now = os.environ["NO_PROXY"].split(",")
    assert now == list(dict.fromkeys([*listed, "localhost", "127.0.0.1", "::1"]))


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        pytest.param(
            "ALL_PROXY",
            "socks5://127.0.0.1:9",
            "for SOCKS, the Python package socksio must be installed",
            marks=pytest.mark.skipif(find_spec("socksio") is not None, reason="SOCKS can be used here"),
        ),
        ("https_proxy", "socks4://127.0.0.1:9", "must be a proxy, http://HOST:PORT"),
        ("HTTP_PROXY", "http://proxy.corp:port", "must be a proxy, http://HOST:PORT"),
        ("http_proxy", "http://proxy.corp:99999", "must be a proxy, http://HOST:PORT"),
        ("HTTPS_PROXY", "htp://proxy.corp:3128", "must be a proxy, http://HOST:PORT"),
        ("http_proxy", "http://proxy corp:3128", "must be a proxy, http://HOST:PORT"),
        ("All_Proxy", "http://", "must be a proxy, http://HOST:PORT"),
    ],
)
def test_f8_a_proxy_that_the_client_refuses_is_named_by_its_variable(set_proxies, monkeypatch, name, value, rule):
    set_proxies(**{name: value})
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as refused:
        check_proxies()
    assert str(refused.value).startswith(f"{name}: ")
    assert rule in str(refused.value)


def test_f8_a_proxys_password_is_not_shown(set_proxies):
    set_proxies(HTTP_PROXY="http://me:hush@proxy.corp:port")
    with pytest.raises(InvalidInput) as refused:
        check_proxies()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("value", ["http://proxy.corp:3128", "proxy.corp:3128", "https://me:pw@proxy.corp"])
def test_a_proxy_that_can_be_used_is_let_be(set_proxies, value):
    set_proxies(ALL_PROXY=value)
    check_proxies()
