"""What a screen would try next: of all cells, and of all that its trials revealed, what may bring most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.seen import named_calls
from boifi_core.models import Phase, Point, RawObservation, SeenCall, Trial
from boifi_core.session.screen.cells import Cell, cells_of, harder_first
from boifi_core.session.screen.order import Order
from boifi_core.session.screen.points import full_strength, in_part
from boifi_core.session.screen.revealed import Lead, Revealed, Seen
from boifi_core.session.turns import NOVEL
from boifi_core.space import SearchSpace
from boifi_core.space.rows import Rows

FEW = 2
"""So few cells are no more than a search's first trials."""

_IN_PART = 0.3
"""What a cell is worth of which only some requests are struck, beside the same at full strength."""


class Leads:
    """The leads of a session; they follow from its trials alone, of which none is read twice.

    Args:
        space: what may be tried.
        normal: the target without a fault.
    """

    def __init__(self, space: SearchSpace, normal: Normal) -> None:
        self._space, self._normal = space, normal
        calls = _most_of_each(self._named(window) for window in normal.observations)
        self._whole = _Cells(space, full_strength(space, [*calls.values()]), calls)
        parts = (in_part(space, cell.point) for cell in self._whole.cells if cell.plan.kind.milder is None)
        self._parts = _Cells(space, [part for part in parts if part is not None], calls)
        self._revealed = Revealed(space, self._whole.cells, self._whole.order, calls)
        self._found: dict[bytes, Lead] = {}
        self._taken: set[bytes] = set()
        self._read = 0

    @property
    def are_few(self) -> bool:
        """Whether the space has hardly any cells, or no categories at all."""
        is_flat = not any(column.is_categorical for column in self._space.layout.columns)
        return is_flat or len(self._whole.cells) <= FEW

    def best(self, trials: Sequence[Trial]) -> Lead | None:
        """The best that was not tried yet; None where all was."""
        self._learn(trials)
        return max(self._all(), key=lambda lead: lead.worth, default=None)

    def first(self, n: int) -> list[Point]:
        """The first points of a screen that has made no trial, as far as that can be told before it makes any."""
        found: list[Point] = []
        while len(found) < n and (lead := max(self._all(), key=lambda lead: lead.worth, default=None)) is not None:
            found.append(lead.point)
            self._take(lead.point)
            self._whole.learn(self._id(lead.point))
        return found

    def untried(self, trials: Sequence[Trial]) -> tuple[list[str], int]:
        """Of the cells at full strength the faults of those that none of these trials tried; and how many cells are."""
        tried = {self._id(trial.point) for trial in trials if trial.phase != Phase.REPLAY}
        cells = self._whole.cells
        return [str(cell.plan) for identity, cell in self._whole.by_id.items() if identity not in tried], len(cells)

    def _learn(self, trials: Sequence[Trial]) -> None:
        for trial in trials[self._read :]:
            if trial.phase == Phase.REPLAY:
                continue  # maybe of another space
            identity = self._take(trial.point)
            if trial.phase == Phase.SCREEN or (trial.why is not None and trial.why.reason == NOVEL):
                self._learn_from(trial, identity)
        self._read = len(trials)

    def _take(self, point: Point) -> bytes:
        """A point was tried; returns its identity."""
        identity = self._id(point)
        self._taken.add(identity)
        self._whole.take(identity)
        self._parts.take(identity)
        return identity

    def _learn_from(self, trial: Trial, identity: bytes) -> None:
        own = self._whole.learn(identity) or self._parts.learn(identity)
        for cell in [own] if own is not None else cells_of(self._space, [trial.point]):
            for lead in self._revealed.by(Seen(cell, self._named(trial.observation))):
                self._found.setdefault(self._id(lead.point), lead)

    def _all(self) -> Iterator[Lead]:
        yield from (lead for identity, lead in self._found.items() if identity not in self._taken)
        yield from self._whole.best(self._whole.order.worths())
        yield from self._parts.best(_IN_PART * self._parts.order.reaches() / (1 + self._parts.order.alike))

    def _id(self, point: Point) -> bytes:
        return self._space.ids(self._space.rows([point]))[0]

    def _named(self, observation: RawObservation | None) -> dict[str, SeenCall]:
        return {} if observation is None else named_calls(observation, self._normal.vocabulary)


class _Cells:
    """Some cells, and which of them were not tried."""

    def __init__(self, space: SearchSpace, points: Sequence[Point], calls: Mapping[str, SeenCall]) -> None:
        found = sorted(cells_of(space, points), key=harder_first)
        ids = space.ids(space.rows([cell.point for cell in found]))
        self.by_id = dict(zip(ids, found, strict=True))
        self.cells = [*self.by_id.values()]
        self.order = Order(self.cells, calls)
        self._number = {identity: number for number, identity in enumerate(self.by_id)}
        self.is_open = np.ones(len(self.cells), bool)

    def take(self, identity: bytes) -> None:
        """A point was tried."""
        if (number := self._number.get(identity)) is not None:
            self.is_open[number] = False

    def learn(self, identity: bytes) -> Cell | None:
        """The cell of a point that was tried to see what it does, if it is one."""
        number = self._number.get(identity)
        if number is None:
            return None
        self.order.learn(self.cells[number])
        return self.cells[number]

    def best(self, worths: Rows) -> Iterator[Lead]:
        """The cell that is worth most, if any is left."""
        if self.is_open.any():
            number = int(np.argmax(np.where(self.is_open, worths, -np.inf)))
            yield Lead(self.cells[number].point, float(worths[number]), "screen")


def _most_of_each(windows: Iterable[Mapping[str, SeenCall]]) -> dict[str, SeenCall]:
    """Each call as it is in the window that has most of it."""
    found: dict[str, SeenCall] = {}
    for window in windows:
        for where, call in window.items():
            if where not in found or call.share > found[where].share:
                found[where] = call
    return found
