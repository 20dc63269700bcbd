"""Learning from earlier sessions, and telling when there is little left to gain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_spaces import spaces

from boifi_core.errors import SpaceExhausted
from boifi_core.optimizer import SURROGATES, OptimizerCore
from boifi_core.optimizer.warm_start import translated
from boifi_core.space import SearchSpace

IS_DELAY = {"field": "fault_type", "operator": "equals", "value": "delay"}
FAULT = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]}
PATH = {"name": "target_path", "type": "categorical", "values": ["/a", "/b", "/c", "/d"]}
SHARE = {"name": "percentage", "type": "integer", "min": 10, "max": 100}
DELAY = {"name": "delay_ms", "type": "integer", "min": 10, "max": 2000, "log_scale": True, "condition": IS_DELAY}
SPACE = SearchSpace.parse([FAULT, PATH, SHARE, DELAY])


def core(space=SPACE, **options):
    return OptimizerCore(space, **{"random_state": 3, "n_candidates": 120, "n_estimators": 15} | options)


def severity(point):
    """Only delays on /c hurt, and they the more the longer they are."""
    return min(10.0, point["delay_ms"] / 150) if "delay_ms" in point and point["target_path"] == "/c" else 0.0


def session(space=SPACE, trials=25, read=severity, **options):
    """The entries of a session."""
    optimizer = core(space, **options)
    for _ in range(trials):
        point = optimizer.propose()
        optimizer.record(point, read(point))
    return [(point, score, None) for point, score in optimizer.history]


def proposals(optimizer, n, read=severity):
    points = []
    for _ in range(n):
        points.append(optimizer.propose())
        optimizer.record(points[-1], read(points[-1]))
    return points


PAST = session()


def row(space, point):
    """The only row that `point` makes, None if it makes none."""
    rows = translated(SearchSpace.parse(space), [(point, 1.0, None)]).rows
    return rows[0].tolist() if len(rows) else None


ABORT = {"name": "fault_type", "type": "categorical", "values": ["abort", "none"]}


class TestTranslation:
    def test_a_dimension_that_is_gone_is_dropped(self):
        assert row([ABORT, PATH], {"fault_type": "abort", "target_path": "/b", "percentage": 20}) == [0.0, 1.0]

    def test_a_new_dimension_is_unknown(self):
        known, unknown = row([ABORT, SHARE], {"fault_type": "abort"})
        assert known == 0.0
        assert np.isnan(unknown)

    def test_numbers_outside_a_narrowed_range_stay_outside_within_reach(self):
        narrow = {**SHARE, "min": 40, "max": 60}
        assert row([ABORT, narrow], {"fault_type": "abort", "percentage": 70}) == [0.0, 70.0]
        assert row([ABORT, narrow], {"fault_type": "abort", "percentage": 100}) == [0.0, 80.0]

    def test_a_trial_with_a_category_that_is_gone_is_left_out(self):
        assert row([ABORT, {**PATH, "values": ["/a"]}], {"fault_type": "abort", "target_path": "/b"}) is None

    def test_a_dimension_is_absent_where_its_condition_does_not_hold_here(self):
        assert np.isnan(row([FAULT, DELAY], {"fault_type": "abort", "delay_ms": 30})[1])
        assert row([FAULT, DELAY], {"fault_type": "delay", "delay_ms": 30}) == [0.0, 30.0]

    def test_what_is_fixed_now_must_have_been_so_but_for_numbers(self):
        space = {"dimensions": [PATH], "fixed": {"fault_type": "abort", "percentage": 50}}
        assert row(space, {"fault_type": "abort", "target_path": "/b", "percentage": 70}) == [1.0]
        assert row(space, {"fault_type": "delay", "target_path": "/b", "percentage": 50}) is None

    def test_what_has_nothing_in_common_or_no_score_is_left_out(self):
        assert row([ABORT], {"colour": "red"}) is None
        point = {"fault_type": "abort"}
        assert not len(translated(SearchSpace.parse([ABORT]), [(point, None, None), (point, float("nan"), None)]))

    @settings(max_examples=25, deadline=None)
    @given(theirs=spaces(), ours=spaces(), seed=st.integers(0, 99), data=st.data())
    def test_any_other_space_makes_sound_evidence_and_valid_proposals(self, theirs, ours, seed, data):
        points = theirs.sample(np.random.default_rng(seed), 12)
        scores = data.draw(st.lists(st.floats(0, 10), min_size=12, max_size=12))
        entries = [({**theirs.fixed, **point}, score, None) for point, score in zip(points, scores, strict=True)]
        evidence = translated(ours, entries)
        assert len(evidence) == len(evidence.rows) == evidence.n_past <= 12
        for index, column in enumerate(ours.layout.columns):
            there = evidence.rows[~np.isnan(evidence.rows[:, index]), index]
            if column.is_categorical:
                assert np.isin(there, range(len(column.values))).all()
            else:
                unit = column.to_unit(there)
                assert ((unit > -1.001) & (unit < 2.001)).all()
        optimizer = core(ours, past=entries, initial_points=4)
        try:
            for _ in range(6):
                point = optimizer.propose()
                ours.check(point)
                optimizer.record(point, data.draw(st.floats(0, 10)))
        except SpaceExhausted:
            return
        assert np.isfinite(optimizer.predict(ours.sample(np.random.default_rng(seed), 5))).all()


class TestWarmStart:
    def test_it_begins_with_the_worst_known_faults_and_a_shorter_design(self):
        optimizer = core(past=PAST)
        assert optimizer.n_past == 25
        first = optimizer.propose()
        assert optimizer.why(first).reason == "known"
        assert severity(first) == max(score for _, score, _ in PAST)
        reasons = []
        while optimizer.phase == "initial":
            point = optimizer.propose()
            reasons.append(optimizer.why(point).reason)
            optimizer.record(point, severity(point))
        assert set(reasons[:2]) <= {"known", "initial"}
        assert reasons.count("initial") < 10

    def test_history_and_best_point_are_this_sessions_own(self):
        optimizer = core(past=PAST)
        assert optimizer.history == []
        assert optimizer.best_point is None
        proposals(optimizer, 2)
        assert len(optimizer.history) == 2
        assert optimizer.best_point[0] in [point for point, _ in optimizer.history]

    def test_it_predicts_at_once(self):
        mean, _ = core(past=PAST).predict([
            {"fault_type": "delay", "target_path": "/c", "percentage": 50, "delay_ms": 1900},
            {"fault_type": "abort", "target_path": "/a", "percentage": 50},
        ])  # fmt: skip
        assert mean[0] > mean[1] + 2

    @pytest.mark.parametrize("surrogate", SURROGATES)
    def test_the_same_past_and_history_give_the_same_proposals(self, surrogate):
        one = core(past=PAST, surrogate=surrogate)
        points = proposals(one, 14)
        again = core(past=PAST, surrogate=surrogate)
        assert proposals(again, 7) == points[:7]
        loaded = core(past=PAST, surrogate=surrogate)
        loaded.load((point, severity(point), None) for point in points)
        assert loaded.propose() == one.propose()

    def test_an_empty_past_is_none(self):
        assert proposals(core(past=[]), 12) == proposals(core(), 12)

    def test_a_past_of_zeros_is_not_tried_again(self):
        optimizer = core(past=[(point, 0.0, None) for point, _, _ in PAST])
        assert optimizer.why(optimizer.propose()).reason == "initial"

    def test_what_has_changed_is_believed(self):
        def now(point):
            return 8.0 if point["target_path"] == "/a" else 0.0

        optimizer = core(past=PAST)
        proposals(optimizer, 25, now)
        mean, _ = optimizer.predict([
            {"fault_type": "delay", "target_path": "/c", "percentage": 50, "delay_ms": 1900},
            {"fault_type": "abort", "target_path": "/a", "percentage": 50},
        ])  # fmt: skip
        assert mean[0] < 2
        assert mean[1] > 6

    def test_the_past_saves_trials(self):
        def trials_to_the_worst(seed, past):
            optimizer = core(random_state=seed, past=past)
            scores = [severity(point) for point in proposals(optimizer, 20)]
            return next((number for number, score in enumerate(scores) if score > 9.5), 20)

        cold = [trials_to_the_worst(seed, []) for seed in range(4)]
        warm = [trials_to_the_worst(seed, PAST) for seed in range(4)]
        assert np.mean(warm) < np.mean(cold)

    def test_rows_of_a_space_without_a_dimension_help_in_one_that_has_it(self):
        wider = SearchSpace.parse([FAULT, PATH, SHARE, DELAY, {"name": "start_delay_ms", "type": "integer",
                                                               "min": 0, "max": 50}])  # fmt: skip
        mean, _ = core(wider, past=PAST).predict([
            {"fault_type": "delay", "target_path": "/c", "percentage": 50, "delay_ms": 1900, "start_delay_ms": 9},
            {"fault_type": "abort", "target_path": "/a", "percentage": 50, "start_delay_ms": 9},
        ])  # fmt: skip
        assert mean[0] > mean[1] + 2


class TestExpectedGain:
    def test_without_a_model_everything_may_be_gained(self):
        assert core().expected_gain(5) == 10.0
        assert core(past=PAST).expected_gain(5) == 10.0

    def test_it_grows_with_the_trials_left_up_to_what_is_left_to_ten(self):
        optimizer = core()
        proposals(optimizer, 12)
        none, few, many, endless = (optimizer.expected_gain(n) for n in (0, 1, 3, 10**6))
        assert none == 0.0
        assert 0 < few <= many <= endless <= 10

    def test_near_the_top_there_is_nothing_left(self):
        optimizer = core()
        for point in SPACE.sample(np.random.default_rng(1), 30):
            optimizer.record(point, 10.0)
        assert optimizer.expected_gain(20) < 0.1

    def test_asking_changes_nothing(self):
        asked, silent = core(), core()
        for optimizer in (asked, silent):
            proposals(optimizer, 12)
        first = asked.expected_gain(10)
        assert asked.expected_gain(10) == first
        assert asked.propose() == silent.propose()
