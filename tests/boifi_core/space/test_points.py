"""What is drawn, changed, encoded and checked, against random spaces and a brute-force reading of them."""

import itertools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_spaces import spaces

from boifi_core.errors import InvalidInput
from boifi_core.faults.plan import FaultPlan
from boifi_core.space import SearchSpace

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=60, deadline=None)

FAULT = {"name": "fault_type", "type": "categorical", "values": ["abort", "error_injection"]}
PLAIN = (str, int, float, bool, type(None))


def statement(field, operator, value):
    return {"field": field, "operator": operator, "value": value}


def brute_force(space):
    """Every valid point of a finite space, by trying all combinations, absence included."""
    absent = object()
    choices = [
        [absent, *(dim.values if dim.type == "categorical" else range(dim.low, dim.high + 1))]
        for dim in space.dimensions
    ]
    names = [dim.name for dim in space.dimensions]
    points = []
    for values in itertools.product(*choices):
        point = {name: value for name, value in zip(names, values, strict=True) if value is not absent}
        try:
            space.check(point)
        except InvalidInput:
            continue
        points.append(point)
    return points


class TestEverySpace:
    @quick
    @given(space=spaces(), seed=seeds)
    def test_samples_are_valid_and_plain(self, space, seed):
        points = space.sample(np.random.default_rng(seed), 20)
        assert len(points) == 20
        for point in points:
            space.check(point)
            assert all(type(value) in PLAIN for value in point.values())
            assert all(isinstance(plan, FaultPlan) for plan in space.plans(point))

    @quick
    @given(space=spaces(), seed=seeds)
    def test_neighbours_are_valid_and_other_points(self, space, seed):
        rng = np.random.default_rng(seed)
        for point in space.sample(rng, 3):
            for neighbour in space.neighbours(point, rng, 10):
                space.check(neighbour)
                assert space.key(neighbour) != space.key(point)
                assert all(type(value) in PLAIN for value in neighbour.values())

    @quick
    @given(space=spaces(), seed=seeds, n=st.integers(0, 7))
    def test_the_encoding_has_one_width_and_stays_within_bounds(self, space, seed, n):
        encoded = space.encode(space.sample(np.random.default_rng(seed), n))
        assert encoded.shape == (n, space.width)
        assert np.isfinite(encoded).all()
        assert ((encoded >= -1e-9) & (encoded <= 1 + 1e-9)).all()

    @quick
    @given(space=spaces(), seed=seeds)
    def test_key_and_encoding_tell_points_apart_alike(self, space, seed):
        points = space.sample(np.random.default_rng(seed), 15)
        encoded = space.encode(points)
        for (i, one), (j, other) in itertools.combinations(enumerate(points), 2):
            equal = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
            assert (space.key(one) == space.key(other)) is equal
            assert np.array_equal(encoded[i], encoded[j]) is equal

    @quick
    @given(space=spaces(), seed=seeds)
    def test_rows_and_points_are_two_ways_to_say_the_same(self, space, seed):
        rows = space.sample_rows(np.random.default_rng(seed), 10)
        assert np.array_equal(space.rows(space.points(rows)), rows, equal_nan=True)

    @quick
    @given(space=spaces())
    def test_dump_reads_back_to_an_equal_space(self, space):
        again = SearchSpace.parse(json.loads(json.dumps(space.dump())))
        assert again == space
        assert again.dump() == space.dump()
        point = space.sample(np.random.default_rng(0), 1)
        assert again.sample(np.random.default_rng(0), 1) == point


class TestFiniteSpaces:
    @settings(max_examples=40, deadline=None)
    @given(space=spaces(finite=True, max_dimensions=4))
    def test_all_rows_are_exactly_the_valid_points(self, space):
        listed = [space.key(point) for row in space.all_rows(1) for point in space.points(row[None, :])]
        assert len(set(listed)) == len(listed)
        assert set(listed) == {space.key(point) for point in brute_force(space)}

    @settings(max_examples=40, deadline=None)
    @given(space=spaces(finite=True, max_dimensions=4))
    def test_n_points_counts_conditions_but_not_constraints(self, space):
        free = SearchSpace.parse({"dimensions": space.dump()["dimensions"]})
        assert free.n_points == len(brute_force(free))
        assert space.n_points == free.n_points


def test_n_points_is_unknown_with_a_real_dimension():
    assert SearchSpace.parse([FAULT, {"name": "x", "type": "real", "min": 0, "max": 1}]).n_points is None


