"""A search space from which a rule takes points away, such as a session's guardrails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from boifi_core.errors import InvalidInput
from boifi_core.models import Point
from boifi_core.space.rows import Mask, Rows
from boifi_core.space.space import SearchSpace

_ROUNDS = 6
_LOOKED_AT = 5_000
_STRETCHES = 20


@dataclass(frozen=True, eq=False)
class RestrictedSpace(SearchSpace):
    """A space that draws only points to which `why_not` has no objection.

    Others are still points of it: what was tried under another rule can be recorded. `allowed_row` is one that is
    allowed, for where drawing at random finds none. Equal to the space that it was made from.
    """

    why_not: Callable[[Point], str | None]
    allowed_row: Rows

    def sample_rows(self, rng: np.random.Generator, n: int) -> Rows:
        """See `SearchSpace`."""
        found = np.empty((0, len(self.dimensions)))
        for _ in range(_ROUNDS):
            drawn = super().sample_rows(rng, n)
            found = np.vstack([found, drawn[_allowed(self, drawn, self.why_not)]])[:n]
            if len(found) == n:
                return found
        filler = np.repeat(self.allowed_row[None, :], n - len(found), axis=0)
        return np.vstack([found, filler])

    def neighbour_rows(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """See `SearchSpace`."""
        near = super().neighbour_rows(rows, rng)
        kept: Rows = near[_allowed(self, near, self.why_not)]
        return kept

    def all_rows(self, reals: int) -> Iterator[Rows]:
        """See `SearchSpace`."""
        return (row for row in super().all_rows(reals) if self.why_not(self.points(row[None, :])[0]) is None)

    def valid_rows(self, rows: Rows) -> Mask:
        """See `SearchSpace`."""
        return super().valid_rows(rows) & _allowed(self, rows, self.why_not)


def restrict(space: SearchSpace, why_not: Callable[[Point], str | None], *, field: str) -> SearchSpace:
    """The space without the points to which `why_not` has an objection.

    Args:
        why_not: the rule that forbids a point, in one line; None if it is allowed.
        field: where the rule stands in the user's input, for messages.

    Raises:
        InvalidInput: no point is allowed, as far as a bounded search tells.
    """
    drawn = space.sample_rows(np.random.default_rng(0), _LOOKED_AT)
    allowed = drawn[_allowed(space, drawn, why_not)]
    rows = iter(allowed) if len(allowed) else _each(space, why_not)
    row = next(rows, None)
    if row is None:
        reason = why_not(space.points(drawn[:1])[0])
        raise InvalidInput(f"{field}.{reason}" if reason else field, "this forbids every point of the search space")
    return RestrictedSpace(space.dimensions, space.constraints, space.fixed, space.groups, why_not, row)


def _each(space: SearchSpace, why_not: Callable[[Point], str | None]) -> Iterator[Rows]:
    rows = islice(space.all_rows(_STRETCHES), _LOOKED_AT)
    return (row for row in rows if why_not(space.points(row[None, :])[0]) is None)


def _allowed(space: SearchSpace, rows: Rows, why_not: Callable[[Point], str | None]) -> Mask:
    return np.array([why_not(point) is None for point in space.points(rows)], dtype=bool)
