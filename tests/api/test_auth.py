"""Who may do what: every route, by every caller."""

import asyncio
import json
import re
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from facades import REQUEST, SESSIONS, facade, made, refused
from pydantic import ValidationError

from api.app import create_app
from api.keys import digest, main
from api.settings import Settings

KEYS = {scope: f"boifi_{scope}" for scope in ("read", "run", "admin")}
SECRET = "s" * 32
LEVEL = {"nobody": 0, "stranger": 0, "read": 1, "run": 2, "admin": 3}

ROUTES = {
    ("GET", "/health"): 0,
    ("GET", "/ready"): 0,
    ("GET", "/metrics"): 1,
    ("GET", SESSIONS): 1,
    ("POST", SESSIONS): 2,
    ("POST", SESSIONS + "/validate"): 2,
    ("GET", SESSIONS + "/{session_id}"): 1,
    ("DELETE", SESSIONS + "/{session_id}"): 3,
    ("POST", SESSIONS + "/{session_id}/stop"): 2,
    ("POST", SESSIONS + "/{session_id}/resume"): 2,
    ("GET", SESSIONS + "/{session_id}/trials"): 1,
    ("GET", SESSIONS + "/{session_id}/report"): 1,
    ("GET", SESSIONS + "/{session_id}/events"): 1,
}
"""What each route needs: 0 nothing, 1 read, 2 run, 3 admin."""


def keys():
    return [{"name": scope, "sha256": digest(key), "scopes": [scope]} for scope, key in KEYS.items()]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    data = tmp_path_factory.mktemp("guarded")
    folder = made(data, trials=1, status="RUNNING")
    with facade(data, api_keys=keys(), jwt_secret=SECRET, failed_login_limit="10000/minute") as calls:
        yield calls, folder


def headers_of(caller):
    if caller == "nobody":
        return {}
    return {"Authorization": f"Bearer {KEYS.get(caller, 'boifi_unknown')}"}


def test_the_table_has_every_route_of_the_document(guarded):
    document = guarded[0].get("/openapi.json").json()
    routes = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert routes == set(ROUTES)


@pytest.mark.parametrize("caller", LEVEL)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_is_open_to_those_only_whom_it_is_for(guarded, method, path, caller):
    api, folder = guarded
    answer = api.stream(method, path.format(session_id=folder.session_id), headers=headers_of(caller),
                        json={"no": "session"} if method == "POST" else None)  # fmt: skip
    with answer as got:
        if LEVEL[caller] >= ROUTES[method, path]:
            assert got.status_code not in (401, 403)
        else:
            got.read()
            refused(got, 401 if LEVEL[caller] == 0 else 403, "unauthenticated" if LEVEL[caller] == 0 else "forbidden")


@pytest.mark.parametrize("path", ["/nothing", "/v1", "/docs/x", "//health", "/health/", "/%2e/metrics"])
def test_what_is_no_route_tells_a_stranger_nothing(guarded, path):
    refused(guarded[0].get(path), 401, "unauthenticated")


def test_a_key_is_taken_in_either_header(guarded):
    api = guarded[0]
    assert api.get(SESSIONS, headers={"X-API-Key": KEYS["read"]}).status_code == 200
    assert api.get(SESSIONS, headers={"X-API-Key": KEYS["read"] + "x"}).status_code == 401
    assert api.get(SESSIONS, headers={"Authorization": f"Basic {KEYS['read']}"}).status_code == 401


def token(secret=SECRET, algorithm="HS256", headers=None, **claims):
    whole = {"sub": "ci", "aud": "boifi", "exp": time.time() + 60, "scope": "read", **claims}
    kept = {name: value for name, value in whole.items() if value is not None}
    return jwt.encode(kept, secret, algorithm=algorithm, headers=headers)


