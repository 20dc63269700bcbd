"""What tells a web page's request from a program's."""

import pytest

from boifi_core.wire.web_pages import can_be_a_pages, host_of, is_loopback, objection


@pytest.mark.parametrize(
    ("header", "host"),
    [("127.0.0.1:8000", "127.0.0.1"), ("LocalHost", "localhost"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")],
)
def test_the_host_of_a_header(header, host):
    assert host_of(header) == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "[::1]", "::1"])
def test_loopback(host):
    assert is_loopback(host)
    assert not can_be_a_pages(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "prefect", "host.docker.internal", "boifi-prefect.boifi.svc.cluster.local", "a.svc"]
)
def test_what_is_not_this_machine_and_yet_no_pages(host):
    assert not is_loopback(host)
    assert not can_be_a_pages(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example.",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "a.local",
        "svc.example",
        "1.2.3.4.5",
    ],
)
def test_what_a_page_can_be_known_by(host):
    assert not is_loopback(host)
    assert can_be_a_pages(host)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:1", "origin": "http://evil.example"},
        {"host": "127.0.0.1:1", "origin": "null"},
        {"host": "127.0.0.1:1", "origin": "http://127.0.0.1:1"},
        {"host": "127.0.0.1:1", "sec-fetch-site": "cross-site"},
        {"host": "127.0.0.1:1", "sec-fetch-site": "same-site"},
        {"host": "evil.example:1"},
    ],
)
def test_what_a_page_sends_is_refused(headers):
    assert objection(headers)


def test_what_a_program_or_a_person_sends_is_served():
    assert objection({"host": "127.0.0.1:4318"}) is None
    assert objection({}) is None
    assert objection({"host": "localhost", "sec-fetch-site": "none"}) is None  # typed into the address bar
    assert objection({"host": "spans.example"}, any_host=True) is None
    assert objection({"host": "spans.example", "origin": "null"}, any_host=True)
