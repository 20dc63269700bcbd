"""What docker/Dockerfile and the compose files say, as values."""

import json
import re
import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
COMPOSE = {name: ROOT / "docker" / f"compose.{name}.yaml" for name in ("dev", "prod")}
ENTRY = ROOT / "docker" / "entry.sh"


@dataclass(frozen=True)
class Stage:
    """A stage of the Dockerfile, with what it has of those it is made from."""

    env: dict = field(default_factory=dict)
    labels: dict = field(default_factory=dict)
    files: frozenset = frozenset()
    exposed: frozenset = frozenset()
    user: str = "0"
    entrypoint: tuple = ()
    cmd: tuple = ()
    health: tuple = ()


def stages(text):
    """All stages of a Dockerfile, by name."""
    found, name = {}, None
    for line in _instructions(text):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            parent, _, name = rest.split()
            found[name] = found.get(parent, Stage())
        elif name is not None:
            found[name] = _with(found[name], word, rest)
    return found


def _instructions(text):
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [" ".join(each.split()) for each in "\n".join(lines).replace("\\\n", " ").splitlines() if each.strip()]


def _with(stage, word, rest):
    if word in ("ENV", "LABEL"):
        pairs = dict(part.split("=", 1) for part in shlex.split(rest))
        return replace(stage, **({"env": stage.env | pairs} if word == "ENV" else {"labels": stage.labels | pairs}))
    if word == "COPY":
        *sources, target = [part for part in rest.split() if not part.startswith("--")]
        return replace(stage, files=stage.files | {target + Path(source).name for source in sources})
    if word == "EXPOSE":
        return replace(stage, exposed=stage.exposed | {int(rest)})
    if word == "USER":
        return replace(stage, user=rest)
    if word in ("ENTRYPOINT", "CMD"):
        return replace(stage, **{word.lower(): tuple(json.loads(rest))})
    if word == "HEALTHCHECK":
        return replace(stage, health=() if rest == "NONE" else tuple(json.loads(rest.partition("CMD ")[2])))
    return stage


def compose(text, given=None):
    """A compose file as compose reads it: with the environment's variables put in, or what stands for those not given.

    A variable without a value is passed on where it is given, and otherwise left out.
    """
    given = given or {}

    def put(match):
        name, how, other = match[1], match[2], match[3]
        return given[name] if name in given else (other if how == ":-" else f"{name.lower()}.example")

    loaded = yaml.safe_load(re.sub(r"\$\{([A-Z_]+)(?:(:-|:\?)([^}]*))?\}", put, text))
    for service in loaded["services"].values():
        environment = service.get("environment", {})
        service["environment"] = {
            name: str(given[name] if value is None else value)
            for name, value in environment.items()
            if value is not None or name in given
        }
    return loaded


def command_of(service, stage):
    """What the service's container runs, without what leads to it."""
    return [str(word) for word in service.get("command", stage.cmd)]


def image_name(service):
    return service["image"].partition(":")[0]
