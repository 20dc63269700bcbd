"""Finds each landscape's optimum on its truth, by random points and by changing one or two dimensions at a time.

`python -m benchmarks.search.optima [name …]` writes what it finds beside this file; no optimizer of BOIFI's takes part.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.search.build import optima_file
from benchmarks.search.landscape import Landscape
from benchmarks.search.landscapes import ALL, is_held_out
from boifi_core.errors import InvalidInput
from boifi_core.models import Point
from boifi_core.space import Dimension, SearchSpace

_SAMPLES = 4000
_STARTS = 12
_ROUNDS = 4
_PAIRS = 250
_STEPS = 25


def search(landscape: Landscape, seed: int = 0) -> dict[str, Any]:
    """The highest truth that was found, where, and the worst random point of each mode."""
    rng = np.random.default_rng(seed)
    points = landscape.space.sample(rng, _SAMPLES)
    points.sort(key=landscape.truth, reverse=True)
    best = max((_climb(landscape, point, rng) for point in points[:_STARTS]), key=landscape.truth)
    shown = {mode.name: next((p for p in [*points, best] if mode.shows(p)), None) for mode in landscape.modes}
    return {"optimum": landscape.truth(best), "optimum_at": best, "modes": shown}


def _climb(landscape: Landscape, point: Point, rng: np.random.Generator) -> Point:
    for _ in range(_ROUNDS):
        before = landscape.truth(point)
        for dimension in landscape.space.dimensions:
            for value in _values(dimension, point.get(dimension.name)):
                point = _better(landscape, point, {dimension.name: value}, rng)
        for change in _pairs(landscape.space, rng):
            point = _better(landscape, point, change, rng)
        if landscape.truth(point) == before:
            break
    return point


def _better(landscape: Landscape, point: Point, change: Point, rng: np.random.Generator) -> Point:
    changed = _settled(landscape.space, {**point, **change}, rng)
    try:
        landscape.space.check(changed)
    except InvalidInput:
        return point
    return changed if landscape.truth(changed) > landscape.truth(point) else point


def _pairs(space: SearchSpace, rng: np.random.Generator) -> Iterator[Point]:
    for _ in range(_PAIRS):
        chosen = rng.choice(len(space.dimensions), size=min(2, len(space.dimensions)), replace=False)
        dimensions = [space.dimensions[index] for index in chosen]
        yield {dimension.name: _drawn(dimension, rng) for dimension in dimensions}


def _settled(space: SearchSpace, point: Point, rng: np.random.Generator) -> Point:
    """The same with absent dimensions left out and new ones drawn, in the order in which they depend."""
    settled = {**space.fixed}
    left = list(space.dimensions)
    while left:
        for dimension in [d for d in left if d.condition is None or d.condition.field not in {o.name for o in left}]:
            left.remove(dimension)
            if dimension.condition is None or dimension.condition.holds(settled):
                settled[dimension.name] = point.get(dimension.name, _drawn(dimension, rng))
    return {dimension.name: settled[dimension.name] for dimension in space.dimensions if dimension.name in settled}


def _drawn(dimension: Dimension, rng: np.random.Generator) -> Any:
    values = _values(dimension, None)
    return values[int(rng.integers(len(values)))]


def _values(dimension: Dimension, near: Any) -> list[Any]:
    """All categories; or numbers over the whole range, and some near the present one."""
    if dimension.low is None or dimension.high is None:
        return list(dimension.values)
    low, high = float(dimension.low), float(dimension.high)
    spread = np.geomspace(low, high, _STEPS) if dimension.log_scale else np.linspace(low, high, _STEPS)
    close = [] if near is None else [near + share * (high - low) for share in (-0.02, -0.004, 0.004, 0.02)]
    close += [] if near is None else [near * factor for factor in (0.9, 0.98, 1.02, 1.1)]
    numbers = [min(max(float(number), low), high) for number in [*spread, *close]]
    return numbers if dimension.type == "real" else sorted({round(number) for number in numbers})


def main(names: list[str]) -> None:
    for half, is_mine in (("tuning", False), ("held_out", True)):
        path = optima_file(half)
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        for landscape in ALL:
            if is_held_out(landscape.name) is is_mine and (not names or landscape.name in names):
                result = found[landscape.name] = search(landscape)
                modes = {name: point and round(landscape.truth(point), 2) for name, point in result["modes"].items()}
                sys.stdout.write(f"{landscape.name}: {result['optimum']:.3f}, modes {modes}\n")
                sys.stdout.flush()
        path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
