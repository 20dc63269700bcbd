"""The surrogates by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from boifi_core.optimizer.committee import Committee
from boifi_core.optimizer.forest import Forest
from boifi_core.optimizer.surrogate import Surrogate
from boifi_core.space import SearchSpace

SURROGATES: Mapping[str, Callable[[SearchSpace, int, int], Surrogate]] = {
    "auto": lambda space, seed, n_estimators: Committee(space, seed),
    "committee": lambda space, seed, n_estimators: Committee(space, seed),
    "forest": Forest,
}
"""By name, made from a space, a seed and a number of trees; `auto` is the one that needs the fewest trials."""
