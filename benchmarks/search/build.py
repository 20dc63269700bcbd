"""Landscapes from their parts: a mesh and what can go wrong in it, or a function and its noise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.landscape import Landscape, Mode, Reading
from benchmarks.search.mesh import Mesh
from benchmarks.search.window import Laboratory, Truth
from boifi_core.models import Point
from boifi_core.space import SearchSpace

Half = str
"""`tuning` or `held_out`."""

Seen = Callable[[Truth], bool]


def optima_file(half: Half) -> Path:
    """Where `optima.py` keeps what it found for one half."""
    return Path(__file__).with_name(f"optima_{half}.json")


def mesh_landscape(
    name: str, half: Half, mesh: Mesh, space: Sequence[Any] | Mapping[str, Any], modes: Mapping[str, Seen]
) -> Landscape:
    """A landscape over a simulated mesh.

    Args:
        modes: by name, what shows that a point fails in this way; worst first.
    """
    parsed = SearchSpace.parse(space)
    made: list[Laboratory] = []
    known: dict[Any, Truth] = {}

    def laboratory() -> Laboratory:
        if not made:
            made.append(Laboratory(mesh))
        return made[0]

    def truth(point: Point) -> Truth:
        key = parsed.key(point)
        if key not in known:
            known[key] = laboratory().truth(parsed.plans(point))
        return known[key]

    def read(point: Point, rng: np.random.Generator) -> Reading:
        signals = laboratory().read(parsed.plans(point), rng)
        return Reading(severity=signals.pop("severity"), signals=signals)

    def mode(title: str, seen: Seen) -> Mode:
        return Mode(title, lambda point: seen(truth(point)))

    optimum, optimum_at = _optimum(name, half)
    return Landscape(
        name=name,
        space=parsed,
        read=read,
        truth=lambda point: truth(point).severity,
        optimum=optimum,
        optimum_at=optimum_at,
        modes=tuple(mode(title, seen) for title, seen in modes.items()),
        kind="mesh",
        limits_ms=(mesh.baseline_ms, mesh.threshold_ms),
    )


def shape_landscape(
    name: str,
    half: Half,
    height: Callable[[Point], float],
    noise: Callable[[np.random.Generator], float],
    space: Sequence[Any] | Mapping[str, Any],
    modes: Mapping[str, Callable[[Point], bool]],
    *,
    smooth: bool = False,
) -> Landscape:
    """A landscape over a function of the point; both it and its readings are clipped to 0..10."""

    def truth(point: Point) -> float:
        return float(np.clip(height(point), 0.0, 10.0))

    optimum, optimum_at = _optimum(name, half)
    return Landscape(
        name=name,
        space=SearchSpace.parse(space),
        read=lambda point, rng: Reading(float(np.clip(truth(point) + noise(rng), 0.0, 10.0))),
        truth=truth,
        optimum=optimum,
        optimum_at=optimum_at,
        modes=tuple(Mode(title, shows) for title, shows in modes.items()),
        kind="shape",
        smooth=smooth,
    )


@cache
def _found(half: Half) -> dict[str, dict[str, Any]]:
    path = optima_file(half)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _optimum(name: str, half: Half) -> tuple[float, Point]:
    """What `optima.py` found; 10 and nowhere before it ran."""
    found = _found(half).get(name, {"optimum": 10.0, "optimum_at": {}})
    return found["optimum"], found["optimum_at"]
