"""Where a session that others send may reach."""

import pytest
from hfi_server import HfiServer

from boifi_core.errors import ExecutorUnreachable, InvalidInput
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.table import open_injector
from boifi_core.safety.allowed_targets import check_url, connecting_only_to, parse_rules
from boifi_core.session.config import parse_session
from boifi_core.session.folder import REQUEST
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_reachable, open_session


def allowed(url, rules, addresses):
    try:
        check_url("endpoint", url, parse_rules(rules), lambda host, port: addresses)
    except InvalidInput as error:
        return error.rule
    return True


@pytest.mark.parametrize(
    ("url", "rules", "addresses"),
    [
        ("http://127.0.0.1:8080", ["loopback"], ["127.0.0.1"]),
        ("http://localhost:8080", ["loopback"], ["127.0.0.1", "::1"]),
        ("http://[::ffff:127.0.0.1]:80", ["loopback"], ["::ffff:127.0.0.1"]),
        ("http://10.1.2.3", ["10.0.0.0/8"], ["10.1.2.3"]),
        ("http://plane.mesh.local", ["*.mesh.local"], ["10.1.2.3"]),
        ("http://plane.mesh.local:9000", ["plane.mesh.local:9000"], ["10.1.2.3"]),
        ("http://PLANE.mesh.local.", ["plane.mesh.local"], ["10.1.2.3"]),
        ("http://any.example", ["10.0.0.0/8"], ["10.1.2.3", "10.1.2.4"]),
    ],
)
def test_what_the_list_names_is_allowed(url, rules, addresses):
    assert allowed(url, rules, addresses) is True


@pytest.mark.parametrize(
    ("url", "rules", "addresses"),
    [
        ("http://10.1.2.3", ["loopback"], ["10.1.2.3"]),
        ("http://rebound.example", ["loopback"], ["127.0.0.1", "10.1.2.3"]),
        ("http://mesh.local", ["*.mesh.local"], ["10.1.2.3"]),
        ("http://evilmesh.local", ["*.mesh.local", "mesh.local"], ["10.1.2.3"]),
        ("http://plane.mesh.local:9001", ["plane.mesh.local:9000"], ["10.1.2.3"]),
        ("http://plane.mesh.local.evil.example", ["plane.mesh.local"], ["10.1.2.3"]),
    ],
)
def test_what_it_does_not_name_is_refused(url, rules, addresses):
    assert "allowed_targets" in allowed(url, rules, addresses)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "fe80::1",
        "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255",
    ],
)  # fmt: skip
def test_some_addresses_no_list_can_allow(address):
    assert "must not be" in allowed("http://named.example", ["named.example", "0.0.0.0/0", "::/0"], [address])


def test_a_name_that_does_not_resolve_is_refused():
    def fails(host, port):
        raise OSError

    with pytest.raises(InvalidInput, match="must have a host whose name resolves"):
        check_url("endpoint", "http://nowhere.invalid", parse_rules(["nowhere.invalid"]), fails)


@pytest.mark.parametrize("entry", ["", "*", "*.*", "http://x", "10.0.0.0/99", "x:0", "x:99999", "a b", "1.2.3"])
def test_a_list_with_a_mistake_is_refused(entry):
    with pytest.raises(InvalidInput, match="allowed_targets"):
        parse_rules([entry])


@pytest.fixture
def plane():
    with HfiServer() as server:
        yield server


@pytest.mark.parametrize("listed", [["loopback"], ["localhost"]])
def test_a_connection_is_made_where_the_list_has_its_host_or_address(plane, listed):
    url = plane.url.replace("127.0.0.1", "localhost") if listed == ["localhost"] else plane.url
    with connecting_only_to(parse_rules(listed)):
        injector = open_injector(ExecutorConfig(endpoint=url))
    injector.health(timeout_s=5)
    injector.close()


def test_nothing_is_sent_over_a_connection_to_an_address_that_is_not_allowed(plane):
    with connecting_only_to(parse_rules(["127.0.0.2"])):
        injector = open_injector(ExecutorConfig(endpoint=plane.url))
    with pytest.raises(ExecutorUnreachable, match="allowed_targets"):
        injector.health(timeout_s=5)
    injector.close()
    assert plane.received == []


@pytest.fixture
def rebound(plane, session_data, tmp_path, monkeypatch):
    """A requested session whose endpoint resolved to what is allowed when that was looked at, and does no more."""
    monkeypatch.setenv("BOIFI_ALLOWED_TARGETS", "127.0.0.2")
    monkeypatch.setattr("boifi_core.safety.allowed_targets.resolved", lambda host, port: ["127.0.0.2"])
    return make_session(tmp_path, parse_session(session_data(plane.url)), others={REQUEST: "{}"})


def test_a_requested_session_follows_no_name_to_another_address(plane, rebound):
    with open_session(rebound) as session, pytest.raises(ExecutorUnreachable, match="allowed_targets"):
        session.injector.health(timeout_s=5)
    injector = open_reachable(rebound)
    with pytest.raises(ExecutorUnreachable, match="allowed_targets"):
        injector.list(timeout_s=5)
    injector.close()
    assert plane.received == []


@pytest.mark.parametrize(
    ("rules", "url", "address", "is_allowed"),
    [
        (["10.0.0.7:8080"], "http://10.0.0.7:8080", "10.0.0.7", True),
        (["10.0.0.7:8080"], "http://10.0.0.7:8081", "10.0.0.7", False),
        (["10.0.0.0/8:8080"], "http://mesh.local:8080", "10.9.9.9", True),
        (["10.0.0.0/8:8080"], "http://mesh.local", "10.9.9.9", False),
        (["[fd00::7]:8080"], "http://[fd00::7]:8080", "fd00::7", True),
        (["[fd00::7]:8080"], "http://[fd00::8]:8080", "fd00::8", False),
        (["[fd00::]/8", "fd00::/8"], "http://[fd00::8]", "fd00::8", None),
        (["[fd00::7]"], "http://[fd00::7]:1", "fd00::7", True),
        (["loopback:8080"], "http://localhost:8080", "127.0.0.1", True),
        (["loopback:8080"], "http://localhost:8081", "127.0.0.1", False),
        (["mesh.local:8080"], "http://mesh.local:8080", "10.1.1.1", True),
    ],
)
def test_an_address_or_a_network_may_have_a_port(rules, url, address, is_allowed):
    if is_allowed is None:
        with pytest.raises(InvalidInput, match="allowed_targets"):
            parse_rules(rules)
        return
    try:
        check_url("endpoint", url, parse_rules(rules), lambda host, port: [address])
    except InvalidInput:
        assert not is_allowed
    else:
        assert is_allowed


@pytest.mark.parametrize(
    "entry", ["", ":80", "a:b", "10.0.0.1/8", "1.2.3", "a b", "a:0", "[::1", "[]:80", "a.:80", "ä.de"]
)
def test_what_is_none_is_refused_with_the_rule(entry):
    with pytest.raises(InvalidInput, match=r"^allowed_targets: must be loopback, "):
        parse_rules([entry])