GOOD = {"plain": {}, "as a list": {"scope": None, "scopes": ["read"]}, "more": {"scope": "openid run"}}
BAD = {
    "expired": ({"exp": 1}, "it has expired; get a new one"),
    "for ever": ({"exp": None}, "it must have exp, sub and aud"),
    "for others": ({"aud": "shop"}, "it is not for this service; its aud must be the setting jwt_audience"),
    "for nobody": ({"aud": None}, "it must have exp, sub and aud"),
    "of nobody": ({"sub": None}, "it must have exp, sub and aud"),
    "not yet": ({"nbf": time.time() + 600}, "it is not valid yet; do the clocks agree?"),
}


@pytest.mark.parametrize("claims", GOOD.values(), ids=GOOD)
def test_a_sound_token_is_taken(guarded, claims):
    assert guarded[0].get(SESSIONS, headers={"Authorization": f"Bearer {token(**claims)}"}).status_code == 200


@pytest.mark.parametrize(("claims", "why"), BAD.values(), ids=BAD)
def test_an_unsound_token_is_not(guarded, claims, why):
    answer = guarded[0].get(SESSIONS, headers={"Authorization": f"Bearer {token(**claims)}"})
    assert answer.headers["www-authenticate"] == "Bearer"
    assert refused(answer, 401, "unauthenticated")["message"] == f"the token is not valid: {why}"


def test_neither_is_one_of_another_key_or_of_no_key(guarded):
    for shown in (token(secret="x" * 32), token(secret="", algorithm="none"), token(secret="s" * 64, algorithm="HS512"),
                  "a.b.c", "boifi_", "é"):  # fmt: skip
        answer = guarded[0].get(SESSIONS, headers={"Authorization": f"Bearer {shown}".encode()})
        message = refused(answer, 401, "unauthenticated")["message"]
        assert not re.search(r"[a-z][A-Z]|Error|Decode|Signature$", message), "a name of the library's"
    refused(guarded[0].get(SESSIONS, headers={"Authorization": f"Bearer {token(scope='')}"}), 403, "forbidden")


