"""A session's events as a stream that can be taken up again where it broke off.

An event's id is all that its reader knows by then: the last trial, and the status. So a stream goes on from an id
alone, whichever facade gave it, and after the store was rebuilt.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from prometheus_client import Gauge

from api.answers import summary
from api.store import Store
from boifi_core.errors import InvalidInput
from boifi_core.models import ENDED, SessionStatus
from boifi_core.session.events import Changed, Event

KEEP_ALIVE_S = 15.0
BATCH = 200
_ID = re.compile(r"(\d{1,9})\.(NONE|" + "|".join(SessionStatus) + ")")


@dataclass
class Known:
    """What a reader knows: the number of the last trial, the status, and its reason."""

    trial: int = 0
    status: str = "NONE"
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.trial}.{self.status}"

    @classmethod
    def parse(cls, last_event_id: str | None) -> Known:
        """What an event's id says.

        Raises:
            InvalidInput: it is none of ours.
        """
        if not last_event_id:
            return cls()
        match = _ID.fullmatch(last_event_id)
        if match is None:
            raise InvalidInput("Last-Event-ID", "must be the id of an event of this stream")
        return cls(int(match[1]), match[2])

    @property
    def is_all(self) -> bool:
        """Whether nothing more will come."""
        return self.status in ENDED


async def events(store: Store, streams: Streams, session_id: str, known: Known) -> AsyncIterator[bytes]:
    """What happens to a session, from what the reader knows to its end: `trial` and `status` events, then `end`."""
    while True:
        changed = streams.changed  # taken before we look, so that nothing that happens meanwhile is missed
        row = await store.session(session_id)
        if row is None:
            yield format_sse_event(event="end", data_str='{"reason": "deleted"}')
            return
        while trials := await store.trials(session_id, known.trial, BATCH):
            for number, document in trials:
                known.trial = number
                yield format_sse_event(event="trial", id=str(known), data_str=document)
        if (row.status, row.reason) != (known.status, known.reason):
            known.status, known.reason = row.status, row.reason
            yield format_sse_event(event="status", id=str(known), data_str=summary(row).model_dump_json())
        if known.is_all:
            yield format_sse_event(event="end", id=str(known), data_str=json.dumps({"reason": row.reason}))
            return
        try:
            await asyncio.wait_for(changed.wait(), KEEP_ALIVE_S)
        except TimeoutError:
            yield KEEPALIVE_COMMENT


class Streams:
    """The streams that are open, and how many may be.

    Attributes:
        changed: set and replaced whenever a session has changed.
    """

    def __init__(self, most: int, gauge: Gauge) -> None:
        self.most = most
        self._gauge = gauge
        self._open = 0
        self.changed = asyncio.Event()

    def __call__(self, event: Event) -> None:
        """Wake all streams where something has changed that they may tell of."""
        if isinstance(event, Changed):
            self.changed.set()
            self.changed = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether one more would be too many."""
        return self._open >= self.most

    async def counted(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same stream, counted while it is open."""
        self._open += 1
        self._gauge.inc()
        try:
            async for piece in stream:
                yield piece
        finally:
            self._open -= 1
            self._gauge.dec()
