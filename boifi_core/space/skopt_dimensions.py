"""The dimensions as scikit-optimize knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boifi_core.space.dimension import Dimension

if TYPE_CHECKING:
    import skopt.space


def to_skopt(dimension: Dimension) -> skopt.space.Dimension:
    """The same dimension without its condition, which scikit-optimize cannot express."""
    # Imported here: it takes a second and a half, and only those who hand a space to scikit-optimize need it.
    from skopt.space import Categorical, Integer, Real

    if dimension.type == "categorical":
        return Categorical(list(dimension.values), name=dimension.name)
    prior = "log-uniform" if dimension.log_scale else "uniform"
    kind = Integer if dimension.type == "integer" else Real
    return kind(dimension.low, dimension.high, prior=prior, name=dimension.name)
