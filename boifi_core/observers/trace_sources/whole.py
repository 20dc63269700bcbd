"""When the traces of a window are whole, and what is said of those that are not."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field

from boifi_core.errors import counted

_NAMED = 5
"""So many services are named, the others counted."""


def lost_parents(links: Iterable[tuple[Hashable, Hashable | None]], ours: Collection[Hashable]) -> int:
    """How many spans are missing from a trace, as far as the others tell; 0 of a trace that has one root.

    A span's parent that is not there is one of them. So is what two roots of one trace must hang from: somewhere on the
    way the parent of one of them was lost. A circle of parents counts as one, since no root is there.

    Args:
        links: of each span its id, and its parent's, None for a root. A client's and a server's span may share an id.
        ours: spans that requests were sent from, which nobody exports.
    """
    known = set(links)
    ids = {span_id for span_id, _ in known}
    below = {span_id for span_id, parent in known if parent is not None}
    outside = {parent for _, parent in known if parent is not None} - ids
    missing = len(outside.difference(ours))
    entrances = len(ids - below) + (len(outside) > missing)
    return missing + (entrances - 1 if entrances else not missing)


@dataclass(frozen=True, slots=True)
class Got:
    """What has come of the traces of one window so far.

    Attributes:
        requests: how many were answered, so that each must have a trace.
        found: how many have one.
        cut: how many of these lack a span that others hang from.
        lost: how many such spans are missing in all.
        services: who has sent any span of them.
        changed_at: when the latest span came, on the clock of `time.monotonic`; 0 before the first.
    """

    requests: int = 0
    found: int = 0
    cut: int = 0
    lost: int = 0
    services: Collection[str] = field(default=frozenset())
    changed_at: float = 0.0

    @property
    def is_whole(self) -> bool:
        """Whether every request has its trace and no span's parent is missing."""
        return self.found >= self.requests and not self.lost

    def reasons(self, known: Collection[str]) -> list[str]:
        """Why they are not whole; none where they are.

        Args:
            known: services that were heard of in earlier windows.
        """
        if self.is_whole:
            return []
        reasons = []
        silent = _listed(sorted(set(known) - set(self.services)))
        more = f"; nothing from {silent}" if silent else ""
        if self.found < self.requests:
            reasons.append(f"traces: {self.found} of {counted(self.requests, 'request')} have one{more}")
        if self.lost:
            spans = "a parent is" if self.lost == 1 else f"{self.lost} parents are"
            where = counted(self.cut, "trace")
            reasons.append(f"traces: {spans} missing, in {where} of {self.found}{'' if reasons else more}")
        return reasons


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return f"{shown} and {len(names) - _NAMED} more" if len(names) > _NAMED else shown
