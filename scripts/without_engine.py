"""Images and compose files without a container engine: built and run by buildah, on a base made from Debian's packages.

As root, on Debian, with what scripts/system-tools.sh installs. What is built is kept in `CACHE`, so that a second run
builds only what has changed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from stat import S_ISREG
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path.home() / ".cache" / "boifi-images"
BASE = "localhost/boifi-base:bookworm"
TARGETS = ("service", "worker", "demo", "cluster")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

BUILD_TIMEOUT_S = 900.0
END_TIMEOUT_S = 90.0


def call(*command: str | Path, timeout_s: float = 60.0) -> str:
    """What a command says; its error names what went wrong in its own words."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{(done.stdout + done.stderr)[-4000:]}")
    return done.stdout.strip()


def buildah(*arguments: str | Path, timeout_s: float = 60.0) -> str:
    """What buildah says."""
    return call(*BUILDAH, *arguments, timeout_s=timeout_s)


BUILDAH = ("buildah", "--storage-driver", "overlay", "--root", str(CACHE / "storage"), "--runroot", str(CACHE / "run"))


def base_image() -> str:
    """The base's name: Debian 12 with Python 3.11, in place of python:3.11-slim-bookworm; made where there is none."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if not buildah("images", "--quiet", "--filter", f"reference={BASE}"):
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            system = Path(folder) / "system"
            packages = "--include=ca-certificates,python3,python3-venv"
            call("debootstrap", "--variant=minbase", packages, "bookworm", system, timeout_s=BUILD_TIMEOUT_S)
            # As it reaches the registries, so do the builds.
            shutil.copyfile(CERTIFICATES, system / CERTIFICATES.lstrip("/"))
            for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists"):
                shutil.rmtree(system / unneeded)
            container = buildah("from", "scratch")
            buildah("copy", container, system, "/", timeout_s=BUILD_TIMEOUT_S)
            buildah("commit", "--format", "docker", "--rm", container, BASE, timeout_s=BUILD_TIMEOUT_S)
    return BASE


def build(target: str) -> str:
    """The name of the image of a target of docker/Dockerfile, as it is now."""
    name = f"localhost/boifi-{target}:dev"
    _build(target, "--tag", name)
    return name


def bills_of_materials(folder: Path) -> None:
    """Put the software bills of materials into a folder."""
    _build("sbom", "--output", folder)


def _build(target: str, *more: str | Path) -> None:
    # With the same options each time: else nothing of one is taken for another.
    options = ["--isolation", "chroot", "--format", "docker", "--layers", "--build-arg", f"BASE={base_image()}"]
    file = ["--file", ROOT / "docker" / "Dockerfile", "--target", target, *more, ROOT]
    buildah("build", *options, *file, timeout_s=BUILD_TIMEOUT_S)


def config(image: str) -> dict[str, Any]:
    """How an image's containers are run, in Docker's words: `Cmd`, `Env`, `Healthcheck`, `User`, …"""
    found: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]
    return found


def size_bytes(image: str) -> int:
    """What an image adds to its base: the size of its files, uncompressed, that are not the base's."""
    base = {path: size for path, (size, _) in _files(base_image()).items()}
    own = {inode: size for path, (size, inode) in _files(image).items() if base.get(path) != size}
    return sum(own.values())


def _files(image: str) -> dict[str, tuple[int, int]]:
    """Size and inode of each file of an image, by its path."""
    with mounted(image) as folder:
        found = {str(path.relative_to(folder)): path.lstat() for path in folder.rglob("*")}
    return {path: (stat.st_size, stat.st_ino) for path, stat in found.items() if S_ISREG(stat.st_mode)}


