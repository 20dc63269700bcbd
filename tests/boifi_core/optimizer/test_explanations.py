"""What the optimizer says of itself: why it proposed a point, how well it predicts, what matters."""

import time

import numpy as np
import pytest

from boifi_core.optimizer import SURROGATES, NotFitted, OptimizerCore
from boifi_core.space import SearchSpace
from boifi_core.space.restricted import restrict

IS_DELAY = {"field": "fault_type", "operator": "equals", "value": "delay"}
SPACE = SearchSpace.parse(
    [
        {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/a", "/b", "/c"]},
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 10, "max": 2000, "log_scale": True, "condition": IS_DELAY},
    ]
)
TINY = SearchSpace.parse({"dimensions": SPACE.dump()["dimensions"][1:2], "fixed": {"fault_type": "abort"}})
"""Three points."""


def optimizer(space=SPACE, **options):
    return OptimizerCore(space, **{"random_state": 3, "initial_points": 4, "n_candidates": 120} | options)


def severity(point):
    return 0.0 if point["fault_type"] == "abort" else min(10.0, point["percentage"] / 20 + point["delay_ms"] / 400)


def learnt(n, score=severity, space=SPACE, **options):
    core = optimizer(space, **options)
    points = space.sample(np.random.default_rng(4), n)
    core.load([(point, score(point), None) for point in points])
    return core


def reasons(core, score, n):
    """Of `n` proposals, each recorded with what `score` gives it."""
    found = []
    for _ in range(n):
        point = core.propose()
        found.append(core.why(point).reason)
        core.record(point, score(point))
    return found


class TestWhy:
    def test_initial_before_and_after_there_is_a_model(self):
        core = optimizer()
        first = core.propose()
        why = core.why(first)
        assert (why.reason, why.mean, why.std, why.promise, why.nearest) == ("initial", None, None, None, ())
        assert reasons(core, severity, 3) == ["initial"] * 3

    def test_improve_probe_and_explore_take_turns_when_nothing_gets_worse(self):
        found = reasons(learnt(8), lambda point: 1.0, 30)
        assert set(found) >= {"explore", "probe", "improve"}

    def test_a_proposal_that_hopes_for_more_says_what_it_expects_and_from_what(self):
        core = learnt(12)
        for _ in range(12):
            point = core.propose()
            why = core.why(point)
            if why.reason == "improve":
                break
            core.record(point, severity(point))
        mean, std = core.predict([point])
        assert (why.mean, why.std) == (mean[0], std[0])
        assert why.promise > 0
        assert len(why.nearest) == 3
        for place, near, score in why.nearest:
            assert core.history[place] == (near, score)

    def test_a_reading_that_nothing_foretold_is_doubted(self):
        core = learnt(12, lambda point: 0.5)
        point = core.propose()
        core.record(point, 9.0)
        assert core.propose() == point
        why = core.why(point)
        assert why.reason == "confirm"
        assert (why.nearest[0].place, why.nearest[0].point, why.nearest[0].score) == (12, point, 9.0)

    def test_what_is_forbidden_by_now_is_not_tried_again(self):
        core = optimizer(restrict(SPACE, lambda point: "high" if point["percentage"] > 50 else None, field="rails"))
        points = SPACE.sample(np.random.default_rng(4), 12)
        core.load([(point, 0.5, None) for point in points])
        core.record({"fault_type": "abort", "target_path": "/a", "percentage": 90}, 9.0)
        again = core.propose()
        assert core.why(again).reason != "confirm"
        assert again["percentage"] <= 50

    def test_when_neither_design_nor_model_has_anything_left_to_try_any_point_remains(self):
        core = optimizer(TINY, initial_points=1)
        core.record({"target_path": "/a"}, 2.0)
        assert reasons(core, lambda point: 2.0, 1) == ["remaining"]

    def test_only_what_is_pending_has_a_reason(self):
        core = learnt(6)
        point = core.propose()
        assert core.why(SPACE.sample(np.random.default_rng(9), 1)[0]) is None
        core.record(point, 1.0)
        assert core.why(point) is None

    def test_asking_changes_nothing(self):
        asked, silent = learnt(9), learnt(9)
        for _ in range(5):
            point = asked.propose()
            asked.why(point), asked.accuracy(), asked.importance(), asked.best_point
            assert point == silent.propose()
            for core in (asked, silent):
                core.record(point, severity(point))


