"""What is tried, in what order and why, is what 0.1.0 tried."""

import json

import pytest

from tests.golden_0_1_0 import proposals
from tests.golden_0_1_0.golden import alike

LAST_DIGITS = 1e-12
"""By how much a real number of a point may differ: logarithms round differently from processor to processor."""


first, *others = proposals.SEEDS


@pytest.mark.parametrize("name", proposals.names())
@pytest.mark.parametrize("seed", [first, *(pytest.param(seed, marks=pytest.mark.long) for seed in others)])
def test_a_session_makes_the_same_proposals(tmp_path, name, seed):
    made = [json.loads(line) for line in proposals.lines(name, seed, tmp_path)]
    then = [json.loads(line) for line in proposals.recorded(name, seed).read_text().splitlines()]
    for (*now, expected), (*before, expected_then) in zip(made, then, strict=False):
        alike(now, before, f"trial {before[0]}", LAST_DIGITS)
        alike(expected, expected_then, f"trial {before[0]}")
    assert len(made) == len(then)
