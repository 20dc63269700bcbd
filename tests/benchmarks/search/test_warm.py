"""What earlier sessions are in the benchmark of learning from them."""

import numpy as np
import pytest

from benchmarks.search import warm
from benchmarks.search.tuning import TUNING


@pytest.mark.parametrize("landscape", TUNING, ids=lambda landscape: landscape.name)
def test_earlier_sessions_read_what_they_say(landscape):
    point = landscape.optimum_at

    def seen(earlier, at):
        return earlier.read(at, np.random.default_rng(5)).severity

    now = landscape.read(point, np.random.default_rng(5)).severity
    assert seen(warm.same(landscape), point) == now
    assert seen(warm.opposite(landscape), point) == 10 - now
    narrower = warm.narrower(landscape)
    kept = {name: point[name] for name in point if name in narrower.space.layout.index}
    assert len(narrower.space.dimensions) == len(landscape.space.dimensions) - 1
    assert seen(narrower, kept) == now
    changed = warm.changed(landscape)
    assert any(
        seen(changed, p) != landscape.read(p, np.random.default_rng(5)).severity
        for p in landscape.space.sample(np.random.default_rng(1), 40)
    )


def test_there_is_a_row_for_each_kind_of_past():
    (table,) = warm.measure(seeds=1, landscapes=[len(TUNING) - 1], trials=20)
    assert table.columns[2:] == ("10 trials", "20 trials")
    assert [row[:2] for row in table.rows] == [(name, kind) for name in ("all", TUNING[-1].name) for kind in warm.KINDS]
    assert all(float(cell) >= -0.01 for row in table.rows for cell in row[2:])
