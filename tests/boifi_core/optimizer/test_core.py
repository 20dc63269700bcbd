import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_spaces import spaces

from boifi_core.errors import BoifiError, InvalidInput, SpaceExhausted
from boifi_core.optimizer import ACQUISITIONS, DESIGNS, SELECTIONS, SURROGATES, NotFitted, OptimizerCore
from boifi_core.space import SearchSpace

FAULT = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]}
IS_DELAY = {"field": "fault_type", "operator": "equals", "value": "delay"}
SPACE = SearchSpace.parse(
    [
        FAULT,
        {"name": "target_path", "type": "categorical", "values": ["/a", "/b", "/c"]},
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 10, "max": 2000, "log_scale": True, "condition": IS_DELAY},
    ]
)
TINY = SearchSpace.parse([FAULT, {"name": "delay_ms", "type": "categorical", "values": [5, 9], "condition": IS_DELAY}])
"""Three points."""


def optimizer(space=SPACE, **options):
    return OptimizerCore(
        space, **{"random_state": 3, "initial_points": 4, "n_estimators": 15, "n_candidates": 120} | options
    )


def severity(point):
    return 0.0 if point["fault_type"] == "abort" else min(10.0, point["percentage"] / 20 + point["delay_ms"] / 400)


def signals(point):
    return {"bug_score": severity(point) / 2, "performance_score": 1.0, "structure_score": 3.0}


def steps(core, n):
    """Propose and record `n` times; the proposals."""
    points = []
    for _ in range(n):
        points.append(core.propose())
        core.record(points[-1], severity(points[-1]), signals(points[-1]))
    return points


def keys(space, points):
    return [space.key(point) for point in points]


class TestProposals:
    @pytest.mark.parametrize("acquisition", ACQUISITIONS)
    @pytest.mark.parametrize("selection", SELECTIONS)
    @pytest.mark.parametrize("design", DESIGNS)
    def test_every_combination_proposes_valid_new_points(self, acquisition, selection, design):
        core = optimizer(acquisition_func=acquisition, selection=selection, initial_design=design)
        points = steps(core, 9)
        for point in points:
            SPACE.check(point)
        assert len(set(keys(SPACE, points))) == 9

    def test_repeated_without_a_record_they_differ(self):
        core = optimizer()
        steps(core, 2)
        in_design = [core.propose() for _ in range(4)]
        assert len(set(keys(SPACE, in_design))) == 4
        steps(core, 3)
        from_model = [core.propose() for _ in range(4)]
        assert len(set(keys(SPACE, from_model))) == 4

    def test_the_design_decides_first_and_the_model_after(self):
        core = optimizer(initial_points=3)
        phases = []
        for _ in range(5):
            phases.append(core.phase)
            steps(core, 1)
        assert phases == ["initial"] * 3 + ["search"] * 2

    def test_without_scores_the_initial_phase_goes_on(self):
        core = optimizer(initial_points=2)
        for _ in range(4):
            core.discard(core.propose())
        assert core.phase == "initial"
        assert not core.is_fitted
        steps(core, 2)
        assert core.phase == "search"

    def test_a_discarded_point_counts_as_tried_but_teaches_nothing(self):
        core = optimizer(TINY)
        first = core.propose()
        core.discard(first)
        others = [core.propose(), core.propose()]
        assert TINY.key(first) not in keys(TINY, others)
        assert core.history == []
        assert core.best_point is None

    @settings(max_examples=25, deadline=None)
    @given(space=spaces(finite=True, max_dimensions=2), seed=st.integers(0, 99), data=st.data())
    def test_a_finite_space_is_tried_whole_and_nothing_twice(self, space, seed, data):
        everything = {space.key(space.points(row[None, :])[0]) for row in space.all_rows(1)}
        core = optimizer(space, random_state=seed, n_estimators=3, n_candidates=20, initial_points=3)
        seen = []
        for _ in everything:
            point = core.propose()
            seen.append(space.key(point))
            if data.draw(st.booleans()):
                core.record(point, data.draw(st.floats(0, 10)))
            else:
                core.discard(point)
        assert sorted(seen, key=repr) == sorted(everything, key=repr)
        with pytest.raises(SpaceExhausted, match=f"all {len(everything)} points"):
            core.propose()

    def test_a_space_pinned_by_constraints_is_exhausted_too(self):
        """Of ten million points a constraint leaves two, and one of them is pinned on a real dimension."""
        dimensions = [
            {"name": "fault_type", "type": "categorical", "values": ["abort", "error_injection"]},
            {"name": "x", "type": "integer", "min": 1, "max": 10_000_000},
            {"name": "y", "type": "real", "min": 0, "max": 1},
        ]
        pins = [{"field": "x", "operator": "equals", "value": 77}, {"field": "y", "operator": "equals", "value": 0.5}]
        core = optimizer(SearchSpace.parse({"dimensions": dimensions, "constraints": pins}))
        points = [core.propose(), core.propose()]
        assert {point["fault_type"] for point in points} == {"abort", "error_injection"}
        with pytest.raises(SpaceExhausted):
            core.propose()

    def test_a_space_of_real_numbers_is_never_exhausted(self):
        space = SearchSpace.parse([FAULT | {"values": ["abort"]}, {"name": "x", "type": "real", "min": 0, "max": 1}])
        core = optimizer(space, initial_points=2, n_candidates=10)
        for _ in range(30):
            core.record(core.propose(), 1.0)
        assert len(set(keys(space, [point for point, _ in core.history]))) == 30


