"""Whatever is reached by HTTP takes the same keys: logins, headers, an own authority, a client's certificate."""

import base64
from datetime import UTC, datetime

import pytest
from certificates import Authority, Recording, over_tls

from boifi_core.errors import ExecutorRejected, ExecutorUnreachable, InvalidInput
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.observers.trace_sources.config import BackendConfig
from boifi_core.safety.keys import secrets_of
from boifi_core.wire.http import Wire


def ask(config):
    wire = Wire(config)
    try:
        return wire.call("GET", "/v1/ready", timeout_s=5)
    finally:
        wire.close()


def executor(url, **more):
    return ExecutorConfig.read({"endpoint": url, **more}, "executor")


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


LOGIN = {"user": "me", "password": "${MESH_PASSWORD}"}
BASIC = "Basic " + base64.b64encode(b"me:open sesame").decode()


def test_c18_user_and_password_before_a_control_plane(monkeypatch):
    monkeypatch.setenv("MESH_PASSWORD", "open sesame")
    with Recording(wanted=BASIC) as server:
        assert ask(executor(server.url, basic_auth=LOGIN)).status == 200
        monkeypatch.setenv("MESH_PASSWORD", "wrong")
        with pytest.raises(ExecutorRejected, match="answered 401: who are you") as refused:
            ask(executor(server.url, basic_auth=LOGIN))
    assert "wrong" not in str(refused.value)


@pytest.mark.parametrize("kind", [executor, lambda url, **more: BackendConfig(type="tempo", endpoint=url, **more)])
def test_c21_headers_of_ones_own_for_whatever_is_asked(monkeypatch, kind):
    monkeypatch.setenv("GATE_KEY", "k-1")
    with Recording() as server:
        ask(kind(server.url, headers={"X-Scope-OrgID": "team-7", "x-api-key": "${GATE_KEY}"}))
        (received,) = server.received
    assert (received["x-scope-orgid"], received["x-api-key"]) == ("team-7", "k-1")


def test_an_own_authority_and_without_it_a_word_on_the_certificate(authority):
    with over_tls(Recording(), authority) as url:
        assert ask(executor(url, ca_file=str(authority.ca_file))).status == 200
        with pytest.raises(ExecutorUnreachable, match=r"https://127\.0\.0\.1.*certificate"):
            ask(executor(url))


@pytest.mark.parametrize("in_one_file", [True, False])
def test_c18_a_certificate_of_the_clients_own(authority, tmp_path, in_one_file):
    certificate, key = authority.issue("client")
    files = {"client_cert_file": str(certificate), "client_key_file": str(key)}
    if in_one_file:
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        files = {"client_cert_file": str(both)}
    with over_tls(Recording(), authority, client_ca=authority.ca_file) as url:
        assert ask(executor(url, ca_file=str(authority.ca_file), **files)).status == 200
        with pytest.raises(ExecutorUnreachable):
            ask(executor(url, ca_file=str(authority.ca_file)))


def observed(url, **more):
    probe = Probe(ProbeConfig.model_validate({"requests": [{"url": f"{url}/"}], "count": 3, **more}))
    try:
        return probe.observe(newer_than=datetime.now(UTC), timeout_s=5)
    finally:
        probe.close()


def test_f11_a_probe_trusts_an_own_authority(authority, tmp_path):
    with over_tls(Recording(), authority) as url:
        assert observed(url, ca_file=str(authority.ca_file)).status_code == 200
        assert observed(url).status_code == 503
        assert observed(url, ca_file=str(Authority(tmp_path, "another").ca_file)).status_code == 503


def test_f11_a_probe_shows_a_certificate_of_its_own(authority):
    certificate, key = authority.issue("client")
    files = {"client_cert_file": str(certificate), "client_key_file": str(key)}
    with over_tls(Recording(), authority, client_ca=authority.ca_file) as url:
        assert observed(url, ca_file=str(authority.ca_file), **files).status_code == 200
        assert observed(url, ca_file=str(authority.ca_file)).status_code == 503


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"token": "t", "basic_auth": LOGIN},
            "executor: must have one of token, basic_auth and the header authorization",
        ),
        (
            {"headers": {"Authorization": "${T}"}, "basic_auth": LOGIN},
            "executor: must have one of token, basic_auth and the header authorization",
        ),
        ({"basic_auth": {"user": "me", "password": "secret"}}, "executor.basic_auth.password: must be ${NAME}"),
        ({"basic_auth": {"user": "me"}}, "executor.basic_auth.password: is required"),
        ({"headers": {"authorization": "secret"}}, "executor.headers.authorization: must be ${NAME}"),
        ({"headers": {"a b": "x"}}, "executor.headers.a b: must have a valid name"),
        ({"headers": {"x": "a\nb"}}, "executor.headers.x: must have a valid name"),
        ({"headers": {"Host": "x"}}, "executor.headers.Host: is set by BOIFI itself"),
        ({"client_key_file": __file__}, "executor.client_key_file: must stand beside client_cert_file"),
        ({"client_cert_file": "/none.pem"}, "executor.client_cert_file: must be a file that is there"),
    ],
)
def test_what_cannot_be_sent_is_refused_without_a_secret(more, said):
    with pytest.raises(InvalidInput) as refused:
        executor("https://mesh.local", **more)
    assert str(refused.value).startswith(said)
    assert "secret" not in str(refused.value).removeprefix(said)


def test_a_key_with_a_password_asks_nobody_at_the_terminal(authority):
    certificate, key = authority.issue("client", password=b"locked")
    config = executor("https://127.0.0.1:1", client_cert_file=str(certificate), client_key_file=str(key))
    with pytest.raises(InvalidInput, match=r"executor\.client_cert_file: .* without a password"):
        Wire(config)


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv("MESH_PASSWORD", raising=False)
    with pytest.raises(InvalidInput, match=r"executor\.basic_auth\.password: must name an environment variable"):
        Wire(executor("http://127.0.0.1:1", basic_auth=LOGIN))
    with pytest.raises(InvalidInput, match=r"executor\.headers\.x-key: must name an environment variable"):
        Wire(executor("http://127.0.0.1:1", headers={"x-key": "${MESH_PASSWORD}"}))


def test_each_secret_is_bound_to_where_it_is_sent():
    config = executor(
        "https://mesh.local", basic_auth={"user": "${WHO}", "password": "${PW}"}, headers={"x-key": "${KEY}", "y": "z"}
    )
    assert {(each.field, each.variable, each.url) for each in secrets_of(config)} == {
        ("basic_auth.user", "WHO", "https://mesh.local"),
        ("basic_auth.password", "PW", "https://mesh.local"),
        ("headers.x-key", "KEY", "https://mesh.local"),
    }
