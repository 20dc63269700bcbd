"""A secret is sent nowhere but to the hosts that it is bound to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.safety.keys import secrets_of
from boifi_core.safety.secret_hosts import check_secret, parse_bound
from boifi_core.session.config import parse_session
from boifi_core.session.folder import REQUEST
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_reachable, open_session, reachable_config

BOUND = parse_bound(
    {
        "TOKEN": ["mesh.local:8080", "*.shop.local", "10.0.0.0/8", "192.0.2.7", "2001:db8::/32"],
        "LOCAL": ["loopback"],
        "NOWHERE": [],
    }
)

SENT = [
    ("TOKEN", "http://mesh.local:8080/v1"),
    ("TOKEN", "http://MESH.local.:8080"),
    ("TOKEN", "https://eu.shop.local"),
    ("TOKEN", "http://10.1.2.3:9"),
    ("TOKEN", "http://192.0.2.7"),
    ("TOKEN", "http://[2001:db8::1]:8080"),
    ("LOCAL", "http://127.0.0.1:5"),
    ("LOCAL", "http://127.8.8.8"),
    ("LOCAL", "http://[::1]"),
    ("LOCAL", "http://localhost:7"),
]

NOT_SENT = [
    ("TOKEN", "http://mesh.local:8081"),
    ("TOKEN", "http://mesh.local"),
    ("TOKEN", "http://mesh.local.evil.example:8080"),
    ("TOKEN", "http://shop.local"),
    ("TOKEN", "http://evilshop.local"),
    ("TOKEN", "http://11.0.0.1"),
    ("TOKEN", "http://localhost:8080"),
    ("TOKEN", "http://127.0.0.1:8080"),
    ("TOKEN", "http://[::ffff:11.0.0.1]"),
    ("LOCAL", "http://10.0.0.1"),
    ("LOCAL", "http://localhost.evil.example"),
    ("NOWHERE", "http://mesh.local:8080"),
    ("OTHER", "http://mesh.local:8080"),
]


@pytest.mark.parametrize(("variable", "url"), SENT)
def test_a_secret_is_sent_to_the_hosts_that_it_is_bound_to(variable, url):
    check_secret("executor.token", variable, url, BOUND)


@pytest.mark.parametrize(("variable", "url"), NOT_SENT)
def test_and_nowhere_else(variable, url):
    with pytest.raises(InvalidInput, match=r"executor\.token: .*secret_hosts"):
        check_secret("executor.token", variable, url, BOUND)


@given(st.from_regex(r"[a-z0-9-]{1,20}(\.[a-z0-9-]{1,20}){0,3}", fullmatch=True), st.integers(1, 65535))
def test_no_name_is_covered_by_a_network_whatever_it_leads_to(host, port):
    """A caller's own name may lead into the network when it is looked at, and elsewhere when the secret is sent."""
    bound = parse_bound({"TOKEN": ["0.0.0.0/0", "::/0"]})
    if not host.replace(".", "").isdigit() and host != "localhost":
        with pytest.raises(InvalidInput):
            check_secret("executor.token", "TOKEN", f"http://{host}:{port}", bound)


def test_all_that_a_session_sends_of_its_environment_is_found_with_where_it_goes(session_data):
    data = session_data("http://mesh.local:8080", executor={"token": "${A}"})
    requests = [
        {"url": "http://shop.local/", "headers": {"Authorization": "${B}", "X-Plain": "as it is"}},
        {"url": "http://other.local/", "headers": {"Cookie": "${C}"}},
    ]
    traces = {"type": "tempo", "endpoint": "http://tempo.local", "token": "${D}"}
    data["observer"] = {"type": "probe", "requests": requests, "traces": traces}
    assert [(secret.field, secret.variable, secret.url) for secret in secrets_of(parse_session(data))] == [
        ("executor.token", "A", "http://mesh.local:8080"),
        ("observer.requests[0].headers.Authorization", "B", "http://shop.local/"),
        ("observer.requests[1].headers.Cookie", "C", "http://other.local/"),
        ("observer.traces.token", "D", "http://tempo.local"),
    ]


@pytest.mark.parametrize("hosts", [{}, {"A_TOKEN": []}, {"A_TOKEN": ["mesh.local"]}, {"OTHER": ["loopback"]}])
def test_a_requested_session_sends_no_secret_where_the_workers_settings_do_not_let_it(
    hfi, session_data, tmp_path, monkeypatch, hosts
):
    """Whatever the facade has let pass: another process, on another machine, has settings of its own."""
    monkeypatch.setenv("A_TOKEN", "worth-much")
    monkeypatch.setenv("BOIFI_SECRET_HOSTS", json.dumps(hosts))
    config = parse_session(session_data(hfi.url, executor={"token": "${A_TOKEN}"}))
    folder = make_session(tmp_path, config, others={REQUEST: "{}"})
    for opened in (lambda: open_session(folder).__enter__(), lambda: open_reachable(folder)):
        with pytest.raises(InvalidInput, match=r"executor\.token: .*secret_hosts"):
            opened()
    with pytest.raises(InvalidInput, match=r"executor\.token"):
        reachable_config(folder)
    assert hfi.received == []


def test_it_does_where_they_let_it_and_a_session_of_this_machines_user_needs_none(
    hfi, session_data, tmp_path, monkeypatch
):
    monkeypatch.setenv("A_TOKEN", "worth-much")
    config = parse_session(session_data(hfi.url, executor={"token": "${A_TOKEN}"}))
    own = make_session(tmp_path, config)
    with open_session(own) as session:
        session.injector.health(timeout_s=5)
    monkeypatch.setenv("BOIFI_SECRET_HOSTS", '{"A_TOKEN": ["127.0.0.1"]}')
    requested = make_session(tmp_path, config, others={REQUEST: "{}"})
    with open_session(requested) as session:
        session.injector.health(timeout_s=5)
    assert len(hfi.received) == 2
