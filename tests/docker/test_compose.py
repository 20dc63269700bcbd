"""Both compose files are valid, and all that they name exists: in the Dockerfile, in the code, among their services."""

import importlib
import re
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from inspect import signature
from pathlib import Path

import pytest
from containers import COMPOSE, DOCKERFILE, ENTRY, Stage, command_of, compose, image_name, stages

from api.app import create_app
from api.settings import Settings
from boifi_core.errors import InvalidInput
from boifi_core.safety.allowed_targets import parse_rules
from boifi_core.session.config import TOKEN_VARIABLE
from cli.prefect_api import SERVER_SETTINGS, TELEMETRY_OFF
from cli.serve import RETENTION
from demo.control_plane import control_plane

POSTGRES = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD_FILE"}
"""What the image of PostgreSQL takes."""

OTHERS = {
    *("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SHARED_CREDENTIALS_FILE"),  # the client of the object storage
    "PGPASSWORD",  # psycopg and asyncpg
    "OPENBLAS_NUM_THREADS",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL",  # Prefect's logging.yml
    *("HOME", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH", "PYTHONUNBUFFERED", "DO_NOT_TRACK"),
}
PORT_OF_OTHERS = {"postgres": 5432}
URL = re.compile(r"^(?:[a-z0-9+]+)://(?:[^@/]+@)?([^:/]+):(\d+)(/\S*)?$")


@cache
def prefect_names():
    from prefect.settings import Settings as PrefectSettings
    from prefect.settings.legacy import _get_valid_setting_names

    return _get_valid_setting_names(PrefectSettings)


def is_known(name):
    """Whether somebody reads a variable of this name."""
    from_files = re.search(r"^secrets='(.*)'$", ENTRY.read_text(), re.M)[1]
    if found := re.fullmatch(f"({from_files})_FILE", name):
        name = found[1]
    own = {f"BOIFI_{each.upper()}" for each in Settings.model_fields} | {"BOIFI_CONFIG", TOKEN_VARIABLE}
    return name in own | OTHERS or name in prefect_names()


@cache
def paths_of(app):
    """The paths that an app answers, by what the command calls it."""
    if app == "api.early_app:create_app":
        return set(create_app(Settings()).openapi()["paths"])
    if app == "deployments.prefect_server:create_app":
        from prefect.server.api.server import create_api_app

        return {f"/api{signature(create_api_app).parameters['health_check_path'].default}"}
    if app == "demo":
        return {resource.canonical for resource in control_plane(None, None, lambda: True).router.resources()}
    return set()


def app_of(command):
    """What a command serves, and at which port."""
    words = [part for word in command for part in word.split("=", 1)]
    port = int(words[words.index("--port") + 1]) if "--port" in words else None
    [app] = [word for word in words if ":create_" in word] or [words[words.index("-m") + 1] if "-m" in words else ""]
    return app, port


def wrong_command(command, stage):
    """What a command names that does not exist."""
    for word in command:
        if word.endswith(".py") and word not in stage.files:
            yield f"no file {word} in the image"
        module, colon, made = word.partition(":")
        is_app = colon and re.fullmatch(r"[a-z_.]+:[a-z_]+", word)
        if is_app and (find_spec(module) is None or not hasattr(importlib.import_module(module), made)):
            yield f"no {word}"
    if "-m" in command and find_spec(command[command.index("-m") + 1]) is None:
        yield f"no module {command[command.index('-m') + 1]}"


def problems(file, made):
    """What does not fit together in a compose file, with itself or with the Dockerfile's stages."""
    services = file["services"]
    stage_of = {name: made.get(image_name(each).removeprefix("boifi-"), Stage()) for name, each in services.items()}
    ports = {name: app_of(command_of(each, stage_of[name]))[1] for name, each in services.items()} | {
        name: port for name, port in PORT_OF_OTHERS.items() if name in services
    }
    published = {int(each.split(":")[1]) for service in services.values() for each in service.get("ports", [])}
    for name, service in services.items():
        checks = [wrong_image, wrong_environment, wrong_ports, wrong_health, wrong_places, wrong_order]
        context = {"file": file, "name": name, "stage": stage_of[name], "ports": ports, "published": published}
        for check in checks:
            for problem in check(service, **context):
                yield f"{name}: {problem}"


def wrong_image(service, file, name, stage, **_context):
    if name in PORT_OF_OTHERS:
        return
    if stage.labels.get("org.opencontainers.image.title") != image_name(service):
        yield f"no image {image_name(service)}"
    targets = [other["build"]["target"] for other in file["services"].values()
               if other["image"] == service["image"] and "build" in other]  # fmt: skip
    if [f"boifi-{target}" for target in targets] != [image_name(service)]:
        yield f"its image is to be built once, got {targets}"
    if stage.user != "10001:10001":
        yield f"it runs as {stage.user}"
    if not (service.get("read_only") and service.get("cap_drop") == ["ALL"] and service.get("tmpfs") == ["/tmp"]):
        yield "it is not closed"
    yield from wrong_command(command_of(service, stage), stage)


def wrong_environment(service, file, name, stage, ports, published):
    known = POSTGRES.__contains__ if name in PORT_OF_OTHERS else is_known
    environment = service["environment"]
    yield from (f"nobody reads {each}" for each in environment if not known(each))
    for variable, value in environment.items():
        if found := URL.match(value):
            host, port = found[1], int(found[2])
            if not (ports.get(host) == port if host in ports else host == "127.0.0.1" and port in published):
                yield f"{variable}: nobody listens at {value}"
        if value.startswith("/run/secrets/") and value.rpartition("/")[2] not in service.get("secrets", []):
            yield f"{variable}: no secret {value}"
    yield from (f"no secret {each}" for each in service.get("secrets", []) if each not in file["secrets"])
    for rule in filter(None, environment.get("BOIFI_ALLOWED_TARGETS", "").split(",")):
        host, _, port = rule.partition(":")
        try:
            parse_rules([rule])
        except InvalidInput as error:
            yield str(error)
        if "." not in host and ports.get(host) != int(port):
            yield f"BOIFI_ALLOWED_TARGETS: nobody listens at {rule}"


def wrong_ports(service, name, ports, **_context):
    for each in service.get("ports", []):
        if each != f"127.0.0.1:{ports[name]}:{ports[name]}":
            yield f"it listens at {ports[name]}, got {each}"


def wrong_health(service, name, stage, ports, **_context):
    kind, *command = service["healthcheck"]["test"]
    if kind != "CMD":
        yield f"its health check is {kind}"
    yield from wrong_command(command, stage)
    for found in filter(None, map(URL.match, command)):
        app = app_of(command_of(service, stage))[0]
        if (found[1], int(found[2])) != ("127.0.0.1", ports[name]) or found[3] not in paths_of(app):
            yield f"it does not answer at {found[0]}"


def wrong_places(service, file, name, stage, **_context):
    mounted = [volume.split(":") for volume in service.get("volumes", [])]
    targets = [each[1] for each in mounted] + service.get("tmpfs", [])
    for source, *_ in mounted:
        if not (COMPOSE["dev"].parent / source).exists() if source.startswith(".") else source not in file["volumes"]:
            yield f"no volume {source}"
    environment = stage.env | service["environment"]
    command = command_of(service, stage)
    # Prefect's server keeps nothing of BOIFI's.
    names = {"HOME", "PREFECT_HOME"} | (set() if "deployments.prefect_server:create_app" in command else {"BOIFI_DATA"})
    written = [environment[each] for each in names if each in environment]
    for path in written + [word for word in command if word.startswith("/")]:
        if path.startswith("/") and path not in targets and not any(path.startswith(f"{each}/") for each in targets):
            yield f"nothing can be written at {path}"


def wrong_order(service, file, **_context):
    for other, how in service.get("depends_on", {}).items():
        if other not in file["services"] or how != {"condition": "service_healthy"}:
            yield f"it cannot wait for {other}"


@pytest.fixture(params=COMPOSE)
def name(request):
    return request.param


def found_in(name, old="", new="", dockerfile=(("", ""))):
    text, built = COMPOSE[name].read_text(), DOCKERFILE.read_text()
    assert old in text, old
    assert dockerfile[0] in built, dockerfile
    return list(problems(compose(text.replace(old, new) if old else text), stages(built.replace(*dockerfile))))


def test_it_is_a_compose_file(name, tmp_path):
    checker = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec"]
    good = subprocess.run([*checker, COMPOSE[name]], capture_output=True, text=True, timeout=60, check=False)
    assert good.returncode == 0, good.stdout
    (tmp_path / "wrong.yaml").write_text(COMPOSE[name].read_text().replace("healthcheck:", "health-check:"))
    wrong = subprocess.run([*checker, tmp_path / "wrong.yaml"], capture_output=True, text=True, timeout=60, check=False)
    assert "health-check" in wrong.stdout


def test_all_that_it_names_exists(name):
    assert found_in(name) == []


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("dev", "prefect:4200/api", "prefect:4201/api"),
        ("dev", "prefect:4200/api", "prefekt:4200/api"),
        ("dev", "--port=4200", "--port=4300"),
        ("dev", "127.0.0.1:4200/api/health", "127.0.0.1:4200/api/healthy"),
        ("dev", "127.0.0.1:8000/health", "127.0.0.1:8000/alive"),
        ("dev", "127.0.0.1:9090/v1/ready", "127.0.0.1:9090/ready"),
        ("dev", "mock-executor:9090", "mock-executor:9000"),
        ("dev", '"127.0.0.1:8000:8000"', '"8000:8000"'),
        ("dev", '"127.0.0.1:8000:8000"', '"127.0.0.1:8000:8080"'),
        ("dev", "BOIFI_PUBLISHED_ON_LOOPBACK", "BOIFI_AUTH"),
        ("dev", "PREFECT_UI_API_URL", "PREFECT_UI_URL_API"),
        ("dev", "deployments.prefect_server:create_app", "deployments.prefect_server:make"),
        ("dev", "deployments.worker_heartbeat", "deployments.hears"),
        ("dev", "/opt/entry/answers.py", "/opt/answers.py"),
        ("dev", "boifi-demo:dev", "boifi-shop:dev"),
        ("dev", "target: worker", "target: service"),
        ("dev", "boifi-service:dev\n    build", "boifi-service:dev\n    # build"),
        ("dev", "service:dev\n    environ", "service:dev\n    build: {target: service}\n    environ"),
        ("dev", '["data:/data"]', '["data:/date"]'),
        ("dev", '["data:/data"]', '["date:/data"]'),
        ("dev", "read_only: true", "read_only: false"),
        ("dev", "PREFECT_HOME: /data", "PREFECT_HOME: /home"),
        ("prod", "boifi@postgres:5432/boifi", "boifi@postgres:5433/boifi"),
        ("prod", "/run/secrets/api_keys", "/run/secrets/keys"),
        ("prod", "PGPASSWORD_FILE", "PG_PASSWORD_FILE"),
        ("prod", "BOIFI_API_KEYS_FILE", "BOIFI_KEYS_FILE"),
        ("prod", "POSTGRES_DB", "POSTGRES_DATABASE"),
        ("prod", "./postgres.sql", "./prefect.sql"),
        ("prod", "postgres: {condition: service_healthy}", "postgres: {condition: service_started}"),
    ],
)
def test_a_change_on_the_side_of_compose_is_found(name, old, new):
    assert found_in(name, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"--port", "8000"', '"--port", "8001"'),
        ('"--port", "9090"', '"--port", "9091"'),
        ("AS worker", "AS session-worker"),
        ("docker/answers.py /opt/entry/", "docker/answers.py /opt/"),
        ("USER 10001:10001", "USER root"),
        ("BOIFI_DATA=/data", "BOIFI_DATA=/var/lib/boifi"),
    ],
)
def test_a_change_on_the_side_of_the_dockerfile_is_found(old, new):
    assert found_in("dev", dockerfile=(old, new))


def test_the_dockerfile_names_what_exists():
    made = stages(DOCKERFILE.read_text())
    for target in ("service", "worker", "demo"):
        stage = made[target]
        assert [name for name in stage.env if not is_known(name)] == []
        assert list(wrong_command(stage.cmd, stage)) + list(wrong_command(stage.health, stage)) == []
        app, port = app_of(stage.cmd)
        assert stage.exposed == ({port} if port else set())
        assert all(int(URL.match(word)[2]) == port for word in stage.health if URL.match(word)), app
    service = made["service"].env
    assert {**SERVER_SETTINGS, **RETENTION, **TELEMETRY_OFF}.items() <= service.items(), "as `boifi serve` sets them"
    assert made["worker"].env == service
