import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import FAULT, IS_DELAY
from made_evidence import MIXED as SPACE
from optimizing import keys, optimizer, steps
from search_spaces import spaces

from boifi_core.errors import BoifiError, InvalidInput, SpaceExhausted
from boifi_core.optimizer import ACQUISITIONS, DESIGNS, SELECTIONS, SURROGATES, NotFitted, OptimizerCore
from boifi_core.optimizer.selection import OBJECTIVES
from boifi_core.space import SearchSpace

TINY = SearchSpace.parse([FAULT, {"name": "delay_ms", "type": "categorical", "values": [5, 9], "condition": IS_DELAY}])
"""Three points."""


class TestProposals:
    @pytest.mark.parametrize("acquisition", ACQUISITIONS)
    @pytest.mark.parametrize("selection", SELECTIONS)
    @pytest.mark.parametrize("design", DESIGNS)
    def test_every_combination_proposes_valid_new_points(self, acquisition, selection, design):
        core = optimizer(acquisition_func=acquisition, selection=selection, initial_design=design)
        for number in range(9):
            point = core.propose()
            SPACE.check(point)
            repeated = SPACE.key(point) in keys(SPACE, [known for known, _ in core.history])
            assert repeated == (core.why(point).reason == "confirm")
            core.record(point, float(number % 3), {name: float(number) for name in OBJECTIVES})

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

    @settings(max_examples=12, deadline=None)
    @given(space=spaces(finite=True, max_dimensions=2), seed=st.integers(0, 99), data=st.data())
    def test_a_finite_space_is_tried_whole_and_nothing_twice_unless_to_confirm(self, space, seed, data):
        everything = {space.key(space.points(row[None, :])[0]) for row in space.all_rows(1)}
        core = optimizer(space, random_state=seed, n_estimators=3, n_candidates=20, initial_points=3)
        seen = set()
        confirmed = set()
        # Each may be confirmed once.
        for _ in range(2 * len(everything) + 1):
            try:
                point = core.propose()
            except SpaceExhausted:
                break
            key = space.key(point)
            if core.why(point).reason == "confirm":
                assert key in seen - confirmed
                confirmed.add(key)
            else:
                assert key not in seen
            seen.add(key)
            if data.draw(st.booleans()):
                core.record(point, data.draw(st.floats(0, 10)))
            else:
                core.discard(point)
        else:
            pytest.fail("the space was never exhausted")
        assert seen == everything
        with pytest.raises(SpaceExhausted, match=f"all {len(everything)} points of the search space were tried"):
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


class TestRecording:
    def test_history(self):
        core = optimizer()
        points = [core.propose() for _ in range(3)]
        for point, score in zip(points, [2.0, 7.5, 7.5], strict=True):
            core.record(point, score)
        assert core.history == list(zip(points, [2.0, 7.5, 7.5], strict=True))

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
        ({"n_candidates": True}, "n_candidates: must be a whole number of at least 1, got true"),
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
