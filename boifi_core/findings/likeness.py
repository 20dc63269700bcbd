"""How alike two failures are, and which of many belong together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.identity import place
from boifi_core.findings.models import CAUSE, MOST, OF_CALLS, OUTCOMES, SOME, TROUBLE, Fact, FactKind
from boifi_core.history.readings import plans_key

Features = Mapping[tuple[str, str], float]
"""What a failure is told by, each with its weight, > 0."""

APART = 0.5
"""Failures whose likeness is below this on average are different ones."""

NEARLY = 0.4
"""Two groups that one and the same fault showed are one from this likeness on: its runs differ by chance."""

OTHER_CAUSE = APART / 2
"""As alike at most are failures that began between different services."""

CONTAINED = 0.8
"""A failure of which too little was seen belongs to one that has this share of it."""

STRUCK = 90.0
"""Below this percentage of the requests, the one that stands for its kind may have been spared."""

MOST_COMPARED = 1_000
"""So many distinct signatures are compared with each other; the time grows with the square."""

_PLACE, _FAULT = 1.5, 0.75
"""What it weighs where the fault was injected, and of which type it was."""

_FAINT = 4.0
"""How much more both weigh where no call is known to have gone wrong."""

_ANYTROUBLE = 0.8
"""How much of a call's trouble weighs alike, whether it fails, is given up or is not made."""

_PLACE_OF = "place"

_SEEN_OUTSIDE = frozenset({FactKind.STATUS, FactKind.WRONG, FactKind.LOG})
_TELLING_WEIGHT = 1.0


@dataclass(frozen=True)
class Failure:
    """What one trial showed: its facts, where its faults were and of which type, and how strong each was.

    `fault` is the same for trials of the same faults, and for no others; `is_partial`, if a request may be spared.
    """

    facts: tuple[Fact, ...]
    faults: frozenset[tuple[str, str]]
    strengths: tuple[float, ...] = ()
    fault: str = ""
    is_partial: bool = False

    @classmethod
    def of(cls, facts: Sequence[Fact], plans: Sequence[FaultPlan]) -> Failure:
        ordered = sorted(plans, key=lambda plan: (place(plan), plan.fault_type))
        strengths = tuple(number for plan in ordered for number in (plan.strength, plan.percentage))
        faults = frozenset((plan.fault_type, place(plan)) for plan in plans)
        is_partial = any(plan.percentage < STRUCK for plan in plans)
        return cls(tuple(facts), faults, strengths, plans_key(plans), is_partial)

    @property
    def places(self) -> frozenset[str]:
        """Where its faults were injected."""
        return frozenset(place for _, place in self.faults)

    @cached_property
    def is_untold(self) -> bool:
        """Whether something failed, and no call of the typical requests is known to have gone wrong."""
        failed = any(fact.kind in _SEEN_OUTSIDE or fact.share is not None for fact in self.facts)
        typical = [fact for fact in self.facts if fact.share is None]
        return failed and not any(fact.kind in OF_CALLS and fact.weight >= _TELLING_WEIGHT for fact in typical)

    @property
    def is_faint(self) -> bool:
        """Whether few requests were hit, and not the typical ones: neither calls nor most answers tell of it."""
        most_failed = any(
            fact.weight >= CAUSE
            and (fact.kind is FactKind.WRONG or (fact.kind is FactKind.STATUS and fact.where == MOST))
            for fact in self.facts
        )
        return self.is_untold and not most_failed

    @cached_property
    def began(self) -> frozenset[tuple[str, str]]:
        """Between whom the calls went that began it; empty where none is known to have."""
        return frozenset(fact.between for fact in self.facts if fact.began)

    @property
    def failing(self) -> frozenset[str]:
        """The kinds of request that failed for whoever sent them."""
        by_status = {f.where for f in self.facts if f.kind is FactKind.STATUS and f.where not in (MOST, SOME)}
        return frozenset(by_status | {f.request for f in self.facts if f.kind is FactKind.WRONG and f.request})

    @property
    def said(self) -> frozenset[str]:
        """The templates of what the target logged."""
        return frozenset(fact.where for fact in self.facts if fact.kind is FactKind.LOG)

    @cached_property
    def requests(self) -> dict[tuple[str, str], str]:
        """By feature, the kind of request whose trace shows it."""
        told = {fact.key: fact.request for fact in self.facts if fact.request is not None}
        trouble = {("trouble", f.where): f.request for f in self.facts if f.kind in TROUBLE and f.request is not None}
        return told | trouble

    @cached_property
    def features(self) -> dict[tuple[str, str], float]:
        """What it is compared by.

        Where one kind of request was struck, all that follows from the cause weighs no more than the cause: it is
        the same whatever began it.
        """
        found: dict[tuple[str, str], float] = {}
        causes = sum(fact.weight for fact in self.facts if fact.weight >= CAUSE and fact.kind not in OUTCOMES)
        outcomes = sum(fact.weight for fact in self.facts if fact.kind in OUTCOMES)
        struck = {fact.request for fact in self.facts if fact.request is not None}
        follows = min(1.0, causes / outcomes) if causes and outcomes and len(struck) <= 1 else 1.0
        for fact in self.facts:
            weight = fact.weight * (follows if fact.kind in OUTCOMES else 1.0)
            if fact.kind in TROUBLE:
                trouble = ("trouble", fact.where)
                found[trouble] = max(found.get(trouble, 0.0), weight * _ANYTROUBLE)
                weight *= 1 - _ANYTROUBLE
            found[fact.key] = weight
        factor = _FAINT if self.is_untold else 1.0
        found |= {(_PLACE_OF, place): factor * _PLACE for place in self.places}
        found |= {(_PLACE_OF, f"{kind} {place}"): factor * _FAULT for kind, place in self.faults}
        return found


