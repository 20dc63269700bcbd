"""What a screen would try next: of all cells, and of all that its trials revealed, what may bring most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from boifi_core.analyzer.normal import Normal
from boifi_core.analyzer.seen import named_calls
from boifi_core.models import Phase, RawObservation, SeenCall, Trial
from boifi_core.session.screen.cells import Cell, cells_of
from boifi_core.session.screen.order import Known, worth
from boifi_core.session.screen.points import full_strength, in_part
from boifi_core.session.screen.revealed import Lead, Seen, ladders, pairs, timeouts
from boifi_core.session.turns import NOVEL
from boifi_core.space import SearchSpace

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
        self._cells = cells_of(space, full_strength(space))
        self._in_part = cells_of(
            space,
            [part for cell in self._cells if cell.plan.kind.milder is None and (part := in_part(space, cell.point))],
        )
        self._known = Known(_most_of_each(self._named(window) for window in normal.observations))
        self._whole = {str(cell.point) for cell in self._cells}
        self._seen: list[Seen] = []
        self._read = 0

    @property
    def are_few(self) -> bool:
        """Whether the space has hardly any cells."""
        return len(self._cells) <= FEW

    def best(self, trials: Sequence[Trial]) -> Lead | None:
        """The best that was not tried yet; None where all was."""
        space = self._space
        self._learn(trials)
        taken = set(space.ids(space.rows([trial.point for trial in trials]))) if trials else set()
        found = sorted(self._all(), key=lambda lead: -lead.worth)
        return next((lead for lead in found if space.ids(space.rows([lead.point]))[0] not in taken), None)

    def _learn(self, trials: Sequence[Trial]) -> None:
        for trial in trials[self._read :]:
            if trial.phase == Phase.SCREEN or (trial.why is not None and trial.why.reason == NOVEL):
                named = self._named(trial.observation)
                self._seen += [Seen(cell, named) for cell in cells_of(self._space, [trial.point])]
        self._read = len(trials)

    def _all(self) -> Iterator[Lead]:
        tried = [each.cell for each in self._seen if str(each.cell.point) in self._whole]
        full = max((cell.plan.percentage for cell in self._cells), default=100.0)
        seen = [each for each in self._seen if each.cell.plan.percentage >= full]
        yield from timeouts(self._space, seen, self._known)
        yield from ladders(self._space, seen, self._known)
        yield from pairs(self._space, self._seen, self._cells, self._known)
        for cell in self._cells:
            yield Lead(cell.point, worth(cell, tried, self._known), "screen")
        for cell in self._in_part:
            yield Lead(cell.point, _IN_PART * self._known.reach(cell) / (1 + self._n_like(cell)), "screen")

    def _n_like(self, cell: Cell) -> float:
        """How many like it were tried that strike some requests alone."""
        parts = (each.cell for each in self._seen if str(each.cell.point) not in self._whole)
        return sum(self._known.alike(cell, each) for each in parts if each.plan.percentage == cell.plan.percentage)

    def _named(self, observation: RawObservation | None) -> dict[str, SeenCall]:
        return {} if observation is None else named_calls(observation, self._normal.vocabulary)


def _most_of_each(windows: Iterable[Mapping[str, SeenCall]]) -> dict[str, SeenCall]:
    """Each call as it is in the window that has most of it."""
    found: dict[str, SeenCall] = {}
    for window in windows:
        for where, call in window.items():
            if where not in found or call.share > found[where].share:
                found[where] = call
    return found
