"""The model that stands in for the target: what severity to expect where, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from boifi_core.errors import BoifiError

Floats = NDArray[np.float64]


class NotFitted(BoifiError):
    """A prediction was asked for before the model had learned anything."""


class Surrogate(Protocol):
    """One kind of model. What it predicts depends on its seed and the data alone."""

    def fit(self, encoded: Floats, scores: Floats) -> None:
        """Learn from encoded points, shape (n, width), and their scores, shape (n,); n >= 1, oldest first."""

    def predict(self, encoded: Floats) -> tuple[Floats, Floats]:
        """Mean and standard deviation, each of shape (n,), in the scores' unit.

        Raises:
            NotFitted: `fit` was not called yet.
        """


class Forest:
    """Randomised trees on bootstrap samples.

    The spread follows from the law of total variance over trees t with leaf means m_t and leaf variances v_t:
    Var = mean(v_t) + var(m_t). Sources: Hutter, Xu, Hoos & Leyton-Brown (2014), Artificial Intelligence 206, 79-111,
    section 4.3.2; trees: Geurts, Ernst & Wehenkel (2006), Machine Learning 63, 3-42.

    Each score enters each tree a Poisson(1) number of times, as in a bootstrap (Oza & Russell 2001, AISTATS). That
    number depends only on the seed and the score's place, so a new score leaves a third of the trees as they are.
    """

    def __init__(self, seed: int, n_estimators: int) -> None:
        # Imported here: it takes a second, and those who only ask for the known names need not wait.
        import sklearn
        from sklearn.tree import ExtraTreeRegressor

        self._quiet = sklearn.config_context
        self._make_tree = ExtraTreeRegressor
        self._seed = seed
        self._n_trees = n_estimators
        self._weights = np.empty((n_estimators, 0), np.int64)
        self._trees: list[Any] = []
        self._encoded = np.empty((0, 0), np.float32)
        self._scores = np.empty(0)

    def fit(self, encoded: Floats, scores: Floats) -> None:
        """See `Surrogate`; trees that the new scores do not enter are kept."""
        before = self._same_beginning(encoded.astype(np.float32), scores)
        self._encoded, self._scores = encoded.astype(np.float32), np.array(scores, np.float64)
        self._draw_weights(len(scores))
        # What it would check each time (types, shapes, parameters) costs more here than the tree itself.
        with self._quiet(skip_parameter_validation=True, assume_finite=True):
            if before == 0:
                self._trees = [self._fitted_tree(number) for number in range(self._n_trees)]
                return
            for number in np.flatnonzero(self._changes(before)):
                self._trees[number] = self._fitted_tree(int(number))

    def predict(self, encoded: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        if not self._trees:
            raise NotFitted("the model has nothing to predict from yet: at least two scores must be recorded")
        points = np.ascontiguousarray(encoded, np.float32)
        means = np.empty((self._n_trees, len(points)))
        variance = np.zeros(len(points))
        for number, (tree, leaf_means, leaf_variances) in enumerate(self._trees):
            leaves = tree.apply(points)
            leaf_means.take(leaves, out=means[number])
            variance += leaf_variances.take(leaves)
        return means.mean(axis=0), np.sqrt(variance / self._n_trees + means.var(axis=0))

    def _same_beginning(self, encoded: NDArray[np.float32], scores: Floats) -> int:
        """How many of the scores the trees know already; 0 if they know others."""
        known = len(self._scores)
        if known > len(scores) or encoded.shape[1] != self._encoded.shape[1]:
            return 0
        same = np.array_equal(encoded[:known], self._encoded) and np.array_equal(scores[:known], self._scores)
        return known if same else 0

    def _changes(self, before: int) -> NDArray[np.bool_]:
        """Which trees the scores after the first `before` enter."""
        enter = self._weights[:, before : len(self._scores)].any(axis=1)
        return np.logical_or(enter, ~self._weights[:, :before].any(axis=1))

    def _draw_weights(self, n: int) -> None:
        known = self._weights.shape[1]
        new = [np.random.default_rng([self._seed, i]).poisson(1.0, self._n_trees) for i in range(known, n)]
        if new:
            self._weights = np.column_stack([self._weights, *new])

    def _fitted_tree(self, number: int) -> tuple[Any, Floats, Floats]:
        weights = self._weights[number, : len(self._scores)]
        rows = np.repeat(np.arange(len(weights)), weights if weights.any() else 1)
        tree = self._make_tree(max_features=_SHARE_OF_FEATURES, random_state=self._tree_seed(number))
        tree.fit(self._encoded[rows], self._scores[rows], check_input=False)
        inner = tree.tree_
        # Impurity is the leaf's variance; rounding can leave it just below 0.
        return inner, np.ascontiguousarray(inner.value[:, 0, 0]), np.maximum(inner.impurity, 0.0)

    def _tree_seed(self, number: int) -> int:
        return (self._seed + 7919 * number) % 2**32


_SHARE_OF_FEATURES = 0.7
"""How many columns a split may choose from: fewer make the trees differ more, and are faster."""

SURROGATES: Mapping[str, Callable[[int, int], Surrogate]] = {"auto": Forest, "forest": Forest}
"""By name, made from a seed and a number of trees; `auto` is the one that serves best today."""
