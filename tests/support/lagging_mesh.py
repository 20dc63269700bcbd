"""A control plane that answers at once and acts later, with the target behind it: one small server on loopback."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any, Self

OWN_S = 0.02
"""How long the target takes without a fault."""


@dataclass
class _Policy:
    """When it takes effect, and when it ends to."""

    name: str
    fault: dict[str, Any]
    prefix: str
    holds_at: float
    ends_at: float = float("inf")


class LaggingMesh:
    """A policy takes effect `hold_s` after it was answered 201, and ends `go_s` after its removal was answered 200.

    Attributes:
        trail: what it was told, as `POST NAME`, `DELETE NAME`.
        hit: of each request, when it came, the names of the policies that struck it.
        deaf: whether no policy ever takes effect.
        signed_out: whether everything of the control plane is answered with a page and 200.
        again_s: where above 0, changes take effect at the next multiple of so many seconds instead.
    """

    def __init__(self, hold_s: float = 0.0, go_s: float = 0.0, *, again_s: float = 0.0, deaf: bool = False) -> None:
        self.hold_s, self.go_s, self.again_s, self.deaf = hold_s, go_s, again_s, deaf
        self.signed_out = False
        self.trail: list[str] = []
        self.hit: list[tuple[float, tuple[str, ...]]] = []
        self.url = ""
        self._policies: list[_Policy] = []
        self._listed: dict[str, Any] = {}
        self._random = random.Random(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = server.result(10)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def listed(self) -> list[str]:
        """The policies that it says are in force."""
        return list(self._listed)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.decode().split(" ", 2)
                lines = [line.partition(":") for line in head.decode().lower().split("\r\n")]
                length = next((int(value) for name, _, value in lines if name == "content-length"), 0)
                body = await reader.readexactly(length)
                is_control = path.startswith("/v1/")
                status, kind, answer = self._control(method, path, body) if is_control else await self._target(path)
                writer.write(
                    f"HTTP/1.1 {status} .\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n\r\n".encode()
                    + answer
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _control(self, method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        if self.signed_out:
            return 200, "text/html", b"<!doctype html><title>Sign in</title>"
        if not path.startswith("/v1/policies"):
            return 200, "application/json", b'{"status": "ready"}'
        name = path.removeprefix("/v1/policies").removeprefix("/")
        if method == "POST":
            document = json.loads(body)
            name, (rule,) = document["metadata"]["name"], document["spec"]["rules"]
            self._end(name)
            self._policies.append(_Policy(name, rule["fault"], rule["match"]["path"]["prefix"], self._at(self.hold_s)))
            self._listed[name] = document
            self.trail.append(f"POST {name}")
            return 201, "application/json", body
        if method == "DELETE":
            self.trail.append(f"DELETE {name}")
            self._end(name)
            is_there = self._listed.pop(name, None) is not None
            return (200 if is_there else 404), "application/json", b"{}"
        if name:
            return 404, "application/json", b'{"error": "not found"}'
        return 200, "application/json", json.dumps({"policies": list(self._listed.values())}).encode()

    def _at(self, lag_s: float) -> float:
        now = time.monotonic()
        return now - now % self.again_s + self.again_s if self.again_s else now + lag_s

    def _end(self, name: str) -> None:
        for policy in self._policies:
            if policy.name == name:
                policy.ends_at = min(policy.ends_at, self._at(self.go_s))

    async def _target(self, path: str) -> tuple[int, str, bytes]:
        now = time.monotonic()
        struck = [
            policy
            for policy in self._policies
            if policy.holds_at <= now < policy.ends_at
            and path.startswith(policy.prefix)
            and self._random.uniform(0, 100) < policy.fault["percentage"]
            and not self.deaf
        ]
        self.hit.append((now, tuple(policy.name for policy in struck)))
        delay_ms = sum(policy.fault["delay"]["fixed_delay_ms"] for policy in struck if "delay" in policy.fault)
        await asyncio.sleep(OWN_S + delay_ms / 1000)
        aborts = [policy.fault["abort"]["httpStatus"] for policy in struck if "abort" in policy.fault]
        return (aborts[0], "text/plain", b"fault filter abort") if aborts else (200, "text/plain", b"hello")
