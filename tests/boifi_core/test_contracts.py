import socket

import pytest
from hfi_server import HfiServer
from injector_contract import InjectorContract
from observer_contract import ObserverContract
from pydantic import TypeAdapter
from target_server import Target
from trace_backends import TraceBackend, jaeger_api

from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.table import open_injector
from boifi_core.observers.table import AnyObserverConfig, open_observer


def opened(endpoint):
    return open_injector(ExecutorConfig(endpoint=endpoint))


class HfiContract(InjectorContract):
    @pytest.fixture
    def injector(self, server):
        injector = opened(server.url)
        yield injector
        injector.close()

    @pytest.fixture
    def unreachable(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            address = closed.getsockname()
        injector = opened(f"http://127.0.0.1:{address[1]}")
        yield injector
        injector.close()


class TestNewerHfi(HfiContract):
    @pytest.fixture
    def server(self):
        with HfiServer(delay_field="fixed_delay_ms") as server:
            yield server


class TestOlderHfi(HfiContract):
    @pytest.fixture
    def server(self):
        with HfiServer(delay_field="fixed_delay") as server:
            yield server


class TestHfiObserver(ObserverContract):
    @pytest.fixture
    def observer(self):
        with HfiServer() as server:
            observer = open_observer(ExecutorConfig(endpoint=server.url))
            yield observer
            observer.close()


class TestProbe(ObserverContract):
    @pytest.fixture
    def observer(self):
        with Target() as target:
            config = TypeAdapter(AnyObserverConfig).validate_python(
                {"type": "probe", "requests": [{"url": target.url}], "count": 6, "traces": {"port": 0, "quiet_s": 0.05}}
            )
            observer = open_observer(ExecutorConfig(endpoint="http://127.0.0.1:1"), config)
            target.otlp_port = observer.source.receiver.port
            yield observer
            observer.close()


class TestProbeWithTracesOfABackend(ObserverContract):
    @pytest.fixture
    def observer(self):
        with TraceBackend(jaeger_api) as backend, Target(otlp_port=backend.port) as target:
            traces = {"type": "jaeger", "endpoint": backend.url, "quiet_s": 0.05}
            config = {"type": "probe", "requests": [{"url": target.url}], "count": 6, "traces": traces}
            observer = open_observer(
                ExecutorConfig(endpoint="http://127.0.0.1:1"), TypeAdapter(AnyObserverConfig).validate_python(config)
            )
            yield observer
            observer.close()
