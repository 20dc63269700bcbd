"""The plan's surrogate: a random forest that says how unsure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from boifi_core.optimizer.evidence import Evidence
from boifi_core.optimizer.novelty import novelty, widened
from boifi_core.optimizer.surrogate import NotFitted, View
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]
Told = tuple[Floats, Floats]

_SHARE_OF_FEATURES = 0.7
"""How many columns a split may choose from: fewer make the trees differ more, and are faster."""

_LEAST_SPREADS = (0.5, 2.0)
"""Severity points by which what is new may differ at least, in turn.

With the smaller one the search digs where it has found something, with the larger one it leaves what it knows. Either
alone does worse: digging follows noise while all scores are low, leaving misses narrow windows.
"""


class Forest:
    """Randomised trees on bootstrap samples.

    The spread follows from the law of total variance over trees t with leaf means m_t and leaf variances v_t:
    Var = mean(v_t) + var(m_t). Sources: Hutter, Xu, Hoos & Leyton-Brown (2014), Artificial Intelligence 206, 79-111,
    section 4.3.2; trees: Geurts, Ernst & Wehenkel (2006), Machine Learning 63, 3-42.

    Each score enters each tree a Poisson(1) number of times, as in a bootstrap (Oza & Russell 2001, AISTATS). That
    number depends only on the seed and the score's place, so a new score leaves a third of the trees as they are.

    With trials of earlier sessions, whether a trial is one of them is a column more to split by.
    """

    def __init__(self, space: SearchSpace, seed: int, n_estimators: int) -> None:
        # Imported here: it takes a second, and those who only ask for the known names need not wait.
        import sklearn
        from sklearn.tree import ExtraTreeRegressor

        self._quiet = sklearn.config_context
        self._make_tree = ExtraTreeRegressor
        self._space = space
        self._seed = seed
        self._n_trees = n_estimators
        self._weights = np.empty((n_estimators, 0), np.int64)
        self._trees: list[Any] = []
        self._encoded = np.empty((0, 0), np.float32)
        self._scores = np.empty(0)
        self._has_past = False

    def fit(self, evidence: Evidence) -> None:
        """See `Surrogate`; trees that the new scores do not enter are kept."""
        self._has_past = bool(evidence.n_past)
        encoded, scores = self._encode(evidence.rows, evidence.is_past).astype(np.float32), evidence.scores
        before = self._same_beginning(encoded, scores)
        self._encoded, self._scores = encoded, np.array(scores, np.float64)
        self._draw_weights(len(scores))
        # What it would check each time (types, shapes, parameters) costs more here than the tree itself.
        with self._quiet(skip_parameter_validation=True, assume_finite=True):
            if before == 0:
                self._trees = [self._fitted_tree(number) for number in range(self._n_trees)]
                return
            for number in np.flatnonzero(self._changes(before)):
                self._trees[number] = self._fitted_tree(int(number))

    def predict(self, rows: Rows) -> Told:
        """See `Surrogate`."""
        return self._predict(self._encode(rows))

    def left_out(self) -> Told:
        """See `Surrogate`: what the trees say that a score did not enter; all of them where it entered each."""
        means, variances = self._leaves(self._encoded)
        out = self._weights[:, : len(self._scores)] == 0
        out |= ~out.any(axis=0)
        share = out / out.sum(axis=0)
        mean = (share * means).sum(axis=0)
        return mean, np.sqrt((share * (variances + (means - mean) ** 2)).sum(axis=0))

    def view(self, turn: int) -> View:
        """See `Surrogate`: what it predicts, with doubt added about what is new."""
        self._check_fitted()
        spread = max(float(self._scores.std()), _LEAST_SPREADS[turn % len(_LEAST_SPREADS)])
        known = self._encoded.astype(np.float64)

        def predict(rows: Rows) -> Told:
            encoded = self._encode(rows)
            mean, std = self._predict(encoded)
            return mean, widened(std, novelty(encoded, known), spread)

        return View(predict, spread)

    def _encode(self, rows: Rows, is_past: NDArray[np.bool_] | bool = False) -> Floats:
        encoded = self._space.encode_rows(rows)
        if not self._has_past:
            return encoded
        return np.column_stack([encoded, np.broadcast_to(np.asarray(is_past, np.float64), len(rows))])

    def _predict(self, encoded: Floats) -> Told:
        means, variances = self._leaves(np.ascontiguousarray(encoded, np.float32))
        return means.mean(axis=0), np.sqrt(variances.mean(axis=0) + means.var(axis=0))

    def _leaves(self, points: NDArray[np.float32]) -> Told:
        """Mean and variance of the leaf that each point falls into, shape (trees, n)."""
        self._check_fitted()
        means, variances = np.empty((2, self._n_trees, len(points)))
        for number, (tree, leaf_means, leaf_variances) in enumerate(self._trees):
            leaves = tree.apply(points)
            leaf_means.take(leaves, out=means[number])
            leaf_variances.take(leaves, out=variances[number])
        return means, variances

    def _check_fitted(self) -> None:
        if not self._trees:
            raise NotFitted("the model has nothing to predict from yet: at least two scores must be recorded")

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
