"""What readings allow to say."""

import pytest

from boifi_core.findings import Reading, Verdict
from boifi_core.findings.verdict import confirmation, mean_interval, wilson


@pytest.mark.parametrize(
    ("shown", "readings", "low", "high"),
    # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_that_of_the_literature(shown, readings, low, high):
    assert wilson(shown, readings) == pytest.approx((low, high), abs=5e-5)


def test_nothing_measured_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_interval_of_a_mean_is_students():
    # t(0.975, 2) = 4.3027, and the standard deviation of 4, 5, 6 is 1.
    low, high = mean_interval([4.0, 5.0, 6.0])
    assert (low, high) == pytest.approx((5 - 4.3027 / 3**0.5, 5 + 4.3027 / 3**0.5), abs=1e-3)
    assert mean_interval([5.0]) is None
    assert mean_interval([0.0, 10.0]) == (0.0, 10.0)


def readings(shown, of):
    return [Reading(trial=n + 1, severity=6.0 if n < shown else 0.0, shows=n < shown) for n in range(of)]


@pytest.mark.parametrize(
    ("shown", "of", "controls", "alarms", "verdict"),
    [
        (2, 2, 8, 0, Verdict.CONFIRMED),
        (2, 2, 7, 0, Verdict.SUSPECTED),
        (4, 4, 4, 0, Verdict.CONFIRMED),
        (4, 4, 8, 4, Verdict.SUSPECTED),
        (2, 3, 100, 0, Verdict.SUSPECTED),
        (1, 2, 100, 0, Verdict.SUSPECTED),
        (1, 3, 100, 0, Verdict.INCONCLUSIVE),
        (0, 4, 100, 0, Verdict.INCONCLUSIVE),
        (1, 1, 100, 0, Verdict.SUSPECTED),
    ],
)
def test_a_failure_is_confirmed_only_where_chance_cannot_do_it(shown, of, controls, alarms, verdict):
    found = confirmation(readings(shown, of), controls, alarms)
    assert found.verdict is verdict
    assert found.low <= shown / of <= found.high
    assert found.false_alarm_rate == alarms / controls


def test_noise_that_shows_as_often_without_a_fault_is_never_confirmed():
    """Of 1,000 failures that are noise of one run in ten, at most a handful may be taken for real."""
    import random

    chance = random.Random(1)
    confirmed = 0
    for _ in range(1000):
        for n in (2, 3, 4):
            seen = [Reading(trial=1, severity=1.0, shows=chance.random() < 0.1) for _ in range(n)]
            alarms = sum(chance.random() < 0.1 for _ in range(12))
            if confirmation(seen, 12, alarms).verdict is Verdict.CONFIRMED:
                confirmed += 1
                break
    assert confirmed <= 10
