"""Reads YAML files: session files, campaign files, settings. Whatever is in them, it takes a second at most."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from boifi_core.errors import InvalidInput

MOST_BYTES = 1_000_000
MOST_VALUES = 200_000
"""In a whole file, each alias counted as all that it stands for, and a text once more for each of these characters:"""

_CHARACTERS = 100

DEEPEST = 100
"""Lists and mappings within one another."""

_LONGEST_NUMBER = 400
"""Characters: more than any number needs that a float can hold."""

# libyaml's is ten times as quick. It must not be given what is nested without end, nor is it here.
if TYPE_CHECKING:
    _Loader = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """A YAML file's value; a key that stands twice in one mapping is refused, since YAML would drop one in silence.

    Raises:
        InvalidInput: no such file, none that can be read, too large, or no YAML; one line.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InvalidInput(str(path), "no such file") from None
    except OSError as error:
        raise InvalidInput(str(path), f"must be a file that can be read ({error.strerror})") from error
    if len(raw) > MOST_BYTES:
        raise InvalidInput(str(path), f"must be at most {MOST_BYTES} bytes")
    problem = None
    try:
        problem = _too_much(yaml.parse(raw, Loader=_Loader))
        if problem is None:
            return yaml.load(raw, Loader=_UniqueKeys)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(str(path), f"must be YAML ({_yaml_problem(error)})") from error
    raise InvalidInput(str(path), problem)


def _too_much(events: Iterable[yaml.Event]) -> str | None:
    """The rule that a file breaks which is small and yet holds too much: aliases of aliases, or endless nesting."""
    sizes: dict[str, int] = {}
    open_ones: list[tuple[str | None, int]] = []
    total = 0
    for event in events:
        anchor: str | None = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_ones.pop()
            sizes[anchor or ""] = total - before
        elif isinstance(event, yaml.CollectionStartEvent):
            open_ones.append((anchor, total))
            total += 1
        elif isinstance(event, yaml.ScalarEvent):
            sizes[anchor or ""] = 1 + len(event.value) // _CHARACTERS
            total += sizes[anchor or ""]
        elif isinstance(event, yaml.AliasEvent):
            # Of one that is still open there is no size: it contains itself.
            total += MOST_VALUES if any(each == anchor for each, _ in open_ones) else sizes.get(anchor or "", 0)
        if len(open_ones) > DEEPEST:
            return f"must be nested at most {DEEPEST} deep"
        if total > MOST_VALUES:
            return f"must have at most {MOST_VALUES} values, each alias counted as all that it stands for"
    return None


class _UniqueKeys(_Loader):
    """The safe loader, but that it refuses keys that stand twice, and numbers that no number is."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                problem = f"the key {key!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
            problem = f"a number must have at most {_LONGEST_NUMBER} characters"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_scalar(node)


def _number(loader: _UniqueKeys, node: yaml.ScalarNode) -> Any:
    """A number as it is written. YAML 1.1 took 0500 for 320, and 1:30 for 90; YAML 1.2 does not, nor does a reader."""
    text = str(loader.construct_scalar(node))
    if ":" in text:
        return text
    if _LEADING_ZERO.fullmatch(text):
        return int(text.replace("_", ""), 10)
    is_whole = node.tag == "tag:yaml.org,2002:int"
    return loader.construct_yaml_int(node) if is_whole else loader.construct_yaml_float(node)


_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]*")

for _tag in ("int", "float"):
    _UniqueKeys.add_constructor(f"tag:yaml.org,2002:{_tag}", _number)
_UniqueKeys.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?0[0-9]+$"), [*"-+0"])

_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def _yaml_problem(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        return f"{error.problem}{line}"
    return re.sub(r"\s+", " ", str(error))[:120]
