"""The search space: what can be tried, and how it is read, drawn, checked and encoded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from boifi_core.errors import InvalidInput, listed
from boifi_core.faults.plan import FaultPlan
from boifi_core.faults.sending import Sending
from boifi_core.models import Point
from boifi_core.space.canonical import Apart, Canonical
from boifi_core.space.cells import SearchTooLongError, all_rows, cell_solutions, count_rows, kept_rows
from boifi_core.space.constraint import Constraint
from boifi_core.space.dimension import Dimension
from boifi_core.space.encoding import encode_rows, encoded_width
from boifi_core.space.layout import Layout
from boifi_core.space.neighbours import neighbour_rows
from boifi_core.space.plans import Group, build_plans
from boifi_core.space.read import read_space
from boifi_core.space.rows import Mask, Rows
from boifi_core.space.sampling import sample_rows, settle
from boifi_core.space.sent import Sent
from boifi_core.space.skopt_dimensions import to_skopt
from boifi_core.space.twins import implied, n_faults, reasons
from boifi_core.space.wide import at_most_rules

if TYPE_CHECKING:
    import skopt.space

_PARSE_SAMPLES = 200
_NEIGHBOUR_ROUNDS = 4

_MOST_AGAIN = 100_000
"""So many rows are listed of a space in which one of each fault was listed before."""


@dataclass(frozen=True, eq=False)
class SearchSpace:
    """What is searched: dimensions, what must hold between them, and the fields that stay fixed.

    Made by `parse`. Methods on points take and give the user's own values, plain Python; those named `…_rows` work on
    arrays with one row per point (see `rows.py`), for the optimizer.

    Attributes:
        dimensions: in the user's order; those that a fixed field rules out are not among them.
        constraints: what must hold between them.
        fixed: fields of every plan that are not searched.
        groups: the faults that a point stands for, and which dimensions make each.
        at_most: of how many faults at once a point may be; None for all.
        sending: how the injector changes faults. With it, points that send the same faults are one: of these only one
            is drawn. None: each point is one of its own.
        may_meet: whether two faults that can be at different places may be at the same.
    """

    dimensions: tuple[Dimension, ...]
    constraints: tuple[Constraint, ...]
    fixed: dict[str, Any]
    groups: tuple[Group, ...]
    at_most: int | None = field(default=None, kw_only=True)
    sending: Sending | None = field(default=None, kw_only=True)
    may_meet: bool = field(default=False, kw_only=True)

    @classmethod
    def parse(cls, data: Any, *, field: str = "search_space") -> SearchSpace:
        """Read `{"dimensions": […]}`, `{"search_space": […]}` or a bare list of dimensions.

        Args:
            data: as it came from YAML or JSON; an existing space is returned as it is.
            field: where it stands, for messages.

        Raises:
            InvalidInput: what cannot work, with the path to it.
        """
        if isinstance(data, SearchSpace):
            return data
        dimensions, constraints, fixed, faults, at_most = read_space(data, field)
        space = cls(dimensions, constraints, fixed, faults, at_most=at_most)
        try:
            points = space.sample(np.random.default_rng(0), _PARSE_SAMPLES)
        except SearchTooLongError:
            rule = "must be easier to satisfy: a long search found no point that keeps to all of them"
            raise InvalidInput(f"{field}.constraints", rule) from None
        except _UnsatisfiableError:
            rule = "must leave at least one point: nothing keeps to all of them"
            raise InvalidInput(f"{field}.constraints", rule, "; ".join(map(str, space.constraints[:5]))) from None
        except InvalidInput as error:
            raise error.at(f"{field}.{error.field}") from None
        for point in points:
            try:
                space.plans(point)
            except InvalidInput as error:
                raise InvalidInput(f"{field}.{error.field}", error.rule, point) from None
        return space

    def sent_by(self, sending: Sending) -> SearchSpace:
        """The same space, of whose points those that send the same faults are one."""
        apart = replace(self, sending=sending)
        try:
            apart._witness  # noqa: B018 - looked for, once
        except (SearchTooLongError, _UnsatisfiableError):
            return replace(apart, may_meet=True)
        return apart

    @cached_property
    def layout(self) -> Layout:
        """The columns of the rows."""
        layout = Layout(self.dimensions, self.constraints, self.fixed)
        layout.wide += at_most_rules(self.at_most, self.groups, layout.columns, self.fixed)
        if self.sending is not None and not self.may_meet:
            apart = Apart(self._sent_by(layout, self.sending), layout)
            layout.wide += [apart] if apart.sent.can_be_apart else []
        return layout

    def _sent_by(self, layout: Layout, sending: Sending) -> Sent:
        return Sent(layout.columns, self.groups, self.fixed, sending)

    @cached_property
    def _sent(self) -> Sent | None:
        apart = next((rule for rule in self.layout.wide if isinstance(rule, Apart)), None)
        if apart is not None:
            return apart.sent
        return None if self.sending is None else self._sent_by(self.layout, self.sending)

    @cached_property
    def _canonical(self) -> Canonical | None:
        if self._sent is None:
            return None
        return Canonical(self.dimensions, self.layout, self.groups, self.fixed, self._sent)

    @cached_property
    def _witness(self) -> Rows:
        """One valid row, shape (dimensions,)."""
        rng = np.random.default_rng(0)
        rows = settle(self.layout, rng, self.layout.draw(rng, _PARSE_SAMPLES))
        valid: Rows = rows[self.layout.valid(rows)]
        if len(valid):
            return np.ravel(valid[0])
        solution = next(cell_solutions(self.layout), None)
        if solution is None:
            raise _UnsatisfiableError
        if self.layout.wide:
            raise SearchTooLongError
        row = self.layout.draw(rng, 1)
        for index, (low, _) in solution.items():
            row[0, index] = low
        return np.ravel(self.layout.masked(row))

    @cached_property
    def n_points(self) -> int | None:
        """How many points there are, conditions counted and constraints not; None with a real dimension."""
        return count_rows(self.layout)

    @cached_property
    def twins(self) -> list[str]:
        """Why points of this space send the same faults as others, one line each; none where it is not known how."""
        if self._sent is None or self._canonical is None:
            return []
        some = sample_rows(self.layout, np.random.default_rng(0), _PARSE_SAMPLES, self._witness)
        return reasons(self.dimensions, self._sent, self._canonical, some)

    @cached_property
    def n_faults(self) -> int | None:
        """How many different faults there are to send; None if endlessly many, or more than can be counted."""
        if not self.twins or self._sent is None or self._canonical is None:
            return self.n_points
        return n_faults(self.dimensions, self.layout, self._sent, self._canonical)

    @property
    def width(self) -> int:
        """How many columns `encode` gives."""
        return encoded_width(self.layout)

    def dimension(self, name: str) -> Dimension:
        """The dimension of that name."""
        return self.dimensions[self.layout.index[name]]

    def sample(self, rng: np.random.Generator, n: int) -> list[Point]:
        """`n` random points that keep to all conditions and constraints; they may repeat."""
        return self.layout.points(self.sample_rows(rng, n))

    def sample_rows(self, rng: np.random.Generator, n: int) -> Rows:
        """The same as rows, shape (n, dimensions)."""
        return self.canonical_rows(sample_rows(self.layout, rng, n, self._witness))

    def canonical_rows(self, rows: Rows) -> Rows:
        """Of each row the one that stands for all that send the same faults."""
        return rows if self._canonical is None else self._canonical(rows)

    def ids(self, rows: Rows) -> list[bytes]:
        """What tells rows apart: equal for those that send the same faults."""
        if self._sent is None or not len(rows):
            return row_ids(rows)
        return self._sent.ids(rows)

    def neighbours(self, point: Point, rng: np.random.Generator, n: int) -> list[Point]:
        """Up to `n` valid points near `point`: one dimension differs, sometimes two, and what depends on them."""
        row: Rows = np.repeat(self.rows([point]), n, axis=0)
        found = np.empty((0, len(self.dimensions)))
        for _ in range(_NEIGHBOUR_ROUNDS):
            found = np.vstack([found, self.neighbour_rows(row[len(found) :], rng)])
            if len(found) == n:
                break
        return self.layout.points(found)

    def neighbour_rows(self, rows: Rows, rng: np.random.Generator) -> Rows:
        """One valid neighbour for each of `rows`, fewer where there was none."""
        return self.canonical_rows(neighbour_rows(self.layout, rows, rng))

    def all_rows(self, reals: int) -> Iterator[Rows]:
        """Every valid row once, one at a time; of a stretch of real numbers only `reals` are taken.

        Where points send the same faults, one row for each of these comes first, and comes again.
        """
        with suppress(SearchTooLongError):
            yield from self._rows_that_differ(reals)
        with suppress(SearchTooLongError):
            yield from islice(all_rows(self.layout, reals), _MOST_AGAIN if self.twins else None)

    def _rows_that_differ(self, reals: int) -> Iterator[Rows]:
        """Where points send the same faults, one of each first: there may be far more of those than of these.

        Few faults at once come before many, which may never be allowed together.
        """
        if self._sent is None or self._canonical is None or not self.twins:
            return
        layout = Layout(implied(self.dimensions, self._sent), self.constraints, self.fixed)
        canonical = self._canonical

        def keep(rows: Rows) -> Rows:
            whole = self.layout.masked(canonical.filled(rows))
            return self.canonical_rows(whole[self.layout.valid(whole)])

        yield from kept_rows(all_rows(layout, reals, first=self._sent.off), keep)

    def check(self, point: Point) -> None:
        """Return if `point` is one of this space.

        Raises:
            InvalidInput: a dimension is missing, unknown, out of range, or absent by its condition, or a constraint
                is broken.
        """
        for name in point:
            if name not in self.layout.index:
                raise InvalidInput(f"point.{name}", f"must be a dimension; known are {listed(self.layout.index)}")
        values = {**self.fixed, **point}
        for dimension in self.dimensions:
            name, condition = dimension.name, dimension.condition
            if condition is not None and not condition.holds(values):
                if name in point:
                    rule = f"must be absent unless {condition.field} {condition.operator} {condition.value}"
                    raise InvalidInput(f"point.{name}", rule, point[name])
            elif name not in point:
                raise InvalidInput(f"point.{name}", "is required")
            elif not dimension.contains(point[name]):
                raise InvalidInput(f"point.{name}", f"must be within {dimension.domain}", point[name])
        for constraint in self.constraints:
            if not constraint.holds(values):
                raise InvalidInput("point", f"must keep to the constraint: {constraint}", point)
        self._check_count(point)

    def _check_count(self, point: Point) -> None:
        if self.at_most is not None and not self.layout.valid(self.rows([point]))[0]:
            raise InvalidInput("point", f"must have at most {self.at_most} faults at once", point)

    def valid_rows(self, rows: Rows) -> Mask:
        """Which rows keep to all constraints, shape (n,); conditions are taken to be applied."""
        return self.layout.valid(rows)

    def rows(self, points: Sequence[Point]) -> Rows:
        """Valid points as rows, shape (n, dimensions)."""
        return self.layout.rows(points)

    def points(self, rows: Rows) -> list[Point]:
        """Rows as points."""
        return self.layout.points(rows)

    def encode(self, points: Sequence[Point]) -> Rows:
        """Valid points as numbers for a model, shape (n, width), every entry 0 to 1; see `encoding.py`."""
        return self.encode_rows(self.layout.rows(points))

    def encode_rows(self, rows: Rows) -> Rows:
        """The same from rows."""
        return encode_rows(self.layout, rows)

    def key(self, point: Point) -> tuple[float | None, ...]:
        """What tells a valid point from others: equal for equal points, and hashable."""
        return row_key(self.layout.rows([point])[0])

    def plans(self, point: Point) -> tuple[FaultPlan, ...]:
        """The faults that a point stands for, with the fixed fields; empty if it injects nothing.

        Raises:
            InvalidInput: the values do not make a plan.
        """
        return build_plans(self.groups, {**self.fixed, **point})

    def skopt_dimensions(self) -> list[skopt.space.Dimension]:
        """The dimensions as scikit-optimize's, without conditions and constraints, which it cannot express."""
        return [to_skopt(dimension) for dimension in self.dimensions]

    def dump(self) -> dict[str, Any]:
        """The JSON form that `parse` reads back to an equal space."""
        data: dict[str, Any] = {"dimensions": [dimension.dump() for dimension in self.dimensions]}
        if self.constraints:
            data["constraints"] = [constraint.dump() for constraint in self.constraints]
        if self.fixed:
            data["fixed"] = dict(self.fixed)
        if self.at_most is not None:
            data["at_most"] = self.at_most
        return data

    def __eq__(self, other: object) -> bool:
        # By text, since True equals 1 in Python and is another category here.
        return isinstance(other, SearchSpace) and self._text() == other._text()

    def __hash__(self) -> int:
        return hash(self._text())

    def _text(self) -> str:
        return json.dumps(self.dump(), sort_keys=True)


def row_key(row: Rows) -> tuple[float | None, ...]:
    """A row's identity; None where a dimension is absent."""
    return tuple(None if entry != entry else entry for entry in row.tolist())


def row_ids(rows: Rows) -> list[bytes]:
    """The rows' identities as bytes, for many at once.

    Thousands of tuples would set off Python's garbage collection, which takes longer than a whole proposal.
    """
    # Adding 0 makes -0 to 0; all NaN are made the same one.
    plain = np.where(np.isnan(rows), np.nan, rows + 0.0)
    return [row.tobytes() for row in np.ascontiguousarray(plain)]


def row_id(row: Rows) -> bytes:
    """One row's identity, as `row_ids` gives it."""
    return row_ids(row[None, :])[0]


class _UnsatisfiableError(Exception):
    """Nothing keeps to all constraints."""
