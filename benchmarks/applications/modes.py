"""How the failure modes of a session and an application's weaknesses go together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from boifi_core.findings import Catalogue, Verdict
from boifi_core.value import Value


class Modes(Value):
    """What a session told of the weaknesses that it brought out.

    Attributes:
        own: those with a mode of their own: most of its labelled trials are theirs, and most of theirs are in it.
        confirmed: those of them whose mode was confirmed.
        split: those with a second mode.
        modes: how many modes it told of, those of no weakness among them: calls that are needed fail, too.
    """

    own: tuple[str, ...]
    confirmed: tuple[str, ...]
    split: tuple[str, ...]
    modes: int


def modes_of(found: Catalogue, out: Sequence[frozenset[str]]) -> Modes:
    """Each trial that brought out one weakness alone is labelled with it; trials are counted from 1."""
    label = {trial: next(iter(ids)) for trial, ids in enumerate(out, start=1) if len(ids) == 1}
    everywhere = Counter(label.values())
    own, confirmed, owned = set(), set(), Counter[str]()
    for mode in found.modes:
        theirs = Counter(label[trial] for trial in mode.trials if trial in label)
        for weakness, count in theirs.most_common(1):
            owned[weakness] += 1
            if 2 * count > everywhere[weakness]:
                own.add(weakness)
                confirmed |= {weakness} if mode.verdict is Verdict.CONFIRMED else set()
    return Modes(
        own=tuple(sorted(own)),
        confirmed=tuple(sorted(confirmed)),
        split=tuple(sorted(weakness for weakness, count in owned.items() if count > 1)),
        modes=len(found.modes),
    )
