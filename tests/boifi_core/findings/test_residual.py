"""How much is left: what the estimates are, and that the limit is one."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from failures import HEALTHY, LATE, found, tried
from planted import DIMENSIONS, planted

from boifi_core.findings import SAMPLE
from boifi_core.findings.residual import never_drawn, residual, risk_of_one_look, upper_limit
from boifi_core.models import Choice, Residual
from boifi_core.space import SearchSpace

DRAWN = Choice(reason=SAMPLE)


def drawn(number, *what, **fields):
    return tried(number, *what, why=DRAWN, **fields)


def told(*trials, **options):
    return residual(trials, found(*trials), **options)


def test_it_takes_59_free_draws_without_a_new_failure_for_a_limit_of_5_percent():
    assert upper_limit(0, 58) > 0.05 > upper_limit(0, 59)
    assert upper_limit(0, 13) > 0.2 > upper_limit(0, 14)
    assert upper_limit(1, 22) == pytest.approx(0.1981, abs=1e-4)  # Clopper and Pearson's table
    assert (upper_limit(0, 0), upper_limit(3, 3)) == (1.0, 1.0)


def test_where_it_is_looked_at_after_each_draw_it_takes_a_few_more():
    risk = risk_of_one_look(0)
    assert upper_limit(0, 64, risk) > 0.05 > upper_limit(0, 65, risk)
    assert upper_limit(0, 14, risk) > 0.2 > upper_limit(0, 15, risk)


def test_chaos_lower_bound():
    assert never_drawn(once=4, twice=2, draws=10) == pytest.approx(0.9 * 4)
    assert never_drawn(once=3, twice=0, draws=10) == pytest.approx(0.9 * 3)
    assert never_drawn(once=0, twice=3, draws=10) == 0.0


def test_what_free_draws_brought_is_counted_by_the_catalogues_modes():
    """Reviews fail in 1, 3 and 4, the stock is late in 2; 5 is well."""
    trials = (
        drawn(1),
        drawn(2, LATE, 2.0, "stock"),
        tried(3),
        drawn(4, delay_ms=120),
        drawn(5, HEALTHY, 0.0),
    )
    assert told(*trials) == Residual(
        draws=4, failed=3, modes=2, new=2, estimate=1 / 4, upper=upper_limit(2, 4), level=0.95, left_at_least=0.375
    )


def test_what_the_search_had_shown_before_is_nothing_new_and_is_not_left():
    left = told(tried(1), drawn(2), drawn(3, LATE, 2.0, "stock"), drawn(4, HEALTHY, 0.0))
    assert (left.failed, left.modes, left.new) == (2, 2, 1)
    # Two failures that one draw each has shown speak for two thirds of one that none has.
    assert left.left_at_least == pytest.approx(2 / 3)
    # One that only the search has shown may be that.
    assert told(tried(1), drawn(2, LATE, 2.0, "stock"), drawn(3, HEALTHY, 0.0)).left_at_least == 0.0


def test_draws_without_a_score_tell_nothing():
    broken = drawn(1, None, None, status="failed", score=None)
    assert told(broken) is None
    assert told(tried(1)) is None
    assert told(broken, drawn(2, HEALTHY, 0.0)).draws == 1


def test_a_session_that_is_to_end_on_the_limit_has_a_stricter_one():
    trials = [drawn(number, HEALTHY, 0.0) for number in range(1, 15)]
    assert told(*trials).upper < 0.2 < told(*trials, is_watched=True).upper


POINTS = SearchSpace.parse(DIMENSIONS).sample(np.random.default_rng(22), 600)


def by_planted_triggers(rng, draws, limit):
    """A session with two strong faults of a search after each free draw: its limit, its estimate, and the truth."""
    hidden, times, new, made, upper = list(planted(rng)), Counter(), [], 0, 1.0
    weaknesses = tuple(hidden)
    while made < draws and not limit.ends(upper):
        point = POINTS[rng.integers(len(POINTS))]
        brought = [each for each in weaknesses if each.breaks(point)]
        new += [each for each in brought if each in hidden]
        times.update(brought)
        made += 1
        upper = limit.of(len(new), made)
        hit = [point, *(POINTS[place] | {"percentage": 100} for place in rng.integers(len(POINTS), size=2))]
        hidden = [each for each in hidden if not any(map(each.breaks, hit))]
    truth = sum(any(each.breaks(point) for each in hidden) for point in POINTS) / len(POINTS)
    return upper, sum(times[each] == 1 for each in new) / made, truth


def by_rare_failures(rng, draws, limit):
    """A session of a target with hundreds of failures, each of them rare, and of free draws alone: the hardest case."""
    chances = rng.dirichlet(np.full(400, 0.5)) * rng.uniform(0.05, 0.6)
    times, made, upper = np.zeros(401, dtype=int), 0, 1.0
    while made < draws and not limit.ends(upper):
        times[rng.choice(401, p=[*chances, 1 - chances.sum()])] += 1
        made += 1
        upper = limit.of(np.count_nonzero(times[:-1]), made)
    return upper, np.count_nonzero(times[:-1] == 1) / made, chances[times[:-1] == 0].sum()


class Limit(NamedTuple):
    """How a session reckons its limit: below `stop` it ends."""

    stop: float | None

    def of(self, new, made):
        return upper_limit(new, made) if self.stop is None else upper_limit(new, made, risk_of_one_look(new))

    def ends(self, upper):
        return self.stop is not None and upper < self.stop


@pytest.mark.parametrize("session", [by_planted_triggers, by_rare_failures])
@pytest.mark.parametrize("is_watched", [False, True])
def test_the_limit_holds_in_at_least_182_of_200_simulated_sessions(session, is_watched):
    rng = np.random.default_rng(22)
    told = [
        session(rng, int(rng.integers(10, 61)), Limit(rng.uniform(0.1, 0.5) if is_watched else None))
        for _ in range(200)
    ]
    assert sum(truth <= upper for upper, _, truth in told) >= 182
    assert sum(truth <= estimate for _, estimate, truth in told) < 182, "the estimate is no limit"
    assert np.mean([estimate - truth for _, estimate, truth in told]) == pytest.approx(0.015, abs=0.02)


class Adversary:
    """A search that brings out failures just when that makes the limit fail, as far as any could.

    It knows the chance *p* of a new failure at each free draw and may lower it before each, by bringing failures out.
    It has won where *p* is above the limit. `chance` is how often the best of all such searches wins: over the draws
    made, those that were new, and *p*, from the last draw back to the first.
    """

    def __init__(self, draws, risk):
        self.draws = draws
        self.limit = [[upper_limit(k, n, risk(k)) for k in range(n + 1)] for n in range(draws + 1)]

    def chance(self, *, stops):
        """How often it wins at the end; where it `stops`, at whatever moment it likes."""
        limits = {limit for n in range(self.draws + 1) for limit in self.limit[n] if limit < 0.999}
        p = np.array(sorted(limits)) + 1e-9  # just above one of them: more would be waste
        after = np.zeros((self.draws + 2, len(p)))
        for n in range(self.draws, -1, -1):
            now = np.zeros_like(after)
            for k in range(n + 1):
                now[k] = p * after[k + 1] + (1 - p) * after[k]
                if n == self.draws or stops:
                    now[k] = np.where(p > self.limit[n][k], 1.0, now[k])
                now[k] = np.maximum.accumulate(now[k])
            after = now
        return after[0].max()


@pytest.mark.parametrize("draws", [5, 10, 20, 60])
def test_no_search_makes_the_limit_fail_more_often_than_it_says(draws):
    wins = Adversary(draws, lambda _new: 0.05).chance(stops=False)
    assert wins == pytest.approx(0.05, abs=1e-6)


@pytest.mark.parametrize("draws", [5, 10, 20, 60])
def test_nor_does_one_that_ends_when_it_likes_the_limit(draws):
    assert 0.03 < Adversary(draws, risk_of_one_look).chance(stops=True) < 0.05


def test_a_limit_that_takes_no_account_of_the_looks_would_fail():
    assert Adversary(40, lambda _new: 0.05).chance(stops=True) > 0.15
