"""The Kubernetes manifests against the code: whatever they name is there, and a change on one side alone is noticed."""

import asyncio
import re
from dataclasses import replace

import pytest
from manifests import FOLDER, ROOT, Manifests, code, problems

from boifi_core.safety.policies import CALL_TIMEOUT_S, CLEAR_TIMEOUT_S
from deployments.cluster import job_template
from deployments.fork_server.run import DRAIN_TIMEOUT_S
from flows.lease import RELEASE_TIMEOUT_S


def test_manifests_name_only_what_there_is():
    assert problems(Manifests(), code()) == []


@pytest.mark.parametrize(
    ("path", "text", "other", "noticed"),
    [
        ("base/facade.yaml", 'containerPort: 8000', 'containerPort: 8001', "listens on 8000"),
        ("base/facade.yaml", "path: /ready", "path: /readyz", "asks /readyz"),
        ("base/facade.yaml", "BOIFI_DATABASE_URL", "BOIFI_DATABASE", "nobody reads BOIFI_DATABASE"),
        ("base/facade.yaml", "key: boifi-url", "key: url", "makes no Secret boifi-database with url"),
        ("base/facade.yaml", "api.early_app:create_app", "api.early_app:make_app", "api.early_app has no make_app"),
        ("base/facade.yaml", "image: boifi-service", "image: boifi-facade", "nobody makes the image boifi-facade"),
        ("base/facade.yaml", "port: 8000, targetPort", "port: 80, targetPort", "80 leads to 8000"),
        ("base/prefect.yaml", "path: /api/ready", "path: /ready", "asks /ready"),
        ("base/worker.yaml", "--pool, boifi", "--pool, kubernetes", "--pool must be boifi"),
        ("base/worker.yaml", 'PORT, value: "8080"', 'PORT, value: "8081"', "its port health is 8080"),
        ("base/worker.yaml", "OBSERVER_NAMESPACES", "OBSERVER_NAMESPACE", "nobody reads"),
        ("base/keeper.yaml", "deployments.reconcile.loop", "deployments.watcher", "no module deployments.watcher"),
        ("base/keeper.yaml", "/tmp/boifi-keeper", "/tmp/keeper", "must look at /tmp/boifi-keeper"),
        ("base/keeper.yaml", "automountServiceAccountToken: true", "automountServiceAccountToken: false", "token"),
        ("base/session.yaml", "  name: boifi-session", "  name: boifi-pod", "no PodTemplate boifi-session"),
        ("base/session.yaml", "containerPort: 4318", "containerPort: 4317", "received on 4318"),
        ("base/session.yaml", "component: session", "component: run", "no pod is session"),
        ("base/sweeper.yaml", "name: boifi-settings", "name: boifi-setting", "no ConfigMap boifi-setting"),
        ("base/access.yaml", "resourceNames: [boifi-session]", "resourceNames: [pod]", "is what the keeper reads"),
        ("base/network.yaml", "{port: otlp}", "{port: traces}", "session has no port traces"),
        ("base/kustomization.yaml", "boifi-prefect:4200", "boifi-prefect:4201", "no Service is boifi-prefect:4201"),
        ("base/kustomization.yaml", "READ_BATCH_SIZE=50", "READ_BATCH_SIZE=10", "where `boifi serve` starts it"),
        ("base/kustomization.yaml", "boifi-worker, newTag: 0.1.0", "boifi-worker, newTag: 0.0.9", "is 0.1.0"),
        ("overlays/dev/kustomization.yaml", "mock-executor:9090", "mock-executor:9091", "no Service is mock"),
        ("overlays/dev/kustomization.yaml", "SESSIONS_AT_ONCE=4", "SESSIONS_AT_ONCE=none", "sessions_at_once"),
        ("overlays/dev/mock-executor.yaml", 'args: [--host, 0.0.0.0, --port, "9090"]',
         'args: [--host, 0.0.0.0, --port, "9091"]', "listens on 9091"),
        ("components/volume/kustomization.yaml", "BOIFI_DATA=/data", "BOIFI_DATA=/var/lib/boifi", "mounted is /data"),
        ("components/volume/volume.yaml", "name: boifi-data", "name: boifi", "no PersistentVolumeClaim boifi-data"),
        ("components/monitoring/alerts.yaml", "boifi_sessions_waiting", "boifi_waiting", "nobody measures boifi_w"),
        ("components/monitoring/alerts.yaml", 'route!="/ready"', 'path!="/ready"', "has no label path"),
        ("components/monitoring/service-monitor.yaml", "key: api-key", "key: token", "boifi-metrics with token"),
        ("components/monitoring/boifi.json", "by (le, step)", "by (le, phase)", "has no label phase"),
    ],
)  # fmt: skip
def test_a_change_of_the_manifests_alone_is_noticed(path, text, other, noticed):
    before = (FOLDER / path).read_text()
    assert text in before
    found = problems(Manifests({path: before.replace(text, other)}), code())
    assert any(noticed in each for each in found), found


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (lambda known: {"variables": known.variables - {"BOIFI_SESSIONS_AT_ONCE"}}, "reads BOIFI_SESSIONS"),
        (lambda known: {"variables": known.variables - {"PREFECT_WORKER_QUERY_SECONDS"}}, "reads PREFECT_WORKER"),
        (lambda known: {"server_settings": {**known.server_settings, "PREFECT_SERVER_NEW": "1"}}, "SERVER_NEW is 1"),
        (lambda known: {"metrics": known.metrics | {"boifi_sessions": frozenset()}}, "no label status"),
        (lambda known: {"routes": known.routes - {"/ready"}}, "asks /ready"),
        (lambda known: {"images": known.images - {"boifi-worker"}}, "nobody makes the image boifi-worker"),
        (lambda known: {"version": "0.2.0"}, "boifi-service is 0.2.0"),
        (lambda known: {"pool": "pods"}, "--pool must be pods"),
        (lambda known: {"pod_template": "boifi-run"}, "boifi-run"),
        (lambda known: {"alive": "/tmp/alive"}, "must look at /tmp/alive"),
        (lambda known: {"traces_port": 4317}, "received on 4317"),
    ],
)  # fmt: skip
def test_a_change_of_the_code_alone_is_noticed(change, noticed):
    known = code()
    found = problems(Manifests(), replace(known, **change(known)))
    assert any(noticed in each for each in found), found


