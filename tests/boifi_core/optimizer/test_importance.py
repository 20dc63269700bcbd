import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_spaces import spaces

from boifi_core.optimizer.importance import importance
from boifi_core.space import SearchSpace

CLOSE = 0.03
"""Two percent points are what 2,048 rows leave to chance, one is what twelve stretches of a number cannot show."""


def space_of(*dimensions):
    return SearchSpace.parse({"dimensions": list(dimensions), "fixed": {"fault_type": "abort"}})


def real(name, **more):
    return {"name": name, "type": "real", "min": 0, "max": 1, **more}


def kind(name, *values, **more):
    return {"name": name, "type": "categorical", "values": list(values), **more}


def where(field, value):
    return {"condition": {"field": field, "operator": "equals", "value": value}}


def shares(space, function):
    """Of a model that expects `function` of the columns by name."""
    names = [dimension.name for dimension in space.dimensions]

    def predict(rows):
        mean = np.asarray(function(dict(zip(names, rows.T, strict=True))), float)
        return mean, np.full(len(rows), np.nan)

    found = importance(space, predict)
    return dict(found.dimensions), {frozenset(pair): share for *pair, share in found.pairs}


MANY = space_of(*(real(f"x{n}") for n in range(20)))


def test_what_adds_up_has_no_pairs():
    alone, pairs = shares(MANY, lambda x: 4 * x["x0"] + 2 * x["x7"] + x["x19"])
    assert [alone[name] for name in ("x0", "x7", "x19")] == pytest.approx([16 / 21, 4 / 21, 1 / 21], abs=CLOSE)
    assert max(share for name, share in alone.items() if name not in ("x0", "x7", "x19")) < CLOSE
    assert pairs == {}


def test_what_hurts_only_together_is_all_pair():
    alone, pairs = shares(MANY, lambda x: (x["x3"] - 0.5) * (x["x11"] - 0.5))
    assert max(alone.values()) < CLOSE
    assert pairs == {frozenset({"x3", "x11"}): pytest.approx(1, abs=CLOSE)}


def test_a_corner_of_two_is_a_third_each():
    """f = [x > 1/2][y > 1/2]: its variance 3/16, of E[f | x] 1/16."""
    alone, pairs = shares(MANY, lambda x: (x["x3"] > 0.5) & (x["x11"] > 0.5))
    assert (alone["x3"], alone["x11"]) == pytest.approx((1 / 3, 1 / 3), abs=CLOSE)
    assert pairs == {frozenset({"x3", "x11"}): pytest.approx(1 / 3, abs=CLOSE)}


def test_ishigami():
    """Ishigami & Homma (1990): first-order 0.314, 0.442, 0; x1 and x3 together 0.244."""

    def ishigami(x):
        a, b, c = (2 * np.pi * (x[name] - 0.5) for name in ("x0", "x1", "x2"))
        return np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)

    alone, pairs = shares(space_of(real("x0"), real("x1"), real("x2"), real("x3")), ishigami)
    # Twelve stretches cannot follow two waves and a fourth power to the end: twice the tolerance.
    assert [alone[f"x{n}"] for n in range(4)] == pytest.approx([0.314, 0.442, 0, 0], abs=2 * CLOSE)
    assert pairs == {frozenset({"x0", "x2"}): pytest.approx(0.244, abs=2 * CLOSE)}


def test_noise_without_structure_is_nobodys():
    alone, pairs = shares(MANY, lambda x: np.random.default_rng(0).standard_normal(len(x["x0"])))
    assert max(alone.values()) < CLOSE
    assert pairs == {}


def test_a_constant_model_makes_nothing_important():
    alone, pairs = shares(MANY, lambda x: np.full(len(x["x0"]), 3.7))
    assert set(alone.values()) == {0}
    assert len(alone) == 20
    assert pairs == {}


CONDITIONAL = space_of(
    kind("p", "delay", "abort"), real("ms", **where("p", "delay")), kind("code", 429, 503, **where("p", "abort"))
)


def test_that_a_dimension_is_there_is_the_doing_of_the_one_it_depends_on():
    alone, pairs = shares(CONDITIONAL, lambda x: np.where(x["p"] == 0, 10, 0))
    assert alone == {"p": pytest.approx(1), "ms": 0, "code": 0}
    assert pairs == {}


def test_a_conditional_dimension_counts_what_it_does_where_it_is_there():
    """f = 10 ms with a delay, 0 without: Var(f) = 6.25 (by p) + 100 / 12 / 2 (by ms)."""
    alone, pairs = shares(CONDITIONAL, lambda x: np.where(x["p"] == 0, 10 * np.nan_to_num(x["ms"]), 0))
    assert (alone["p"], alone["ms"]) == pytest.approx((0.6, 0.4), abs=CLOSE)
    assert alone["code"] < CLOSE
    assert pairs == {}


