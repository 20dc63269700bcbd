"""The formats' own published examples; golden/README.md names their sources."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from boifi_core.analyzer import AnalyzerService
from boifi_core.models import RawObservation
from boifi_core.observers.hfi_answer import read_observation
from boifi_core.traces import FORMATS, documents_in, parse_trace, trace_text

GOLDEN = Path(__file__).parent / "golden"
INPUTS = sorted(
    path for path in GOLDEN.iterdir() if path.is_file() and path.suffix != ".md" and ".spans" not in path.suffixes
)

KNOWN = {
    "plan": "a span list",
    "otlp": "OTLP",
    "jaeger": "Jaeger",
    "jaeger-v3": "OTLP",
    "zipkin": "Zipkin",
    "tempo": "OTLP",
}


def expected(path):
    return path.with_name(f"{path.stem}.spans.json").read_text()


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_is_read_as_these_spans(path):
    lines = [trace_text([span]) for span in parse_trace(path.read_text())]
    assert lines == [trace_text([span]) for span in parse_trace(expected(path))]
    assert trace_text(parse_trace(path.read_text())) == "".join(line.strip() for line in expected(path).splitlines())


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_is_of_one_format_only(path):
    documents = documents_in(path.read_text())
    matching = [name for name, each in FORMATS.items() if all(map(each.matches, documents))]
    assert matching == [KNOWN.get(path.stem) or KNOWN[path.stem.partition("-")[0]]]


def test_every_format_has_one():
    names = {path.stem.partition("-")[0] for path in INPUTS}
    assert names == {"plan", "otlp", "jaeger", "zipkin", "tempo"}


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
@pytest.mark.parametrize("as_object", [False, True], ids=["text", "object"])
def test_an_observation_that_has_it_is_scored_like_one_with_the_span_list(path, as_object):
    if as_object and path.suffix == ".jsonl":
        pytest.skip("several lines are no one JSON value")
    now = datetime(2026, 11, 23, tzinfo=UTC)
    trace = json.loads(path.read_text()) if as_object else path.read_text()
    fields = {"status_code": 200, "latency_ms": 1.0, "error_rate": 0, "logs": [], "trace_data": trace}
    seen = read_observation(fields, timestamp=now)
    assert seen.degraded == ()
    assert parse_trace(seen.trace_data) == parse_trace(expected(path))
    raw = RawObservation(status_code=200, latency_ms=1.0, error_rate=0, trace_data=path.read_text(), timestamp=now)
    analyzer = AnalyzerService()
    assert analyzer.calculate_severity(raw, raw) == analyzer.calculate_severity(seen, seen)
    assert analyzer.calculate_severity(seen).breakdown.keys() == (
        {"struct.error_span"} if '"status":"error"' in expected(path) else set()
    )
