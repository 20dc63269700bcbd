"""Is a failure real? Its measurements again, beside fault-free runs, and what they allow to say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev

from scipy.stats import norm, t

from boifi_core.findings.models import Confirmation, Reading, Verdict

LEVEL = 0.95
"""Of all intervals."""

LEAST_SHARE = 1 / 3
"""A failure that may show in less than this share of its runs is not confirmed, however seldom false alarms are."""


def wilson(shown: int, readings: int, level: float = LEVEL) -> tuple[float, float]:
    """The interval for the share of all runs of which `shown` of `readings` were seen; (0, 1) without any.

    Source: Wilson (1927), Probable inference, the law of succession, and statistical inference, J. American Statistical
    Association 22, 209-212; for few readings it keeps its level better than the textbook's: Agresti & Coull (1998),
    The American Statistician 52, 119-126.
    """
    if readings == 0:
        return 0.0, 1.0
    z = float(norm.ppf((1 + level) / 2))
    share, spread = shown / readings, z * z / readings
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / readings + spread / (4 * readings))
    return max(0.0, middle - half), min(1.0, middle + half)


def mean_interval(values: Sequence[float], level: float = LEVEL) -> tuple[float, float] | None:
    """The interval for the mean that `values` were drawn around, 0 to 10; None with fewer than two.

    Source: Student (1908), The probable error of a mean, Biometrika 6, 1-25.
    """
    if len(values) < 2:
        return None
    half = float(t.ppf((1 + level) / 2, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
    return max(0.0, fmean(values) - half), min(10.0, fmean(values) + half)


def confirmation(readings: Sequence[Reading], controls: int, false_alarms: int) -> Confirmation:
    """What measuring a failure again comes to.

    CONFIRMED: even the lower bound of the share of runs that show it is above the upper bound of the share of
    fault-free runs that look like it, and above `LEAST_SHARE`. SUSPECTED: it showed in half of its readings or more,
    and more often than without a fault, but they are too few to tell it from chance. INCONCLUSIVE: else.

    Args:
        readings: at least one; none of those for which the fault was chosen, which are too high by that choice.
        controls: fault-free runs made between readings, of whatever failure.
        false_alarms: how many of them looked like this failure.
    """
    shown = sum(reading.shows for reading in readings)
    low, high = wilson(shown, len(readings))
    false_alarm_high = wilson(false_alarms, controls)[1]
    severities = [reading.severity for reading in readings]
    bounds = mean_interval(severities)
    false_alarm_rate = false_alarms / controls if controls else None
    share = shown / len(readings)
    if low > max(false_alarm_high, LEAST_SHARE):
        verdict = Verdict.CONFIRMED
    elif share >= 0.5 and share > (false_alarm_rate or 0.0):
        verdict = Verdict.SUSPECTED
    else:
        verdict = Verdict.INCONCLUSIVE
    return Confirmation(
        verdict=verdict,
        readings=tuple(readings),
        shown=shown,
        low=low,
        high=high,
        level=LEVEL,
        severity=fmean(severities),
        severity_low=None if bounds is None else bounds[0],
        severity_high=None if bounds is None else bounds[1],
        controls=controls,
        false_alarms=false_alarms,
        false_alarm_rate=false_alarm_rate,
        false_alarm_high=false_alarm_high,
    )