def test_a_pair_in_a_conditional_space():
    space = space_of(
        kind("p", "a", "b", "c"), real("x", condition={"field": "p", "operator": "in", "value": ["a", "b"]})
    )
    alone, pairs = shares(space, lambda x: np.nan_to_num(np.where(x["p"] == 0, 1, -1) * (x["x"] - 0.5)))
    assert max(alone.values()) < CLOSE
    assert pairs == {frozenset({"p", "x"}): pytest.approx(1, abs=CLOSE)}


def test_what_two_do_together_is_not_counted_again_for_those_that_depend_on_one_of_them():
    """With a delay the path matters, with an abort it does not: p and path, whatever ms and code are."""
    space = space_of(*CONDITIONAL.dump()["dimensions"], kind("path", "a", "b"))
    alone, pairs = shares(space, lambda x: (x["p"] == 0) * (x["path"] == 1))
    assert (alone["p"], alone["path"]) == pytest.approx((1 / 3, 1 / 3), abs=CLOSE)
    assert pairs == {frozenset({"p", "path"}): pytest.approx(1 / 3, abs=CLOSE)}


def test_a_pair_of_which_one_is_there_at_times():
    """f = (ms - 1/2) s with a delay, 0 without, s = -1 or 1 by the path."""
    space = space_of(*CONDITIONAL.dump()["dimensions"], kind("path", "a", "b"))
    alone, pairs = shares(space, lambda x: np.nan_to_num((x["ms"] - 0.5) * (2 * x["path"] - 1)))
    assert max(alone.values()) < CLOSE
    assert pairs == {frozenset({"ms", "path"}): pytest.approx(1, abs=CLOSE)}


def test_the_order_of_dimensions_and_categories_does_not_matter():
    def severity(x, last):
        return np.where(x["k"] == last, 8.0, 1.0) * (x["y"] > 0.7) + x["z"]

    one = shares(space_of(kind("k", "a", "b", "c"), real("y"), real("z")), lambda x: severity(x, 2))
    other = shares(space_of(real("z"), kind("k", "c", "a", "b"), real("y")), lambda x: severity(x, 0))
    assert other[0] == pytest.approx(one[0], abs=CLOSE)
    assert set(other[1]) == set(one[1]) == {frozenset({"k", "y"})}
    assert other[1] == {pair: pytest.approx(share, abs=CLOSE) for pair, share in one[1].items()}


def test_integers_logarithms_and_more_categories_than_rows_can_tell_apart():
    space = space_of(
        {"name": "few", "type": "integer", "min": 1, "max": 3},
        {"name": "ms", "type": "integer", "min": 1, "max": 10_000, "log_scale": True},
        kind("service", *(f"s{n}" for n in range(900))),
    )
    alone, pairs = shares(space, lambda x: np.log(x["ms"]) * (x["few"] == 2))
    assert alone["few"] > alone["ms"] > 0.05
    assert alone["service"] < 0.1
    assert frozenset({"few", "ms"}) in pairs


def test_it_is_sorted_bounded_and_always_the_same():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 20))

    def predict(rows):
        return np.sin(3 * rows @ a) * np.cos(2 * rows @ b), np.zeros(len(rows))

    one, other = importance(MANY, predict), importance(MANY, predict)
    assert one == other
    alone = [share for _, share in one.dimensions]
    assert alone == sorted(alone, reverse=True)
    assert all(0 <= share <= 1 for share in alone)
    together = [share for *_, share in one.pairs]
    assert together == sorted(together, reverse=True)
    assert all(0 < share <= 1 for share in together)
    assert len(together) <= 10


def test_one_dimension_and_one_point():
    assert shares(space_of(kind("only", "a")), lambda x: x["only"]) == ({"only": 0}, {})
    alone, pairs = shares(space_of(real("x")), lambda x: x["x"])
    assert (alone["x"], pairs) == (pytest.approx(1, abs=CLOSE), {})


@settings(max_examples=40, deadline=None)
@given(space=spaces(), seed=st.integers(0, 99))
def test_any_space_and_any_model(space, seed):
    """Conditions within conditions, constraints that leave little, one category, whatever the model says."""
    weights = np.random.default_rng(seed).standard_normal(len(space.dimensions))

    def predict(rows):
        return np.nan_to_num(rows) @ weights + np.sin(np.nan_to_num(rows).sum(axis=1)), np.zeros(len(rows))

    found = importance(space, predict)
    assert sorted(name for name, _ in found.dimensions) == sorted(dimension.name for dimension in space.dimensions)
    assert all(0 <= share <= 1 + 1e-9 for _, share in found.dimensions)
    assert all(0 < share <= 1 for *_, share in found.pairs)
