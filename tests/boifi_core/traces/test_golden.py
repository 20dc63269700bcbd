"""The formats' own published examples; golden/README.md names their sources."""

from pathlib import Path

import pytest

from boifi_core.traces import FORMATS, documents_in, parse_trace, trace_text

GOLDEN = Path(__file__).parent / "golden"
INPUTS = sorted(path for path in GOLDEN.iterdir() if path.suffix != ".md" and ".spans" not in path.suffixes)

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
