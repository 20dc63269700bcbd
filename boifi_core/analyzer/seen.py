"""The calls of a window by the names that they have in all of a session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from boifi_core.models import RawObservation, SeenCall
from boifi_core.traces.calls import where
from boifi_core.traces.peers import is_service
from boifi_core.traces.seen import Said, commonest, name, thinned
from boifi_core.traces.vocabulary import Vocabulary


def named_calls(observation: RawObservation, vocabulary: Vocabulary) -> dict[str, SeenCall]:
    """What is known of the calls of all the traces of a window, each by its `Call.where`.

    Calls that differ by an id alone are one; of these `share` is the sum of theirs, at most 1. A call that only the
    trace it was seen in could name is left out.
    """
    found: dict[str, list[SeenCall]] = {}
    for call in observation.calls:
        said = Said(call.caller, call.peer, call.asked, call.received, call.callee, call.operation)
        own = name(said, vocabulary)
        if own is not None:
            caller, (callee, operation) = own
            plain = {"caller": caller, "callee": callee, "operation": operation, "peer": None, "asked": None}
            found.setdefault(where(caller, callee, operation), []).append(call.model_copy(update=plain))
    return {place: _together(alike) for place, alike in found.items()}


def asks(call: SeenCall, service: str) -> bool:
    """Whether the call is one to this service, by whichever of its names."""
    return call.callee is not None and is_service(service, call.callee)


def _together(alike: list[SeenCall]) -> SeenCall:
    if len(alike) == 1:
        return alike[0]
    statuses: Counter[str] = Counter()
    for call in alike:
        statuses.update(call.statuses)
    return alike[0].model_copy(
        update={
            **{field: sum(getattr(call, field) for call in alike) for field in _COUNTS},
            "received": any(call.received for call in alike),
            "statuses": commonest(statuses),
            "tries": max(call.tries for call in alike),
            "longest_ms": _longest(call.longest_ms for call in alike),
            "gave_up_ms": thinned(wait for call in alike for wait in call.gave_up_ms),
            "share": min(1.0, sum(call.share for call in alike)),
        }
    )


_COUNTS = ("seen", "failed", "began", "refused", "given_up")


def _longest(durations_ms: Iterable[float | None]) -> float | None:
    return max((each for each in durations_ms if each is not None), default=None)
