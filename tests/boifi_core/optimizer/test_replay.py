"""The same history, however it is told, leads to the same next proposal."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import MIXED, awkward_scores, severity, signal_maps
from optimizing import optimizer, signals, steps
from search_spaces import spaces

from boifi_core.errors import SpaceExhausted
from boifi_core.optimizer import SELECTIONS, SURROGATES, OptimizerCore


def next_key(core, space):
    try:
        return space.key(core.propose())
    except SpaceExhausted:
        return None


@pytest.mark.parametrize("surrogate", ["auto", "forest"])
@settings(max_examples=15, deadline=None)
@given(space=spaces(max_dimensions=4), data=st.data(), selection=st.sampled_from(list(SELECTIONS)))
def test_at_once_one_by_one_or_in_parts(surrogate, space, data, selection):
    options = {
        "n_estimators": 5,
        "n_candidates": 30,
        "initial_points": 3,
        "selection": selection,
        "surrogate": surrogate,
    }
    first = optimizer(space, **options)
    entries = []
    for _ in range(data.draw(st.integers(0, 7))):
        try:
            point = first.propose()
        except SpaceExhausted:
            break
        entries.append((point, data.draw(st.one_of(st.none(), awkward_scores)), data.draw(signal_maps)))
        first.load(entries[-1:])
    cut = data.draw(st.integers(0, len(entries)))
    parts = {
        "one by one": [[entry] for entry in entries],
        "at once": [entries],
        "in two": [entries[:cut], entries[cut:]],
    }
    expected = next_key(first, space)
    for told in parts.values():
        core = optimizer(space, **options)
        for part in told:
            core.load(part)
        assert core.history == first.history
        assert core.best_point == first.best_point
        assert next_key(core, space) == expected
        assert core.phase == first.phase


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_a_longer_session_too(surrogate):
    first = optimizer(surrogate=surrogate)
    entries = [(point, severity(point), signals(point)) for point in steps(first, 40)]
    at_once, in_parts = optimizer(surrogate=surrogate), optimizer(surrogate=surrogate)
    at_once.load(entries)
    for start in range(0, 40, 7):
        in_parts.load(entries[start : start + 7])
    assert first.propose(4) == at_once.propose(4) == in_parts.propose(4)


def test_same_seed_same_session_and_another_seed_another():
    assert steps(optimizer(), 8) == steps(optimizer(), 8)
    assert steps(optimizer(), 8) != steps(optimizer(random_state=4), 8)


def test_predicting_and_looking_changes_nothing():
    plain, watched = optimizer(), optimizer()
    for _ in range(7):
        point = plain.propose()
        assert watched.propose() == point
        _ = (watched.phase, watched.best_point, watched.history, watched.why(point))
        if watched.is_fitted:
            watched.predict([point])
        for core in (plain, watched):
            core.record(point, severity(point))


def test_without_a_seed_one_is_drawn_and_shown():
    one, other = OptimizerCore(MIXED), OptimizerCore(MIXED)
    assert one.random_state != other.random_state
    assert OptimizerCore(MIXED, random_state=one.random_state).propose() == one.propose()


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing():
    script = (
        "from boifi_core.optimizer import OptimizerCore\n"
        "dimensions = [{'name': f'x{i}', 'type': 'real', 'min': 0, 'max': 1} for i in range(12)]\n"
        "space = {'dimensions': dimensions, 'fixed': {'fault_type': 'abort'}}\n"
        "for surrogate in ('auto', 'forest'):\n"
        "    core = OptimizerCore(space, random_state=5, surrogate=surrogate, n_estimators=20)\n"
        "    points = core.propose(10) + core.space.sample(__import__('numpy').random.default_rng(0), 110)\n"
        "    core.load((point, 9 * point['x0'] * point['x1'], {'spans': point['x2']}) for point in points)\n"
        "    for _ in range(3):\n"
        "        core.record(core.propose(), 4.0)\n"
        "    print(core.history[-3:], core.propose(3), core.best_point, core.best_point.mean)\n"
    )
    printed = set()
    for threads in ("1", "2", "3"):
        limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
        run = subprocess.run(
            [sys.executable, "-c", script], env=os.environ | limits, capture_output=True, text=True, check=True
        )
        printed.add(run.stdout)
    assert len(printed) == 1
    assert printed.pop().count("x11") == 2 * 7


def test_time_and_luck_leave_no_trace():
    """Not the global random state, nor what was asked of another optimizer between."""
    plain = steps(optimizer(), 8)
    other, again = optimizer(random_state=9), optimizer()
    points = []
    for _ in range(8):
        np.random.default_rng().random()
        steps(other, 1)
        points += steps(again, 1)
    assert points == plain
