"""What a result depends on, as a short hash: a change that matters makes it out of date, one of comments does not."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import json
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.search.landscape import Landscape
from benchmarks.search.landscapes import landscape as landscape_named
from benchmarks.search.peers import OURS, PEERS
from boifi_core.models import Point
from boifi_core.space import Dimension, SearchSpace

ROOT = Path(__file__).resolve().parent.parent.parent
_PACKAGE = "benchmarks.search"
_OPTIMIZER = ("boifi_core/optimizer", "boifi_core/space")
_PROBES = 100
_PROBE_SEED = 7


def fingerprint(landscape: str, peer: str) -> str:
    """The hash for the landscape of that name and one peer.

    It covers how the landscape behaves, and the code of the peer and of the trials' loop; for BOIFI its optimizer and
    its space (for its sessions, those and what failures are told apart by), for others the versions of their libraries.
    """
    kind = PEERS[peer]
    files = imported(f"{_PACKAGE}.peers.{kind.module}") | imported(f"{_PACKAGE}.trials")
    if peer in OURS:
        files |= {path for folder in (*_OPTIMIZER, *kind.made_by) for path in (ROOT / folder).rglob("*.py")}
    parts = [_behaviour(landscape), peer, json.dumps([kind.factory, dict(kind.options), kind.versions], sort_keys=True)]
    parts += [f"{path.relative_to(ROOT)} {code_of(path.read_text())}" for path in sorted(files)]
    return _hashed("\n".join(parts))


@cache
def _behaviour(name: str) -> str:
    return behaviour(landscape_named(name))


def behaviour(landscape: Landscape) -> str:
    """A hash of what a landscape says of two hundred points, half of them near its optimum.

    Of what it says rather than of its code, so that nothing has to be measured again when its code is put in order.
    """
    rng = np.random.default_rng(_PROBE_SEED)
    said = []
    for number, point in enumerate(_probes(landscape, rng)):
        severity = landscape.read(point, np.random.default_rng([_PROBE_SEED, number])).severity
        shown = [mode.name for mode in landscape.modes if mode.shows(point)]
        said.append([point, round(landscape.truth(point), 6), round(severity, 6), shown])
    return _hashed(json.dumps([landscape.name, landscape.space.dump(), said], sort_keys=True))


def _probes(landscape: Landscape, rng: np.random.Generator) -> Iterable[Point]:
    """Points drawn here, as the way in which a space draws its own may change; constraints are not kept to."""
    dimensions = landscape.space.dimensions
    for _ in range(_PROBES):
        yield _applying(landscape.space, {dimension.name: _drawn(dimension, rng) for dimension in dimensions})
    for _ in range(_PROBES):
        drawn = {dimension.name: _drawn(dimension, rng) for dimension in dimensions}
        changed = dimensions[rng.integers(len(dimensions))].name
        yield _applying(landscape.space, {**drawn, **landscape.optimum_at, changed: drawn[changed]})


def _applying(space: SearchSpace, values: dict[str, Any]) -> Point:
    """`values` without those that conditions rule out."""
    left = {**space.fixed, **values}
    for _ in space.dimensions:
        for dimension in space.dimensions:
            if dimension.name in left and dimension.condition is not None and not dimension.condition.holds(left):
                del left[dimension.name]
    return {name: value for name, value in left.items() if name in values}


def _drawn(dimension: Dimension, rng: np.random.Generator) -> Any:
    if dimension.low is None or dimension.high is None:
        return dimension.values[rng.integers(len(dimension.values))]
    if dimension.type == "integer":
        return int(rng.integers(int(dimension.low), int(dimension.high) + 1))
    return float(rng.uniform(dimension.low, dimension.high))


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@cache
def imported(module: str) -> frozenset[Path]:
    """The file of a module of this benchmark, and those of all modules of it that it imports, and so on."""
    found: dict[str, Path] = {}
    left = [module]
    while left:
        name = left.pop()
        spec = importlib.util.find_spec(name) if name.startswith(f"{_PACKAGE}.") and name not in found else None
        if spec is not None and spec.origin is not None:
            found[name] = Path(spec.origin)
            left += _imports(ast.parse(found[name].read_text()))
    return frozenset(found.values())


def _imports(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@cache
def code_of(text: str) -> str:
    """Source text without its comments, docstrings and white space."""
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for start, end in _texts(ast.parse(text)):
        lines[start - 1 : end] = [""] * (end - start + 1)
    return "".join("".join(lines).split())


def _texts(tree: ast.AST) -> Iterable[tuple[int, int]]:
    """First and last line of every text that stands as a statement of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.end_lineno or node.lineno
