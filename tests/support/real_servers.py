"""Jaeger, which is an OpenTelemetry collector too, and Zipkin, both real: scripts/system-tools.sh brings them."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback import free_port
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from trace_backends import TraceBackend, zipkin_api, zipkin_sent

FOLDER = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "boifi-test-servers"
JAEGER = FOLDER / "jaeger-1.76.0"
ZIPKIN = FOLDER / "zipkin-server-3.5.1-slim.jar"

_START_S = 60.0


@dataclass(frozen=True)
class RealBackend:
    """Where it is asked, and the port that it takes spans at over OTLP; `most` traces may be asked for at once."""

    url: str
    port: int
    most: int


@contextmanager
def running_jaeger(folder: Path, *, most: int = 1000) -> Iterator[RealBackend]:
    """One that keeps spans in memory, as docs and examples of Jaeger 2 have it."""
    query, otlp = free_port(), free_port()
    extensions = {
        "jaeger_storage": {"backends": {"some": {"memory": {"max_traces": most}}}},
        "jaeger_query": {
            "storage": {"traces": "some"},
            "http": {"endpoint": f"127.0.0.1:{query}"},
            "grpc": {"endpoint": f"127.0.0.1:{free_port()}"},
        },
    }
    exporter = {"jaeger_storage_exporter": {"trace_storage": "some"}}
    with _running_collector(folder, otlp, extensions, {}, exporter):
        url = f"http://127.0.0.1:{query}"
        _wait_for(f"{url}/api/v3/services")
        yield RealBackend(url, otlp, most)


@contextmanager
def running_collector(folder: Path, port: int, *, batch: str) -> Iterator[int]:
    """The port of an OpenTelemetry collector that sends what it takes on to an OTLP port of loopback, in batches."""
    otlp = free_port()
    exporter = {"otlphttp": {"endpoint": f"http://127.0.0.1:{port}", "tls": {"insecure": True}}}
    with _running_collector(folder, otlp, {}, {"batch": {"timeout": batch}}, exporter):
        _wait_for(f"http://127.0.0.1:{otlp}/v1/traces", expected=405)
        yield otlp


@contextmanager
def running_zipkin() -> Iterator[RealBackend]:
    """One that keeps spans in memory, and before it what turns OTLP into its own format."""
    _that_is_there(ZIPKIN)
    port = free_port()
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-jar", str(ZIPKIN)]
    at = {"ip": "127.0.0.1", "port": port, "protocols[0]": "http"}
    command += [f"--armeria.ports[0].{name}={value}" for name, value in at.items()]
    with _running(command), _Converter(zipkin_api) as converter:
        converter.to = f"http://127.0.0.1:{port}"
        _wait_for(f"{converter.to}/api/v2/services")
        yield RealBackend(converter.to, converter.port, 1_000_000)


class _Converter(TraceBackend):
    to: str = ""

    def take(self, request: ExportTraceServiceRequest) -> None:
        already = len(self.held)
        super().take(request)
        body = json.dumps([zipkin_sent(each) for each in self.held[already:]]).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{self.to}/api/v2/spans", body, headers), timeout=10).close()


def _that_is_there(program: Path) -> None:
    if not program.is_file():
        pytest.skip(f"{program.name}: scripts/system-tools.sh could not bring it")


@contextmanager
def _running_collector(
    folder: Path, otlp: int, extensions: dict[str, Any], processors: dict[str, Any], exporters: dict[str, Any]
) -> Iterator[None]:
    _that_is_there(JAEGER)
    traces = {"receivers": ["otlp"], "processors": list(processors), "exporters": list(exporters)}
    config = {
        "service": {
            "extensions": list(extensions),
            "pipelines": {"traces": traces},
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
        },
        "extensions": extensions,
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{otlp}"}}}},
        "processors": processors,
        "exporters": exporters,
    }
    file = folder / f"collector-{otlp}.yaml"
    file.write_text(json.dumps(config))  # which is YAML
    with _running([str(JAEGER), "--config", str(file)]):
        yield


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    environment = {**os.environ, "OTEL_TRACES_SAMPLER": "always_off"}  # else Jaeger traces itself
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def _wait_for(url: str, *, expected: int = 200) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                status = response.status
        except urllib.error.HTTPError as error:
            status = error.code
        except OSError:
            status = 0
        if status == expected:
            return
        assert time.monotonic() < deadline, f"{url} does not answer"
        time.sleep(0.1)
