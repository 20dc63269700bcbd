"""Every message that the code can give when something is wrong, read from its syntax trees.

`python -m scripts.messages` prints those that docs/troubleshooting.md does not explain, as rows for its tables.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "troubleshooting.md"
ROOMS = ("boifi_core", "tasks", "flows", "deployments", "api", "cli", "demo")

SHOP = ROOT / "demo" / "shop"
"""How the embedded shop fails is what sessions look for, no message to their user."""

GAP = "…"
"""Stands for what a message has from the moment: a value, a name, another's words."""

_BUILT_IN = {"ValueError", "TypeError", "RuntimeError", "SettingsError", "TimeoutError"}

_SAYERS = {
    "_must_be",
    "_warn",
    "complaint",
    "error",
    "warning",
    "Failed",
    "SessionOfNight",
    "failed_state",
    "Decision",
    "not_measured",
    "_failed",
    "Note",
}
"""Functions, methods and values that are handed a message, or a reason why something ended."""

_LISTS = {"reasons", "errors", "problems", "left"}
"""Lists to which reasons are appended."""

_RETURNERS = {
    "_trials",
    "_ends",
    "ends_session",
    "stop_reason",
    "objection",
    "_objection",
    "_too_little_to_gain",
    "little_left",
    "over",
    "all_made",
    "_misfit",
    "_misplaced",
    "complaint_of",
    "_own_reason",
}
"""Functions that return a reason."""

_RULES = {"_RULES", "RULES", "_RULE", "EVERY_POINT"}
"""Tables and constants of rules that messages are made from."""

_AS_FIELD = {"InvalidInput"}
"""Whose first argument is where it stands, not what is wrong."""

_SINGLE_WORDS = {"cancelled", "interrupted", "stopped", "missing", "null"}


@functools.cache
def messages() -> dict[str, str]:
    """All messages, each with the first place where the code has it: `boifi_core/session/folder.py:34`."""
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")) if SHOP not in path.parents]
    trees = {path: ast.parse(path.read_text()) for path in paths}
    errors = _error_classes(trees.values())
    found: dict[str, str] = {}
    for path, tree in trees.items():
        for line, text in _of_module(tree, errors):
            if _is_message(text):
                found.setdefault(text, f"{path.relative_to(ROOT)}:{line}")
    return found


def explained(document: str) -> list[str]:
    """The messages that the page's tables have a row for, in its order."""
    cells = [row.split(" | ")[0].removeprefix("| ") for row in document.splitlines() if row.startswith("| `")]
    return [text for cell in cells for text in re.findall(r"`([^`]+)`", cell)]


def _error_classes(trees: Iterable[ast.Module]) -> set[str]:
    known, bases = set(_BUILT_IN), {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base).split(".")[-1] for base in node.bases}
    while more := {name for name, of in bases.items() if of & (known | {"Exception"}) and name not in known}:
        known |= more
    return known


def _of_module(tree: ast.Module, errors: set[str]) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(target, ast.Name) and target.id in _RULES for target in targets):
                values = node.value.values if isinstance(node.value, ast.Dict) else [node.value]
                yield from ((node.lineno, text) for value in values for text in _texts(value, {}))
    for function in [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]:
        yield from _of_function(function, errors)


def _of_function(function: ast.FunctionDef | ast.AsyncFunctionDef, errors: set[str]) -> Iterator[tuple[int, str]]:
    named: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            named.setdefault(node.targets[0].id, []).append(node.value)
    for node in ast.walk(function):
        said: list[ast.expr] = []
        if isinstance(node, ast.Return) and node.value is not None and function.name in _RETURNERS:
            said = [node.value]
        if isinstance(node, ast.Assign) and _last(node.targets[0]) == "over":
            said = [node.value]
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).split(".")[-1].split("(")[0]
            if name in errors | _SAYERS or _may_be(named.get(name, []), errors):
                said = [
                    *node.args,
                    *(word.value for word in node.keywords if word.arg in ("message", "reason", "text")),
                ]
                said = said[1:] if name in _AS_FIELD else said
            elif name == "append" and isinstance(node.func, ast.Attribute) and _last(node.func.value) in _LISTS:
                said = node.args
        start = "must be " if isinstance(node, ast.Call) and _last(node.func) == "_must_be" else ""
        for each in said:
            yield from ((node.lineno, start + text) for text in _texts(each, named))


def _texts(node: ast.expr, named: dict[str, list[ast.expr]]) -> list[str]:
    """What an expression may say; nothing where it only hands on another's words."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        parts = [str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values]
        return ["".join(parts)]
    if isinstance(node, ast.Name):
        inner = {name: values for name, values in named.items() if name != node.id}
        return [text for value in named.get(node.id, []) for text in _texts(value, inner)]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, named), *_texts(node.orelse, named)]
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _texts(value, named)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _texts(node.left, named), _texts(node.right, named)
        return (
            [f"{a}{b}" for a in left or [GAP] for b in (right if len(right) == 1 else [GAP])] if left or right else []
        )
    return []


def _is_message(text: str) -> bool:
    """Whether it says something of its own: a word of text at least, beside what is filled in."""
    return (re.search("[A-Za-z]{3,}", text) is not None and " " in text) or text in _SINGLE_WORDS


def _may_be(values: list[ast.expr], errors: set[str]) -> bool:
    """Whether a variable holds one of several classes of errors."""
    return any(
        isinstance(value, ast.IfExp) and {ast.unparse(value.body), ast.unparse(value.orelse)} <= errors
        for value in values
    )


def _last(node: ast.expr) -> str:
    return ast.unparse(node).split(".")[-1]


def shown(text: str) -> str:
    """As the page writes it: on one line, no gap twice, nothing that would end a code span or a cell."""
    text = re.sub(r"\{\w*\}|%[sdg]", GAP, text)
    text = re.sub(rf"{GAP}(?:\W?{GAP})+", GAP, " ".join(text.split()))
    return text.replace("`", "'").replace("|", "/").strip()


def main() -> None:
    """Print a row for each message that has none."""
    there = set(explained(DOCUMENT.read_text())) if DOCUMENT.exists() else set()
    for text, place in messages().items():
        if shown(text) not in there:
            print(f"| `{shown(text)}` | | | {place}")


if __name__ == "__main__":
    main()
