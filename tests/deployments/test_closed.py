"""A Prefect server of ours against what a web page of elsewhere, or a program without the login, can send it."""

import os
import socket
from pathlib import Path

import httpx
import pytest
from listening import environment as environment_of
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from cli.prefect_api import running_server
from cli.prefect_login import login

SECRETS = {"BOIFI_JWT_SECRET": "j" * 32, "BOIFI_EXECUTOR_TOKEN": "t", "AWS_SECRET_ACCESS_KEY": "a", "OTHER_SECRET": "o"}
EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def home(tmp_path_factory, used_home):
    home = tmp_path_factory.mktemp("closed")
    used_home(home)
    return home


@pytest.fixture(scope="module")
def server(home):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        patch.setenv("FORWARDED_ALLOW_IPS", "*")
        with running_server(home) as url:
            yield url.removesuffix("/api")


@pytest.fixture
def api(server, home):
    with httpx.Client(base_url=server, auth=tuple(login(home).split(":")), trust_env=False, timeout=30) as calls:
        yield calls


def asked(api, headers, method="POST", path="/api/flow_runs/count", **more):
    return api.request(method, path, headers=headers, **more)


def test_it_asks_for_the_login(server, api):
    for path in ("/api/flow_runs/filter", "/api/flow_runs/count", "/api/artifacts/filter", "/api/variables/"):
        assert httpx.post(f"{server}{path}", json={}).status_code == 401
    assert httpx.get(f"{server}/api/health").json() is True
    assert asked(api, {}).json() >= 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST", "127.0.0.1:1"])
def test_it_is_reached_by_this_machine(api, host):
    assert asked(api, {"Host": host}).status_code == 200
    assert asked(api, {"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "prefect", "10.0.0.1", "localhost.evil.example", ""]
)
def test_and_by_no_other_name(api, host):
    for path in ("/api/flow_runs/count", "/api/health", "/", "/enter", "/openapi.json", "/ui-settings"):
        assert asked(api, {"Host": host}, "GET", path).status_code in (400, 403), path


@pytest.mark.parametrize(
    "origin",
    [EVIL, "null", "http://127.0.0.1", "http://127.0.0.1:1", "https://OWN", "http://localhost:PORT", "", "http://"],
)
def test_no_page_of_another_origin_gets_anything(server, api, origin):
    own = server.removeprefix("http://")
    headers = {"Origin": origin.replace("OWN", own).replace("PORT", own.partition(":")[2])}
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answers = [
        asked(api, headers),
        asked(api, headers, "GET", "/api/admin/version"),
        asked(api, headers, "GET", "/ui-settings"),
        asked(api, {**headers, **asks}, "OPTIONS"),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_its_own_pages_are_served_and_told_nothing_of_other_origins(server, api):
    answer = asked(api, {"Origin": server, "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answer.headers["x-frame-options"] == "DENY"


def test_what_a_page_loads_without_naming_its_origin_is_refused_and_a_link_that_a_person_follows_is_not(api):
    for site in ("cross-site", "same-site"):
        image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        frame = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert asked(api, image, "GET", "/api/admin/version").status_code == 403
        assert asked(api, frame, "GET", "/dashboard").status_code == 403
        assert asked(api, link).status_code == 403  # a form's POST
        assert asked(api, {**link, "Accept": "text/html"}, "GET", "/dashboard").status_code == 200


@pytest.mark.parametrize("headers", [{"Origin": EVIL}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_no_page_of_elsewhere_opens_a_socket(server, headers):
    address = f"{server.replace('http', 'ws')}/api/events/out"
    if "Host" in headers:
        port = server.rpartition(":")[2]
        with (
            socket.create_connection(("127.0.0.1", int(port))) as rebound,
            pytest.raises(InvalidStatus, match="403"),
        ):
            connect(f"ws://evil.example:{port}/api/events/out", sock=rebound, proxy=None)
        return
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, additional_headers=headers, subprotocols=["prefect"], proxy=None)
    connect(address, subprotocols=["prefect"], proxy=None).close()


def test_the_page_that_logs_in_holds_no_secret_and_loads_nothing(server, home):
    page = httpx.get(f"{server}/enter")
    assert page.status_code == 200
    assert login(home).partition(":")[2] not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_its_process_has_no_secret_but_its_own(server, home):
    mine = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    children = {pid for each in mine for pid in each.read_text().split()}
    servers = [pid for pid in children if b"boifi: prefect" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    [environment] = [each for each in map(environment_of, servers) if each["PREFECT_HOME"] == str(home)]
    assert environment["PREFECT_SERVER_API_AUTH_STRING"] == login(home)
    assert not environment.keys() & SECRETS.keys()
    assert not [name for name in environment if name.startswith(("BOIFI_", "AWS_"))]
