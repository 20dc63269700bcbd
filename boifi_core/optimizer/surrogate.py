"""The model that stands in for the target: what severity to expect where, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from boifi_core.errors import BoifiError
from boifi_core.optimizer.evidence import Evidence
from boifi_core.space.rows import Rows

Floats = NDArray[np.float64]
Predict = Callable[[Rows], tuple[Floats, Floats]]


class NotFitted(BoifiError):
    """A prediction was asked for before the model had learned anything."""


@dataclass(frozen=True)
class View:
    """What one proposal is chosen by.

    Attributes:
        predict: mean and standard deviation, shape (n,) each, of rows.
        prior_std: the standard deviation where nothing is known at all, severity points.
        tells: what `telling` gives, for models that know how the severities of two points hang together.
    """

    predict: Predict
    prior_std: float
    tells: Callable[[Rows, Rows, Floats], Floats] | None = None

    def telling(self, rows: Rows, others: Rows, counts: Floats) -> Floats:
        """How much a trial of each row would tell of the others, shape (n,); on any scale, higher is more.

        Args:
            counts: how much each of the others counts, shape (m,).
        """
        # Where least is known, most is learnt.
        return self.predict(rows)[1] if self.tells is None else self.tells(rows, others, counts)


class Surrogate(Protocol):
    """One kind of model. What it predicts depends on its seed and the evidence alone, not on earlier fits."""

    def fit(self, evidence: Evidence) -> None:
        """Learn from trials, at least one."""

    def predict(self, rows: Rows) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the severity, each of shape (n,).

        Raises:
            NotFitted: `fit` was not called yet.
        """

    def left_out(self) -> tuple[Floats, Floats]:
        """What each score would have been taken for without it: mean and standard deviation, each of shape (n,).

        NaN for trials that it no longer predicts from; the latest is never one of those.

        Raises:
            NotFitted: `fit` was not called yet.
        """

    def view(self, turn: int) -> View:
        """What the proposal of that number is chosen by; views may differ, so that they err in different ways.

        Raises:
            NotFitted: `fit` was not called yet.
        """