def test_large_spaces_are_counted_exactly():
    dimensions = [{"name": f"x{i}", "type": "integer", "min": 1, "max": 10**6} for i in range(20)]
    assert SearchSpace.parse([FAULT, *dimensions]).n_points == 2 * 10**120


class TestSpread:
    """Each value gets its share; the bounds are six standard deviations of a binomial count."""

    N = 4000

    def draw(self, dimension, *rest, **more):
        space = SearchSpace.parse({"dimensions": [FAULT, dimension, *rest], **more})
        return space.sample(np.random.default_rng(3), self.N)

    def within_six_sigma(self, count, share):
        return abs(count - self.N * share) <= 6 * (self.N * share * (1 - share)) ** 0.5

    def test_integers_are_uniform_bounds_included(self):
        drawn = [point["x"] for point in self.draw({"name": "x", "type": "integer", "min": -1, "max": 2})]
        assert all(self.within_six_sigma(drawn.count(value), 1 / 4) for value in (-1, 0, 1, 2))

    @pytest.mark.parametrize("kind", ["integer", "real"])
    def test_log_scale_gives_each_ratio_its_share(self, kind):
        drawn = [
            point["x"] for point in self.draw({"name": "x", "type": kind, "min": 1, "max": 999_999, "log_scale": True})
        ]
        assert self.within_six_sigma(sum(value < 1000 for value in drawn), 1 / 2)

    def test_a_narrow_then_side_does_not_make_its_if_side_rare(self):
        only = {"if": statement("fault_type", "equals", "abort"), "then": statement("x", "equals", 7)}
        drawn = self.draw({"name": "x", "type": "integer", "min": 1, "max": 1000}, constraints=[only])
        assert self.within_six_sigma(sum(point["fault_type"] == "abort" for point in drawn), 1 / 2)
        assert all(point["x"] == 7 for point in drawn if point["fault_type"] == "abort")

    def test_a_then_side_is_drawn_from_all_that_it_allows(self):
        only = {"then": [statement("x", "in", [2, 5, 9])]}
        drawn = [p["x"] for p in self.draw({"name": "x", "type": "integer", "min": 1, "max": 9000}, constraints=[only])]
        assert set(drawn) == {2, 5, 9}


class TestHardConstraints:
    def test_a_needle_is_found_and_drawn(self):
        """One valid combination in 10^12, reachable only by search: each of twelve equals the one before it."""
        digits = list(range(10))
        dimensions = [{"name": f"x{i}", "type": "categorical", "values": digits} for i in range(12)]
        chain = [
            {"if": statement(f"x{i}", "equals", digit), "then": statement(f"x{i + 1}", "equals", digit)}
            for i in range(11)
            for digit in digits
        ]
        ends = [statement("x11", "greater_than", 8)]
        started = time.process_time()
        space = SearchSpace.parse({"dimensions": [FAULT, *dimensions], "constraints": [*chain, *ends]})
        points = space.sample(np.random.default_rng(0), 50)
        assert time.process_time() - started < 20
        assert all(point[f"x{i}"] == 9 for point in points for i in range(12))
        assert {point["fault_type"] for point in points} == {"abort", "error_injection"}

    def test_two_points_are_each_others_only_neighbours(self):
        pin = {"then": [statement("x", "equals", 0.5)]}
        space = SearchSpace.parse(
            {"dimensions": [FAULT, {"name": "x", "type": "real", "min": 0, "max": 1}], "constraints": [pin]}
        )
        rng = np.random.default_rng(0)
        found = space.neighbours({"fault_type": "abort", "x": 0.5}, rng, 20)
        assert {space.key(point) for point in found} == {space.key({"fault_type": "error_injection", "x": 0.5})}
        assert len(list(space.all_rows(1))) == 2

    def test_a_lone_point_has_no_neighbours(self):
        space = SearchSpace.parse([{"name": "fault_type", "type": "categorical", "values": ["abort"]}])
        assert space.neighbours({"fault_type": "abort"}, np.random.default_rng(0), 5) == []


