"""How the failure modes of a session and the shop's documented weaknesses go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.findings.truth import TRIGGERS, weakness_of
from boifi_core.findings import Catalogue, FailureMode, Verdict
from boifi_core.models import Trial, TrialStatus
from boifi_core.value import Value

_MERGED = 0.2
"""A mode is of two weaknesses if at least this share of its labelled trials, and two of them, are of another."""


class Told(Value):
    """How one session told the weaknesses apart.

    Attributes:
        tried: those that a trial brought out.
        found: those with a mode of their own: most of its labelled trials are theirs, and most of theirs are in it.
        split: those with a second mode.
        merged: how many modes are of two weaknesses.
        astray: the share of labelled trials that are in a mode of another.
        examined, confirmed, whole, same: the modes that were measured again, those confirmed, those of them whose
            smallest fault is known, and those whose replay did the same.
        named: those of the confirmed whose sentence names the service that most of their faults were on.
        seen: the modes that were only seen.
        degraded: the share of the trials whose observation lacked something.
        thresholds_ms: by weakness, where its mode's smallest fault was measured.
    """

    tried: tuple[str, ...]
    found: tuple[str, ...]
    split: tuple[str, ...]
    merged: int
    astray: float
    examined: int
    confirmed: int
    whole: int
    same: int
    named: int
    seen: int
    degraded: float
    thresholds_ms: dict[str, float]


def tell(trials: Sequence[Trial], found: Catalogue, same: int = 0) -> Told:
    """How the catalogue's modes and the documented weaknesses go together.

    Args:
        same: how many modes' replays did the same.
    """
    label = {trial.trial: name for trial in trials if (name := weakness_of(trial)) is not None}
    labelled = [[label[number] for number in mode.trials if number in label] for mode in found.modes]
    owner = [Counter(names).most_common(1)[0][0] if names else None for names in labelled]
    own = {name: [place for place, theirs in enumerate(owner) if theirs == name] for name in TRIGGERS}
    everywhere = Counter(label.values())
    confirmed = [mode for mode in found.modes if mode.verdict is Verdict.CONFIRMED]
    return Told(
        tried=tuple(sorted(everywhere)),
        found=tuple(
            name
            for name, places in own.items()
            if places and 2 * max(labelled[place].count(name) for place in places) > everywhere[name]
        ),
        split=tuple(name for name, places in own.items() if len(places) > 1),
        merged=sum(_is_merged(Counter(names)) for names in labelled),
        astray=sum(name != theirs for names, theirs in zip(labelled, owner, strict=True) for name in names)
        / max(1, len(label)),
        examined=len(found.examined),
        confirmed=len(confirmed),
        whole=sum(mode.minimal is not None and mode.minimal.is_finished for mode in found.examined),
        same=same,
        named=sum(_names_its_place(mode, trials) for mode in confirmed),
        seen=len(found.only_seen),
        degraded=sum(trial.status is TrialStatus.DEGRADED for trial in trials) / max(1, len(trials)),
        thresholds_ms={
            name: threshold.middle
            for mode, name in zip(found.modes, owner, strict=True)
            if name is not None and mode.minimal is not None
            for threshold in mode.minimal.thresholds
            if threshold.dimension == "delay_ms"
        },
    )


def _is_merged(labels: Counter[str]) -> bool:
    [(_, first), *others] = labels.most_common() or [("", 0)]
    of_others = sum(count for _, count in others)
    return of_others >= 2 and of_others >= _MERGED * (first + of_others)


def _names_its_place(mode: FailureMode, trials: Sequence[Trial]) -> bool:
    services = Counter(plan.target_service for trial in trials if trial.trial in mode.trials for plan in trial.plans)
    return (services.most_common(1)[0][0] or "") in mode.sentence