class TestDeterminism:
    @settings(max_examples=20, deadline=None)
    @given(space=spaces(max_dimensions=4), data=st.data(), selection=st.sampled_from(list(SELECTIONS)))
    def test_a_history_recorded_again_gives_the_same_next_proposal(self, space, data, selection):
        options = {"n_estimators": 5, "n_candidates": 30, "initial_points": 3, "selection": selection}
        first = optimizer(space, **options)
        entries = []
        for _ in range(data.draw(st.integers(0, 7))):
            try:
                point = first.propose()
            except SpaceExhausted:
                break
            score = data.draw(st.one_of(st.none(), st.floats(0, 10)))
            extra = {"bug_score": 1.0, "performance_score": data.draw(st.floats(0, 10)), "structure_score": 2.0}
            entries.append((point, score, extra))
            if score is None:
                first.discard(point)
            else:
                first.record(point, score, extra)
        one_by_one, at_once = optimizer(space, **options), optimizer(space, **options)
        for entry in entries:
            one_by_one.load([entry])
        at_once.load(entries)
        proposals = [next_key(core, space) for core in (first, one_by_one, at_once)]
        assert proposals[0] == proposals[1] == proposals[2]
        assert first.history == at_once.history
        assert first.phase == at_once.phase

    def test_same_seed_same_session_and_another_seed_another(self):
        assert steps(optimizer(), 8) == steps(optimizer(), 8)
        assert steps(optimizer(), 8) != steps(optimizer(random_state=4), 8)

    def test_predicting_and_looking_changes_nothing(self):
        plain, watched = optimizer(), optimizer()
        for _ in range(7):
            points = steps(plain, 1)
            _ = (watched.phase, watched.best_point, watched.history)
            assert steps(watched, 1) == points
            if watched.is_fitted:
                watched.predict(points)

    def test_proposals_that_nobody_recorded_leave_no_trace(self):
        plain, curious = optimizer(), optimizer()
        points = steps(plain, 6)
        for point in points:
            curious.propose()
            curious.propose()
            curious.record(point, severity(point), signals(point))
        assert curious.propose() == plain.propose()

    def test_without_a_seed_one_is_drawn_and_shown(self):
        one, other = OptimizerCore(SPACE), OptimizerCore(SPACE)
        assert one.random_state != other.random_state
        assert OptimizerCore(SPACE, random_state=one.random_state).propose() == one.propose()

    def test_the_number_of_threads_changes_nothing(self):
        script = (
            "from boifi_core.optimizer import OptimizerCore\n"
            "names = [f'x{i}' for i in range(12)]\n"
            "space = [{'name': name, 'type': 'real', 'min': 0, 'max': 1} for name in names]\n"
            "core = OptimizerCore({'dimensions': space, 'fixed': {'fault_type': 'abort'}}, random_state=5)\n"
            "for _ in range(16):\n"
            "    point = core.propose()\n"
            "    core.record(point, 9 * point['x0'] * point['x1'])\n"
            "print(core.history)\n"
        )
        printed = set()
        for threads in ("1", "2"):
            limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)
            run = subprocess.run(
                [sys.executable, "-c", script], env=os.environ | limits, capture_output=True, text=True, check=True
            )
            printed.add(run.stdout)
        assert len(printed) == 1
        assert printed.pop().count("x11") == 16


def next_key(core, space):
    try:
        return space.key(core.propose())
    except SpaceExhausted:
        return None


