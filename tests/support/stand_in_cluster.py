"""A stand-in for a cluster: the part of the Kubernetes API that BOIFI uses, with each job's pod as a process.

What may be asked of it is what the manifests' Roles allow. A pod has its own name and its own temporary folder, as in a
cluster; the data dir it shares with the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from manifests import Manifests

from benchmarks.environment import bare_environment
from boifi_core.child_process import spawn

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "boifi"
KINDS = {
    "": {"namespaces": "Namespace", "events": "Event", "pods": "Pod", "podtemplates": "PodTemplate"},
    "batch": {"jobs": "Job"},
}

AS_POD = """
import runpy, socket, sys
name = sys.argv[1]
socket.gethostname = lambda: name
sys.argv = sys.argv[2:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Becomes a module on a machine of this name."""


def environment_of(container: dict[str, Any], manifests: Manifests, changes: dict[str, str]) -> dict[str, str]:
    """What a container of the dev overlay finds in its environment, with `changes`."""
    maps = manifests.literals
    secrets = maps("secretGenerator", under="overlays/dev")
    found = bare_environment()
    for each in container.get("envFrom", []):
        for under in ("base", "components/volume", "overlays/dev"):
            found |= maps("configMapGenerator", each["configMapRef"]["name"], under)
    for each in container.get("env", []):
        source = each.get("valueFrom", {})
        if "value" in each:
            found[each["name"]] = each["value"]
        elif "fieldRef" in source:
            found[each["name"]] = NAMESPACE
        elif source["secretKeyRef"]["key"] in secrets:
            found[each["name"]] = secrets[source["secretKeyRef"]["key"]]
        else:
            assert source["secretKeyRef"].get("optional"), source
    return {**found, **changes}


class StandInCluster:
    """Serves from the moment it is made until `close`.

    Args:
        place: a folder for kubeconfigs, and each pod's temporary folder and log.
        changes: environment of every pod, in place of the manifests'.

    Attributes:
        refused: what was asked for that no Role allows.
        pods: the process of each job, by the job's name, in the order of their making.
    """

    def __init__(self, place: Path, changes: dict[str, str]) -> None:
        self._place, self._changes = place, changes
        self._manifests = Manifests()
        self._rules = {
            binding["subjects"][0]["name"]: role["rules"]
            for binding in self._manifests.objects("RoleBinding")
            for role in self._manifests.objects("Role")
            if role["metadata"]["name"] == binding["roleRef"]["name"]
        }
        self._versions = itertools.count(1)
        self._jobs: dict[str, dict[str, Any]] = {}
        self._watchers: list[asyncio.Queue[dict[str, Any]]] = []
        self.refused: list[str] = []
        self.pods: dict[str, subprocess.Popen[bytes]] = {}
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        assert ready.wait(30)

    def kubeconfig(self, account: str) -> Path:
        """How a service account reaches it."""
        path = self._place / f"{account}.kubeconfig"
        path.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": account, "namespace": NAMESPACE}}],
            "clusters": [{"name": "here", "cluster": {"server": self.url}}],
            "users": [{"name": account, "user": {"token": account}}],
        }))  # fmt: skip
        return path

    def run(self, pod: str, name: str, container: dict[str, Any], **changes: str) -> subprocess.Popen[bytes]:
        """A container's process, with its log at `<place>/<name>.log`."""
        temporary = self._place / name
        temporary.mkdir(exist_ok=True)
        environment = environment_of(
            container, self._manifests, {**self._changes, "TMPDIR": str(temporary), "HOME": str(temporary), **changes}
        )
        words = [*container["command"], *container.get("args", [])]
        assert words[:2] == ["python", "-m"], words
        with (self._place / f"{name}.log").open("ab") as log:
            return spawn(
                [sys.executable, "-c", AS_POD, pod, *words[2:]],
                cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def log(self) -> str:
        """What everybody said."""
        return "\n".join(f"== {path.name}\n{path.read_text()}" for path in sorted(self._place.glob("*.log")))

    def close(self) -> None:
        for process in self.pods.values():
            if process.poll() is None:
                process.kill()
            process.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _serve(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(middlewares=[self._allowed])
        batch = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
        app.add_routes([
            web.get("/version", self._version), web.get("/api", self._core), web.get("/apis", self._groups),
            web.get("/api/v1", self._resources), web.get("/apis/batch/v1", self._resources),
            web.get(f"/api/v1/namespaces/{NAMESPACE}/podtemplates/{{name}}", self._pod_template),
            web.get(f"/api/v1/namespaces/{NAMESPACE}/pods", self._no_pods),
            web.get(batch, self._list), web.post(batch, self._create),
            web.get(f"{batch}/{{name}}", self._read), web.delete(f"{batch}/{{name}}", self._delete),
        ])  # fmt: skip
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        site = web.TCPSite(runner, "127.0.0.1", 0)
        self._loop.run_until_complete(site.start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())

    @web.middleware
    async def _allowed(self, request: web.Request, handler: Any) -> web.StreamResponse:
        account = request.headers.get("Authorization", "").removeprefix("Bearer ")
        parts = request.path.strip("/").split("/")
        if "namespaces" in parts:
            group = parts[1] if parts[0] == "apis" else ""
            resource, name = parts[parts.index(NAMESPACE) + 1], "".join(parts[parts.index(NAMESPACE) + 2 :])
            verb = {"POST": "create", "DELETE": "delete"}.get(request.method, "get" if name else "list")
            verb = "watch" if request.query.get("watch") else verb
            if not any(
                group in rule["apiGroups"] and resource in rule["resources"] and verb in rule["verbs"]
                and ("resourceNames" not in rule or name in rule["resourceNames"])
                for rule in self._rules.get(account, [])
            ):  # fmt: skip
                self.refused.append(f"{account}: {verb} {resource} {name}")
                return web.json_response(_status(403, "Forbidden"), status=403)
        return await handler(request)

    async def _version(self, _request: web.Request) -> web.Response:
        return web.json_response({"major": "1", "minor": "37", "gitVersion": "v1.37.0"})

    async def _core(self, _request: web.Request) -> web.Response:
        return web.json_response({"kind": "APIVersions", "versions": ["v1"]})

    async def _groups(self, _request: web.Request) -> web.Response:
        version = {"groupVersion": "batch/v1", "version": "v1"}
        group = {"name": "batch", "versions": [version], "preferredVersion": version}
        return web.json_response({"kind": "APIGroupList", "groups": [group]})

    async def _resources(self, request: web.Request) -> web.Response:
        group = "batch" if "batch" in request.path else ""
        resources = [
            {"name": name, "singularName": kind.lower(), "namespaced": name != "namespaces", "kind": kind,
             "verbs": ["create", "delete", "get", "list", "patch", "watch"]}
            for name, kind in KINDS[group].items()
        ]  # fmt: skip
        version = "batch/v1" if group else "v1"
        return web.json_response({"kind": "APIResourceList", "groupVersion": version, "resources": resources})

    async def _pod_template(self, request: web.Request) -> web.Response:
        for each in self._manifests.objects("PodTemplate"):
            if each["metadata"]["name"] == request.match_info["name"]:
                return web.json_response(each)
        return web.json_response(_status(404, "NotFound"), status=404)

    async def _no_pods(self, _request: web.Request) -> web.Response:
        return web.json_response({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})

    async def _list(self, request: web.Request) -> web.StreamResponse:
        wanted = request.query.get("labelSelector", "")
        if not request.query.get("watch"):
            items = [job for job in self._jobs.values() if _matches(job, wanted)]
            metadata = {"resourceVersion": str(next(self._versions))}
            return web.json_response(
                {"kind": "JobList", "apiVersion": "batch/v1", "metadata": metadata, "items": items}
            )
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        # What has happened since the list was made.
        since = int(request.query.get("resourceVersion") or 0)
        for job in self._jobs.values():
            if int(job["metadata"]["resourceVersion"]) > since:
                events.put_nowait({"type": "MODIFIED", "object": job})
        self._watchers.append(events)
        try:
            with contextlib.suppress(ConnectionResetError):  # who watches may go
                while True:
                    event = await events.get()
                    if _matches(event["object"], wanted):
                        await response.write(json.dumps(event).encode() + b"\n")
        finally:
            self._watchers.remove(events)
        return response

    async def _create(self, request: web.Request) -> web.Response:
        job = await request.json()
        name = job["metadata"]["generateName"] + uuid.uuid4().hex[:5]
        job["metadata"] |= {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": "2026-01-01T00:00:00Z"}
        job["status"] = {"active": 1}
        self._jobs[name] = job
        self._tell("ADDED", job)
        container = job["spec"]["template"]["spec"]["containers"][0]
        # The API that the worker knows is the test's own.
        self.pods[name] = self.run(name, name, container)
        self._loop.create_task(self._follow(name))
        return web.json_response(job, status=201)

    async def _follow(self, name: str) -> None:
        while self.pods[name].poll() is None:
            await asyncio.sleep(0.1)
        if (job := self._jobs.get(name)) is not None:
            ended = "succeeded" if self.pods[name].returncode == 0 else "failed"
            kind = "Complete" if ended == "succeeded" else "Failed"
            job["status"] = {ended: 1, "conditions": [{"type": kind, "status": "True"}]}
            self._tell("MODIFIED", job)

    async def _read(self, request: web.Request) -> web.Response:
        job = self._jobs.get(request.match_info["name"])
        return web.json_response(job) if job else web.json_response(_status(404, "NotFound"), status=404)

    async def _delete(self, request: web.Request) -> web.Response:
        job = self._jobs.pop(request.match_info["name"], None)
        if job is None:
            return web.json_response(_status(404, "NotFound"), status=404)
        self.pods[job["metadata"]["name"]].terminate()
        self._tell("DELETED", job)
        return web.json_response(_status(200, "Success"))

    def _tell(self, what: str, job: dict[str, Any]) -> None:
        job["metadata"]["resourceVersion"] = str(next(self._versions))
        for events in self._watchers:
            events.put_nowait({"type": what, "object": json.loads(json.dumps(job))})


def _matches(job: dict[str, Any], selector: str) -> bool:
    labels = job["metadata"].get("labels", {})
    return all(
        labels.get(key) == value if equals else key in labels
        for each in filter(None, selector.split(","))
        for key, equals, value in [each.partition("=")]
    )


def _status(number: int, reason: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "code": number, "reason": reason, "status": "Failure"}
