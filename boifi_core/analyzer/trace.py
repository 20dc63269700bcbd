"""The operations of a trace in an order that does not depend on timing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from boifi_core.traces import Span
from boifi_core.traces.tree import MAX_SEQUENCE, parents


def operations(spans: list[Span]) -> list[str]:
    """The operations depth first, siblings sorted by name and then by what lies below them; repeated ones once.

    The order of concurrent calls is left to chance in every run; sorted siblings make two healthy runs equal. Of calls
    that were made again, such as retries, the one that went furthest stands for all: that there were more is told by
    the number of spans, and is not to count here too. Where no span has a parent in the trace, the given order stands.
    """
    spans = spans[:MAX_SEQUENCE]
    children, roots = _tree(spans)
    if len(roots) == len(spans):
        return [operation for operation, _ in groupby(span.operation for span in spans)]
    below: dict[int, list[str]] = {}
    seen: set[int] = set()
    trees = [_flatten(root, spans, children, below, seen) for root in roots]
    # Parents in a circle hang from no root: each circle is entered at its first span.
    trees += [_flatten(index, spans, children, below, seen) for index in range(len(spans)) if index not in seen]
    return _in_order(trees)


def _tree(spans: list[Span]) -> tuple[list[list[int]], list[int]]:
    children: list[list[int]] = [[] for _ in spans]
    roots = []
    for index, parent in enumerate(parents(spans)):
        if parent is None:
            roots.append(index)
        else:
            children[parent].append(index)
    return children, roots


def _flatten(
    root: int, spans: list[Span], children: list[list[int]], below: dict[int, list[str]], seen: set[int]
) -> list[str]:
    """The operations of one tree in order; an own stack, since a trace may be deeper than Python's."""
    stack = [(root, False)]
    while stack:
        index, done = stack.pop()
        if done:
            subtrees = [below.pop(child) for child in children[index] if child in below]
            below[index] = [spans[index].operation, *_in_order(subtrees)]
        elif index not in seen:
            seen.add(index)
            stack.append((index, True))
            stack.extend((child, False) for child in children[index])
    return below.pop(root)


def _in_order(siblings: Iterable[list[str]]) -> list[str]:
    """One after the other; of those that begin with the same operation only the longest."""
    alike = groupby(sorted(siblings), key=lambda tree: tree[0])
    return [name for _, trees in alike for name in max(trees, key=len)]
