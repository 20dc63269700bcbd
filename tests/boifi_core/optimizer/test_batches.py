"""Several proposals at a time, and what is pending."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_evidence import MIXED, severity
from optimizing import keys, optimizer, steps
from search_spaces import spaces

from boifi_core.errors import InvalidInput, SpaceExhausted

LONG = {"fault_type": "delay", "target_path": "/b", "percentage": 100, "delay_ms": 2000}


def learned(**options):
    """One that is past its initial design and knows where it hurts."""
    core = optimizer(initial_points=2, **options)
    core.load((point, severity(point), None) for point in MIXED.sample(np.random.default_rng(1), 15))
    return core


class TestSeveralAtOnce:
    @settings(max_examples=20, deadline=None)
    @given(space=spaces(max_dimensions=4), n=st.integers(1, 8), n_known=st.integers(0, 6))
    def test_they_differ_from_each_other_and_are_valid(self, space, n, n_known):
        core = optimizer(space, initial_points=3, n_candidates=30, n_estimators=3)
        core.load((point, 1.0, None) for point in space.sample(np.random.default_rng(0), n_known))
        try:
            batch = core.propose(n)
        except SpaceExhausted:
            assert space.n_points is None or space.n_points < n + n_known or space.constraints
            return
        assert len(set(keys(space, batch))) == len(batch) == n
        for point in batch:
            space.check(point)

    def test_the_initial_ones_cover_every_category(self):
        for seed in range(5):
            batch = optimizer(initial_points=8, random_state=seed).propose(8)
            assert {point["fault_type"] for point in batch} == {"delay", "abort"}
            assert {point["target_path"] for point in batch} == {"/a", "/b", "/c"}

    def test_later_ones_keep_away_from_each_other(self):
        """Each differs from each other one in a category, or by a good part of the range of a number."""
        for seed in range(5):
            batch = learned(random_state=seed).propose(5)
            assert len({point["target_path"] for point in batch}) >= 2
            encoded = MIXED.encode(batch)
            apart = ((encoded[:, None] - encoded[None, :]) ** 2).sum(axis=2)
            assert apart[np.triu_indices(5, 1)].min() > 0.01

    def test_one_alone_is_a_point_and_one_of_one_is_a_list(self):
        assert optimizer().propose(1) == [optimizer().propose()]

    def test_a_batch_is_what_single_proposals_would_have_been(self):
        at_once, one_by_one = learned(), learned()
        assert at_once.propose(4) == [one_by_one.propose() for _ in range(4)]

    def test_more_than_there_are_is_refused_and_nothing_is_pending(self):
        core = optimizer(
            [{"name": "fault_type", "type": "categorical", "values": ["abort", "none", "error_injection"]}]
        )
        with pytest.raises(SpaceExhausted, match="all 3 points"):
            core.propose(4)
        assert len(core.propose(3)) == 3

    @pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
    def test_a_number_that_is_none_is_named(self, n):
        with pytest.raises(InvalidInput, match="n: must be a whole number of at least 1"):
            optimizer().propose(n)


class TestPending:
    def test_what_is_pending_is_not_proposed_again(self):
        core = learned()
        first = core.propose()
        steps(core, 5)
        assert MIXED.key(first) not in keys(MIXED, [point for point, _ in core.history][15:])
        assert core.why(first) is not None

    def test_recorded_or_discarded_it_is_pending_no_longer(self):
        core = learned()
        one, other = core.propose(2)
        core.record(one, 1.0)
        core.discard(other)
        assert core.why(one) is core.why(other) is None

    def test_forgotten_it_may_be_proposed_again(self):
        core = learned()
        first = core.propose()
        assert core.propose() != first
        core.withdraw()
        assert core.propose() == first

    def test_it_leaves_no_trace_once_it_is_recorded(self):
        """The order in which a batch comes back is the history's; what was pending beside it is forgotten."""
        batched, plain = learned(), learned()
        batch = batched.propose(3)
        for point in reversed(batch):
            batched.record(point, severity(point))
            plain.record(point, severity(point))
        assert batched.propose() == plain.propose()

    def test_those_of_the_initial_design_count_as_tried(self):
        core = optimizer(initial_points=3)
        in_order = optimizer(initial_points=3).propose(3)
        assert [core.propose(), *core.propose(2)] == in_order
        assert core.phase == "initial"
        for point in in_order:
            core.record(point, 1.0)
        assert core.phase == "search"


class TestWhy:
    def test_it_says_what_a_proposal_is_for_and_what_is_expected(self):
        core = learned()
        for point in core.propose(8):
            why = core.why(point)
            mean, std = core.predict([point])
            assert why.reason in ("explore", "probe", "improve")
            assert (why.mean, why.std) == pytest.approx((mean[0], std[0]))
            assert (why.promise is None) == (why.reason != "improve")
            assert all(core.history[near.place] == (near.point, near.score) for near in why.nearest)
            assert len(why.nearest) == 3

    def test_the_nearest_come_first(self):
        core = learned()
        core.record(LONG, 9.0)
        core.record({**LONG, "percentage": 99}, 8.0)
        core.withdraw()
        for point in core.propose(12):
            near = [known.point for known in core.why(point).nearest]
            # A fault of the other kind differs in more than one of the same kind can.
            assert near[0]["fault_type"] == point["fault_type"]
            same_path = [known for known, _ in core.history if known["target_path"] == point["target_path"]]
            if any(known["fault_type"] == point["fault_type"] for known in same_path):
                assert near[0]["target_path"] == point["target_path"]

    def test_before_there_is_a_model_there_is_a_reason_only(self):
        core = optimizer()
        why = core.why(core.propose())
        assert (why.reason, why.mean, why.std, why.promise, why.nearest) == ("initial", None, None, None, ())

    def test_when_few_are_left_it_says_so(self):
        core = optimizer([{"name": "fault_type", "type": "categorical", "values": ["abort", "none"]}], initial_points=1)
        core.discard(core.propose())
        assert core.why(core.propose()).reason == "remaining"

    def test_of_any_other_point_it_knows_nothing(self):
        core = optimizer()
        assert core.why(LONG) is None
        with pytest.raises(InvalidInput, match=r"point\.percentage: must be within"):
            core.why({**LONG, "percentage": 101})
