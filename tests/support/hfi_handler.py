"""The HTTP side of `hfi_server`: routes, and the ways in which an answer goes wrong."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from hfi_policy import RefusedError


@dataclass
class Received:
    """One request and how it was answered; status 0 if the connection was cut."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int = 0


class Handler(BaseHTTPRequestHandler):
    """Serves the `HfiServer` that its server carries as `owner`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = raw.decode("latin-1")
        request = Received(self.command, self.path, dict(self.headers), body)
        failure = self.server.owner.record(request)
        if failure in ("500", "503"):
            request.status, answer = int(failure), {"error": f"out of order ({failure})"}
        elif failure == "cut":
            answer = None
        else:
            request.status, answer = self._result(body)
            if failure == "cut after":
                request.status = 0
        self.server.owner.write_log(request)
        self._send(request.status, answer)

    do_POST = do_DELETE = do_GET  # noqa: N815

    def _result(self, body: Any) -> tuple[int, Any]:
        if (
            self.server.owner.knobs.token is not None
            and self.headers.get("Authorization") != f"Bearer {self.server.owner.knobs.token}"
        ):
            return 401, {"error": f"not authorised: {self.headers.get('Authorization')}"}
        route = {
            ("GET", "/v1/health"): lambda: (200, {"status": "healthy"}),
            ("GET", "/v1/ready"): self._ready,
            ("GET", "/v1/policies"): lambda: (200, {"policies": list(self.server.owner.active().values())}),
            ("POST", "/v1/policies"): lambda: self._apply(body),
            ("GET", "/v1/observations/latest"): self._observation,
        }.get((self.command, self.path))
        if route is not None:
            return route()
        if self.path.startswith("/v1/policies/"):
            return self._one_policy(self.path.removeprefix("/v1/policies/"))
        return 404, {"error": "no such route"}

    def _ready(self) -> tuple[int, Any]:
        if self.server.owner.knobs.ready is None:
            return 404, {"error": "no such route"}
        return (
            (200, {"status": "ready"})
            if self.server.owner.knobs.ready
            else (503, {"error": "storage is not reachable"})
        )

    def _apply(self, body: Any) -> tuple[int, Any]:
        try:
            self.server.owner.apply(body)
        except RefusedError as error:
            return 400, {"error": str(error)}
        return 201, body

    def _one_policy(self, name: str) -> tuple[int, Any]:
        document = self.server.owner.active().get(name)
        if document is None:
            return 404, {"error": f"policy {name} not found"}
        if self.command == "DELETE":
            self.server.owner.clear(name)
            return 200, {"message": "deleted"}
        return (200, document) if self.command == "GET" else (405, {"error": "method not allowed"})

    def _observation(self) -> tuple[int, Any]:
        return (
            (200, self.server.owner.observation())
            if self.server.owner.knobs.observations
            else (404, {"error": "no such route"})
        )

    def _send(self, status: int, answer: Any) -> None:
        if status == 0:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.server.owner.knobs.raw_answer is not None:
            self.close_connection = True
            self.wfile.write(self.server.owner.knobs.raw_answer)
            return
        body = json.dumps(answer).encode()
        self.send_response_only(status)
        self.send_header("Date", format_datetime(self.server.owner.now(), usegmt=True))
        self.send_header("Content-Type", "application/json")
        if self.server.owner.knobs.oversized and "observations" in self.path:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._send_without_end()
            return
        self.send_header("Content-Length", str(len(body)))
        if self.server.owner.knobs.drip_s:
            self._drip(b"".join(self._headers_buffer) + b"\r\n" + body)
        else:
            self.end_headers()
            self.wfile.write(body)

    def _drip(self, whole: bytes) -> None:
        self._headers_buffer.clear()
        for index in range(len(whole)):
            time.sleep(self.server.owner.knobs.drip_s)
            self.wfile.write(whole[index : index + 1])

    def _send_without_end(self) -> None:
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        while True:  # until the client hangs up
            self.wfile.write(chunk)

    def log_message(self, *_: object) -> None:
        pass
