"""Do requests get healthy answers without a fault?"""

from __future__ import annotations

from statistics import median

from boifi_core.analyzer.explain import wrong_answers
from boifi_core.session.preflight.base import Line, Sight, failed, passed, warned

_MOSTLY = 0.5


def answers(sight: Sight) -> Line:
    """Most of them must be healthy; a few that are not blur what faults do."""
    if not sight.windows:
        return failed(sight.unseen or "nothing was observed", "see that the observer reaches the target")
    rates = [seen.error_rate for seen in sight.windows if seen.error_rate is not None]
    statuses = sorted(seen.status_code for seen in sight.windows if seen.status_code is not None)
    if not rates and not statuses:
        return failed("neither a status nor an error rate could be read", "see what the observer sends")
    status, rate = statuses[len(statuses) // 2] if statuses else None, median(rates) if rates else 0.0
    latencies = [seen.latency_ms for seen in sight.windows if seen.latency_ms is not None]
    told = f"status {status or '-'}" + (f" in {median(latencies):.0f} ms" if latencies else "")
    if rate > _MOSTLY or any(seen.is_bad(status or 0) for seen in sight.windows):
        said = next((line for seen in sight.windows for line in (*seen.logs, *wrong_answers(seen))), None)
        text = f"most requests fail without a fault: {told}" + (f", {said!r}" if said else "")
        return failed(text, "mend the target, or the requests that are sent to it")
    if rate > 0:
        wrong = next((f": {text}" for seen in sight.windows for text in wrong_answers(seen)), "")
        return warned(f"{rate:.0%} of the requests fail without a fault{wrong}", "mend or leave out what fails")
    return passed(told)