def likeness(some: Features, others: Features) -> float:
    """1 for equal failures, 0 for those with nothing in common: the weighted Jaccard index.

    Source: Ioffe (2010), Improved consistent sampling, weighted minhash and L1 sketching, ICDM, equation 1.
    """
    keys = some.keys() | others.keys()
    least = sum(min(some.get(key, 0.0), others.get(key, 0.0)) for key in keys)
    most = sum(max(some.get(key, 0.0), others.get(key, 0.0)) for key in keys)
    return least / most if most else 1.0


def alike(one: Failure, other: Failure) -> float:
    """The likeness of two failures, which is little where they began between different services."""
    found = likeness(one.features, other.features)
    is_other = one.began and other.began and not one.began & other.began
    return min(found, OTHER_CAUSE) if is_other else found


def grouped(failures: Sequence[Failure]) -> list[list[int]]:
    """The indices of those that belong together, each group ascending, the groups in order of their first.

    Failures with calls that went wrong are joined by average linkage over `likeness`, cut at `APART`: the members of a
    group are alike on average, so that a chain of small differences does not join its ends; two that the same fault
    showed are joined at `NEARLY`. Where a request may have been spared, what its kind does not show tells nothing: two
    failures by faults of the same types at the same places are compared without that kind. One of which no call is
    told belongs to the group at the same place that shows nearly all of it, else to those like it.

    Source: Sokal & Michener (1958), A statistical method for evaluating systematic relationships, Univ. Kansas Science
    Bulletin 38, 1409-1438.
    """
    clear = [index for index, failure in enumerate(failures) if not failure.is_untold]
    groups = _joined_by_faults(_linked(clear, failures), failures)
    left = []
    for index in (index for index, failure in enumerate(failures) if failure.is_untold):
        home = _home(failures[index], groups, failures)
        if home is None:
            left.append(index)
        else:
            home.append(index)
    return sorted((sorted(group) for group in [*groups, *_linked(left, failures)]), key=lambda group: group[0])


def _joined_by_faults(groups: list[list[int]], failures: Sequence[Failure]) -> list[list[int]]:
    """The groups, those joined that runs of the same fault showed and that are nearly alike; the likest first."""
    while True:
        shown_by = [{failures[index].fault for index in group} for group in groups]
        pairs = [
            (_mean_likeness(one, other, failures), first, second)
            for second, other in enumerate(groups)
            for first, one in enumerate(groups[:second])
            if shown_by[first] & shown_by[second]
        ]
        likest, first, second = max(pairs, default=(0.0, 0, 0))
        if likest < NEARLY:
            return groups
        joined = groups[first] + groups[second]
        groups = [group for place, group in enumerate(groups) if place not in (first, second)] + [joined]


def _mean_likeness(one: Sequence[int], other: Sequence[int], failures: Sequence[Failure]) -> float:
    return fmean(alike(failures[index], failures[also]) for index in one for also in other)


def _home(faint: Failure, groups: Sequence[list[int]], failures: Sequence[Failure]) -> list[int] | None:
    """The group that the same fault showed too and that shows half of it, else one at its place that shows nearly all.

    Of several the likest. A fault that a session measured several times shows its failure faintly now and then; but
    where it strikes by chance it shows another now and then, too.
    """
    best: tuple[bool, float, list[int]] | None = None
    for group in groups:
        members = [failures[index] for index in group if not failures[index].is_untold]
        if not any(member.places == faint.places for member in members):
            continue
        is_of_fault = any(failures[index].fault == faint.fault for index in group)
        has_come_to_it = is_of_fault or _usually_said(members) <= faint.said or _is_amid(faint, members)
        if not has_come_to_it or _shown_by(members, faint) < (APART if is_of_fault else CONTAINED):
            continue
        likest = max(likeness(faint.features, member.features) for member in members)
        if best is None or (is_of_fault, likest) > best[:2]:
            best = is_of_fault, likest, group
    return None if best is None else best[2]


