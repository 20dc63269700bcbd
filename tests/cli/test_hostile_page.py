"""A page of another origin, in a real browser, against every port: nothing is read, and nothing is started."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from browser import chromium
from flow_runs import until
from services import SESSIONS, Service

from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.hfi.policy_document import policy
from boifi_core.observers.otlp.receiver import OtlpReceiver
from demo.target import start_target

pytestmark = pytest.mark.system

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN = {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": TRACE_ID, "spanId": "b7ad6b7169203331"}]}]}]}
PLAN = FaultPlan(fault_type="abort", abort_status_code=503, duration_seconds=300)
POLICY = policy("of-a-page", PLAN)
SESSION = {
    "search_space_config": {"dimensions": [{"name": "fault_type", "type": "categorical", "values": ["abort"]}]},
    "total_trials": 5,
    "initial_points": 5,
}

# What any page may try. Each attempt tells what it could read, or that it could not.
PAGE = """<!doctype html><title>hostile</title><body><script>
const refused = "refused";
async function tried(attempt) {
  try {
    return await Promise.race([attempt(), new Promise((done) => setTimeout(() => done(refused), 4000))]);
  } catch (error) { return refused; }
}
const asked = (url, init) => async () => {
  const answer = await fetch(url, init);
  if (answer.type === "opaque") return refused;
  return "read " + answer.status + " " + (await answer.text()).slice(0, 80);
};
const loaded = (kind, url) => () => new Promise((done) => {
  const element = document.createElement(kind);
  element.onload = () => done(kind === "iframe" ? seen(element) : "loaded " + kind);
  element.onerror = () => done(refused);
  element.src = url;
  document.body.append(element);
});
function seen(frame) {
  try { return "read " + frame.contentDocument.body.innerText.slice(0, 80); } catch (error) { return refused; }
}
const socket = (url) => () => new Promise((done) => {
  const opened = new WebSocket(url.replace("http", "ws"), "prefect");
  opened.onopen = () => done("opened");
  opened.onerror = () => done(refused);
});
const streamed = (url) => () => new Promise((done) => {
  const source = new EventSource(url);
  source.onopen = () => done("streams");
  source.onmessage = () => done("streams");
  source.onerror = () => { source.close(); done(refused); };
});
const form = (url, body, type) => () => new Promise((done) => {
  const frame = document.createElement("iframe");
  frame.name = "f" + Math.random();
  const sent = document.createElement("form");
  Object.assign(sent, {method: "POST", action: url, enctype: type, target: frame.name});
  const field = document.createElement("input");
  const text = JSON.stringify(body);
  field.name = text.slice(0, -1) + ', "x": "';
  field.value = '"}';
  sent.append(field);
  document.body.append(frame, sent);
  frame.onload = () => done(seen(frame));
  sent.submit();
});
async function everything(ways) {
  const found = {};
  for (const [method, url, body] of ways) {
    const text = body === null ? undefined : JSON.stringify(body);
    const plain = {method, body: text, headers: {"content-type": "text/plain"}};
    const typed = {method, body: text, headers: {"content-type": "application/json"}};
    const attempts = {
      cors: asked(url, typed),
      simple: asked(url, method === "DELETE" ? {method} : plain),
      "no-cors": asked(url, {mode: "no-cors", ...(method === "POST" ? plain : {})}),
      credentials: asked(url, {...typed, credentials: "include"}),
    };
    if (method === "POST") {
      attempts.beacon = async () => { navigator.sendBeacon(url, text); return refused; };
      attempts.blob = async () => {
        navigator.sendBeacon(url, new Blob([text], {type: "application/json"}));
        return refused;
      };
      attempts.form = form(url, body, "text/plain");
      attempts.encoded = form(url, body, "application/x-www-form-urlencoded");
    } else if (method === "GET") {
      Object.assign(attempts, {
        img: loaded("img", url), script: loaded("script", url), frame: loaded("iframe", url),
        stream: streamed(url), socket: socket(url),
      });
    }
    for (const [name, attempt] of Object.entries(attempts)) found[`${name} ${method} ${url}`] = await tried(attempt);
  }
  return found;
}
</script>"""


@pytest.fixture(scope="module")
def page():
    """Where the page lies: another port of this machine, or, by the other name, another site."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.encode())

        def log_message(self, *_said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.fixture(scope="module")
def service(tmp_path_factory, used_home):
    data = tmp_path_factory.mktemp("hostile")
    used_home(data / "service")
    service = Service(data)
    service.start()
    service.until_ready()
    yield service
    service.close()


@pytest.fixture(scope="module")
def target():
    with start_target() as target:
        yield target


@pytest.fixture
def receiver():
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


def login(service):
    """As a person who uses Prefect's UI in this browser."""
    return "boifi", (service.data / "service" / "prefect-password").read_text()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_it_reads_nothing_and_starts_nothing(page, service, target, receiver, tmp_path, name):
    prefect = service.prefect_url()
    with httpx.Client(base_url=f"{prefect}/api", auth=login(service), trust_env=False, timeout=30) as api:
        deployment = until(lambda: api.get("/deployments/name/session/boifi").json().get("id"), 60, "the deployment")
        flow_runs = f"/deployments/{deployment}/create_flow_run"
        facade = service.url
        ways = [
            ("GET", f"{facade}{SESSIONS}", None),
            ("GET", f"{facade}/metrics", None),
            ("POST", f"{facade}{SESSIONS}", {**SESSION, "executor_endpoint": target.control_plane}),
            ("POST", f"{facade}{SESSIONS}/validate", {**SESSION, "executor_endpoint": target.control_plane}),
            ("GET", f"{prefect}/api/admin/version", None),
            ("GET", f"{prefect}/ui-settings", None),
            ("POST", f"{prefect}/api/flow_runs/filter", {}),
            ("POST", f"{prefect}/api{flow_runs}", {"parameters": {"folder": "/tmp"}}),
            ("POST", f"{prefect}/api/flows/", {"name": "of-a-page"}),
            ("GET", f"{target.control_plane}/v1/policies", None),
            ("POST", f"{target.control_plane}/v1/policies", POLICY),
            ("DELETE", f"{target.control_plane}/v1/policies/mine", None),
            ("GET", f"{target.shop}/", None),
            ("POST", f"{target.shop}/checkout", {}),
            ("POST", f"http://127.0.0.1:{receiver.port}/v1/traces", SPAN),
        ]
        mine = policy("mine", PLAN)
        httpx.post(f"{target.control_plane}/v1/policies", json=mine).raise_for_status()

        def standing():
            of_session = {"flows": {"name": {"any_": ["session"]}}}  # upkeep comes and goes
            return {
                "sessions": service.http.get(SESSIONS).json(),
                "runs": api.post("/flow_runs/count", json=of_session).json(),
                "flows": sorted(flow["name"] for flow in api.post("/flows/filter", json={}).json()),
                "policies": httpx.get(f"{target.control_plane}/v1/policies").json(),
                "spans": receiver.store.take([bytes.fromhex(TRACE_ID)]),
            }

        before = standing()
        with chromium(tmp_path / "chromium") as tab:
            tab.open(page.replace("127.0.0.1", name))
            found = tab.ask(f"everything({json.dumps(ways)})")
        assert {what: said for what, said in found.items() if said != "refused" and not harmless(what, said)} == {}
        assert len(found) > 80
        assert standing() == before
    httpx.delete(f"{target.control_plane}/v1/policies/mine").raise_for_status()


def harmless(what, said):
    """A frame that shows an error of ours is empty to the page, and so is one that shows the browser's own."""
    return said == "read "
