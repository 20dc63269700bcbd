"""Spaces most of whose dimensions exist under a condition only, to tune on: what applies differs from point to point.

Made from a seed: a tree of choices, below each of which there are choices and numbers that nothing else has; and
one number that every point has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.search.build import shape_landscape
from benchmarks.search.fields import Spec, is_, one_of, real, whole
from benchmarks.search.landscape import Landscape
from benchmarks.search.shapes import Gaussian, hill, unit
from boifi_core.models import Point

_HALF = "tuning"
_FIXED = {"fault_type": "delay", "delay_ms": 100}
_BELOW = 0.55
"""How much of what a choice promises is reached before its numbers are right."""

_SHOWN = 0.75
"""From this share of its height on, a way shows its failure."""

_BY_LOAD = 0.3
"""And how much of it takes load, which every point has."""

_ONE_OFF = 0.8
"""And how much of that where one of them is far off."""


@dataclass(frozen=True)
class _Leaf:
    """A way through the choices, and the numbers at its end.

    Attributes:
        chosen: the value of each choice on the way.
        numbers: dimension, lowest and highest value, whether it is logarithmic, and where it is worst, 0 to 1.
        height: what is reached at full load where all numbers are worst.
        width: how far from there a number counts as near, of 1.
    """

    chosen: dict[str, str]
    numbers: tuple[tuple[str, float, float, bool, float], ...]
    height: float
    width: float

    def holds(self, point: Point) -> bool:
        return all(point.get(name) == value for name, value in self.chosen.items())

    def severity(self, point: Point) -> float:
        parts = [
            hill(unit(point[name], low, high, log=log), worst, self.width)
            for name, low, high, log, worst in self.numbers
        ]
        near = _BELOW + (1 - _BELOW) * float(np.mean(parts))
        return self.height * (1 - _BY_LOAD * (1 - point["load"])) * near * min(1.0, _ONE_OFF + float(np.prod(parts)))


def _tree(seed: int, wide: int, deep: int, n_numbers: int) -> tuple[list[Spec], list[_Leaf]]:
    rng = np.random.default_rng(seed)
    specs: list[Spec] = []
    leaves: list[_Leaf] = []

    def grow(prefix: str, when: Spec | None, chosen: dict[str, str], level: int) -> Iterator[_Leaf]:
        if level == deep:
            numbers = []
            for place in range(n_numbers):
                name, log, worst = f"{prefix}_n{place}", bool(rng.random() < 0.5), float(rng.uniform(0.15, 0.9))
                low, high = (1.0, 1000.0) if log else (0.0, 100.0)
                specs.append(whole(name, 1, 1000, log=True, when=when) if log else real(name, low, high, when=when))
                numbers.append((name, low, high, log, worst))
            yield _Leaf(chosen, tuple(numbers), float(rng.uniform(2.5, 7.5)), float(rng.uniform(0.15, 0.3)))
            return
        name = f"{prefix}_way" if prefix else "way"
        values = [f"{prefix}{letter}" for letter in "abcdefgh"[:wide]]
        specs.append(one_of(name, *values, when=when))
        for value in values:
            yield from grow(value, is_(name, value), {**chosen, name: value}, level + 1)

    leaves.extend(grow("", None, {}, 0))
    specs.append(real("load", 0.0, 1.0))
    worst = int(rng.integers(len(leaves)))
    top = leaves[worst]
    leaves[worst] = _Leaf(top.chosen, top.numbers, 9.5, top.width)
    return specs, leaves


def _landscape(name: str, seed: int, wide: int, deep: int, n_numbers: int) -> Landscape:
    specs, leaves = _tree(seed, wide, deep, n_numbers)

    def height(point: Point) -> float:
        return next(leaf.severity(point) for leaf in leaves if leaf.holds(point))

    def shows(leaf: _Leaf) -> Callable[[Point], bool]:
        return lambda point: leaf.holds(point) and leaf.severity(point) > _SHOWN * leaf.height

    by_height = sorted(leaves, key=lambda leaf: -leaf.height)[:6]
    return shape_landscape(
        name,
        _HALF,
        height,
        Gaussian(0.3),
        {"dimensions": specs, "fixed": _FIXED},
        {" ".join(leaf.chosen.values()): shows(leaf) for leaf in by_height},
    )


EIGHT_WAYS = _landscape("eight-ways", 1, wide=8, deep=1, n_numbers=2)
NESTED_WAYS = _landscape("nested-ways", 2, wide=3, deep=2, n_numbers=2)
DEEP_WAYS = _landscape("deep-ways", 3, wide=2, deep=3, n_numbers=3)
