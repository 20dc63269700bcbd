"""The tests' control plane and its book page, which here refuse, forget and delay by the fault alone."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from hfi_landscape import landscape
from hfi_policy import RefusedError, read_policy
from hfi_server import HfiServer


class Page(HfiServer):
    """A server whose every answer follows from the faults in force, so that the trials of a seed are always the same.

    Long delays of details are refused (`failed`), a 429 of reviews leaves the latency out (`degraded`), and under short
    delays of reviews it has only an old observation (`skipped`).

    Attributes:
        pause_s: how long each observation takes.
    """

    pause_s = 0.0

    def apply(self, document: Any) -> None:
        for fault in read_policy(document, delay_field=self.delay_field):
            if fault.path == ("prefix", "/details") and (fault.delay_ms or 0) > 3000:
                raise RefusedError("details may be slow for 3 s at most")
        super().apply(document)

    def observation(self) -> Any:
        time.sleep(self.pause_s)
        faults = self.faults()
        seen, made_at = landscape(faults), self.now()
        for fault in faults:
            if fault.path == ("prefix", "/reviews") and fault.abort_status == 429:
                del seen["latency_ms"]
            if fault.path == ("prefix", "/reviews") and 0 < (fault.delay_ms or 0) < 1000:
                made_at -= timedelta(hours=1)
        return {**seen, "timestamp": made_at.isoformat()}