def test_metrics_of_alerts_and_dashboard_are_in_the_documents():
    text = (ROOT / "docs" / "service.md").read_text()
    used = {
        name
        for path in ("alerts.yaml", "boifi.json")
        for name in re.findall(r"\bboifi_\w+", (FOLDER / "components" / "monitoring" / path).read_text())
    }
    listed = set(re.findall(r"`?\b(boifi_\w+)", text))
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in used} <= listed


def pods():
    return dict(Manifests().pods())


def test_a_sessions_pod_is_given_time_to_remove_its_fault():
    """SIGTERM: the trial's fault, what is left of the session's, the target's lease, what is still to be told."""
    needed_s = 2 * (CLEAR_TIMEOUT_S + 1) + RELEASE_TIMEOUT_S + 2 * DRAIN_TIMEOUT_S
    assert needed_s > CALL_TIMEOUT_S
    assert pods()["PodTemplate boifi-session"]["spec"]["terminationGracePeriodSeconds"] >= needed_s


def made_job(api_url):
    """The job that Prefect's own worker would make of the pool's template, for a flow run."""
    from prefect.client.schemas.objects import FlowRun
    from prefect.settings import PREFECT_API_URL, temporary_settings
    from prefect.states import Pending
    from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

    template = job_template({"template": pods()["PodTemplate boifi-session"]}, "boifi")
    flow_run = FlowRun(flow_id="6a3b7e52-0f4e-4c4e-9f57-0d6b3c1f2a10", name="ratings-delay 9b2f6a1e", state=Pending())

    async def make():
        made = await KubernetesWorkerJobConfiguration.from_template_and_values(template, {})
        made.prepare_for_flow_run(flow_run, None, None, None, "kubernetes")
        return made.job_manifest

    with temporary_settings({PREFECT_API_URL: api_url}):
        return asyncio.run(make()), flow_run


def test_prefects_worker_makes_a_job_of_the_session_pod(prefect_server):
    job, flow_run = made_job(prefect_server)
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert job["metadata"]["namespace"] == "boifi"
    assert job["spec"]["backoffLimit"] == 0
    assert [*container["command"], *container["args"]] == ["python", "-m", "deployments.pod"]
    environment = {each["name"]: each for each in container["env"]}
    assert environment["PREFECT__FLOW_RUN_ID"]["value"] == str(flow_run.id)
    assert environment["PREFECT_API_AUTH_STRING"]["valueFrom"]["secretKeyRef"]["name"] == "boifi-prefect-login"
    # What network policies select by, beside the labels that Prefect brings.
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["app.kubernetes.io/component"] == "session"
    assert labels["prefect.io/flow-run-id"] == str(flow_run.id)
    assert pod["serviceAccountName"] == "boifi-session"
    assert pod["terminationGracePeriodSeconds"] == 90
