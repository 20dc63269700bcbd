"""What the product's modules say of themselves and import from each other, read from their syntax trees."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORE = "boifi_core"


@dataclass(frozen=True)
class Module:
    """One Python file.

    Attributes:
        name: as it is imported: `boifi_core.faults`, `boifi_core.faults.plan`.
        says: its docstring's first line; empty without one.
        imports: the product's modules that it imports, those within functions and for types alone among them.
    """

    name: str
    path: Path
    tree: ast.Module
    says: str
    imports: frozenset[str]

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"


def rooms(root: Path = ROOT) -> tuple[str, ...]:
    """The product's top-level packages, as import-linter is told of them."""
    project = tomllib.loads((root / "pyproject.toml").read_text())
    return tuple(project["tool"]["importlinter"]["root_packages"])


def modules(root: Path = ROOT) -> dict[str, Module]:
    """Every module of the product, by name."""
    paths = {
        _name(path.relative_to(root)): path for room in rooms(root) for path in sorted((root / room).rglob("*.py"))
    }
    return {name: _read(name, path, paths) for name, path in paths.items()}


def room_of(name: str) -> str:
    """The room that a module belongs to: in the core a folder or a file of its hall, elsewhere a top-level package."""
    return ".".join(name.split(".")[: 2 if name.startswith(f"{CORE}.") else 1])


def arrows(found: Mapping[str, Module]) -> set[tuple[str, str]]:
    """Which room imports which other one."""
    pairs = {(room_of(each.name), room_of(imported)) for each in found.values() for imported in each.imports}
    return {(one, other) for one, other in pairs if one != other}


def imported_names(module: Module, names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """What a module imports of these: from where, the name there (empty: the module itself), the name here."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in names:
                    yield alias.name, "", alias.asname or alias.name
        elif isinstance(node, ast.ImportFrom):
            source = _source(module.name, node, is_package=module.is_package)
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                if whole in names:
                    yield whole, "", alias.asname or alias.name
                elif source in names:
                    yield source, alias.name, alias.asname or alias.name


def _read(name: str, path: Path, names: Iterable[str]) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    says = (ast.get_docstring(tree) or "").partition("\n")[0]
    module = Module(name, path, tree, says, frozenset())
    return Module(name, path, tree, says, frozenset(source for source, _, _ in imported_names(module, names)) - {name})


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _source(name: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])
