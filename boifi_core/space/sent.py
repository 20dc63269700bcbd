"""Rows as the faults that are sent for them, all at once: points that send the same faults are one.

What a point says of a fault that is not there, or of another kind than the fault's own, is not sent; nor is what the
injector rounds away. And which of several faults is called `a` and which `b` makes no difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from boifi_core.faults import kinds
from boifi_core.faults.kinds import KINDS
from boifi_core.faults.plan import FaultPlan
from boifi_core.faults.sending import Sending
from boifi_core.space.condition import identity, is_number, is_scalar
from boifi_core.space.plans import Group, Source, is_no_fault
from boifi_core.space.rows import Column, Mask, Rows

Target = tuple[str, str]
"""What a source fills: a plan's field, or an entry of its `parameters`."""

TYPE: Target = ("fault_type", "")
PLACE: tuple[Target, ...] = tuple(
    (field, "") for field in ("target_service", "target_path", "target_method", "headers")
)
"""Where a fault strikes: two of the same place strike the same requests."""

_NONE, _NOT_SAID, _NOT_SENT = 0.0, -1.0, -2.0
_NAMES = -(2.0**60)
"""Where texts and the like are told by numbers: far from any that a plan has."""

_CODES = {name: float(place) for place, name in enumerate(KINDS, 1)}

_OWN = frozenset(known.name for known in kinds.known_fields()) - frozenset(known.name for known in kinds.COMMON)
"""The fields that some kinds have and others have not."""


@dataclass(frozen=True)
class _Reader:
    """Reads one source: from rows to what a plan has of it, as numbers; NaN where it is not given."""

    source: Source
    column: int | None
    read: Callable[[Rows], Rows]


