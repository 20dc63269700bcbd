"""The Kubernetes manifests as they stand in the repository, and what in them does not fit to code or each other."""

import ast
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deployments" / "kubernetes"
COMPONENT = "app.kubernetes.io/component"

OF_OTHERS = {
    "HOME", "DO_NOT_TRACK",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL",
    "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "PGDATA",
}  # fmt: skip
"""Environment that neither BOIFI nor Prefect defines: the system's, the AWS clients', the PostgreSQL image's."""

IMAGES_OF_OTHERS = {"docker.io/library/postgres"}
METRICS_OF_OTHERS = {"up"}


@dataclass(frozen=True)
class Code:
    """What the manifests may name.

    Attributes:
        variables: environment that is read.
        server_settings: how Prefect's server is started elsewhere, name and value.
        metrics: the series that the facade shows, with their labels.
        routes: the paths that the facade serves.
        images: what docker/Dockerfile makes.
        version: the project's.
        pool, pool_type, pod_template, alive: as in `deployments`.
        traces_port: where a session receives traces, unless its file says otherwise.
    """

    variables: frozenset[str]
    server_settings: dict[str, str]
    metrics: dict[str, frozenset[str]]
    routes: frozenset[str]
    images: frozenset[str]
    version: str
    pool: str
    pool_type: str
    pod_template: str
    alive: str
    traces_port: int


@cache
def code() -> Code:
    from prefect.settings.legacy import _get_valid_setting_names
    from prefect.settings.models.root import Settings as PrefectSettings
    from prefect_kubernetes.settings import KubernetesSettings

    from api.metrics import Metrics
    from api.routes import operating
    from api.settings import Settings
    from boifi_core.observers.trace_sources.config import ReceiverConfig
    from boifi_core.session.config import TOKEN_VARIABLE
    from cli.prefect_api import SERVER_SETTINGS, TELEMETRY_OFF
    from cli.serve import RETENTION
    from deployments import cluster, names
    from deployments.reconcile.loop import ALIVE

    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    metrics = Metrics()
    series: dict[str, frozenset[str]] = {}
    for family in metrics.registry.collect():
        labels = frozenset(_labels_of(metrics, family.name))
        endings = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}[family.type]
        series |= {family.name + end: labels | ({"le"} if end == "_bucket" else set()) for end in endings}
    kubernetes = {f"PREFECT_INTEGRATIONS_KUBERNETES_{name}" for name in _leaves(KubernetesSettings)}
    ours = {f"BOIFI_{name.upper()}" for name in Settings.model_fields} | {TOKEN_VARIABLE, "POD_NAMESPACE"}
    return Code(
        variables=frozenset(
            {*_get_valid_setting_names(PrefectSettings), "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"} | kubernetes | ours
        ),
        server_settings={**SERVER_SETTINGS, **TELEMETRY_OFF, **RETENTION},
        metrics=series,
        routes=frozenset(route.path for route in operating.router.routes),
        images=frozenset(f"boifi-{name}" for name in re.findall(r"^FROM \S+ AS (\S+)$", dockerfile, re.MULTILINE)),
        version=tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"],
        pool=names.WORK_POOL,
        pool_type=cluster.POOL_TYPE,
        pod_template=cluster.POD_TEMPLATE,
        alive=str(Path("/tmp") / ALIVE.name),
        traces_port=ReceiverConfig.model_fields["port"].default,
    )


def _labels_of(metrics: Any, name: str) -> tuple[str, ...]:
    collector = metrics.registry._names_to_collectors[name]
    return collector._labelnames


