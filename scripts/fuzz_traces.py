"""Fuzz what reads traces, logs and observations, guided by coverage: `pip install atheris`, then

    python scripts/fuzz_traces.py [CORPUS_DIR…] [-max_total_time=60]

starts from the golden traces of the tests. Anything but spans, a degraded observation or one line that says why not is
a crash. atheris is no dependency of the project: it has no wheels for some platforms that BOIFI runs on.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import atheris

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

with atheris.instrument_imports(include=["boifi_core"]):
    from boifi_core.analyzer.trace import operations
    from boifi_core.observers.hfi_answer import read_observation, read_timestamp
    from boifi_core.observers.otlp.span_count import count_spans
    from boifi_core.traces import parse_trace, trace_text
    from boifi_core.wire import bounded_json

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def read_as_everything(data: bytes) -> None:
    """One input as a trace, as an observation, as the parts of one, and as an export."""
    text = data.decode("utf-8", "replace")
    try:
        spans = parse_trace(text)
    except ValueError as error:
        if not str(error).startswith("trace must ") or "\n" in str(error):
            raise AssertionError("a refusal is one line") from error
    else:
        if len(operations(spans)) != len(spans):
            raise AssertionError("every span stands in the order once")
        parse_trace(trace_text(spans))
    try:
        value = bounded_json.loads(data)
    except ValueError:
        value = text
    whole = value if isinstance(value, dict) else {}
    made_at, reason = read_timestamp(whole, now=NOW)
    for fields in (whole, {"status_code": value, "latency_ms": value, "logs": value, "trace_data": value}):
        read_observation(fields, timestamp=made_at or NOW, reasons=[reason]).model_dump_json()
    count_spans(data, 100)


def main() -> None:
    """Fuzz until it is stopped or something crashes."""
    with tempfile.TemporaryDirectory() as corpus:
        for path in (ROOT / "tests/boifi_core/traces/golden").glob("*.json*"):
            Path(corpus, path.name).write_bytes(path.read_bytes())
        atheris.Setup([*sys.argv, corpus], read_as_everything)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
