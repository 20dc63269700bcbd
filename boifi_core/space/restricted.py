"""A search space from which a rule takes points away, such as a session's guardrails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from itertools import islice

import numpy as np

from boifi_core.errors import InvalidInput
from boifi_core.models import Point
from boifi_core.space.rows import Mask, Rows
from boifi_core.space.space import SearchSpace, row_ids

_ROUNDS = 2
_LOOKED_AT = 5_000
_STRETCHES = 20
_REMEMBERED = 256
_VERDICTS = 20_000

WhyNot = Callable[[Point], str | None]
"""The rule that forbids a point, in one line; None if it is allowed."""

Alike = Callable[[Rows], Rows]
"""From rows to others, equal where the rule surely says the same of two rows."""


class Verdicts:
    """Which rows a rule allows; what it said of one row holds for all rows like it."""

    def __init__(self, space: SearchSpace, why_not: WhyNot, alike: Alike) -> None:
        self._space, self._why_not, self._alike = space, why_not, alike
        self._known: dict[bytes, bool] = {}

    def __call__(self, rows: Rows) -> Mask:
        """Shape (n,)."""
        if len(self._known) > _VERDICTS:
            self._known.clear()
        ids = row_ids(self._alike(rows)) if len(rows) else []
        new = {identity: index for index, identity in enumerate(ids) if identity not in self._known}
        points = self._space.points(rows[list(new.values())]) if new else []
        for identity, point in zip(new, points, strict=True):
            self._known[identity] = self._why_not(point) is None
        return np.array([self._known[identity] for identity in ids], dtype=bool)


@dataclass(frozen=True, eq=False)
class RestrictedSpace(SearchSpace):
    """A space that draws only points that a rule allows.

    Others are still points of it: what was tried under another rule can be recorded. Where drawing at random finds too
    few, neighbours of `allowed_rows`, some that are allowed, make up for it. Equal to the space that it was made from.
    """

    allows: Verdicts
    allowed_rows: Rows

    def sample_rows(self, rng: np.random.Generator, n: int) -> Rows:
        """See `SearchSpace`."""
        found = np.empty((0, len(self.dimensions)))
        for _ in range(_ROUNDS):
            drawn = super().sample_rows(rng, n)
            found = np.vstack([found, drawn[self.allows(drawn)]])[:n]
            if len(found) == n:
                return found
        return np.vstack([found, self._near_allowed(rng, n - len(found))])

    def neighbour_rows(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """See `SearchSpace`."""
        near = super().neighbour_rows(rows, rng)
        kept: Rows = near[self.allows(near)]
        return kept

    def all_rows(self, reals: int) -> Iterator[Rows]:
        """See `SearchSpace`."""
        return (row for row in super().all_rows(reals) if self.allows(row[None, :])[0])

    def valid_rows(self, rows: Rows) -> Mask:
        """See `SearchSpace`."""
        return super().valid_rows(rows) & self.allows(rows)

    def _near_allowed(self, rng: np.random.Generator, n: int) -> Rows:
        starts = self.allowed_rows[rng.integers(len(self.allowed_rows), size=n)]
        near = self.neighbour_rows(starts, rng)
        return np.vstack([near, starts[len(near) :]])


def restrict(space: SearchSpace, why_not: WhyNot, *, field: str, alike: Alike = np.asarray) -> SearchSpace:
    """The space without the points to which `why_not` has an objection.

    Args:
        field: where the rule stands in the user's input, for messages.
        alike: spares asking `why_not` about each row.

    Raises:
        InvalidInput: no point is allowed, as far as a bounded search tells.
    """
    allows = Verdicts(space, why_not, alike)
    drawn = space.sample_rows(np.random.default_rng(0), _LOOKED_AT)
    allowed = _first(drawn, allows)
    if not len(allowed):
        each = np.array([*islice(space.all_rows(_STRETCHES), _LOOKED_AT)]).reshape(-1, len(space.dimensions))
        allowed = _first(each, allows)
    if not len(allowed):
        reason = why_not(space.points(drawn[:1])[0])
        name, _, rule = (reason or "").partition(": ")
        if not name:
            raise InvalidInput(field, "this forbids every point of the search space")
        raise InvalidInput(f"{field}.{name}", f"{rule}: this forbids every point of the search space")
    parts = {part.name: getattr(space, part.name) for part in fields(SearchSpace)}
    return RestrictedSpace(**parts, allows=allows, allowed_rows=allowed)


def _first(rows: Rows, allows: Verdicts) -> Rows:
    """The first of the rows that are allowed, as many as are remembered; no more are asked about than need be."""
    found = rows[:0]
    for start in range(0, len(rows), _REMEMBERED):
        some = rows[start : start + _REMEMBERED]
        found = np.vstack([found, some[allows(some)]])
        if len(found) >= _REMEMBERED:
            break
    return found[:_REMEMBERED]