class Sent:
    """What is sent for each row.

    Args:
        columns, groups, fixed: those of the space.
        sending: how the injector changes faults.
    """

    def __init__(
        self, columns: Sequence[Column], groups: Sequence[Group], fixed: Mapping[str, Any], sending: Sending
    ) -> None:
        self._columns, self.groups, self.fixed, self._sending = columns, groups, fixed, sending
        self._index = {column.name: place for place, column in enumerate(columns)}
        self._names: dict[str, float] = {}
        self._known: dict[Any, float] = {}
        named = dict.fromkeys(source.target for group in groups for source in group.sources)
        self._places = [target for target in PLACE if target in named]
        self.targets = [target for target in named if target != TYPE and target[0] not in sending.drops]
        self._readers = [
            {target: self._readers_of(group, target) for target in (TYPE, *self.targets)} for group in groups
        ]
        zeros = {own.name: name for name, kind in KINDS.items() for own in kind.fields if own.zero_is_none}
        self._zeros = {target: _CODES[zeros[target[0]]] for target in self.targets if target[0] in zeros}
        self._having = {
            target: [code for name, code in _CODES.items() if target[0] in KINDS[name].names]
            for target in self.targets
            if target[0] in _OWN
        }
        self._defaults = {target: self._default(target) for target in self.targets}

    def faults(self, rows: Rows) -> Rows:
        """Kind and targets of each fault, shape (n, faults, 1 + targets); a fault that is not there is all alike."""
        return np.stack([self._fault(number, rows)[0] for number in range(len(self.groups))], axis=1)

    def ids(self, rows: Rows) -> list[bytes]:
        """What is sent for each row, equal where it is the same in any order."""
        return [each.tobytes() for each in np.sort(_as_one(self.faults(rows)), axis=1)]

    def matters(self, rows: Rows) -> Mask:
        """Which entries say anything of what is sent, shape like `rows`."""
        found = np.zeros(rows.shape, bool)
        for number in range(len(self.groups)):
            _, said = self._fault(number, rows)
            for column, where in said:
                found[:, column] |= where
        return found

    def on(self, rows: Rows) -> Mask:
        """Which faults are there, shape (n, faults)."""
        return np.column_stack([self._kind_of(number, rows)[1] for number in range(len(self.groups))])

    @cached_property
    def off(self) -> dict[int, float]:
        """Of the columns that say a fault's kind, the first entry that says that there is none, where one does."""
        types = {each.column for group in self._readers for each in group[TYPE] if each.column is not None}
        none = {index: np.flatnonzero(self._codes_of(index) == _NONE) for index in sorted(types)}
        return {index: float(entries[0]) for index, entries in none.items() if len(entries)}

    def doubled(self, rows: Rows) -> Mask:
        """Which faults strike the place of another one though they need not, shape (n, faults).

        Of faults at one place all but one are meant, those first that can be elsewhere.
        """
        on = self.on(rows)
        where = np.zeros((*on.shape, 1 + len(self._places)))
        for number in range(len(self.groups)):
            # Faults that are not there are nowhere, each at another place.
            where[:, number, 0] = np.where(on[:, number], _NONE, number + 1)
            for place, target in enumerate(self._places, 1):
                read = _last_said(self._readers[number][target], rows, self._defaults[target])[0]
                where[:, number, place] = np.where(on[:, number], read, _NONE)
        first = np.argsort([bool(self.own_places(number)) for number in range(len(self.groups))], kind="stable")
        whole = _as_one(where[:, first])
        order = np.argsort(whole, axis=1, kind="stable")
        sorted_ = np.take_along_axis(whole, order, axis=1)
        again = np.zeros(on.shape, bool)
        again[:, 1:] = sorted_[:, 1:] == sorted_[:, :-1]
        found = np.zeros(on.shape, bool)
        np.put_along_axis(found, first[order], again, axis=1)
        return found

    @cached_property
    def can_be_apart(self) -> bool:
        """Whether there are several faults, no two of which must be at one place."""
        possible = [[self._possible(number, target) for target in self._places] for number in range(len(self.groups))]
        own = [[self._is_own(number, target) for target in self._places] for number in range(len(self.groups))]
        pairs = [(one, other) for other in range(len(self.groups)) for one in range(other)]
        return bool(pairs) and all(
            any(
                (own[one][place] or own[other][place]) and len(possible[one][place] | possible[other][place]) > 1
                for place in range(len(self._places))
            )
            for one, other in pairs
        )

    def own_places(self, number: int) -> list[int]:
        """The columns that say where this fault alone strikes."""
        readers = [reader for target in PLACE for reader in self._readers[number].get(target, [])]
        return [each.column for each in readers if each.column is not None and "." in each.source.name]

    def rounded(self, index: int, entries: Rows) -> Rows:
        """A column's entries, each as the first or nearest that is sent as it is."""
        column, source = self._columns[index], self._source(index)
        if source is None:
            return entries
        if column.is_categorical:
            codes = self._codes_of(index)
            _, place, of = np.unique(codes, return_index=True, return_inverse=True)
            first = place[of].astype(float)
            return np.where(np.isnan(entries), np.nan, first[np.where(np.isnan(entries), 0, entries).astype(np.intp)])
        if not self.rounds(index):
            return entries
        factor = 1 if source.known is None else source.known.factor(source.word)
        return np.clip(self._numbers(source, entries) / factor, column.low, column.high)

    def rounds(self, index: int) -> bool:
        """Whether numbers of this column are changed on their way."""
        column, source = self._columns[index], self._source(index)
        if source is None or source.known is None or column.is_categorical or not column.is_real:
            return source is not None and self._is_percentage(source) and self._sending.percentage_grain > 1
        return source.known.is_whole or (self._is_percentage(source) and self._sending.percentage_grain > 0)

    def sent_numbers(self, index: int, entries: Rows) -> Rows:
        """A numeric column's entries as they are sent, in the field's own unit."""
        source = self._source(index)
        return entries if source is None else self._numbers(source, entries)

    def feeds(self, index: int) -> list[tuple[int, Source]]:
        """The faults that a column says something of, and as what."""
        return [
            (number, reader.source)
            for number, readers in enumerate(self._readers)
            for each in readers.values()
            for reader in each
            if reader.column == index
        ]

    def _codes_of(self, index: int) -> Rows:
        """What each category of a column is sent as, wherever it is read."""
        readers = [each for group in self._readers for both in group.values() for each in both if each.column == index]
        rows = np.full((len(self._columns[index].values), len(self._columns)), np.nan)
        rows[:, index] = np.arange(len(rows))
        return readers[0].read(rows)

    def _source(self, index: int) -> Source | None:
        return next((source for _, source in self.feeds(index) if source.target in (TYPE, *self.targets)), None)

    def _fault(self, number: int, rows: Rows) -> tuple[Rows, list[tuple[int, Mask]]]:
        """One fault of each row, shape (n, 1 + targets), and which columns say something of it where."""
        kind, on, said = self._kind_of(number, rows)
        parts = [np.where(on, kind, _NOT_SENT)]
        for target in self.targets:
            values, from_columns = _last_said(self._readers[number][target], rows, self._defaults[target])
            is_its = np.isin(kind, self._having[target]) if target in self._having else np.ones(len(rows), bool)
            parts.append(np.where(on & is_its, values, _NOT_SENT))
            told = is_its if target in self._zeros else is_its & on
            said += [(column, where & told) for column, where in from_columns]
        return np.column_stack(parts), said

    def _kind_of(self, number: int, rows: Rows) -> tuple[Rows, Mask, list[tuple[int, Mask]]]:
        """What kind one fault is of, whether it is there, and which columns say so where."""
        readers = self._readers[number]
        kind, said = _last_said(readers[TYPE], rows, _NONE)
        on = kind > _NONE
        for target, code in self._zeros.items():
            if readers[target]:
                on &= ~((kind == code) & (_last_said(readers[target], rows, _NOT_SAID)[0] == 0))
        return kind, on, said

    def _readers_of(self, group: Group, target: Target) -> list[_Reader]:
        sources = [source for source in group.sources if source.target == target]
        # Null says: as if not given. Of the first source that is the default, of the others what those before it say.
        default = _NONE if target == TYPE else self._default(target)
        return [self._reader(source, np.nan if place else default) for place, source in enumerate(sources)]

    def _reader(self, source: Source, null: float) -> _Reader:
        if source.name in self.fixed:
            code = self._code(source, self.fixed[source.name], null)
            return _Reader(source, None, lambda rows: np.full(len(rows), code))
        index = self._index[source.name]
        column = self._columns[index]
        if not column.is_categorical:
            return _Reader(source, index, lambda rows: self._numbers(source, rows[:, index]))
        table = self._table(column, source, null)

        def read(rows: Rows) -> Rows:
            entries = rows[:, index]
            return table[np.where(np.isnan(entries), -1, entries).astype(np.intp)]

        return _Reader(source, index, read)

    def _table(self, column: Column, source: Source, null: float = np.nan) -> Rows:
        return np.array([*(self._code(source, value, null) for value in column.values), np.nan])

    def _numbers(self, source: Source, entries: Rows) -> Rows:
        known = source.known
        if known is None:
            return entries
        numbers: Rows = entries * known.factor(source.word)
        if known.is_whole:
            numbers = np.round(numbers)
        grain = self._sending.percentage_grain
        if self._is_percentage(source) and grain:
            numbers = np.where(numbers == 0, 0.0, np.maximum(grain, np.floor(numbers / grain + 0.5) * grain))
        return numbers

    def _is_percentage(self, source: Source) -> bool:
        return source.known is kinds.PERCENTAGE

    def _code(self, source: Source, value: Any, null: float = np.nan) -> float:
        """A value as a number, the same for all that are sent alike; `null` for what counts as not given."""
        if source.field == "fault_type":
            return self._kind(value)
        if value is None and not source.null_is_none:
            return null
        if source.known is not None and source.known.is_number:
            return float(self._numbers(source, np.array([float(value or 0)]))[0])
        if source.field == "parameters":
            return float(value) if is_number(value) else self._name(value)
        key = (source.field, identity(value) if is_scalar(value) else json.dumps(value, sort_keys=True))
        if key not in self._known:
            # Reading a plan takes long, and many faults may have the same thousand services.
            self._known[key] = self._name(_normal(source.field, source.converted(value)))
        return self._known[key]

    def _kind(self, value: Any) -> float:
        if is_no_fault(value):
            return _NONE
        name = kinds.name_of(value) or ""
        return _CODES[self._sending.sent_as.get(name, name)]

    def _name(self, value: Any) -> float:
        return self._names.setdefault(json.dumps(value, sort_keys=True), _NAMES * (len(self._names) + 1))

    def _default(self, target: Target) -> float:
        known = kinds.field_of(target[0])
        if target[0] == "parameters":
            return _NOT_SAID
        default = FaultPlan.model_fields[target[0]].get_default()
        if default is None and known is not None:
            default = known.default
        if known is not None and known.is_number:
            return _NOT_SAID if default is None else float(default)
        return self._name(default)

    def _is_own(self, number: int, target: Target) -> bool:
        """Whether a fault has a source of its own for this."""
        return any("." in each.source.name for each in self._readers[number].get(target, []))

    def _possible(self, number: int, target: Target) -> set[float]:
        """All that a fault may have there."""
        readers = self._readers[number].get(target, [])
        if not readers:
            return {self._defaults[target]}
        return {code for code in self._codes(readers[-1]) if code == code}

    def _codes(self, reader: _Reader) -> list[float]:
        if reader.column is None:
            return [self._code(reader.source, self.fixed[reader.source.name])]
        return [float(code) for code in self._table(self._columns[reader.column], reader.source)]


def _last_said(readers: Sequence[_Reader], rows: Rows, default: float) -> tuple[Rows, list[tuple[int, Mask]]]:
    """What the last source says that says anything, and where each column is that one."""
    values, later = np.full(len(rows), np.nan), np.zeros(len(rows), bool)
    said = []
    for reader in reversed(readers):
        mine = reader.read(rows)
        is_it = ~np.isnan(mine) & ~later
        if reader.column is not None:
            said.append((reader.column, ~np.isnan(rows[:, reader.column]) & ~later))  # null says something too
        values, later = np.where(is_it, mine, values), later | is_it
    return np.where(np.isnan(values), default, values), said


def _normal(field: str, value: Any) -> Any:
    """A field's value as a plan has it."""
    return getattr(FaultPlan.read(kinds.with_field(field, value)), field)


def _as_one(faults: Rows) -> Any:
    """The last axis as bytes, so that whole faults are compared and moved."""
    faults = np.ascontiguousarray(faults)
    return faults.view(np.dtype((np.void, faults.itemsize * faults.shape[-1])))[..., 0]
