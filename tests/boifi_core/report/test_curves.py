import numpy as np
import pytest
from hypothesis import given, settings
from search_spaces import spaces

from boifi_core.optimizer import OptimizerCore
from boifi_core.report.curves import curves
from boifi_core.space import SearchSpace

SPACE = SearchSpace.parse(
    {
        "dimensions": [
            {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
            {"name": "percentage", "type": "integer", "min": 1, "max": 4},
            {
                "name": "delay_ms",
                "type": "integer",
                "min": 10,
                "max": 1000,
                "log_scale": True,
                "condition": {"field": "fault_type", "operator": "equals", "value": "delay"},
            },
        ]
    }
)
TRIED = [
    ({"fault_type": "abort", "percentage": 3}, 7.0),
    ({"fault_type": "delay", "percentage": 2, "delay_ms": 100}, 5.0),
    ({"fault_type": "delay", "percentage": 4, "delay_ms": 10}, 1.0),
]


class Made:
    """Expects what `expects` says of rows; remembers what it was asked."""

    def __init__(self, space=SPACE, tried=TRIED, expects=None):
        self.space, self.history, self.asked = space, tried, []
        self._expects = expects or ten_times_the_percentage

    def predict(self, points):
        self.asked.append(points)
        for point in points:
            self.space.check(point)
        return self._expects(self.space.rows(points))


def ten_times_the_percentage(rows):
    """And one more for a delay; a tenth of that as its spread."""
    mean = 10 * rows[:, 1] + (rows[:, 0] == 0)
    return mean, mean / 10


def found(best=None, **made):
    return {curve.dimension: curve for curve in curves(Made(**made), best)}


def test_only_the_dimension_itself_changes_around_the_worst_fault():
    curve = found()["percentage"]
    assert curve.values == (1, 2, 3, 4)
    assert curve.through == TRIED[0][0]
    assert curve.mean == (10, 20, 30, 40)
    assert curve.std == (1, 2, 3, 4)


def test_the_best_point_is_the_worst_fault_where_it_has_the_dimension():
    by_name = found(best=TRIED[2][0])
    assert by_name["percentage"].through == by_name["delay_ms"].through == TRIED[2][0]
    assert found(best=TRIED[0][0])["delay_ms"].through == TRIED[1][0]


def test_what_a_change_brings_about_is_as_in_the_worst_fault_that_has_it():
    model = Made()
    curve = curves(model, None)[0]
    assert curve.mean == (31, 30)
    assert [{**TRIED[0][0], "fault_type": "delay", "delay_ms": 100}, TRIED[0][0]] in model.asked


def test_the_average_is_over_the_whole_space():
    curve = found()["fault_type"]
    delay, abort = curve.average
    assert delay - abort == pytest.approx(1.0)
    assert abort == pytest.approx(25, abs=3)  # 64 rows, of 10 to 40


def test_numbers_are_asked_for_along_their_own_scale():
    values = found()["delay_ms"].values
    assert (values[0], values[-1]) == (10, 1000)
    assert sorted(values)[len(values) // 2] in range(80, 130)


def test_a_dimension_that_nothing_tried_has():
    curve = found(tried=TRIED[:1])["delay_ms"]
    assert curve.through is None
    assert np.isnan(curve.mean).all()
    assert np.isfinite(curve.average).all()


def test_a_value_that_the_constraints_forbid_is_left_out():
    data = {"dimensions": [dimension.dump() for dimension in SPACE.dimensions]}
    abort = {"field": "fault_type", "operator": "equals", "value": "abort"}
    rule = {"if": abort, "then": {"field": "percentage", "operator": "greater_than", "value": 2}}
    curve = found(space=SearchSpace.parse({**data, "constraints": [rule]}))["percentage"]
    assert np.isnan(curve.mean).tolist() == [True, True, False, False]
    assert np.isfinite(curve.average).all()


def test_the_optimizer_tells_what_its_model_expects():
    optimizer = OptimizerCore(SPACE, random_state=1)
    for point, score in TRIED:
        optimizer.record(point, score)
    curve = curves(optimizer, optimizer.best_point[0])[1]
    mean, std = optimizer.predict([{**curve.through, "percentage": 4}])
    assert (curve.mean[3], curve.std[3]) == pytest.approx((mean[0], std[0]))


@settings(max_examples=40, deadline=None)
@given(spaces())
def test_every_space_has_its_curves(space):
    rng = np.random.default_rng(0)
    tried = [(point, float(n)) for n, point in enumerate(space.sample(rng, 5))]

    def flat(rows):
        assert space.valid_rows(rows).all()
        return np.ones(len(rows)), np.zeros(len(rows))

    for curve in curves(Made(space, tried, flat), None):
        dimension = space.dimension(curve.dimension)
        assert all(dimension.contains(value) for value in curve.values)
        assert len(curve.values) == len(curve.mean) == len(curve.std) == len(curve.average)
        if curve.through is not None:
            assert np.isfinite(curve.mean).any()
