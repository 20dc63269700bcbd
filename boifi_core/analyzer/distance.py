"""Edit distance between two sequences."""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def edit_distance(first: Sequence[Hashable], second: Sequence[Hashable]) -> int:
    """Levenshtein distance: fewest insertions, deletions and substitutions that turn one into the other.

    A whole column of the distance matrix is one Python integer per sign of its vertical differences, so that 1,000
    against 1,000 takes about a millisecond.

    Source: Hyyrö (2003), A bit-vector algorithm for computing Levenshtein and Damerau edit distances, Nordic J.
    Computing 10, 29-39, figure 4, after Myers (1999), J. ACM 46, 395-415.
    """
    if not first or not second:
        return max(len(first), len(second))
    positions: dict[Hashable, int] = {}
    for index, item in enumerate(first):
        positions[item] = positions.get(item, 0) | 1 << index
    mask = (1 << len(first)) - 1
    last = 1 << (len(first) - 1)
    plus, minus, distance = mask, 0, len(first)
    for item in second:
        match = positions.get(item, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        rises = minus | ~(diagonal | plus) & mask
        falls = diagonal & plus
        distance += bool(rises & last) - bool(falls & last)
        rises = (rises << 1 | 1) & mask
        falls = falls << 1 & mask
        plus = falls | ~(diagonal | rises) & mask
        minus = diagonal & rises
    return distance
