"""Every port that the service, its sessions and the embedded target open: who gets in there.

Walked over as they are: a port that docs/security.md does not have in its table is an error.
"""

import re
import socket
from contextlib import suppress

import httpx
import pytest
from flow_runs import made_trials
from listening import command, environment, listening, tree
from loopback import free_port
from services import ROOT, SESSIONS, Service
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.hfi.policy_document import policy
from demo.target import start_target

pytestmark = pytest.mark.slow

LOOPBACK = ("0100007F", "00000000000000000000000001000000")

LOGIN = ("boifi", "the-servers")
SECRETS = {
    "BOIFI_EXECUTOR_TOKEN": "the-workers",
    "BOIFI_DATABASE_URL": "",  # set below
    "BOIFI_JWT_AUDIENCE": "the-facades",
    "PREFECT_SERVER_API_AUTH_STRING": ":".join(LOGIN),
    "AWS_SECRET_ACCESS_KEY": "the-stores",
    "SOMEBODYS_SECRET": "nobodys",
}
TRUSTING = {"FORWARDED_ALLOW_IPS": "*"}

EVIL = "http://evil.example"
FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Host": "evil.example"},
    {"Host": "evil.example", "Origin": EVIL},
    {"Origin": "http://127.0.0.1:9"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
]

PLAN = FaultPlan(fault_type="abort", abort_status_code=503, duration_seconds=300)
POLICY = policy("of-a-page", PLAN)
SPAN = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1"}]}]}]}

READS_AND_STARTS = {
    "facade": [("GET", SESSIONS, None), ("POST", SESSIONS, {}), ("GET", "/metrics", None)],
    "Prefect's server": [
        ("POST", "/api/flow_runs/filter", {}),
        ("POST", "/api/artifacts/filter", {}),
        ("POST", "/api/flows/", {"name": "of-a-page"}),
        ("GET", "/api/admin/version", None),
        ("GET", "/ui-settings", None),
    ],
    "a session's receiver of spans": [("POST", "/v1/traces", SPAN), ("GET", "/", None)],
    "the embedded target's receiver of spans": [("POST", "/v1/traces", SPAN)],
    "the embedded target's control plane": [
        ("GET", "/v1/policies", None),
        ("GET", "/v1/observations/latest", None),
        ("POST", "/v1/policies", POLICY),
        ("DELETE", "/v1/policies/of-a-page", None),
    ],
    "the embedded shop": [("GET", "/", None), ("POST", "/checkout", {})],
}


@pytest.fixture(scope="module")
def otlp_port():
    return free_port()


@pytest.fixture(scope="module")
def targets(otlp_port):
    """The embedded target as `boifi target up` has it, and one that only injects and sends its spans to the session."""
    with (
        start_target() as observing,
        start_target(observations=False, otlp_endpoint=f"http://127.0.0.1:{otlp_port}") as injecting,
    ):
        yield observing, injecting


@pytest.fixture(scope="module")
def service(tmp_path_factory, used_home):
    data = tmp_path_factory.mktemp("ports")
    data.chmod(0o755)
    used_home(data / "service")
    service = Service(data, {**SECRETS, **TRUSTING, "BOIFI_DATABASE_URL": f"sqlite:///{data}/index.db"})
    service.start()
    service.until_ready()
    yield service
    service.close()


@pytest.fixture(scope="module")
def session(service, targets, otlp_port):
    """A session that takes spans in, for as long as the tests take."""
    _, injecting = targets
    config = {
        "name": "ports",
        "executor": {"type": "hfi", "endpoint": injecting.control_plane, "timeout_s": 10},
        "observer": {
            "type": "probe",
            "requests": [{"url": f"{injecting.shop}/"}],
            "count": 4,
            "traces": {"type": "otlp", "port": otlp_port, "quiet_s": 0.5},
        },
        "search_space": {
            "dimensions": [
                {"name": "fault_type", "type": "categorical", "values": ["abort"]},
                {"name": "target_path", "type": "categorical", "values": ["/nothing"]},
                {"name": "abort_status_code", "type": "categorical", "values": [500, 503]},
                {"name": "percentage", "type": "integer", "min": 1, "max": 100},
            ]
        },
        "analyzer": {"baseline_latency_ms": 5000, "threshold_latency_ms": 9000},
        "total_trials": 200,
        "initial_points": 5,
    }
    folder = service.create(config)
    made_trials(folder, 1, 120)
    yield folder
    folder.request_cancel()


def kind_of(port, pid, targets, otlp_port):
    """What listens there, as docs/security.md calls it."""
    said = command(pid)
    for part, kind in (
        ("boifi: facade", "facade"),
        ("boifi: prefect", "Prefect's server"),
        ("envoy", "the embedded shop"),
    ):
        if part in said:
            return kind
    if "boifi: session" in said and port == otlp_port:
        return "a session's receiver of spans"
    if "-m demo --port" in said:
        planes = [int(target.control_plane.rpartition(":")[2]) for target in targets]
        is_plane = port in planes
        return f"the embedded target's {'control plane' if is_plane else 'receiver of spans'}"
    return f"{said} at port {port}"


