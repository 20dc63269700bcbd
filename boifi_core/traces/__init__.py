"""Distributed traces as they come: every format read into one list of spans, and written as one text."""

from boifi_core.traces.read import FORMATS, documents_in, parse_trace, spans_of
from boifi_core.traces.span import MAX_SPANS, Span
from boifi_core.traces.write import trace_text

__all__ = ["FORMATS", "MAX_SPANS", "Span", "documents_in", "parse_trace", "spans_of", "trace_text"]
