"""Do traces come, whole, and from which services?"""

from __future__ import annotations

from boifi_core.errors import counted, listed
from boifi_core.session.preflight.base import Line, Sight, passed, warned


def traces(sight: Sight) -> Line:
    """Without them calls that vanish, are made again or fail unseen are not scored."""
    asked = getattr(sight.config.observer, "traces", None)
    thin = list(dict.fromkeys(why for seen in sight.windows for why in seen.degraded if why.startswith("traces:")))
    has_any = any(seen.trace_data or seen.traces for seen in sight.windows)
    if not has_any and sight.config.observer is not None and asked is None:
        return warned("none are asked for, so broken calls are not scored", "name their source: observer.traces")
    if not has_any:
        text = "none came" + (f" ({listed(thin, 3)})" if thin else "")
        return warned(text, "see that the services send spans, and keep the trace ids of incoming requests")
    if thin:
        return warned(
            listed([why.removeprefix("traces: ") for why in thin], 3),
            "give them longer (wait_s), or see who does not send",
        )
    services = sorted(sight.normal.services)
    return passed(f"of {counted(len(services), 'service')}: {listed(services, 12)}" if services else "came")
