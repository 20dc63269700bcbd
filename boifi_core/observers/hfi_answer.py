"""What a control plane sent as an observation, read without ever failing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from boifi_core.errors import InvalidInput, shown
from boifi_core.models import MOST_CALLS, RawObservation, SeenCall
from boifi_core.observers.window import seen_calls
from boifi_core.traces import documents_in, parse_trace, plan, spans_of, trace_text

MAX_LOG_LINES = 1_000
MAX_LINE_CHARACTERS = 4_000
MAX_TRACES = 200
MAX_REASONS = 20
_LONGEST_LATENCY_MS = 24 * 3600 * 1000.0
_MOST_REQUESTS = 1_000_000_000
_FURTHEST_AHEAD = timedelta(days=1)


class _Unusable(Exception):
    pass


def read_timestamp(data: dict[str, Any], *, now: datetime) -> tuple[datetime | None, str]:
    """When the observation was made, in UTC; a time without zone is taken as UTC.

    Returns:
        The moment and "", or None and why there is none: missing, no ISO 8601, or more than a day after `now`.
    """
    try:
        text = _text(data.get("timestamp"))
        made_at = datetime.fromisoformat(text)
        if made_at.tzinfo is None:
            made_at = made_at.replace(tzinfo=UTC)
        made_at = made_at.astimezone(UTC)
    except _Unusable as unusable:
        return None, f"timestamp: {unusable}"
    except (ValueError, OverflowError):
        return None, f"timestamp: must be ISO 8601, got {_shown(text)}"
    if made_at - now > _FURTHEST_AHEAD:
        return None, f"timestamp: lies in the future, got {_shown(text)}"
    return made_at, ""


def read_observation(data: dict[str, Any], *, timestamp: datetime, reasons: Iterable[str] = ()) -> RawObservation:
    """The observation with every field that is sound; the others are None, with a reason each in `degraded`.

    Args:
        data: any JSON object; `status_code`, `latency_ms`, `error_rate`, `logs`, `trace_data`, and where present
            `trace_kind`, `traces`, `quantiles_ms`, `statuses`, `calls`, `traces_seen`, `requests` and `degraded` are
            read, the rest is ignored. Where it has several traces and no `calls`, these are made of the traces.
        timestamp: when it was made, aware.
        reasons: what is known to be wrong already.
    """
    read = _Reader(data, [*reasons, *_own_reasons(data)])
    traces = read.mapping("traces", _trace)
    calls, traces_seen = read.calls(), read.count("traces_seen")
    if "calls" not in data and len(traces) > 1:
        calls, traces_seen = seen_calls([parse_trace(text) for text in traces.values()])
    return RawObservation(
        status_code=read.field("status_code", _status),
        latency_ms=read.field("latency_ms", _latency),
        error_rate=read.field("error_rate", _share),
        logs=read.field("logs", read.log_lines) or (),
        trace_data=read.field("trace_data", _trace),
        timestamp=timestamp,
        trace_kind=read.field("trace_kind", _text) if data.get("trace_kind") is not None else None,
        traces=traces,
        quantiles_ms=read.mapping("quantiles_ms", _latency),
        statuses=read.mapping("statuses", _counts),
        calls=calls,
        traces_seen=traces_seen,
        requests=read.count("requests"),
        degraded=tuple(read.reasons[:MAX_REASONS]),
    )


class _Reader:
    def __init__(self, data: dict[str, Any], reasons: list[str]) -> None:
        self._data = data
        self.reasons = reasons

    def field(self, name: str, read: Any) -> Any:
        if name not in self._data:
            self.reasons.append(f"{name}: missing")
            return None
        try:
            return read(self._data[name])
        except _Unusable as unusable:
            self.reasons.append(f"{name}: {unusable}")
            return None

    def mapping(self, name: str, read: Any) -> dict[str, Any]:
        """An optional object; entries that are unusable are left out."""
        value = self._data.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.reasons.append(f"{name}: must be an object, got {_shown(value)}")
            return {}
        sound = {}
        for key, entry in list(value.items())[:MAX_TRACES]:
            try:
                sound[_sound_text(key)] = read(entry)
            except _Unusable as unusable:
                self.reasons.append(f"{name}[{_shown(key)}]: {unusable}")
        return sound

    def count(self, name: str) -> int | None:
        """An optional number of things."""
        return self.field(name, _count) if self._data.get(name) is not None else None

    def calls(self) -> tuple[SeenCall, ...]:
        """The calls of all traces, optional; those that are unusable are left out."""
        value = self._data.get("calls")
        if value is None:
            return ()
        if not isinstance(value, list):
            self.reasons.append(f"calls: {_must_be('a list', value)}")
            return ()
        sound = []
        for number, entry in enumerate(value[:MOST_CALLS]):
            try:
                sound.append(SeenCall.read(entry, f"calls[{number}]"))
            except InvalidInput as error:
                self.reasons.append(str(error))
        if len(value) > MOST_CALLS:
            self.reasons.append(f"calls: only the first {MOST_CALLS} of {len(value)} were kept")
        return tuple(sound)

    def log_lines(self, value: Any) -> tuple[str, ...]:
        """Lines of text; one text is one line, what is no text is left out, and there are limits."""
        if isinstance(value, str):
            value = [value] if value else []
        if not isinstance(value, list):
            raise _Unusable(_must_be("a list of texts", value))
        lines = [_sound_text(line)[:MAX_LINE_CHARACTERS] for line in value if isinstance(line, str)]
        if len(lines) < len(value):
            self.reasons.append(f"logs: {len(value) - len(lines)} entries are no text")
        if len(lines) > MAX_LOG_LINES:
            self.reasons.append(f"logs: only the first {MAX_LOG_LINES} of {len(lines)} lines were kept")
        return tuple(lines[:MAX_LOG_LINES])


def _own_reasons(data: dict[str, Any]) -> list[str]:
    reasons = data.get("degraded")
    if not isinstance(reasons, list):
        return []
    return [_sound_text(reason)[:MAX_LINE_CHARACTERS] for reason in reasons if isinstance(reason, str)]


def _status(value: Any) -> int:
    number = _number(value, 100, 599)
    if not number.is_integer():
        raise _Unusable(_must_be("a whole number", value))
    return int(number)


def _count(value: Any) -> int:
    number = _number(value, 0, _MOST_REQUESTS)
    if not number.is_integer():
        raise _Unusable(_must_be("a whole number", value))
    return int(number)


def _counts(value: Any) -> dict[int, int]:
    if not isinstance(value, dict) or not value:
        raise _Unusable(_must_be("how often each status came", value))
    try:
        return {_status(int(status)): int(_number(count, 1, _MOST_REQUESTS)) for status, count in value.items()}
    except ValueError:
        raise _Unusable(_must_be("how often each status came", value)) from None


def _latency(value: Any) -> float:
    return _number(value, 0, _LONGEST_LATENCY_MS)


def _share(value: Any) -> float:
    return _number(value, 0, 1)


def _number(value: Any, low: float, high: float) -> float:
    if value is None:
        raise _Unusable("null")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Unusable(_must_be("a number", value))
    if not low <= value <= high:  # False for NaN, and exact for integers of any size
        raise _Unusable(_must_be(f"{low:g}..{high:g}", value))
    return math.fabs(value)  # -0.0 is 0


def _text(value: Any) -> str:
    if value is None:
        raise _Unusable("null or missing")
    if not isinstance(value, str):
        raise _Unusable(_must_be("text", value))
    return _sound_text(value)


def _trace(value: Any) -> str:
    """The trace as text that `parse_trace` reads: the plan's span list as it came, any other format as one.

    JSON where the text of it should be is taken as meant.
    """
    if value is None:
        raise _Unusable("null")
    try:
        if isinstance(value, str):
            return _trace_text(documents_in(value), value)
        if isinstance(value, (dict, list)):
            return _trace_text([value], None)
    except ValueError as error:
        raise _Unusable(str(error)) from None
    raise _Unusable(_must_be("a trace as JSON", value))


def _trace_text(documents: list[Any], text: str | None) -> str:
    spans = spans_of(documents)
    if not plan.matches(documents[0]):
        return trace_text(spans)
    return _sound_text(plan.as_text(documents[0]) if text is None else text)


def _sound_text(value: str) -> str:
    """Without lone surrogates, which JSON can hold and UTF-8 cannot."""
    return value.encode("utf-8", "replace").decode("utf-8")


def _must_be(rule: str, value: Any) -> str:
    return f"must be {rule}, got {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return shown(value, limit=60)
