"""Every landscape keeps what `Landscape` promises."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.search import optima
from benchmarks.search.build import optima_file
from benchmarks.search.held_out import HELD_OUT
from benchmarks.search.landscapes import ALL, is_held_out, landscape
from benchmarks.search.tuning import TUNING

SIGNALS = {
    "bug_score",
    "performance_score",
    "structure_score",
    "latency_ms",
    "error_rate",
    "span_count",
    "error_spans",
    "retries",
}

each = pytest.mark.parametrize("target", ALL, ids=lambda target: target.name)


def found(target):
    half = "held_out" if is_held_out(target.name) else "tuning"
    return json.loads(optima_file(half).read_text(encoding="utf-8"))[target.name]


def test_the_halves_are_apart_and_of_the_promised_size():
    names = [target.name for target in ALL]
    assert len(set(names)) == len(names)
    for half in (TUNING, HELD_OUT):
        assert len(half) >= 7
        assert sum(target.smooth for target in half) >= 2
        assert sum(target.kind == "mesh" for target in half) >= 4
    assert [is_held_out(name) for name in names] == [target in HELD_OUT for target in ALL]


def test_the_set_has_what_makes_real_spaces_hard():
    assert {len(target.space.dimensions) for target in ALL} >= {4, 20}
    assert sum(bool(target.space.constraints) for target in ALL) >= 2
    assert sum(len(target.space.groups) > 1 for target in ALL) >= 2
    conditional = [sum(d.condition is not None for d in target.space.dimensions) for target in ALL]
    assert sum(n > 0 for n in conditional) >= 2
    assert sum(n > 15 for n in conditional) == 3


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="no landscape chekout; known are checkout, "):
        landscape("chekout")


@each
def test_the_optimum_is_a_valid_point_with_that_truth(target):
    target.space.check(target.optimum_at)
    assert target.truth(target.optimum_at) == pytest.approx(target.optimum, abs=1e-9)


@each
def test_no_random_point_exceeds_the_optimum(target):
    n = 120 if target.kind == "mesh" else 5000
    points = target.space.sample(np.random.default_rng(5), n)
    truths = [target.truth(point) for point in points]
    assert min(truths) >= 0
    assert max(truths) <= target.optimum + 1e-9
    assert np.ptp(truths) > 1


@each
def test_the_truth_of_a_point_never_changes(target):
    point = target.space.sample(np.random.default_rng(2), 1)[0]
    before = target.truth(point)
    target.read(point, np.random.default_rng(0))
    assert target.truth(dict(reversed(point.items()))) == before


@each
def test_readings_depend_on_the_stream_alone(target):
    points = target.space.sample(np.random.default_rng(1), 5)
    one, same, other = ([target.read(p, np.random.default_rng(seed)) for p in points] for seed in (3, 3, 4))
    assert one == same
    assert one != other
    assert all(set(reading.signals) == (SIGNALS if target.kind == "mesh" else set()) for reading in one)


@each
def test_readings_lie_around_the_truth(target):
    rng = np.random.default_rng(6)
    for point in target.space.sample(rng, 4):
        readings = np.array([target.read(point, rng).severity for _ in range(60)])
        # Clipping at 0 and 10 and rare bursts of unrelated failures move the mean; six sigma for the rest.
        allowed = 0.5 + 6 * readings.std() / np.sqrt(len(readings))
        assert readings.mean() == pytest.approx(target.truth(point), abs=allowed)


@each
def test_every_mode_is_shown_by_some_point_and_not_by_all(target):
    points = found(target)["modes"]
    assert set(points) == {mode.name for mode in target.modes}
    assert len(points) >= 2
    for mode in target.modes:
        target.space.check(points[mode.name])
        assert mode.shows(points[mode.name])
    assert any({mode.shows(point) for point in points.values()} == {True, False} for mode in target.modes)


def test_the_committed_procedure_finds_the_optimum_again(monkeypatch):
    monkeypatch.setattr(optima, "_SAMPLES", 300)
    monkeypatch.setattr(optima, "_STARTS", 2)
    target = replace(landscape("gentle-slopes"), modes=())
    assert optima.search(target, seed=1)["optimum"] == pytest.approx(target.optimum, abs=0.01)
