"""What tells a session's failures from what its target does anyway: all of its fault-free windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from boifi_core.analyzer.normal import Normal
from boifi_core.findings.likeness import Failure
from boifi_core.findings.models import VERIFY, Fact
from boifi_core.findings.own_delay import is_only_the_delay
from boifi_core.findings.signature import HINT, is_usual, signature
from boifi_core.models import Control, RawObservation, Trial

HARMLESS = 0.5
"""A trial that is no more severe than this above the target without a fault shows no failure."""

_SLIGHT = 2.0
"""A trial that is no more severe than this above the target without a fault, and of which nothing is unusual, shows no
failure either: a latency just above what costs points."""

_ENOUGH = 3
"""So many fault-free windows between trials tell how severe the target usually is by itself."""

_MOST = 40
"""So many of them count, the latest ones."""


@dataclass
class Evidence:
    """A session's trials as failures; what was found out of a trial is kept, since it never changes.

    Args:
        fault_free: the observations of the session's start, that tell what is normal.
        baseline_severity: the median of theirs.
        between: the fault-free windows between trials that tell of it too; `after` finds them.
    """

    fault_free: Sequence[RawObservation] = ()
    baseline_severity: float = 0.0
    between: Sequence[Control] = ()
    normal: Normal = field(init=False, repr=False)
    _at_first: Evidence | None = field(default=None, repr=False)
    _later: tuple[list[int], Evidence] | None = field(init=False, repr=False, default=None)
    _known: dict[int, Failure | None] = field(init=False, repr=False, default_factory=dict)
    _alarms: dict[int, tuple[Fact, ...] | None] = field(init=False, repr=False, default_factory=dict)
    _clean: dict[int, bool] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.normal = Normal((*self.fault_free, *(control.observation for control in self.between)))

    def after(self, trials: Sequence[Trial]) -> Evidence:
        """The same with what the fault-free windows before these trials tell; it follows from the trials alone.

        Not with those that show what the trial before them showed: they tell what its fault left behind.
        """
        telling = [
            (trial.trial, trial.control)
            for before, trial in zip([None, *trials], trials, strict=False)
            if trial.control is not None and self._is_clean(before, trial.trial, trial.control)
        ]
        numbers = [number for number, _ in telling[-_MOST:]]
        if not numbers:
            return self
        if self._later is None or self._later[0] != numbers:
            between = tuple(control for _, control in telling[-_MOST:])
            self._later = numbers, Evidence(self.fault_free, self.baseline_severity, between, self)
        return self._later[1]

    @property
    def usual_severity(self) -> float:
        """How severe the target is without a fault: the baseline's median, or that of the windows between trials."""
        later = [control.severity for control in self.between]
        return max(self.baseline_severity, median(later) if len(later) >= _ENOUGH else 0.0)

    def failure(self, trial: Trial) -> Failure | None:
        """What the trial showed; None where it was harmless, or nothing of it is unusual but the fault itself."""
        if trial.trial not in self._known:
            self._known[trial.trial] = self._failure(trial)
        return self._known[trial.trial]

    def _failure(self, trial: Trial) -> Failure | None:
        if trial.observation is None or not self._hurts(trial.severity):
            return None
        facts = signature(trial.observation, self.normal)
        if self._at_first is not None and not any(_is_telling(fact, self.normal) for fact in facts):
            # All that it showed at first are things that were seen without a fault by now.
            at_first = self._at_first.failure(trial)
            worst = max(control.severity for control in self.between)
            if at_first is not None and at_first.facts and (trial.severity or 0.0) <= worst + HARMLESS:
                return None
        if is_only_the_delay(facts, trial.plans, self.normal) or (not facts and self._is_slight(trial)):
            return None
        return Failure.of(facts, trial.plans)

    def is_only_delayed(self, trial: Trial) -> bool:
        """Whether it scored only because requests took as much longer as the faults held them up."""
        if trial.observation is None or not self._hurts(trial.severity) or self.failure(trial) is not None:
            return False
        return is_only_the_delay(signature(trial.observation, self.normal), trial.plans, self.normal)

    def alarm(self, trial: Trial) -> tuple[Fact, ...] | None:
        """What the fault-free run before the trial showed, if it would have counted as a failure."""
        if trial.trial not in self._alarms:
            control = trial.control
            hurt = control is not None and self._hurts(control.severity)
            self._alarms[trial.trial] = signature(control.observation, self.normal) if control and hurt else None
        return self._alarms[trial.trial]

    def _hurts(self, severity: float | None) -> bool:
        return severity is not None and severity > HARMLESS + self.usual_severity

    def _is_slight(self, trial: Trial) -> bool:
        """Whether a trial of which nothing is unusual, by what is normal, is hardly worse than that."""
        return bool(self.normal.observations) and (trial.severity or 0.0) <= self.usual_severity + _SLIGHT

    def _is_clean(self, before: Trial | None, number: int, control: Control) -> bool:
        """Whether the fault-free run of this trial shows nothing that the trial before it showed."""
        if number not in self._clean:
            left = None if before is None else self.failure(before)
            shown = () if left is None else tuple(fact.key for fact in left.facts if fact.weight >= HINT)
            seen = signature(control.observation, self.normal) if shown else ()
            self._clean[number] = not any(fact.key in shown for fact in seen)
        return self._clean[number]


def is_reading(trial: Trial) -> bool:
    """Whether the trial looked for a failure again, right after a fault-free run that was made for that."""
    return trial.control is not None and trial.why is not None and trial.why.reason == VERIFY


def _is_telling(fact: Fact, normal: Normal) -> bool:
    return fact.weight >= HINT and not is_usual(fact, normal)
