import numpy as np
from made_evidence import made

from boifi_core.optimizer.evidence import Evidence

WHOLE = made(8, signals=lambda point: {"latency_ms": float(point["percentage"])})
PAST = Evidence(WHOLE.rows, WHOLE.scores, WHOLE.signals, n_past=3)


def test_the_oldest_and_some():
    assert len(PAST.first(2)) == 2
    assert (PAST.first(2).n_past, PAST.first(5).n_past, PAST.first(99).n_past) == (2, 3, 3)
    some = PAST.take(np.array([1, 2, 6]))
    assert some.n_past == 2
    assert some.is_past.tolist() == [True, True, False]
    np.testing.assert_array_equal(some.scores, WHOLE.scores[[1, 2, 6]])
    assert some.signals[2] == WHOLE.signals[6]


def test_what_it_begins_with():
    assert WHOLE.begins_with(WHOLE)
    assert WHOLE.begins_with(WHOLE.first(0))
    assert WHOLE.begins_with(made(8, signals=lambda point: {"latency_ms": float(point["percentage"])}).first(5))
    assert not WHOLE.first(5).begins_with(WHOLE)
    assert not WHOLE.begins_with(made(5))
    assert not WHOLE.begins_with(made(5, seed=2, signals=lambda point: {"latency_ms": float(point["percentage"])}))
    assert not WHOLE.begins_with(PAST.first(5))
    assert not WHOLE.begins_with(Evidence(WHOLE.rows, WHOLE.scores + 1, WHOLE.signals))
