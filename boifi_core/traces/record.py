"""A span as its format tells it, before it is put among the others of its trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from boifi_core.traces import asked, fields, outcome, peers
from boifi_core.traces.names import without_ids
from boifi_core.traces.span import RECEIVERS

ATTRIBUTES = asked.ATTRIBUTES | peers.ATTRIBUTES | outcome.ATTRIBUTES | {"span.kind"}
"""The attributes (tags) that are read; readers may leave out the others."""

KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
"""OpenTelemetry's span kinds, each at its number."""

Link = tuple[str | None, str | None]
"""A span elsewhere: its trace's id and its own."""


@dataclass(slots=True)
class Record:
    """One span, whatever its format calls the fields; times are nanoseconds, ids text that is alike for the same id.

    `links` are the spans, by trace and id, that it goes on with though they are not its parent; `why` is what its
    status and its exceptions say of how it failed.
    """

    trace_id: str | None
    id: str | None
    parent_id: str | None
    service: str | None
    operation: str
    kind: str = KINDS[0]
    start_ns: int | None = None
    duration_ns: int | None = None
    failed: bool = False
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: Sequence[Link] = ()
    why: str | None = None
    _said: tuple[str | None, str | None] | None = field(init=False, repr=False, compare=False, default=None)

    @property
    def status_code(self) -> int | None:
        """HTTP's; that of a span within its service is its receiver's, said once more (`GET /cart http send`)."""
        return None if self._is_within() else outcome.status_code(self.attributes)

    @property
    def is_error(self) -> bool:
        """By its status, or by that of its protocol; see `outcome`."""
        return self.failed or (not self._is_within() and outcome.is_error(self.attributes, self.kind))

    @property
    def error(self) -> str | None:
        """How it failed, in a word; None where it did not."""
        return (outcome.error(self.attributes) or self.why) if self.is_error else None

    @property
    def flags(self) -> str | None:
        """Envoy's response flags."""
        return outcome.flags(self.attributes)

    @property
    def is_proxy(self) -> bool:
        """Whether it is a proxy's, which passes on what others ask; what it asks itself, Envoy calls `async`."""
        return peers.is_proxy(self.attributes) and not self.operation.startswith("async ")

    @property
    def peer(self) -> str | None:
        """Whom it talks with, if it sent or passed on what was asked."""
        return self._told()[0]

    @property
    def asked(self) -> str | None:
        """What was asked, in its protocol's words, without ids."""
        return self._told()[1]

    def _told(self) -> tuple[str | None, str | None]:
        if self._said is None:
            receives = self.kind in RECEIVERS and not self.is_proxy
            told = (asked.answered if receives else asked.asked)(self.attributes, self.operation)
            to = None if receives or self._is_of_itself() else peers.peer(self.attributes, self.operation)
            self._said = to, None if told is None else without_ids(told)
        return self._said

    def _is_of_itself(self) -> bool:
        """Whether an address that the span has may be its own service's."""
        if self.kind == "server":
            return peers.is_inbound(self.attributes, self.service)
        return self._is_within()

    def _is_within(self) -> bool:
        """Whether it tells of what its service does by itself."""
        return self.kind == "internal" and peers.SAID.isdisjoint(self.attributes)

    @property
    def name(self) -> str:
        """`service:operation`, without ids.

        A span whose name does not tell what was asked, such as a client's `GET` and all of Envoy's, is called by
        method, peer and path.
        """
        operation = self.operation
        if self.attributes and not asked.is_telling(operation):
            operation = _made(operation, self.asked, self.peer) or operation
        operation = without_ids(fields.text(operation) or "")
        return f"{self.service}:{operation}" if self.service else operation


def named_kind(value: Any) -> str:
    """The kind that a text names in any case; what is none of them is unspecified."""
    name = (fields.text(value) or "").lower()
    return name if name in KINDS else KINDS[0]


def _made(operation: str, what: str | None, peer: str | None) -> str | None:
    """`GET reviews/reviews/7`, `SELECT orders`, or, where nothing else is known, `GET reviews`."""
    if what is None:
        # Two slashes before a host with a port, so that the port is not taken for an id.
        return peer and f"{asked.plain_method(operation)} {'//' if ':' in peer else ''}{peer}".strip()
    method, _, path = what.rpartition(" ")
    return f"{method} {peer}{path}".strip() if peer and path.startswith("/") else what
