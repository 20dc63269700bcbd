"""The demo's session points at its target, and a replay starts that target as it was."""

import contextlib
import json
import re
from pathlib import Path

import pytest

from boifi_core.session.make import make_session
from boifi_core.session.stored import stored_config
from boifi_core.storage.data_dir import data_dir
from cli import demo
from demo.target import Target
from demo.tracing import Tracing

TARGET = Target("http://127.0.0.1:8080", "http://127.0.0.1:9999", 1, "http://127.0.0.1:4444")


@pytest.mark.parametrize("tracing", list(Tracing))
def test_the_probe_asks_the_shop_and_takes_its_spans(tracing):
    config = demo.demo_config(Target(**{**vars(TARGET), "tracing": tracing}), 30, 2)
    assert (config.total_trials, config.seed, config.executor.endpoint) == (30, 2, TARGET.control_plane)
    asked = {(request.name, request.url) for request in config.observer.requests}
    assert asked == {
        ("home", "http://127.0.0.1:9999/"),
        ("product", "http://127.0.0.1:9999/product/42"),
        ("cart", "http://127.0.0.1:9999/cart"),
        ("checkout", "http://127.0.0.1:9999/checkout"),
    }
    traces = config.observer.traces
    assert (traces and (traces.type, traces.port)) == (None if tracing is Tracing.NONE else ("otlp", 4444))


@pytest.fixture
def started(monkeypatch):
    """How targets were started."""
    made = []

    @contextlib.contextmanager
    def start_target(port, **options):
        made.append((port, options))
        yield

    monkeypatch.setattr(demo, "start_target", start_target)
    return made


def test_a_replay_has_the_target_as_it_was(tmp_path, started):
    target = Target(**{**vars(TARGET), "tracing": Tracing.SIDECAR})
    said = json.dumps({"tracing": target.tracing})
    folder = make_session(data_dir(str(tmp_path)), demo.demo_config(target, 30, 2), others={demo.EMBEDDED: said})
    with demo.embedded_target(folder, stored_config(folder)):
        pass
    assert started == [
        (
            8080,
            {
                "shop_port": 9999,
                "observations": False,
                "otlp_endpoint": "http://127.0.0.1:4444",
                "tracing": Tracing.SIDECAR,
            },
        )
    ]


def test_an_older_session_has_a_target_that_observes_itself(tmp_path, started):
    config = demo.demo_config(TARGET, 30, 2).model_copy(update={"observer": None})
    folder = make_session(data_dir(str(tmp_path)), config, others={demo.EMBEDDED: ""})
    with demo.embedded_target(folder, stored_config(folder)):
        pass
    assert started == [(8080, {})]


def test_a_session_of_anothers_target_starts_none(tmp_path, started):
    folder = make_session(data_dir(str(tmp_path)), demo.demo_config(TARGET, 30, 2))
    with demo.embedded_target(folder, stored_config(folder)):
        pass
    assert started == []


def test_the_page_has_every_way_of_tracing():
    page = (Path(__file__).resolve().parents[2] / "docs" / "demo-target.md").read_text(encoding="utf-8")
    section = page.partition("## How it is traced")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == [tracing.value for tracing in Tracing]
