"""As many initial points as a session file may ask for."""

import tracemalloc

import numpy as np
import pytest

from boifi_core.optimizer import OptimizerCore
from boifi_core.optimizer.design import latin_hypercube
from boifi_core.space import SearchSpace

SPACE = SearchSpace.parse([
    {"name": "fault_type", "type": "categorical", "values": ["delay"]},
    {"name": "target_service", "type": "categorical", "values": [f"s{n}" for n in range(20)]},
    {"name": "delay_ms", "type": "real", "min": 1, "max": 30_000},
])  # fmt: skip

MEGABYTE = 2**20


@pytest.mark.parametrize("n", [1_000, 3_000, 20_000])
def test_f27_memory_grows_with_the_points_and_not_with_their_square(n):
    tracemalloc.start()
    try:
        rows = latin_hypercube(SPACE, np.random.default_rng(0), n)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows.shape == (n, 3)
    assert most < 50 * MEGABYTE
    # Still a Latin hypercube: as many in each part of the range.
    counts, _ = np.histogram(rows[:, 2], bins=10, range=(1, 30_000))
    assert counts.tolist() == [n // 10] * 10


def test_f27_they_can_all_be_proposed():
    core = OptimizerCore(SPACE, random_state=0, initial_points=2_000)
    assert len({point["delay_ms"] for point in core.propose(2_000)}) == 2_000