def test_neighbours_come_in_near_and_far_and_are_spread_over_dimensions():
    dimensions = [{"name": f"x{i}", "type": "integer", "min": 0, "max": 1000} for i in range(4)]
    space = SearchSpace.parse([FAULT, *dimensions])
    middle = {"fault_type": "abort", **{f"x{i}": 500 for i in range(4)}}
    found = space.neighbours(middle, np.random.default_rng(1), 400)
    assert len(found) == 400
    changed = [[name for name in middle if point[name] != middle[name]] for point in found]
    assert {len(names) for names in changed} == {1, 2}
    assert {name for names in changed for name in names} == set(middle)
    steps = [abs(point["x0"] - 500) for point in found if point["x0"] != 500]
    assert min(steps) < 30
    assert max(steps) > 200


def test_a_dimension_that_comes_into_being_is_drawn():
    condition = statement("fault_type", "equals", "error_injection")
    space = SearchSpace.parse([FAULT, {"name": "x", "type": "integer", "min": 1, "max": 99, "condition": condition}])
    found = space.neighbours({"fault_type": "abort"}, np.random.default_rng(1), 50)
    assert len({point["x"] for point in found}) > 10


class TestCheck:
    SPACE = SearchSpace.parse(
        {
            "dimensions": [
                FAULT,
                {"name": "x", "type": "integer", "min": 1, "max": 9},
                {
                    "name": "y",
                    "type": "real",
                    "min": 0,
                    "max": 1,
                    "condition": statement("fault_type", "equals", "abort"),
                },
                {"name": "flag", "type": "categorical", "values": [True, 1, "1", None]},
            ],
            "constraints": [{"if": statement("x", "greater_than", 5), "then": statement("y", "less_than", 0.5)}],
        }
    )

    @pytest.mark.parametrize(
        "change",
        [{}, {"x": 9, "y": 0.4}, {"flag": 1}, {"flag": "1"}, {"flag": None}, {"x": 5.0}, {"y": 1}],
    )
    def test_points_of_the_space_pass(self, change):
        self.SPACE.check({"fault_type": "abort", "x": 3, "y": 0.9, "flag": True} | change)

    def test_an_absent_dimension_frees_the_then_side(self):
        self.SPACE.check({"fault_type": "error_injection", "x": 9, "flag": 1})

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"z": 3}, "point.z: must be a dimension; known are fault_type, x, y, flag"),
            ({"x": 0}, "point.x: must be within 1..9, got 0"),
            ({"x": 2.5}, "point.x: must be within 1..9, got 2.5"),
            ({"x": True}, "point.x: must be within 1..9, got true"),
            ({"x": float("nan")}, "point.x: must be within 1..9, got nan"),
            ({"flag": False}, "point.flag: must be within"),
            ({"x": 6}, "point: must keep to the constraint: if x greater than 5 then y less than 0.5"),
            ({"fault_type": "error_injection"}, "point.y: must be absent unless fault_type equals abort, got 0.9"),
        ],
    )
    def test_others_are_refused(self, change, message):
        with pytest.raises(InvalidInput) as raised:
            self.SPACE.check({"fault_type": "abort", "x": 3, "y": 0.9, "flag": True} | change)
        assert str(raised.value).startswith(message)

    def test_a_missing_dimension_is_named(self):
        with pytest.raises(InvalidInput, match=r"^point.flag: is required$"):
            self.SPACE.check({"fault_type": "error_injection", "x": 3})

    def test_the_four_flags_are_four_points(self):
        points = [{"fault_type": "error_injection", "x": 3, "flag": flag} for flag in (True, 1, "1", None)]
        assert len({self.SPACE.key(point) for point in points}) == 4
        decoded = self.SPACE.points(self.SPACE.rows(points))
        assert [type(point["flag"]) for point in decoded] == [bool, int, str, type(None)]


def test_encoding_of_a_known_point():
    condition = statement("fault_type", "equals", "abort")
    space = SearchSpace.parse(
        [
            FAULT,
            {"name": "x", "type": "integer", "min": 10, "max": 1000, "log_scale": True},
            {"name": "y", "type": "real", "min": 0, "max": 4, "condition": condition},
            {"name": "path", "type": "categorical", "values": ["/a", "/b", "/c"], "condition": condition},
        ]
    )
    encoded = space.encode(
        [{"fault_type": "abort", "x": 100, "y": 1.0, "path": "/b"}, {"fault_type": "error_injection", "x": 1000}]
    )
    np.testing.assert_allclose(encoded, [[1, 0, 0.5, 0.25, 1, 0, 1, 0], [0, 1, 1.0, 0.5, 0, 0, 0, 0]])
