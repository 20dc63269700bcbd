"""What a result depends on, as a short hash: a change of code makes it out of date, one of comments does not."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import io
import json
import sys
import tokenize
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from benchmarks.search.landscape import Landscape
from benchmarks.search.peers import OURS, PEERS

ROOT = Path(__file__).resolve().parent.parent.parent
_PACKAGE = "benchmarks.search"
_LISTS = tuple(f"{_PACKAGE}.{name}" for name in ("tuning", "held_out", "landscapes"))
_OPTIMIZER = ("boifi_core/optimizer", "boifi_core/space")


def fingerprint(landscape: Landscape, peer: str) -> str:
    """The hash for one landscape and one peer.

    It covers the module that defines the landscape, the peer's own, the trials' loop, and what these import of this
    benchmark; for BOIFI its optimizer and its space, for others the versions of their libraries.
    """
    kind = PEERS[peer]
    files: set[Path] = set()
    for module in (home(landscape), f"{_PACKAGE}.peers.{kind.module}", f"{_PACKAGE}.trials"):
        files |= imported(module)
    if peer in OURS:
        files |= {path for folder in _OPTIMIZER for path in (ROOT / folder).glob("*.py")}
    parts = [landscape.name, peer, json.dumps([kind.factory, dict(kind.options), kind.versions], sort_keys=True)]
    parts += [f"{path.relative_to(ROOT)} {code_of(path.read_text())}" for path in sorted(files)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def home(landscape: Landscape) -> str:
    """The module that defines it, so that a change of another landscape does not age its results."""
    found = [
        name
        for name, module in sorted(sys.modules.items())
        if name.startswith(f"{_PACKAGE}.")
        and name not in _LISTS
        and any(value is landscape for value in vars(module).values())
    ]
    return found[0] if len(found) == 1 else f"{_PACKAGE}.landscapes"


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
