"""Whose turn it is: who brings something has more turns, and who brings nothing has some."""

from types import SimpleNamespace

import pytest

from boifi_core.models import Phase
from boifi_core.session.turns import NOVEL, is_for_something_new


def shown(trial, severity, reason, phase=Phase.SEARCH):
    return SimpleNamespace(trial=trial, severity=severity, phase=phase, why=SimpleNamespace(reason=reason))


def turns(n, brings, before=()):
    """So many turns, for something new or not; `brings` tells of each whether a failure is new, and how bad it was."""
    trials, found, had = [*before], SimpleNamespace(modes=[]), []
    for number in range(len(trials) + 1, len(trials) + n + 1):
        is_novel = is_for_something_new(trials, found)
        had.append(is_novel)
        is_new, severity = brings(is_novel, had.count(is_novel))
        trials.append(shown(number, severity, NOVEL if is_novel else "improve"))
        if is_new or not found.modes:
            found.modes.append(SimpleNamespace(trials=[number]))
        else:
            found.modes[0].trials.append(number)
    return had


def nothing(_is_novel, _number):
    return False, 6.0


def something_new(is_novel, number):
    return is_novel and number % 3 == 0, 6.0


def ever_worse(is_novel, number):
    return False, 5.0 if is_novel else min(9.9, number)


def test_who_brings_nothing_has_turns_all_the_same_and_as_many_as_the_other():
    had = turns(40, nothing)
    assert {True, False} == {*had[:3]}
    assert had.count(True) == pytest.approx(20, abs=2)


def test_who_brings_something_has_more_turns_and_the_other_some():
    of_novel = turns(60, something_new).count(True)
    assert 40 <= of_novel <= 55
    of_worse = turns(9, ever_worse).count(False)
    assert 5 <= of_worse <= 8


def test_a_plateau_that_is_known_has_few_turns_while_others_bring_new_failures():
    """All its trials are of one known failure, as bad as ever: only its edges are left."""
    last = turns(90, something_new)[-40:]
    assert 4 <= last.count(False) <= 10


def test_what_once_brought_much_and_brings_nothing_more_loses_its_turns():
    def dries_up(is_novel, number):
        return is_novel and number <= 15, 6.0

    had = turns(100, dries_up)
    assert had[:20].count(True) > 12
    assert 5 <= had[-20:].count(True) <= 12


def test_what_screen_and_free_draws_showed_is_nobodys_merit():
    before = [shown(n, float(n), "screen", Phase.SCREEN) for n in range(1, 10)]
    before += [shown(n, 3.0, "sample") for n in range(10, 30)]
    before += [SimpleNamespace(trial=30, severity=None, phase=Phase.SEARCH, why=None)]
    assert turns(40, nothing, before).count(True) == pytest.approx(20, abs=2)
