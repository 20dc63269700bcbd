"""What each dimension of the search space did to the severity."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from boifi_core.history.readings import rankable
from boifi_core.models import Dimension, Trial


@dataclass(frozen=True)
class Group:
    """The scored trials with one value of a dimension, or with one third of its values.

    `mean` and `highest` severity are None where there are no trials.
    """

    label: str
    n: int
    mean: float | None
    highest: float | None


@dataclass(frozen=True)
class Influence:
    """One dimension's groups, and its share of the differences in severity.

    `share` is 0 to 1, None with too few trials to tell. `n_absent` scored trials were without the dimension.
    """

    name: str
    share: float | None
    groups: tuple[Group, ...]
    n_absent: int


def influences(trials: Sequence[Trial], dimensions: Sequence[Dimension]) -> list[Influence]:
    """Every dimension's influence, in the order of `dimensions`."""
    scored = rankable(trials)
    return [_influence(scored, dimension) for dimension in dimensions]


def _influence(scored: Sequence[Trial], dimension: Dimension) -> Influence:
    pairs = [(trial.point[dimension.name], trial.severity or 0.0) for trial in scored if dimension.name in trial.point]
    if dimension.type == "categorical":
        groups = {_key(value): (_label(value), list[float]()) for value in dimension.values}
        for value, severity in pairs:
            groups.setdefault(_key(value), (_label(value), []))[1].append(severity)
        labelled = list(groups.values())
    else:
        labelled = _thirds(pairs)
    return Influence(
        name=dimension.name,
        share=variance_share([severities for _, severities in labelled]),
        groups=tuple(_group(label, severities) for label, severities in labelled),
        n_absent=len(scored) - len(pairs),
    )


def _key(value: Any) -> str:
    """Tells True from 1, which are equal to Python."""
    return json.dumps(value, default=str)


def _label(value: Any) -> str:
    return value if isinstance(value, str) else _key(value)


def _group(label: str, severities: Sequence[float]) -> Group:
    if not severities:
        return Group(label, 0, None, None)
    return Group(label, len(severities), fmean(severities), max(severities))


def _thirds(pairs: list[tuple[float, float]]) -> list[tuple[str, list[float]]]:
    """The trials by value in three groups of like size; equal values stay together."""
    pairs = sorted(pairs)
    groups: list[list[tuple[float, float]]] = [[], [], []]
    place, before = 0, None
    for index, (value, severity) in enumerate(pairs):
        place = place if value == before else max(place, index * 3 // len(pairs))
        groups[place].append((value, severity))
        before = value
    return [(_range(group), [severity for _, severity in group]) for group in groups if group]


def _range(group: list[tuple[float, float]]) -> str:
    low, high = f"{group[0][0]:.4g}", f"{group[-1][0]:.4g}"
    return low if low == high else f"{low} to {high}"


def variance_share(groups: Sequence[Sequence[float]]) -> float | None:
    """The share of the variance that lies between the groups, 0 to 1, less what chance alone puts there.

    None with fewer than two groups that have trials, or with fewer than two trials more than groups; 0 where all
    severities are equal.

    Source: epsilon squared, Kelley (1935), PNAS 21, 554-559.
    """
    groups = [group for group in groups if group]
    n = sum(len(group) for group in groups)
    if len(groups) < 2 or n < len(groups) + 2:
        return None
    mean = fmean(value for group in groups for value in group)
    total = sum((value - mean) ** 2 for group in groups for value in group)
    if total <= 1e-12:
        return 0.0
    within = sum((value - fmean(group)) ** 2 for group in groups for value in group)
    return max(0.0, 1.0 - (within / (n - len(groups))) / (total / (n - 1)))