def _is_amid(faint: Failure, members: Sequence[Failure]) -> bool:
    """Whether its faults are of their types and neither weaker nor stronger than all of theirs."""
    theirs = [member.strengths for member in members if member.faults == faint.faults]
    columns = zip(faint.strengths, *theirs, strict=False)
    return bool(theirs) and all(min(column) <= own <= max(column) for own, *column in columns)


def _usually_said(members: Sequence[Failure]) -> frozenset[str]:
    """The log templates of at least half of them: a failure that lacks one has not come to that."""
    counts = Counter(template for member in members for template in member.said)
    return frozenset(template for template, n in counts.items() if 2 * n >= len(members))


def _shown_by(members: Sequence[Failure], faint: Failure) -> float:
    """The share of a faint failure that the members show too.

    A call that is slow in it may be in trouble in those of the same fault, and one that fails now and then may be in
    another trouble where it does so in typical requests.
    """
    known = {fact.key for member in members for fact in member.facts}
    calls = {fact.where for member in members if member.faults == faint.faults for fact in member.facts}
    troubled = {fact.where for member in members for fact in member.facts if fact.kind in TROUBLE}
    whole = sum(fact.weight for fact in faint.facts)
    shown = sum(
        fact.weight
        for fact in faint.facts
        if fact.key in known
        or (fact.kind is FactKind.SLOW and fact.where in calls)
        or (fact.share is not None and fact.where in troubled)
    )
    return shown / whole if whole else 1.0


def _linked(indices: Sequence[int], failures: Sequence[Failure]) -> list[list[int]]:
    """Groups by average linkage; equal failures are compared once."""
    equal: dict[tuple[bool, tuple[tuple[tuple[str, str], float], ...]], list[int]] = defaultdict(list)
    for index in indices:
        equal[failures[index].is_partial, tuple(sorted(failures[index].features.items()))].append(index)
    distinct = list(equal.values())
    # Of very many the most frequent are compared; each of the rest joins nobody.
    distinct.sort(key=lambda same: (-len(same), same[0]))
    compared, rest = distinct[:MOST_COMPARED], distinct[MOST_COMPARED:]
    labels = _labels([failures[same[0]] for same in compared])
    groups: dict[int, list[int]] = defaultdict(list)
    for same, label in zip(compared, labels, strict=True):
        groups[label] += same
    return [*groups.values(), *rest]


def _labels(compared: Sequence[Failure]) -> list[int]:
    if len(compared) < 2:
        return [0] * len(compared)
    found = [failure.features for failure in compared]
    names = sorted({key for each in found for key in each})
    column = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(found), len(names)))
    for row, each in enumerate(found):
        for key, weight in each.items():
            table[row, column[key]] = weight
    untold = _untold(compared, column)
    places = {faults: number for number, faults in enumerate(dict.fromkeys(failure.faults for failure in compared))}
    place = np.array([places[failure.faults] for failure in compared])
    apart = np.zeros((len(found), len(found)))
    for row in range(len(found)):
        least, most = np.minimum(table, table[row]), np.maximum(table, table[row])
        ignored = (untold | untold[row]) & (place == place[row])[:, None]
        least[ignored] = most[ignored] = 0.0
        shared, whole = least.sum(axis=1), most.sum(axis=1)
        apart[row] = 1 - np.divide(shared, whole, out=np.ones_like(shared), where=whole > 0)
    apart = (apart + apart.T) / 2
    apart = np.where(_other_cause(compared), np.maximum(apart, 1 - OTHER_CAUSE), apart)
    np.fill_diagonal(apart, 0.0)
    labels = fcluster(linkage(squareform(apart, checks=False), "average"), 1 - APART, "distance")
    return [int(label) for label in labels]


def _other_cause(compared: Sequence[Failure]) -> NDArray[np.bool_]:
    """Which of them began between services none of which the other began between."""
    pairs = sorted({pair for failure in compared for pair in failure.began})
    column = {pair: index for index, pair in enumerate(pairs)}
    began = np.zeros((len(compared), len(pairs)), np.int64)
    for row, failure in enumerate(compared):
        began[row, [column[pair] for pair in failure.began]] = 1
    is_known = began.sum(axis=1) > 0
    other: NDArray[np.bool_] = np.logical_and.outer(is_known, is_known) & (began @ began.T == 0)
    return other


def _untold(compared: Sequence[Failure], column: Mapping[tuple[str, str], int]) -> NDArray[np.bool_]:
    """For each failure the columns of which it tells nothing: those of kinds of request that were spared."""
    kinds: dict[int, set[str]] = defaultdict(set)
    for failure in compared:
        for key, kind in failure.requests.items():
            kinds[column[key]].add(kind)
    untold = np.zeros((len(compared), len(column)), np.bool_)
    for row, failure in enumerate(compared):
        struck = set(failure.requests.values())
        if failure.is_partial and struck:
            untold[row, [index for index, of in kinds.items() if not of & struck]] = True
    return untold