@contextmanager
def mounted(image: str) -> Iterator[Path]:
    """An image's files."""
    container = buildah("from", "--pull-never", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


def said(image: str, *command: str) -> str:
    """What a command says in an image, in a container made for it."""
    container = buildah("from", "--pull-never", image)
    try:
        return buildah("run", "--isolation", "chroot", container, "--", *command)
    finally:
        buildah("rm", container)


@dataclass
class Container:
    """A service's container, which runs until `end`.

    Attributes:
        log: what it said.
        identity: what buildah calls it.
        files: its own file system, without its volumes.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    identity: str
    files: Path
    began: float
    started: Sequence[str]

    def run(self, *command: str, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as a health check is run."""
        words = [*self.started, "--", *command]
        return subprocess.run(words, capture_output=True, text=True, timeout=timeout_s, check=False)

    def processes(self) -> list[int]:
        """Those of the image's user, the first of them first."""
        found: list[int] = []
        for pid in _descendants(self.process.pid):
            with suppress(OSError):
                place = Path(f"/proc/{pid}")
                if place.stat().st_uid != 0 and not (place / "cmdline").read_bytes().startswith(b"buildah"):
                    found.append(pid)
        return found

    def written(self) -> set[str]:
        """What was written into its own files since it began, outside of its volumes."""
        found = set()
        for path in self.files.rglob("*"):
            with suppress(OSError):
                if path.is_file() and path.lstat().st_ctime > self.began:
                    found.add(f"/{path.relative_to(self.files)}")
        return found

    def end(self) -> int | None:
        """End its first process, as `docker stop` does, and wait for that."""
        with suppress(ProcessLookupError, IndexError):
            os.kill(self.processes()[0], signal.SIGTERM)
        try:
            return self.process.wait(END_TIMEOUT_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    with suppress(OSError):
        # Any of a process's threads may have started a child.
        texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
        children = [int(each) for text in texts for each in text.split()]
        return children + [each for child in children for each in _descendants(child)]
    return []


class Project:
    """The services of a compose file, in a network of their own where each has an address.

    Args:
        services: as the file has them, with its variables put in.
        secrets: the secrets' files by name.
    """

    def __init__(self, services: Mapping[str, Any], secrets: Mapping[str, Path] | None = None) -> None:
        self.name = f"boifi-{uuid.uuid4().hex[:8]}"
        self._services = services
        self.secrets = dict(secrets or {})
        self.addresses = {name: f"172.28.0.{number}" for number, name in enumerate(services, start=2)}
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.name}-"))
        self.folder.chmod(0o755)
        self._containers: list[Container] = []

    @cached_property
    def inside(self) -> tuple[str, ...]:
        """What runs a command in the network."""
        return ("ip", "netns", "exec", self.name)

    def open(self) -> None:
        """Make the network: all addresses are of one machine, as it is for who is on it."""
        call("ip", "netns", "add", self.name)
        call(*self.inside, "ip", "link", "set", "lo", "up")
        for address in self.addresses.values():
            call(*self.inside, "ip", "address", "add", f"{address}/32", "dev", "lo")

    def volume(self, name: str, mode: int = 0o755) -> Path:
        """A volume's folder, the images' user's as it would be by a named volume of an engine."""
        folder = self.folder / name
        if not folder.exists():
            folder.mkdir()
            folder.chmod(mode)
            os.chown(folder, 10001, 10001)
        return folder

    def start(self, service: str) -> Container:
        """Run a service's container, with the file's command, environment, volumes and secrets."""
        told = self._services[service]
        image = f"localhost/{told['image'].partition(':')[0]}:dev"
        made = config(image)
        hosts = [word for name, address in self.addresses.items() for word in ("--add-host", f"{name}:{address}")]
        identity = buildah("from", "--pull-never", *hosts, image)
        # Here, before it runs: a command in the network has mounts of its own, which another does not see.
        files = Path(buildah("mount", identity))
        number = len(self._containers)
        options = ["--isolation", "chroot", "--volume", f"{self.volume(f'tmp-{number}', 0o1777)}:/tmp"]
        for volume in told.get("volumes", []):
            source, target = volume.split(":")[:2]
            options += ["--volume", f"{self.volume(source)}:{target}"]
        for secret in told.get("secrets", []):
            options += ["--volume", f"{self.secrets[secret]}:/run/secrets/{secret}:ro"]
        for name, value in told.get("environment", {}).items():
            options += ["--env", f"{name}={value}"]
        started = [*self.inside, *BUILDAH, "run", *options, identity]
        command = [*(made["Entrypoint"] or []), *(map(str, told.get("command") or made["Cmd"]))]
        log = self.folder / f"{service}-{number}.log"
        began = time.time()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*started, "--", *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        container = Container(service, process, log, identity, files, began, started)
        self._containers.append(container)
        return container

    def health(self, service: str) -> list[str]:
        """The command by which the file tells whether a service is healthy."""
        return [str(word) for word in self._services[service]["healthcheck"]["test"][1:]]

    def close(self) -> None:
        """End all that still runs, the last first, and remove what was made for it."""
        for container in reversed(self._containers):
            with suppress(subprocess.TimeoutExpired):
                container.end()
            buildah("rm", container.identity)
        with suppress(RuntimeError):
            call("ip", "netns", "delete", self.name)
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    for target in TARGETS:
        print(build(target))
