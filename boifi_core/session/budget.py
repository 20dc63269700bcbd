"""How many trials a session may make, and what of that is spent: one budget that all phases see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from boifi_core.findings import MINIMISE, VERIFY
from boifi_core.findings.residual import is_free_draw
from boifi_core.models import Phase, Trial
from boifi_core.session.config import SessionConfig

_SEARCHED = 0.3
"""Of all trials the search keeps at least so many; free draws make room first."""


@dataclass(frozen=True)
class Budget:
    """A session's trials, and its time.

    Attributes:
        total: trials that it may make; what somebody replays is not among them.
        confirm, minimise: how many of them may follow the search; 0 leaves the phase out. What one of the two does not
            need is the other's.
        used: trials made by now.
        searched: those of them that the search made.
        took_s: how long they took, from proposal to record, seconds.
        sample: how many of the search's trials may be free draws.
        drawn: how many of them were made.
        screen: how many of the search's trials may screen.
        screened: how many of them were made.
    """

    total: int
    confirm: int
    minimise: int
    used: int
    searched: int
    took_s: float
    sample: int = 0
    drawn: int = 0
    screen: int = 0
    screened: int = 0

    @classmethod
    def of(cls, config: SessionConfig, trials: Sequence[Trial]) -> Self:
        """That of a session with these trials; the initial points come first."""
        made = counted(trials)
        beside_initial = config.total_trials - config.initial_points
        confirm = min(beside_initial, int(config.confirm.share * config.total_trials))
        minimise = min(beside_initial - confirm, int(config.minimise.share * config.total_trials))
        kept = max(config.initial_points, math.ceil(_SEARCHED * config.total_trials))
        beside_kept = max(0, config.total_trials - confirm - minimise - kept)
        screen, sample = _shrunk(
            [int(share * config.total_trials) for share in (config.screen.share, config.sample.share)], beside_kept
        )
        return cls(
            total=config.total_trials,
            confirm=confirm,
            minimise=minimise,
            used=len(made),
            searched=sum(trial.why is None or trial.why.reason not in (VERIFY, MINIMISE) for trial in made),
            took_s=sum(map(_took_s, made)),
            sample=sample,
            drawn=sum(map(is_free_draw, made)),
            screen=screen,
            screened=sum(trial.phase == Phase.SCREEN for trial in made),
        )

    def without_search(self) -> Budget:
        """The same where the search has nothing left to try: what it leaves of its share is for what follows it."""
        spare = max(0, self.left_to_search)
        if self.minimise:
            return replace(self, minimise=self.minimise + spare)
        return replace(self, confirm=self.confirm + spare) if self.confirm else self

    @property
    def left(self) -> int:
        """Trials that may still be made."""
        return self.total - self.used

    @property
    def left_to_screen(self) -> int:
        """Trials of the screen's share."""
        return min(self.screen - self.screened, self.left_to_search)

    @property
    def left_to_search(self) -> int:
        """Trials of the search's own share."""
        return self.total - self.confirm - self.minimise - self.searched

    @property
    def is_draw_due(self) -> bool:
        """Whether the search's next trial is a free draw: they are spread evenly over its share."""
        share = self.total - self.confirm - self.minimise
        return self.drawn < self.sample and self.searched >= (2 * self.drawn + 1) * share // (2 * self.sample)

    @property
    def left_to_follow_up(self) -> int:
        """Trials of the share that confirms failures and makes their faults smaller."""
        return self.confirm + self.minimise - (self.used - self.searched)

    def why_none(self, key: str, share: float) -> str:
        """Why no trial is left for what this key of the session file gives a share of them."""
        if share == 0:
            return f"{key} is 0"
        if share * self.total < 1:
            return f"{key} {share:g} of {self.total} {'trial' if self.total == 1 else 'trials'} is less than one"
        return "the initial points leave no trial for it"


def _shrunk(wanted: Sequence[int], most: int) -> list[int]:
    """These shares, all made smaller alike where together they are more than there is."""
    whole = sum(wanted)
    return list(wanted) if whole <= most else [most * each // whole for each in wanted]


def counted(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that a session itself made; a replay is somebody's own look at a fault."""
    return [trial for trial in trials if trial.phase != Phase.REPLAY]


def _took_s(trial: Trial) -> float:
    # Not between its two times of day: that clock may have been set between them.
    steps = trial.durations
    parts = (steps.propose_ms, steps.apply_ms, steps.observe_ms, steps.score_ms, steps.record_ms)
    return sum(part for part in parts if part is not None) / 1000
