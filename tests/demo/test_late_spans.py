"""Whole traces of a session whose spans come in the batches that SDKs and proxies send by default."""

import json

import pandas as pd
import pytest
import yaml

from cli.demo import demo_config, demo_target
from demo.tracing import Tracing

TRIALS = 4


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.parametrize("tracing", [Tracing.OTEL, Tracing.SIDECAR, Tracing.ONE])
def test_batches_of_five_seconds_bring_whole_traces(boifi_here, tmp_path, tracing):
    with demo_target(tracing, batch_s=5) as target:
        config = demo_config(target, TRIALS, 1).model_dump(mode="json")
        # Faults that hit nothing: every trace is that of a healthy request.
        dimensions = [each for each in config["search_space"]["dimensions"] if each["name"] != "percentage"]
        config["search_space"] = {"dimensions": dimensions, "fixed": {"percentage": 0}}
        # One request after another, so that the shop is at ease wherever this runs.
        config["observer"] |= {"count": 8, "concurrency": 1, "timeout_s": 5}
        config["analyzer"] |= {"baseline_latency_ms": 5000, "threshold_latency_ms": 9000}
        path = tmp_path / "session.yaml"
        path.write_text(yaml.safe_dump(config))
        boifi_here("run", path, "--out", tmp_path / "out", check=0)
    [folder] = (tmp_path / "out" / "sessions").iterdir()
    history = pd.read_parquet(folder / "history")
    assert list(history["status"]) == ["scored"] * TRIALS, list(history["reason"])
    traces = [json.loads(each)["traces"] for each in history["observation"]]
    assert all(set(kinds) == {"home", "product", "cart", "checkout"} for kinds in traces)
    spans = [{kind: json.loads(trace)["spans"] for kind, trace in kinds.items()} for kinds in traces]
    assert all(kinds == sizes(spans[0]) for kinds in map(sizes, spans))
    for each in (trace for kinds in spans for trace in kinds.values()):
        assert len([span for span in each if span.get("parent_id") is None]) == 1


def sizes(kinds):
    return {kind: len(spans) for kind, spans in kinds.items()}
