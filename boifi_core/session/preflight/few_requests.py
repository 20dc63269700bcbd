"""Are there enough requests in a window to tell a fault from chance?"""

from __future__ import annotations

from boifi_core.errors import counted
from boifi_core.session.preflight.base import Line, Sight, passed, warned

ENOUGH = 10
"""Of fewer requests, a fault on half of them is missed altogether now and then."""


def few_requests(sight: Sight) -> Line:
    """As far as the observer says how many it sends; and whether they were done in time."""
    count = getattr(sight.config.observer, "count", None)
    undone = next((why for seen in sight.windows for why in seen.degraded if why.startswith("probe:")), None)
    if undone is not None:
        return warned(undone.removeprefix("probe: "), "lower observer.count, or raise executor.timeout_s")
    if count is not None and count < ENOUGH:
        return warned(f"a window has {counted(count, 'request')}", f"raise observer.count to {ENOUGH} or more")
    return passed("the control plane's own windows" if count is None else f"{counted(count, 'request')} a window")