@pytest.fixture(scope="module")
def ports(service, session, targets, otlp_port):
    """Kind to the ports that listen, whatever their addresses."""
    own = {pid for root in (service.process.pid, *(target.pid for target in targets)) for pid in tree(root)}
    found = {}
    for (address, port), pids in listening(own).items():
        assert address in LOOPBACK, f"{address}:{port} is not loopback"
        for kind in {kind_of(port, pid, targets, otlp_port) for pid in pids if "cli.main" not in command(pid)}:
            found.setdefault(kind, set()).add(port)
    return found


def test_the_document_has_every_port_and_no_other(ports):
    text = (ROOT / "docs" / "security.md").read_text()
    table = text.partition("## Ports")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)) - {"port", "---"}
    assert ports.keys() == documented == READS_AND_STARTS.keys()


def test_what_no_page_is_served_a_program_is(ports):
    for kind, ways in READS_AND_STARTS.items():
        for port in ports[kind]:
            method, path, body = ways[0]
            answer = httpx.request(method, f"http://127.0.0.1:{port}{path}", json=body, auth=LOGIN, timeout=30)
            assert answer.status_code < 300, (kind, answer.text)


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("kind", READS_AND_STARTS)
def test_no_page_of_elsewhere_reads_or_starts_anything(ports, kind, headers):
    for port in ports[kind]:
        for method, path, body in READS_AND_STARTS[kind]:
            # Even one that knew the login.
            answer = httpx.request(method, f"http://127.0.0.1:{port}{path}", json=body, headers=headers,
                                   auth=LOGIN, timeout=30)  # fmt: skip
            assert answer.status_code in (401, 403, 405), (port, method, path, answer.status_code, answer.text)
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("kind", READS_AND_STARTS)
def test_no_preflight_of_elsewhere_is_granted_and_no_form_is_taken(ports, kind):
    asks = {"Origin": EVIL, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    for port in ports[kind]:
        for method, path, _ in READS_AND_STARTS[kind]:
            answer = httpx.options(f"http://127.0.0.1:{port}{path}", headers=asks, timeout=30)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
            for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
                headers = {"Content-Type": content_type, "Origin": EVIL}
                if method == "POST":
                    address = f"http://127.0.0.1:{port}{path}"
                    answer = httpx.post(address, content=b'{"name": "x"}', headers=headers, timeout=30)
                    assert answer.status_code in (401, 403), (port, path, content_type, answer.text)


def test_spans_as_text_are_taken_from_nobody(ports, otlp_port):
    answer = httpx.post(
        f"http://127.0.0.1:{otlp_port}/v1/traces", content=b"{}", headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415


@pytest.mark.parametrize("kind", READS_AND_STARTS)
def test_no_web_socket_opens_to_a_page_of_elsewhere(ports, kind):
    for port in ports[kind]:
        for path in ("/", "/api/events/out", "/api/events/in", "/api/logs/out"):
            with (
                suppress(InvalidStatus),
                connect(
                    f"ws://127.0.0.1:{port}{path}", origin=EVIL, subprotocols=["prefect"], proxy=None, open_timeout=20
                ),
            ):
                pytest.fail(f"{port}{path} opened")


def test_no_port_is_anybodys_of_another_machine(ports):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        own = asked.getsockname()[0]
    if own.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    for port in {port for several in ports.values() for port in several}:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((own, port), timeout=5)


def test_each_process_has_of_the_secrets_its_own_alone(service, session):
    found = {}
    children = service.children()
    for kind, pid in children.items():
        found[kind] = environment(pid)
    holder = session.holder()
    found["session"] = environment(holder)
    for pid in tree(service.process.pid)[1:]:  # whoever else there is
        kind = next(kind for kind, of in children.items() if pid in tree(of))
        assert environment(pid).keys() <= found[kind].keys() | {"LC_CTYPE"}
    secrets = {kind: each.keys() & SECRETS.keys() for kind, each in found.items()}
    common = {"AWS_SECRET_ACCESS_KEY", "SOMEBODYS_SECRET"}
    assert secrets == {
        "prefect": {"PREFECT_SERVER_API_AUTH_STRING"},
        "worker": {"BOIFI_EXECUTOR_TOKEN"} | common,
        "session": {"BOIFI_EXECUTOR_TOKEN"} | common,
        "facade": {"BOIFI_DATABASE_URL", "BOIFI_JWT_AUDIENCE"} | common,
    }


def test_whom_a_request_says_that_it_is_from_is_believed_of_nobody(service):
    answer = service.http.get(SESSIONS, headers={"X-Forwarded-For": "203.0.113.77", "X-Forwarded-Proto": "https"})
    assert answer.status_code == 200
    assert "203.0.113.77" not in service.log()


def test_nothing_secret_is_in_its_log_and_the_data_dir_is_its_users_alone(service):
    assert LOGIN[1] not in service.log()
    assert f"log in by the link in {service.data}/service/prefect-link" in service.log()
    assert service.data.stat().st_mode & 0o777 == 0o700
    for name in ("prefect-link", "api.json"):
        assert (service.data / "service" / name).stat().st_mode & 0o777 == 0o600
