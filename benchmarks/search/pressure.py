"""How requests hinder each other: what a pass shows of the load, and how long a full pool makes them wait."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.search.mesh import Pool
from benchmarks.search.stream import Numbers


@dataclass
class Pressure:
    """What earlier passes show of the load: one number for each window.

    Attributes:
        busy_ms: by service, how long it is at work for each request at the edge.
        calls: by service, how often it is called for each request at the edge.
        failed: by edge `caller > callee`, the share of its calls that fail.
    """

    busy_ms: dict[str, Numbers] = field(default_factory=dict)
    calls: dict[str, Numbers] = field(default_factory=dict)
    failed: dict[str, Numbers] = field(default_factory=dict)


def queueing(pool: Pool, load_rps: float, busy_ms: Numbers, calls: Numbers) -> tuple[Numbers, Numbers]:
    """How long a call waits for a free place, milliseconds, and the share of calls that never get one.

    By Little's law as many are at work at once as arrive in the time that one takes.

    Source: Sakasegawa (1977), An approximation formula L_q = a rho^b / (1 - rho), Ann. Inst. Statist. Math. 29, 67-75.
    """
    use = load_rps * busy_ms / 1000 / pool.size
    one_ms = busy_ms / np.maximum(calls, 1e-9)
    wait_ms = one_ms / pool.size * use ** (np.sqrt(2 * (pool.size + 1)) - 1) / np.maximum(1 - use, 1e-6)
    return np.minimum(wait_ms, pool.queue_ms), np.maximum(1 - 1 / np.maximum(use, 1e-9), 0.0)
