"""How a call ended, from the spans that tell of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from boifi_core.traces.names import without_ids
from boifi_core.traces.outcome import was_waited_for
from boifi_core.traces.span import Span

_CUT = frozenset({0, 408, 499})
_GIVEN_UP = _CUT | {504}
"""The status of a call whose caller did not wait for the answer: none at all, or one that says so."""

_CLOCKS_MS = 5.0
"""By so much the clocks of two services may differ."""

_SILENCE = 0.5
"""A receiver whose caller gave up was at work on something that has no span yet, if nothing that has one accounts for
the last of its time, this share of it."""

_LONGEST_WORD = 60
"""Characters of a word for a failure: what is longer is a sentence, with more in it than what went wrong."""


class Ending(NamedTuple):
    """How a call ended; the fields are those of `Call`."""

    failed: bool
    given_up: bool
    cut: bool
    status: str | None


def ending(telling: Sequence[Span], last: Span | None) -> Ending:
    """How the call ended.

    Args:
        telling: the spans that tell of it, at least one, the outermost first.
        last: of those the receiver's that came last; None where none came.
    """
    first = telling[0]
    code = next((span.status_code for span in telling if span.status_code is not None), None)
    if not first.is_error and (first.status_code or 0) < 400:
        return Ending(False, False, False, None if code is None else str(code))
    status = str(code) if code is not None else _word(telling)
    if first.status_code is None and (was_waited_for(first.error) or (last is not None and _outlives(last, first))):
        return Ending(True, True, True, status)
    return Ending(True, code in _GIVEN_UP, code in _CUT, status)


def is_at_work(receiver: Span, below: Sequence[Span]) -> bool:
    """Whether a receiver had something under way of which no span tells.

    Args:
        below: the spans that it is the parent of.
    """
    end_ms = receiver.end_ms
    if receiver.duration_ms is None or receiver.start_ms is None or end_ms is None:
        return receiver.duration_ms is None
    last_ms = max((span.end_ms or 0.0 for span in below), default=receiver.start_ms)
    return end_ms - last_ms > _SILENCE * receiver.duration_ms


def _word(telling: Sequence[Span]) -> str | None:
    said = next((span.error for span in telling if span.error), None)
    return None if said is None or len(said) > _LONGEST_WORD else without_ids(said)


def _outlives(receiver: Span, sender: Span) -> bool:
    """Whether a receiver that came to a good end did so when its caller was gone."""
    ends_ms, gone_ms = receiver.end_ms, sender.end_ms
    return not receiver.is_error and ends_ms is not None and gone_ms is not None and ends_ms > gone_ms + _CLOCKS_MS
