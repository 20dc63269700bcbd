"""Write the tables of rooms in docs/architecture.md: what each says of itself, and what it imports."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from scripts.imports import CORE, ROOT, Module, arrows, modules

DOCUMENT = ROOT / "docs" / "architecture.md"

_MADE = "<!-- {}: made by `make docs` from the code's own docstrings and imports. -->\n"
_END = "<!-- The end of what is made. -->\n"


def architecture(root: Path = ROOT) -> str:
    """`docs/architecture.md`, its tables renewed."""
    found = modules(root)
    pairs = arrows(found)
    between = {(one, other.partition(".")[0]) for one, other in pairs}
    text = (root / DOCUMENT.relative_to(ROOT)).read_text()
    text = _renewed(text, "Rooms", _table(found, between, _layers(root, "rooms import inwards"), ""))
    from_above = _layers(root, "the core's rooms import only those below them")
    core = [f"{CORE}.{room}" for room in reversed(from_above)]
    n = sum(one in core for one, _ in pairs)
    table = _table(found, pairs, core, f"{CORE}.")
    return _renewed(text, "The core's rooms", f"{table}\n{n} arrows in all.\n")


def _table(found: Mapping[str, Module], pairs: Iterable[tuple[str, str]], rooms: list[str], prefix: str) -> str:
    lines = ["| room | what it is | imports |", "| --- | --- | --- |"]
    for room in rooms:
        imports = [f"`{other.removeprefix(prefix)}`" for other in rooms if (room, other) in pairs]
        slash = "/" if found[room].is_package else ".py"
        lines.append(f"| `{room.removeprefix(prefix)}{slash}` | {found[room].says} | {', '.join(imports)} |")
    return "\n".join(lines) + "\n"


def _layers(root: Path, contract: str) -> list[str]:
    """The rooms in the order of import-linter's contract, the uppermost first."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [each["layers"] for each in contracts if each["name"] == contract]
    return [room for layer in layers for room in re.split(r"\s*[|:]\s*", layer)]


def _renewed(text: str, what: str, made: str) -> str:
    before, begin, rest = text.partition(_MADE.format(what))
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{DOCUMENT.name} lacks the marks of {what!r}")
    return f"{before}{begin}\n{made}\n{end}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(architecture())
