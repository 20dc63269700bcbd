"""Whatever the space and whatever came of the trials: the next proposal is a valid point."""

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import FAULT, MIXED, awkward_scores, evidence_of, signal_maps
from optimizing import keys, optimizer
from search_spaces import spaces

from boifi_core.errors import InvalidInput, SpaceExhausted
from boifi_core.optimizer import SURROGATES
from boifi_core.space import SearchSpace

ABORT = {"fixed": {"fault_type": "abort"}}


def reals(n, **more):
    """A space of `n` real numbers."""
    dimensions = [{"name": f"x{i}", "type": "real", "min": 0, "max": 1, **more} for i in range(n)]
    return SearchSpace.parse({"dimensions": dimensions, **ABORT})


def check_next(core, n=2):
    """The next proposals are valid, new, and all that is said about them is finite."""
    tried = set(keys(core.space, [point for point, _ in core.history]))
    for _ in range(n):
        try:
            point = core.propose()
        except SpaceExhausted:
            return
        core.space.check(point)
        why = core.why(point)
        assert (core.space.key(point) in tried) == (why.reason == "confirm")
        if core.is_fitted:
            assert math.isfinite(why.mean)
            assert math.isfinite(why.std)
            assert why.std >= 0
    best = core.best_point
    if core.history:
        assert math.isfinite(best.mean)
        assert best.readings >= 1
        assert (best.std, best.mean) >= (0, -math.inf)


class TestAnyHistory:
    @pytest.mark.parametrize("surrogate", ["auto", "forest"])
    @settings(max_examples=30, deadline=None)
    @given(space=spaces(), data=st.data())
    def test_of_any_space(self, surrogate, space, data):
        """Duplicates, scores far outside 0 to 10, signals that come and go."""
        evidence = data.draw(evidence_of(space, most=12))
        core = optimizer(space, surrogate=surrogate, n_estimators=5, n_candidates=40)
        points = space.points(evidence.rows)
        core.load(zip(points, evidence.scores.tolist(), evidence.signals, strict=True))
        check_next(core)

    @settings(max_examples=15, deadline=None)
    @given(data=st.data())
    def test_as_the_session_goes_on(self, data):
        core = optimizer(n_candidates=40)
        for _ in range(data.draw(st.integers(1, 10))):
            point = core.propose()
            core.load([(point, data.draw(st.one_of(st.none(), awkward_scores)), data.draw(signal_maps))])
            check_next(core, n=1)
            core.withdraw()

    @pytest.mark.parametrize("n", [1, 2, 3])
    @pytest.mark.parametrize("surrogate", SURROGATES)
    def test_a_trial_or_two(self, n, surrogate):
        core = optimizer(surrogate=surrogate, initial_points=1)
        for _ in range(n):
            core.record(core.propose(), 7.0)
        check_next(core)

    @pytest.mark.parametrize("score", [0.0, 10.0, -3.0, 1e12])
    @pytest.mark.parametrize("surrogate", ["auto", "forest"])
    def test_constant_scores(self, score, surrogate):
        core = optimizer(surrogate=surrogate)
        for _ in range(12):
            core.record(core.propose(), score)
        assert len(set(keys(MIXED, [point for point, _ in core.history]))) == 12
        check_next(core)
        np.testing.assert_allclose(core.predict(MIXED.sample(np.random.default_rng(0), 9))[0], score, atol=1e-6)

    @pytest.mark.parametrize("surrogate", ["auto", "forest"])
    def test_one_point_again_and_again(self, surrogate):
        core = optimizer(surrogate=surrogate)
        point = core.propose()
        core.load((point, float(number % 5), None) for number in range(40))
        check_next(core)
        mean, _ = core.predict([point])
        assert mean[0] == pytest.approx(2, abs=1)
        assert core.best_point.readings == 40

    def test_all_discarded(self):
        core = optimizer(initial_points=3)
        for _ in range(12):
            core.discard(core.propose())
        check_next(core)
        assert core.phase == "initial"
        assert core.best_point is None

    @pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
    def test_scores_that_are_not_finite_are_refused_and_leave_no_trace(self, score):
        core, untouched = optimizer(), optimizer()
        for one in (core, untouched):
            one.load((point, 3.0, None) for point in MIXED.sample(np.random.default_rng(0), 6))
        with pytest.raises(InvalidInput, match="score: must be a finite number"):
            core.record(MIXED.sample(np.random.default_rng(1), 1)[0], score)
        assert core.propose() == untouched.propose()

    @pytest.mark.parametrize(
        "values",
        [
            [{"latency_ms": 5.0}, {}, {"error_rate": 0.5}],
            [{"latency_ms": 5.0, "error_rate": 0.0}],
            [{"latency_ms": -5.0, "spans": -1e9}, {"latency_ms": -7.0}],
            [{"latency_ms": 1e300, "error_rate": 1e300}, {"latency_ms": 0.0, "error_rate": -1e300}],
            [{"latency_ms": math.nan, "error_rate": math.inf}, {"latency_ms": 3.0}],
        ],
        ids=["missing", "constant", "negative", "huge", "not finite"],
    )
    def test_signals_of_any_kind(self, values):
        core = optimizer()
        points = MIXED.sample(np.random.default_rng(0), 15)
        core.load((point, number % 4.0, values[number % len(values)]) for number, point in enumerate(points))
        check_next(core)