@pytest.fixture
def jwks():
    """An RSA key, and the URL of the set that it is in."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    entry = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    body = json.dumps({"keys": [{**entry, "kid": "one", "use": "sig", "alg": "RS256"}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield key, f"http://127.0.0.1:{server.server_port}/jwks"
    server.shutdown()
    server.server_close()


def test_tokens_by_a_key_of_a_set_are_taken_and_no_others(tmp_path, jwks):
    key, url = jwks
    public = key.public_key()
    with facade(tmp_path, jwt_jwks_url=url) as api:
        good = token(secret=key, algorithm="RS256", headers={"kid": "one"})
        assert api.get(SESSIONS, headers={"Authorization": f"Bearer {good}"}).status_code == 200
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for bad in (
            token(secret=other, algorithm="RS256", headers={"kid": "one"}),
            token(secret=key, algorithm="RS256", headers={"kid": "two"}),
            token(secret="s" * 32, headers={"kid": "one"}),
        ):
            refused(api.get(SESSIONS, headers={"Authorization": f"Bearer {bad}"}), 401, "unauthenticated")
    assert public.key_size == 2048


def test_a_set_that_cannot_be_fetched_is_our_trouble_not_the_callers(tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    good = token(secret=key, algorithm="RS256", headers={"kid": "one"})
    with facade(tmp_path, jwt_jwks_url="http://127.0.0.1:1/jwks") as api:
        refused(api.get(SESSIONS, headers={"Authorization": f"Bearer {good}"}), 503, "unavailable")


def asked(data, client=("127.0.0.1", 5), base_url="http://127.0.0.1:8000", headers=None, **settings):
    """What a caller at some address is answered, where there are neither keys nor tokens."""

    async def ask():
        app = create_app(Settings(data=data, **settings))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app, client=client)
            async with httpx.AsyncClient(transport=transport, base_url=base_url) as calls:
                return await calls.get(SESSIONS, headers=headers)

    return asyncio.run(ask())


def test_without_keys_only_this_machine_is_served(tmp_path):
    assert asked(tmp_path).status_code == 200
    assert asked(tmp_path, base_url="http://localhost:8000", client=("::1", 5)).status_code == 200
    refused(asked(tmp_path, client=("10.0.0.7", 5)), 401, "unauthenticated")
    refused(asked(tmp_path, base_url="http://10.0.0.1:8000"), 401, "unauthenticated")


def test_without_keys_no_page_of_another_origin_is_served(tmp_path):
    refused(asked(tmp_path, headers={"Host": "evil.example"}), 401, "unauthenticated")
    refused(asked(tmp_path, headers={"Origin": "http://evil.example"}), 401, "unauthenticated")
    refused(asked(tmp_path, headers={"Origin": "null"}), 401, "unauthenticated")
    assert asked(tmp_path, headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200
    for site in ("cross-site", "same-site"):
        image = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
        link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        refused(asked(tmp_path, headers=image), 401, "unauthenticated")
        assert asked(tmp_path, headers=link).status_code == 200


def test_through_a_port_published_on_loopback_callers_name_this_machine_and_pages_their_origin(tmp_path):
    # What comes through a container's published port has an address of the container's network at both ends.
    container = {"client": ("172.18.0.1", 5), "host": "0.0.0.0", "published_on_loopback": True}
    assert asked(tmp_path, base_url="http://localhost:8000", **container).status_code == 200
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        refused(asked(tmp_path, headers=headers, **container), 401, "unauthenticated")
    key = {"api_keys": keys()}
    refused(asked(tmp_path, **container, **key), 401, "unauthenticated")


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "0.0.0.0"},
        {"jwt_secret": "short"},
        {"jwt_jwks_url": "http://keys.example/jwks"},
        {"rate_limit": "often"},
        {"api_keys": [{"name": "a", "sha256": "x", "scopes": ["read"]}]},
        {"api_keys": [{"name": "a", "sha256": "0" * 64, "scopes": ["root"]}]},
        {"api_keys": [{"name": "a", "sha256": "0" * 64}] * 2},
    ],
)
def test_settings_that_are_not_safe_are_refused(tmp_path, wrong):
    with pytest.raises(ValidationError):
        Settings(data=tmp_path, **wrong)


def test_beyond_loopback_with_a_key_is_fine(tmp_path):
    assert Settings(data=tmp_path, host="0.0.0.0", api_keys=keys()).is_guarded


def test_a_new_key_is_shown_once_and_kept_hashed(capsys, tmp_path):
    assert main(["ci", "read", "run"]) == 0
    shown = capsys.readouterr().out
    key = re.search(r"boifi_\S+", shown)[0]
    entry = json.loads(re.search(r"\{.*\}", shown)[0])
    assert entry == {"name": "ci", "sha256": digest(key), "scopes": ["read", "run"]}
    assert key not in json.dumps(entry)
    with facade(tmp_path, api_keys=[entry]) as api:
        created = api.post(SESSIONS, json=REQUEST, headers={"X-API-Key": key}).json()
        assert api.get(created["links"]["self"], headers={"X-API-Key": key}).json()["created_by"] == "ci"
    assert main(["ci"]) == 2
    assert main(["ci", "root"]) == 2


def test_no_secret_is_in_any_file_or_log(tmp_path, capfd):
    with facade(tmp_path, api_keys=keys(), jwt_secret=SECRET) as api:
        api.post(SESSIONS, json=REQUEST, headers=headers_of("run"))
        api.get(SESSIONS, headers={"Authorization": f"Bearer {token(exp=1)}"})
    said = capfd.readouterr()
    everything = (said.out + said.err).encode() + b"".join(f.read_bytes() for f in tmp_path.rglob("*") if f.is_file())
    for secret in (*KEYS.values(), SECRET, token(exp=1)):
        assert secret.encode() not in everything
