"""A real S3 API on loopback, in a process of its own, and a proxy before it that misbehaves as told."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loopback import free_port

from boifi_core.child_process import end, spawn

SLOW_S = 0.4

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(frozen=True)
class Store:
    """A server that is up."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it; nothing is looked up elsewhere."""
        return {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def bucket(self) -> str:
        """The name of a new bucket."""
        name = f"b{uuid.uuid4().hex[:12]}"
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        connection.request("PUT", f"/{name}", headers={"Authorization": _UNSIGNED})
        assert connection.getresponse().status == 200
        return name


_UNSIGNED = "AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"


@contextmanager
def s3_server() -> Iterator[Store]:
    """Moto's server, for as long as this lasts."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = spawn(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, "moto's server has ended"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Store(f"http://127.0.0.1:{port}")
    finally:
        end(process)


@dataclass
class Trouble:
    """What the proxy does to requests.

    Attributes:
        how: a status such as `500`, `slow` (by `SLOW_S`), `hang` (for ever), `cut` (half of the answer), `lost` (the
            request is carried out, the answer is not sent), `garbage`, or nothing.
        only: a pattern that method and path match of those it is done to.
        times: how many it is still done to; without end where None.
        seen: method and path of every request so far.
    """

    how: str = ""
    only: str = ""
    times: int | None = None
    seen: list[str] = field(default_factory=list)

    def cause(self, how: str, only: str = "", times: int | None = None) -> None:
        """From now on."""
        self.how, self.only, self.times = how, only, times

    def end(self) -> None:
        """From now on none."""
        self.how = ""

    def of(self, request: str) -> str:
        """What is to be done to this request."""
        self.seen.append(request)
        if not self.how or not re.search(self.only, request) or self.times == 0:
            return ""
        if self.times is not None:
            self.times -= 1
        return self.how


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, store: Store) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.store = store
        self.trouble = Trouble()
        self.ended = threading.Event()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        how = self.server.trouble.of(f"{self.command} {self.path}")
        if how.isdecimal():
            code = "AccessDenied" if how == "403" else "InternalError"
            self._answer(int(how), f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), {})
        elif how == "hang":
            self.server.ended.wait()
            self.close_connection = True
        else:
            if how == "slow":
                time.sleep(SLOW_S)
            self._pass_on(body, how)

    def _pass_on(self, body: bytes, how: str) -> None:
        connection = HTTPConnection(self.server.store.url.removeprefix("http://"), timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        data, headers = answer.read(), dict(answer.getheaders())
        connection.close()
        self.close_connection = how in ("lost", "cut")
        if how == "garbage":
            data = b"<html>not what you wanted"
        if how != "lost":
            self._answer(answer.status, data, headers, share=0.5 if how == "cut" else 1.0)

    def _answer(self, status: int, data: bytes, headers: dict[str, str], share: float = 1.0) -> None:
        """Send this share of the data, and say that it is all."""
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(data))
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: int(len(data) * share)])

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _handle  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def troubled(store: Store) -> Iterator[tuple[Store, Trouble]]:
    """The same store behind a proxy, and what that does."""
    with _Proxy(store) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield Store(f"http://127.0.0.1:{server.server_address[1]}"), server.trouble
        finally:
            server.ended.set()
            server.shutdown()
