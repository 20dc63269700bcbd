"""What a failure is called tomorrow and on another machine."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from itertools import count

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.models import OUTCOMES, TROUBLE, Fact, FactKind, is_for_good


def identity(signature: Sequence[Fact], plans: Sequence[FaultPlan], others: Collection[str] = ()) -> str:
    """`f-` and 8 hex digits, from the call that began it and how; no counts, times, shares or trial numbers.

    Where no call tells, it is made of where the faults were, and of what was seen.

    Args:
        signature: what its trials share, the most telling first.
        plans: the faults that showed it worst.
        others: ids of failures that began alike; it gets another, from where the faults were, and of what was seen.
    """
    ids = (f"f-{hashlib.sha256(text.encode()).hexdigest()[:8]}" for text in _told(signature, plans))
    return next(each for each in ids if each not in others)


def origin(signature: Sequence[Fact], plans: Sequence[FaultPlan]) -> str:
    """Where it began and how, for people, without what varies: `gateway → GET reviews/{id} in trouble`.

    Refused, failed, given up and left out are the same trouble.
    """
    of_calls = [fact for fact in signature if fact.kind not in OUTCOMES]
    began = next((fact for fact in of_calls if fact.began), of_calls[0] if of_calls else None)
    for_good = ", for good" if is_for_good(signature) else ""
    if began is None:
        return " + ".join(sorted(f"{plan.fault_type} at {place(plan)}" for plan in plans)) + for_good
    return f"{began.where} {'in trouble' if began.kind in TROUBLE else began.kind.value}{for_good}"


def place(plan: FaultPlan) -> str:
    """Where a fault is: service, path, and the method where it is of one alone."""
    method = f"{plan.target_method} " if plan.target_method else ""
    return f"{method}{plan.target_service or ''}{plan.target_path}"


def _told(signature: Sequence[Fact], plans: Sequence[FaultPlan]) -> Iterator[str]:
    """Texts that tell the failure, each more of it than the one before; not how long it takes to heal."""
    signature = [fact for fact in signature if fact.kind is not FactKind.HEALS_LATE]
    text = origin(signature, plans)
    if any(fact.kind not in OUTCOMES for fact in signature):
        yield text
    text += "".join(sorted(f"\n{plan.fault_type} {place(plan)}" for plan in plans))
    text += "".join(sorted(f"\n{fact.kind.value} {fact.where}" for fact in signature if fact.kind in OUTCOMES))
    yield text
    text += "".join(sorted(f"\n{fact.kind.value} {fact.where}" for fact in signature if fact.kind not in OUTCOMES))
    yield text
    yield from (f"{text}\n{n}" for n in count(2))
