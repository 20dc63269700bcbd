import numpy as np
from hypothesis import given, settings
from made_evidence import MIXED, evidence_of

from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.signals import shaped


def told(scores, signals):
    n = len(scores)
    rows = MIXED.sample_rows(np.random.default_rng(0), n)
    return shaped(Evidence(rows, np.array(scores, float), signals))


RISING = [{"latency_ms": 10.0 * 2**i} for i in range(10)]


def test_without_signals_they_are_the_scores():
    assert told([1, 5, 2], [{}, {}, {}]).tolist() == [1, 5, 2]


def test_on_a_plateau_they_rise_with_a_signal():
    for name, step in (("latency_ms", 50.0), ("error_rate", 0.1), ("spans", 3.0)):
        found = told([0.0] * 10, [{name: step * i} for i in range(10)])
        assert (np.diff(found) > 0).all()


def test_a_severity_that_jumps_still_decides():
    """However long the calls take, nothing leads past a fault that hurt."""
    found = told([0.0] * 9 + [8.0], RISING[::-1])
    assert found.argmax() == 9
    assert found[9] - np.delete(found, 9).max() > 2


def test_a_signal_that_falls_as_severity_rises_counts_as_such():
    """An aborted call is quick: here less latency is worse, and scores say so."""
    scores = np.array([8.0] * 5 + [1.0] * 5)
    found = told(scores, RISING)
    assert found[0] > found[4]
    assert found[5] > found[9]


def test_scores_among_the_signals_are_left_aside():
    assert told([1, 5, 2], [{"bug_score": float(i)} for i in range(3)]).tolist() == [1, 5, 2]


def test_what_never_varies_says_nothing():
    assert told([1, 5, 2], [{"latency_ms": 300.0, "error_rate": 0.1}] * 3).tolist() == [1, 5, 2]


def test_a_missing_signal_counts_as_a_middling_one():
    found = told([0.0] * 10, [{}, *RISING[1:]])
    assert found[1] < found[0] < found[9]


def test_the_order_of_names_does_not_matter():
    forth = [{"latency_ms": float(i), "spans": float(-i % 4)} for i in range(6)]
    back = [dict(reversed(one.items())) for one in forth]
    assert told(range(6), forth).tolist() == told(range(6), back).tolist()


@settings(max_examples=100, deadline=None)
@given(evidence=evidence_of(MIXED, most=15))
def test_they_stay_finite_and_keep_the_mean(evidence):
    found = shaped(evidence)
    assert found.shape == evidence.scores.shape
    assert np.isfinite(found).all()
    tolerance = 1e-6 * max(1.0, np.abs(evidence.scores).max())
    np.testing.assert_allclose(found.mean(), evidence.scores.mean(), atol=tolerance)
