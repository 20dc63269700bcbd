"""A trace as the text that observations carry: the plan's `{"spans": [...]}`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from boifi_core.traces.span import Span

_WHERE_KNOWN = ("status_code", "flags", "peer", "asked", "error")


def trace_text(spans: Iterable[Span]) -> str:
    """The spans as JSON that `parse_trace` reads as the same spans.

    A span has `id`, `parent_id`, `name`, `service`, `kind`, `start_ms`, `duration_ms` and `status` (`success` or
    `error`), null where unknown, and where known `status_code`, Envoy's response `flags`, `peer`, `asked`, `error`, and
    `proxy` where it is a proxy's.
    """
    # One span at a time: the encoder keeps a piece for every value of what it is given.
    return f'{{"spans":[{",".join(json.dumps(_as_dict(span), separators=(",", ":")) for span in spans)}]}}'


def _as_dict(span: Span) -> dict[str, Any]:
    entry = {
        "id": span.id,
        "parent_id": span.parent_id,
        "name": span.name,
        "service": span.service,
        "kind": span.kind,
        "start_ms": span.start_ms,
        "duration_ms": span.duration_ms,
        "status": "error" if span.is_error else "success",
    }
    for name in _WHERE_KNOWN:
        value = getattr(span, name)
        if value is not None:
            entry[name] = value
    if span.is_proxy:
        entry["proxy"] = True
    return entry
