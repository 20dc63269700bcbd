"""Rules of the house that import-linter does not know: sizes, the core's hall, its arrows, its `__init__`s, circles.

`python -m scripts.house` prints one line for each breach.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from scripts.imports import CORE, ROOT, Module, arrows, imported_names, modules, room_of

MOST_LINES = 400

HALL = ("__init__", "value", "errors", "validation", "models", "settings", "json_logs", "child_process")
"""The files that stand in `boifi_core/` itself; everything else has a room."""

MOST_ARROWS = 80
"""Pairs of the core's rooms of which one imports the other. A new one must do away with an old one, or be worth a line
in this file's history."""


def breaches(root: Path = ROOT) -> list[str]:
    """What does not keep to the rules, one line each."""
    found = modules(root)
    return [
        *_too_long(found, root),
        *_in_the_hall(found, root),
        *_handed_on(found, root),
        *_arrows(found),
        *_circle(found),
    ]


def _too_long(found: Mapping[str, Module], root: Path) -> Iterator[str]:
    for module in found.values():
        lines = len(module.path.read_text(encoding="utf-8").splitlines())
        if lines > MOST_LINES:
            yield f"{module.path.relative_to(root)}: a file has at most {MOST_LINES} lines, this one {lines}"


def _in_the_hall(found: Mapping[str, Module], root: Path) -> Iterator[str]:
    for module in found.values():
        if module.path.parent == root / CORE and module.path.stem not in HALL:
            yield f"{module.path.relative_to(root)}: belongs into a room; {CORE}/ itself has {', '.join(HALL)}"


def _handed_on(found: Mapping[str, Module], root: Path) -> Iterator[str]:
    """An `__init__` that hands on another room's names hides who imports whom."""
    for module in found.values():
        if not module.is_package:
            continue
        used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name)}
        public = _public(module)
        for source, _, name in imported_names(module, found):
            is_own_use = name.partition(".")[0] in used and name not in public
            if room_of(source) != room_of(module.name) and not is_own_use:
                yield f"{module.path.relative_to(root)}: hands on {name} of {source}, another room"


def _public(module: Module) -> set[str]:
    lists = [
        node.value
        for node in module.tree.body
        if isinstance(node, ast.Assign) and any(isinstance(to, ast.Name) and to.id == "__all__" for to in node.targets)
    ]
    return {name for each in lists for name in ast.literal_eval(each)}


def _arrows(found: Mapping[str, Module]) -> Iterator[str]:
    n = sum(one.startswith(f"{CORE}.") for one, _ in arrows(found))
    if n > MOST_ARROWS:
        yield (
            f"{CORE}: at most {MOST_ARROWS} arrows lead from one of its rooms to another, got {n}; what `make docs` "
            "changes in docs/architecture.md shows the new ones"
        )


def _circle(found: Mapping[str, Module]) -> Iterator[str]:
    """Import-linter compares what stands side by side, and so misses circles through an `__init__`."""
    try:
        TopologicalSorter({module.name: module.imports for module in found.values()}).prepare()
    except CycleError as error:
        yield f"modules import each other in a circle: {' → '.join(reversed(error.args[1]))}"


if __name__ == "__main__":
    wrong = breaches()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    sys.exit(bool(wrong))