class TestRecording:
    def test_history_and_best_point(self):
        core = optimizer()
        points = [core.propose() for _ in range(3)]
        for point, score in zip(points, [2.0, 7.5, 7.5], strict=True):
            core.record(point, score)
        assert core.history == list(zip(points, [2.0, 7.5, 7.5], strict=True))
        assert core.best_point == (points[1], 7.5)

    def test_what_is_given_out_is_a_copy(self):
        core = optimizer()
        steps(core, 2)
        core.history[0][0]["percentage"] = 0
        core.best_point[0]["percentage"] = 0
        for point, _ in core.history:
            SPACE.check(point)

    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, "7", None, True])
    def test_a_score_that_is_no_finite_number_is_refused(self, score):
        core = optimizer()
        point = core.propose()
        if score is None:
            core.load([(point, None, None)])
            assert core.history == []
            return
        with pytest.raises(InvalidInput, match="score: must be a finite number"):
            core.record(point, score)
        assert core.history == []

    def test_numbers_of_numpy_are_taken_as_plain_ones(self):
        core = optimizer()
        core.record(core.propose(), np.float32(2.5))
        assert type(core.history[0][1]) is float

    def test_a_point_of_another_space_is_refused_and_nothing_of_the_batch_is_taken(self):
        core = optimizer()
        good = core.propose()
        with pytest.raises(InvalidInput, match=r"point\.percentage: must be within 10\.\.100, got 7"):
            core.load([(good, 1.0, None), ({**good, "percentage": 7}, 1.0, None)])
        with pytest.raises(InvalidInput):
            core.discard({})
        assert core.history == []

    def test_signals_that_are_not_finite_are_left_out(self):
        core = optimizer(selection="pareto")
        for _ in range(6):
            core.record(core.propose(), 1.0, {"bug_score": math.nan, "performance_score": 1, "structure_score": 2})
        SPACE.check(core.propose())

    def test_the_same_point_may_be_recorded_again(self):
        core = optimizer()
        point = core.propose()
        for score in (4.0, 5.0, 6.0):
            core.record(point, score)
        assert len(core.history) == 3
        assert core.predict([point])[0][0] == pytest.approx(5, abs=1)


class TestPredicting:
    def test_before_two_scores_it_is_refused(self):
        core = optimizer()
        for _ in range(2):
            assert not core.is_fitted
            with pytest.raises(NotFitted, match="needs 2 recorded scores"):
                core.predict([core.propose()])
            core.record(core.propose(), 1.0)
        assert core.is_fitted
        assert issubclass(NotFitted, BoifiError)

    def test_it_predicts_during_the_initial_design_too(self):
        core = optimizer(initial_points=20)
        steps(core, 5)
        mean, std = core.predict(SPACE.sample(np.random.default_rng(0), 6))
        assert mean.shape == std.shape == (6,)
        assert core.phase == "initial"

    def test_each_record_teaches(self):
        core = optimizer()
        steps(core, 3)
        point = core.propose()
        before = core.predict([point])[0][0]
        core.record(point, 10.0)
        assert core.predict([point])[0][0] > before

    def test_a_point_of_another_space_is_refused(self):
        core = optimizer()
        steps(core, 2)
        with pytest.raises(InvalidInput, match=r"point\.fault_type: is required"):
            core.predict([{}])


class TestPlainTargets:
    @pytest.mark.parametrize("score", [0.0, 10.0])
    def test_constant_scores(self, score):
        core = optimizer()
        for _ in range(8):
            core.record(core.propose(), score)
        assert len(set(keys(SPACE, [point for point, _ in core.history]))) == 8

    def test_one_dimension(self):
        core = optimizer(
            [{"name": "fault_type", "type": "categorical", "values": ["abort", "none", "error_injection"]}]
        )
        points = [core.propose() for _ in range(3)]
        assert {point["fault_type"] for point in points} == {"abort", "none", "error_injection"}

    def test_thirty_dimensions(self):
        dimensions = [{"name": f"x{i}", "type": "real", "min": 0, "max": 1} for i in range(29)]
        core = optimizer([{**FAULT, "values": ["abort"]}, *dimensions], initial_points=3)
        for _ in range(6):
            point = core.propose()
            core.record(point, 10 * point["x0"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"acquisition_func": "pi"}, "acquisition_func: must be one of ei, ucb, got 'pi'"),
        ({"surrogate": "gp"}, f"surrogate: must be one of {', '.join(SURROGATES)}, got 'gp'"),
        ({"selection": "best"}, "selection: must be one of severity, pareto, got 'best'"),
        ({"initial_design": "grid"}, "initial_design: must be one of latin_hypercube, random, got 'grid'"),
        ({"initial_points": 0}, "initial_points: must be a whole number of at least 1, got 0"),
        ({"initial_points": 2.5}, "initial_points: must be a whole number of at least 1, got 2.5"),
        ({"n_estimators": 0}, "n_estimators: must be a whole number of at least 1, got 0"),
        ({"n_candidates": True}, "n_candidates: must be a whole number of at least 1, got True"),
        ({"random_state": -1}, "random_state: must be a whole number of at least 0, got -1"),
        ({"xi": -0.1}, "xi: must be a finite number of at least 0, got -0.1"),
        ({"beta": math.nan}, "beta: must be a finite number of at least 0, got nan"),
    ],
)
def test_an_option_that_cannot_work_is_named(options, message):
    with pytest.raises(InvalidInput) as raised:
        optimizer(**options)
    assert str(raised.value) == message


def test_a_bad_space_is_named():
    with pytest.raises(InvalidInput, match=r"^space_config\[0\]\.type: "):
        OptimizerCore([{"name": "x", "type": "?"}])
