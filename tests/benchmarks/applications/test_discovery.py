"""What sessions as the product makes them find nearly always, in the style of Hypothesis' tests of what it finds.

Each session is one of 60 trials with a seed of its own, and has chance of its own in its target. It is broken off as
soon as it has found what it is to find, and the sessions are when it is clear whether enough do.
"""

from functools import cache

import pytest

from benchmarks.applications.generate import application
from benchmarks.applications.session import run_session, session_config
from benchmarks.applications.target import Target
from benchmarks.objectives import DEFAULT, asked

TRIALS = 60

WHERE = ((8, 4), (8, 5), (10, 6))
"""Numbers of services, and seeds, of applications one of whose callers closes all of it for a call that is slow."""

generated = cache(application)


def finds(services, number, seed):
    """Whether a session brings out the pool that closes the application."""
    target = Target(generated(number, services), seed, count=40, traces=8)
    [wanted] = [each.id for each in target.application.weaknesses if each.kind == "closes_all"]
    config = session_config(target.application, TRIALS, seed, **asked(DEFAULT))
    _, _, out = run_session(target, config, until=wanted)
    return any(wanted in ids for ids in out)


def enough_of(sessions, needed, find):
    """Whether so many of the sessions find it; no more are made than that takes."""
    found = 0
    for made in range(1, sessions + 1):
        found += bool(find(made))
        if found >= needed or made - found > sessions - needed:
            break
    return found >= needed


@pytest.mark.parametrize(("services", "number"), WHERE[1:2])
def test_sessions_find_the_pool_that_closes_the_shop(services, number):
    assert enough_of(10, 9, lambda seed: finds(services, number, seed))


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("services", "number"), WHERE)
def test_sessions_find_the_pool_that_closes_the_shop_nearly_always(services, number):
    assert enough_of(100, 95, lambda seed: finds(services, number, seed))


def test_no_more_sessions_are_made_than_it_takes():
    asked_for = []
    assert enough_of(10, 9, lambda number: asked_for.append(number) or number != 3)
    assert asked_for == [*range(1, 11)]
    asked_for.clear()
    assert not enough_of(10, 9, lambda number: asked_for.append(number))
    assert asked_for == [1, 2]