def _leaves(model: Any, prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and hasattr(inner, "model_fields"):
            yield from _leaves(inner, f"{prefix}{name}_".upper())
        else:
            yield f"{prefix}{name}".upper()


class Manifests:
    """All files of the folder, parsed.

    Args:
        changed: texts by path, in place of the files'.
    """

    def __init__(self, changed: dict[str, str] | None = None) -> None:
        texts = {
            str(path.relative_to(FOLDER)): path.read_text()
            for path in sorted(FOLDER.rglob("*"))
            if path.suffix in (".yaml", ".json") and path.parent != FOLDER
        }
        assert not set(changed or {}) - set(texts), "no such file"
        texts |= changed or {}
        self.documents: dict[str, list[Any]] = {
            path: [json.loads(text)] if path.endswith(".json") else list(yaml.safe_load_all(text))
            for path, text in texts.items()
        }

    def kustomizations(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for path, documents in self.documents.items():
            if path.endswith("kustomization.yaml"):
                yield path, documents[0]

    def objects(self, *kinds: str) -> Iterator[dict[str, Any]]:
        for path, documents in self.documents.items():
            if not path.endswith(("kustomization.yaml", ".json")):
                yield from (each for each in documents if not kinds or each["kind"] in kinds)

    def pods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each pod template, with the name of the object that it is of."""
        for each in self.objects():
            name = f"{each['kind']} {each['metadata']['name']}"
            if each["kind"] == "PodTemplate":
                yield name, each["template"]
            elif each["kind"] == "CronJob":
                yield name, each["spec"]["jobTemplate"]["spec"]["template"]
            elif "template" in each.get("spec", {}):
                yield name, each["spec"]["template"]

    def literals(self, generator: str, name: str | None = None, under: str = "") -> dict[str, str]:
        """What `configMapGenerator` or `secretGenerator` makes, all of it or one of this name."""
        found: dict[str, str] = {}
        for path, kustomization in self.kustomizations():
            for each in kustomization.get(generator, []):
                if path.startswith(under) and name in (None, each["name"]):
                    found |= dict(text.split("=", 1) for text in each.get("literals", []))
        return found

    def added(self) -> Iterator[Any]:
        """The values that the kustomizations' patches add."""
        for _, kustomization in self.kustomizations():
            for each in kustomization.get("patches", []):
                patch = yaml.safe_load(each["patch"])
                if isinstance(patch, list):
                    yield from (step["value"] for step in patch)


def problems(manifests: Manifests, known: Code) -> list[str]:
    """What does not fit, one line each."""
    checks = (
        _environment, _settings, _commands, _ports, _images, _secrets, _config_maps, _services, _policies, _access,
        _cluster, _metrics, _claims,
    )  # fmt: skip
    return [problem for check in checks for problem in check(manifests, known)]


def _containers(manifests: Manifests) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for name, pod in manifests.pods():
        for container in pod["spec"]["containers"]:
            yield name, pod, container


def _env(container: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in container.get("env", [])}


def _environment(manifests: Manifests, known: Code) -> Iterator[str]:
    named = {(name, variable) for name, _, container in _containers(manifests) for variable in _env(container)}
    named |= {
        ("patch", value["name"]) for value in manifests.added() if isinstance(value, dict) and "valueFrom" in value
    }
    for generator in ("boifi-settings", "boifi-prefect-server"):
        named |= {(generator, variable) for variable in manifests.literals("configMapGenerator", generator)}
    for where, variable in sorted(named):
        if variable not in known.variables | OF_OTHERS:
            yield f"{where}: nobody reads {variable}"


def _settings(manifests: Manifests, known: Code) -> Iterator[str]:
    """The values are such that the processes start with them."""
    from api.settings import Settings

    server = manifests.literals("configMapGenerator", "boifi-prefect-server")
    for name, value in known.server_settings.items():
        if server.get(name) != value:
            yield f"boifi-prefect-server: {name} is {value} where `boifi serve` starts it, here {server.get(name)}"
    for overlay in ("dev", "production"):
        literals = manifests.literals("configMapGenerator", "boifi-settings", "base")
        for where in ("components/volume",) if overlay == "dev" else ():
            literals |= manifests.literals("configMapGenerator", "boifi-settings", where)
        literals |= manifests.literals("configMapGenerator", "boifi-settings", f"overlays/{overlay}")
        keys = '[{"name": "a", "sha256": "' + "0" * 64 + '"}]' if overlay == "production" else "[]"
        before = dict(os.environ)
        os.environ |= {**literals, "BOIFI_API_KEYS": keys}
        try:
            Settings()
        except ValueError as error:
            yield f"{overlay}: {error}"
        finally:
            os.environ.clear()
            os.environ |= before
        if "BOIFI_DATA" not in literals:
            yield f"{overlay}: where is the data dir?"


def _commands(manifests: Manifests, _known: Code) -> Iterator[str]:
    for name, _, container in _containers(manifests):
        words = [str(word) for word in [*container.get("command", []), *container.get("args", [])]]
        if words[:1] != ["python"]:
            if words:
                yield f"{name}: must run python, got {words[0]}"
            continue
        module = words[2] if words[1] == "-m" else ""
        if not module or find_spec(module) is None:
            yield f"{name}: there is no module {module}"
        if "--factory" in words:
            target, _, attribute = words[words.index("--factory") + 1].partition(":")
            if not _defines(target, attribute):
                yield f"{name}: {target} has no {attribute}"


def _defines(module: str, name: str) -> bool:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return False
    tree = ast.parse(Path(spec.origin).read_text())
    return any(isinstance(each, ast.FunctionDef) and each.name == name for each in tree.body)


def _ports(manifests: Manifests, known: Code) -> Iterator[str]:
    """What a process listens on is what its container says; probes ask for what there is."""
    for name, _, container in _containers(manifests):
        ports = {each["name"]: each["containerPort"] for each in container.get("ports", [])}
        words = [str(word) for word in container.get("args", [])]
        if "--port" in words and ports.get("http") != int(words[words.index("--port") + 1]):
            yield f"{name}: listens on {words[words.index('--port') + 1]}, its port http is {ports.get('http')}"
        health = _env(container).get("PREFECT_WORKER_WEBSERVER_PORT", {}).get("value")
        if health is not None and ports.get("health") != int(health):
            yield f"{name}: listens on {health}, its port health is {ports.get('health')}"
        if "otlp" in ports and ports["otlp"] != known.traces_port:
            yield f"{name}: traces are received on {known.traces_port}, its port otlp is {ports['otlp']}"
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(probe, {}).get("httpGet")
            if asked and asked["port"] not in ports:
                yield f"{name}: {probe} asks port {asked['port']}"
            served = {
                "facade": known.routes,
                "prefect": {"/api/health", "/api/ready"},
                "worker": {"/health"},
                "demo": {"/v1/ready"},
            }
            if asked and asked["path"] not in served[container["name"]]:
                yield f"{name}: {probe} asks {asked['path']}"


def _images(manifests: Manifests, known: Code) -> Iterator[str]:
    used = {container["image"] for _, _, container in _containers(manifests)}
    for image in sorted(used):
        if image not in known.images and image.rpartition(":")[0] not in IMAGES_OF_OTHERS:
            yield f"nobody makes the image {image}"
    tagged = set()
    for path, kustomization in manifests.kustomizations():
        for each in kustomization.get("images", []):
            tagged.add(each["name"])
            if each["newTag"] != known.version:
                yield f"{path}: {each['name']} is {known.version}, got {each['newTag']}"
    yield from (f"{image} has no tag" for image in sorted(used & known.images - tagged))


def _references(manifests: Manifests, kind: str) -> Iterator[tuple[str, str, bool]]:
    """Name, key and whether it may be missing, of all references of this kind (`secretKeyRef`, …)."""
    values = [each for _, _, container in _containers(manifests) for each in container.get("env", [])]
    for value in [*values, *(each for each in manifests.added() if isinstance(each, dict))]:
        if found := value.get("valueFrom", {}).get(kind):
            yield found["name"], found["key"], found.get("optional", False)


def documented_secrets() -> set[tuple[str, str]]:
    """Name and key of each Secret that docs/deployment.md has made."""
    text = (ROOT / "docs" / "deployment.md").read_text().replace("\\\n", " ")
    found = set()
    for name, rest in re.findall(r"kubectl -n boifi create secret generic (\S+)(.*)", text):
        found |= {(name, key) for key in re.findall(r"--from-literal=([a-z-]+)=", rest)}
    return found


def _secrets(manifests: Manifests, _known: Code) -> Iterator[str]:
    made = {
        (each["name"], text.split("=", 1)[0])
        for path, kustomization in manifests.kustomizations()
        if path.startswith("overlays/dev")
        for each in kustomization.get("secretGenerator", [])
        for text in each["literals"]
    }
    documented = documented_secrets()
    for name, key, may_be_missing in sorted(set(_references(manifests, "secretKeyRef"))):
        is_of_store = name == "boifi-object-storage"
        if (name, key) not in made and not may_be_missing and not is_of_store:
            yield f"overlays/dev makes no Secret {name} with {key}"
        if (name, key) not in documented and (name, key) != ("boifi-database", "password"):
            yield f"docs/deployment.md makes no Secret {name} with {key}"
    for monitor in manifests.objects("ServiceMonitor"):
        for endpoint in monitor["spec"]["endpoints"]:
            credentials = endpoint["authorization"]["credentials"]
            if (credentials["name"], credentials["key"]) not in documented:
                yield f"docs/deployment.md makes no Secret {credentials['name']} with {credentials['key']}"


def _config_maps(manifests: Manifests, _known: Code) -> Iterator[str]:
    made = {each["name"] for _, k in manifests.kustomizations() for each in k.get("configMapGenerator", [])}
    for name, pod, container in _containers(manifests):
        used = {each["configMapRef"]["name"] for each in container.get("envFrom", []) if "configMapRef" in each}
        used |= {volume["configMap"]["name"] for volume in pod["spec"].get("volumes", []) if "configMap" in volume}
        yield from (f"{name}: there is no ConfigMap {each}" for each in sorted(used - made))


def _components(manifests: Manifests) -> dict[str, set[str]]:
    """The names of the ports of each component's pods."""
    found: dict[str, set[str]] = {}
    for _, pod, container in _containers(manifests):
        ports = {each["name"] for each in container.get("ports", [])}
        found.setdefault(pod["metadata"]["labels"][COMPONENT], set()).update(ports)
    return found


def _selected(selector: dict[str, Any]) -> set[str]:
    """The components that a selector is about; none where it takes all."""
    chosen = selector.get("matchLabels", {}).get(COMPONENT)
    listed = [value for each in selector.get("matchExpressions", []) for value in each["values"]]
    return {chosen} if chosen else set(listed)


def _services(manifests: Manifests, _known: Code) -> Iterator[str]:
    components = _components(manifests)
    ports: dict[str, set[int]] = {}
    for service in manifests.objects("Service"):
        name, spec = service["metadata"]["name"], service["spec"]
        ports[name] = {each["port"] for each in spec["ports"]}
        there = components.get(spec["selector"][COMPONENT], set())
        yield from (
            f"Service {name}: its pods have no port {each['targetPort']}"
            for each in spec["ports"]
            if each["targetPort"] not in there
        )
        numbers = {
            each["name"]: each["containerPort"]
            for _, pod, container in _containers(manifests)
            if pod["metadata"]["labels"][COMPONENT] == spec["selector"][COMPONENT]
            for each in container.get("ports", [])
        }
        for each in spec["ports"]:
            if numbers.get(each["targetPort"]) != each["port"]:
                yield f"Service {name}: {each['port']} leads to {numbers.get(each['targetPort'])}"
    literals = manifests.literals("configMapGenerator") | manifests.literals("secretGenerator")
    for name in ("PREFECT_API_URL", "boifi-url", "prefect-url"):
        at = urlsplit(literals[name])
        if at.port not in ports.get(at.hostname or "", set()):
            yield f"{name}: no Service is {at.hostname}:{at.port}"
    target = manifests.literals("configMapGenerator", "boifi-settings", "overlays/dev")["BOIFI_ALLOWED_TARGETS"]
    host, _, port = target.partition(":")
    if int(port) not in ports.get(host, set()):
        yield f"BOIFI_ALLOWED_TARGETS: no Service is {target}"
    for each in manifests.objects("HorizontalPodAutoscaler"):
        wanted = each["spec"]["scaleTargetRef"]["name"]
        if wanted not in {deployment["metadata"]["name"] for deployment in manifests.objects("Deployment")}:
            yield f"HorizontalPodAutoscaler: there is no Deployment {wanted}"


def _policies(manifests: Manifests, _known: Code) -> Iterator[str]:
    components = _components(manifests)
    for policy in manifests.objects("NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        about = _selected(spec["podSelector"])
        yield from (f"NetworkPolicy {name}: no pod is {each}" for each in sorted(about - components.keys()))
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in spec.get(direction, []):
                others = {c for peer in rule.get(side, []) for c in _selected(peer.get("podSelector", {}))}
                yield from (f"NetworkPolicy {name}: no pod is {each}" for each in sorted(others - components.keys()))
                listening = about if direction == "ingress" else others
                for port in rule.get("ports", []):
                    if isinstance(port["port"], str) and not all(
                        port["port"] in components.get(each, set()) for each in listening
                    ):
                        yield f"NetworkPolicy {name}: {', '.join(sorted(listening))} has no port {port['port']}"


def _access(manifests: Manifests, known: Code) -> Iterator[str]:
    accounts = {each["metadata"]["name"] for each in manifests.objects("ServiceAccount")}
    bound = {subject["name"] for each in manifests.objects("RoleBinding") for subject in each["subjects"]}
    roles = {each["metadata"]["name"]: each for each in manifests.objects("Role")}
    for each in manifests.objects("RoleBinding"):
        if each["roleRef"]["name"] not in roles:
            yield f"RoleBinding {each['metadata']['name']}: there is no Role {each['roleRef']['name']}"
    for name, pod in manifests.pods():
        account = pod["spec"].get("serviceAccountName")
        if account is not None and account not in accounts:
            yield f"{name}: there is no ServiceAccount {account}"
        if pod["spec"].get("automountServiceAccountToken") is not (account in bound):
            yield f"{name}: has a token if, and only if, its account has rights"
    if roles["boifi-keeper"]["rules"][0]["resourceNames"] != [known.pod_template]:
        yield f"Role boifi-keeper: {known.pod_template} is what the keeper reads"


def _cluster(manifests: Manifests, known: Code) -> Iterator[str]:
    """Pool, pod template and what the keeper touches are called as in the code."""
    if [each["metadata"]["name"] for each in manifests.objects("PodTemplate")] != [known.pod_template]:
        yield f"there is no PodTemplate {known.pod_template}"
    for _, _, container in _containers(manifests):
        words = container.get("args", [])
        if container["name"] == "worker":
            for option, value in (("--pool", known.pool), ("--type", known.pool_type)):
                if words[words.index(option) + 1] != value:
                    yield f"worker: {option} must be {value}"
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container.get(probe, {}).get("exec", {}).get("command", [])
            if container["name"] == "keeper" and f"'{known.alive}'" not in asked[-1]:
                yield f"keeper: {probe} must look at {known.alive}"


def _metrics(manifests: Manifests, known: Code) -> Iterator[str]:
    queries = [rule["expr"] for each in manifests.objects("PrometheusRule")
               for group in each["spec"]["groups"] for rule in group["rules"]]  # fmt: skip
    for path, documents in manifests.documents.items():
        if path.endswith(".json"):
            queries += [t["expr"] for panel in documents[0]["panels"] for t in panel["targets"]]
    assert queries
    for query in queries:
        yield from _unknown_in(query, known)


def _unknown_in(query: str, known: Code) -> Iterator[str]:
    of_target = {"job", "pod"}
    for name, inside in re.findall(r"\b(up|boifi_\w+)(?:\{([^}]*)\})?", query):
        if name in METRICS_OF_OTHERS:
            continue
        if name not in known.metrics:
            yield f"nobody measures {name}"
            continue
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside))
        labels |= {each.strip() for group in re.findall(r"\bby \(([^)]*)\)", query) for each in group.split(",")}
        if unknown := labels - known.metrics[name] - of_target:
            yield f"{name} has no label {', '.join(sorted(unknown))}"


def _claims(manifests: Manifests, _known: Code) -> Iterator[str]:
    claims = {each["metadata"]["name"] for each in manifests.objects("PersistentVolumeClaim")}
    mounted = set()
    for value in manifests.added():
        if isinstance(value, dict) and "persistentVolumeClaim" in value:
            claim = value["persistentVolumeClaim"]["claimName"]
            if claim not in claims:
                yield f"there is no PersistentVolumeClaim {claim}"
        if isinstance(value, dict) and "mountPath" in value:
            mounted.add(value["mountPath"])
    data = manifests.literals("configMapGenerator", "boifi-settings", "components/volume")["BOIFI_DATA"]
    if mounted != {data}:
        yield f"the data dir is {data}, mounted is {', '.join(sorted(mounted))}"
