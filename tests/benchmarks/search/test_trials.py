"""Runs: every peer on a small landscape, and runs that go wrong."""

import numpy as np
import pytest
from tiny_landscape import SPACE, TINY, truth

from benchmarks.search.landscape import Reading
from benchmarks.search.peers import LONG, PEERS
from benchmarks.search.peers.whole import WholeSpace
from benchmarks.search.trials import exam_of, noise, run
from boifi_core.errors import SpaceExhausted


@pytest.fixture(scope="module")
def exam():
    return exam_of(TINY)


each = pytest.mark.parametrize("peer", PEERS)


def make(peer, seed):
    if missing := PEERS[peer].missing:
        pytest.skip(f"{', '.join(missing)} is not installed")
    return PEERS[peer].make(SPACE, seed)


def asked(peer, seed, read, n):
    """What a peer asks, and what it recommends of that."""
    search, points = make(peer, seed), []
    for _ in range(n):
        points.append(search.propose())
        search.record(points[-1], Reading(read(points[-1])))
    return points, search.recommend()


@each
def test_every_peer_proposes_and_recommends_valid_points(peer, exam):
    make(peer, 1)
    course = run(TINY, exam, PEERS[peer].make, seed=1, trials=12, limit_s=300)
    assert course.failed is None
    assert len(course.truth) == len(course.propose_ms) == len(course.record_ms) == 12
    assert list(course.recommended) == [10]
    assert course.recommended[10] in course.truth
    assert set(course.modes) <= {"slow"}


@each
@pytest.mark.filterwarnings("ignore")  # libraries warn of what they do by themselves, as in a run
def test_every_peer_asks_the_same_by_the_same_seed_and_learns_from_what_it_is_told(peer):
    n = 22 if PEERS[peer].trials == LONG else 12
    points, best = asked(peer, 3, truth, n)
    assert asked(peer, 3, truth, n) == (points, best)
    assert best in points
    n_other = n if PEERS[peer].trials == LONG else 2  # a screen begins alike
    assert asked(peer, 4, truth, n_other)[0] != points[:n_other]
    others, _ = asked(peer, 3, lambda point: 10 - truth(point), n)
    assert (others == points) is (peer in LEARN_NOTHING)


LEARN_NOTHING = ("random", "high percentages", "pair cover")


def test_high_percentages_are_in_the_upper_quarter_where_that_is_allowed():
    points, _ = asked("high percentages", 1, truth, 60)
    assert all((point["percentage"] >= 75) is (point["target_service"] != "orders") for point in points)


def test_pair_cover_has_tried_each_pair_of_values_after_few_points():
    points, _ = asked("pair cover", 1, truth, 20)
    for service in ("cart", "orders", None):
        assert {point["fault_type"] for point in points if point["target_service"] == service} == {"delay", "abort"}
        assert len({point["load"] for point in points if point["target_service"] == service}) == 3
    assert {point["delay_ms"] for point in points if "delay_ms" in point} == {0, 1500, 3000}


class Script:
    """A peer that does what it is told."""

    def __init__(self, points):
        self.points = iter(points)
        self.readings = []

    def propose(self):
        try:
            return next(self.points)
        except StopIteration:
            raise SpaceExhausted("that was all") from None

    def record(self, point, reading):
        self.readings.append((point, reading))

    def recommend(self):
        return max(self.readings, key=lambda pair: pair[1].severity)[0]


def script(points):
    peer = Script(points)
    return peer, lambda space, seed: peer


def test_a_course_tells_truths_modes_and_recommendations(exam):
    points = [{**TINY.optimum_at, "percentage": 10 * n, "delay_ms": 500 * n} for n in range(1, 6)] * 2
    peer, make = script(points)
    course = run(TINY, exam, make, seed=3, trials=10, limit_s=60)
    assert course.truth == [truth(point) for point in points] == [0.25, 1.0, 2.25, 4.0, 5.0] * 2
    assert course.modes == {"slow": 3}
    assert course.recommended == {10: 5.0}
    assert course.r2 is None
    expected = [TINY.read(point, noise(TINY, 3, n)).severity for n, point in enumerate(points)]
    assert [reading.severity for _, reading in peer.readings] == expected


def test_noise_depends_on_landscape_seed_and_trial_only():
    draws = {(seed, n): noise(TINY, seed, n).random() for seed in (0, 1) for n in (0, 1)}
    assert len(set(draws.values())) == 4
    assert draws[1, 0] == noise(TINY, 1, 0).random()


def test_the_model_is_examined_on_random_points(exam):
    class Knows(Script):
        def predict(self, points):
            return np.array([truth(point) for point in points]) + 0.1

    points = SPACE.sample(np.random.default_rng(0), 50)
    course = run(TINY, exam, lambda space, seed: Knows(points), seed=0, trials=50, limit_s=60)
    spread = ((exam.truth - exam.truth.mean()) ** 2).sum()
    assert course.r2 == pytest.approx(1 - 500 * 0.01 / spread, abs=0.001)


def test_an_exhausted_space_ends_a_run_without_failure(exam):
    _, make = script([TINY.optimum_at])
    course = run(TINY, exam, make, seed=0, trials=10, limit_s=60)
    assert course.failed is None
    assert course.truth == [10.0]


def test_an_invalid_proposal_ends_a_run_with_the_reason(exam):
    _, make = script([TINY.optimum_at, {**TINY.optimum_at, "target_service": "orders"}])
    course = run(TINY, exam, make, seed=0, trials=10, limit_s=60)
    assert course.truth == [10.0]
    assert "must keep to the constraint" in course.failed


def test_a_run_that_takes_too_long_is_given_up(exam):
    class Dreamer(Script):
        def record(self, point, reading):
            while True:
                pass

    course = run(TINY, exam, lambda space, seed: Dreamer([TINY.optimum_at]), seed=0, trials=10, limit_s=0.05)
    assert course.failed == "given up after 0.05 s and 0 trials"


def test_a_whole_space_settles_what_breaks_a_constraint_and_ignores_what_does_not_apply():
    whole = WholeSpace(SPACE, seed=0)
    kept = whole.settled([1, 0, 100, 0.5, 700])
    assert kept.point == {"fault_type": "abort", "target_service": "cart", "percentage": 100, "load": 0.5}
    assert kept.entries.tolist() == [1, 0, 100, 0.5, 700]
    mended = whole.settled([0, 1, 100, 0.5, 700])
    SPACE.check(mended.point)
    assert mended.point["percentage"] == mended.entries[2] < 50
    assert {**mended.point, "percentage": 0} == {
        "fault_type": "delay", "target_service": "orders", "percentage": 0, "load": 0.5, "delay_ms": 700,
    }  # fmt: skip
    assert whole.filled([kept.point]).tolist() == [[1, 0, 100, 0.5, 1500]]