class TestAnySpace:
    def search(self, space, n=14, **options):
        core = optimizer(space, n_candidates=60, **options)
        for number in range(n):
            core.record(core.propose(), number % 5.0, {"latency_ms": 10.0 * number})
        check_next(core)
        return core

    def test_all_categorical(self):
        names = ["target_service", "target_method", "headers_of", "zone"]
        dimensions = [{"name": name, "type": "categorical", "values": list("abcdef")} for name in names]
        self.search(SearchSpace.parse([FAULT | {"values": ["abort", "none"]}, *dimensions]))

    def test_one_dimension(self):
        self.search(reals(1))
        self.search(
            SearchSpace.parse({"dimensions": [{"name": "x", "type": "integer", "min": -50, "max": 50}], **ABORT})
        )

    def test_one_point(self):
        core = optimizer([{"name": "fault_type", "type": "categorical", "values": ["abort"]}])
        core.record(core.propose(), 5.0)
        with pytest.raises(SpaceExhausted):
            core.propose()

    def test_forty_dimensions(self):
        self.search(reals(40), initial_points=6)

    def test_extreme_log_scales(self):
        core = self.search(reals(2, min=1e-9, max=1e9, log_scale=True), n=20)
        values = np.log10([list(point.values()) for point, _ in core.history])
        # All decades are within reach, from the first few points on.
        assert values.min() < -4
        assert values.max() > 4

    def test_numbers_that_are_almost_the_same(self):
        self.search(reals(2, min=1e9, max=1e9 + 1e-3))


class TestThousandsOfTrials:
    @pytest.mark.parametrize("surrogate", ["auto", "forest"])
    def test_two_thousand_are_loaded_and_the_next_is_proposed_in_seconds(self, surrogate):
        faults = [reals(5).dump()["dimensions"], MIXED.dump()["dimensions"]]
        space = SearchSpace.parse([dimension for group in faults for dimension in group])
        points = space.sample(np.random.default_rng(0), 2000)
        core = optimizer(space, surrogate=surrogate, n_candidates=600)
        # CPU time of this process: another one on the machine must not fail it.
        start = time.process_time()
        core.load((point, 9.0 * point["x0"], {"latency_ms": 100.0 * point["x1"]}) for point in points)
        core.record(core.propose(), 4.0)
        assert time.process_time() - start < 5
        check_next(core)
        assert core.best_point[0]["x0"] > 0.9