@pytest.mark.parametrize("surrogate", SURROGATES)
class TestAccuracy:
    def test_what_follows_from_the_point_is_predicted(self, surrogate):
        assert learnt(60, surrogate=surrogate).accuracy() > 0.7

    def test_what_is_chance_is_not(self, surrogate):
        chance = np.random.default_rng(2)
        assert learnt(60, lambda point: chance.uniform(0, 10), surrogate=surrogate).accuracy() < 0.3

    @pytest.mark.parametrize("n", [0, 1, 4])
    def test_few_scores_say_nothing(self, surrogate, n):
        assert learnt(n, surrogate=surrogate).accuracy() is None

    def test_nor_do_equal_ones(self, surrogate):
        assert learnt(9, lambda point: 3.0, surrogate=surrogate).accuracy() is None

    def test_of_very_many_trials_those_count_that_the_model_knows(self, surrogate):
        core = learnt(420, surrogate=surrogate, n_estimators=9)
        assert 0.7 < core.accuracy() <= 1

    def test_it_is_what_a_model_without_the_score_would_say(self, surrogate):
        if surrogate == "forest":
            pytest.skip("out of bag is an estimate of that, not the same")
        core = learnt(40)
        mean, std = core._known.surrogate.left_out()
        assert mean.shape == std.shape == (40,)
        assert core.accuracy() == pytest.approx(
            1 - ((core._known.evidence.scores - mean) ** 2).mean() / core._known.evidence.scores.var()
        )


def test_what_was_left_out_keeps_its_place():
    core = learnt(420)
    mean, std = core._known.surrogate.left_out()
    assert mean.shape == std.shape == (420,)
    known = ~np.isnan(mean)
    assert known.sum() == 300
    assert known[-100:].all()
    scores = core._known.evidence.scores
    assert np.corrcoef(mean[known], scores[known])[0, 1] > 0.9


class TestImportance:
    def test_it_finds_what_the_scores_came_from(self):
        core = learnt(80, lambda point: 9.0 * (point["target_path"] == "/b") * (point["percentage"] > 60))
        found = core.importance()
        alone, pairs = dict(found.dimensions), found.pairs
        assert [name for name, _ in found.dimensions[:2]] == ["target_path", "percentage"]
        assert alone["fault_type"] < 0.1
        assert set(pairs[0][:2]) == {"target_path", "percentage"}

    def test_before_two_scores_it_is_refused(self):
        with pytest.raises(NotFitted, match="needs 2 recorded scores"):
            learnt(1).importance()

    def test_a_rebuilt_optimizer_says_the_same(self):
        core = optimizer()
        for _ in range(15):
            point = core.propose()
            core.record(point, severity(point))
        again = optimizer()
        again.load([(point, score, None) for point, score in core.history])
        assert again.importance() == core.importance()
        assert again.accuracy() == core.accuracy()

    def test_it_takes_bounded_time(self):
        dimensions = [{"name": f"x{n}", "type": "real", "min": 0, "max": 1} for n in range(20)]
        space = SearchSpace.parse({"dimensions": dimensions, "fixed": {"fault_type": "abort"}})
        core = learnt(100, lambda point: 10 * point["x0"] * point["x1"], space)
        core.predict([core.history[0][0]])
        times = []
        for _ in range(3):
            started = time.process_time()
            core.importance()
            times.append(time.process_time() - started)
        # 0.15 s of one idle core: a net under mistakes of another order, not a benchmark.
        assert min(times) < 1.5
