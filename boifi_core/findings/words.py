"""What happens in a failure, in one sentence for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from boifi_core.findings.models import HEALING, MOST, OUTCOMES, SOME, Fact, FactKind, is_for_good
from boifi_core.findings.said import readable
from boifi_core.findings.signature import HINT
from boifi_core.history.readings import times

_CALLS = 3
_ALIKE = 0.15
"""Times are told of which most differ by no more than this share of their median."""

_MOST = 0.75


def sentence(facts: Sequence[Fact], of_members: Iterable[Sequence[Fact]]) -> str:
    """`gateway gives up on reviews after 40 ms and tries once more; product fails`.

    Args:
        facts: what its trials share.
        of_members: the facts of each; a time is only told where theirs agree.
    """
    values: dict[tuple[str, str], list[float]] = {}
    for member in of_members:
        for fact in member:
            if fact.value is not None:
                values.setdefault(fact.key, []).append(fact.value)
    told = [fact for fact in facts if fact.weight >= HINT]
    phrases = _calls(told, values)[:_CALLS]
    seen = [*_customers(told), *_logs(told)]
    heals = [fact.says for fact in facts if fact.kind in HEALING]
    if heals and not phrases and not seen:
        return "; ".join(heals)
    if not phrases and not seen:
        is_slow = any(fact.kind in (FactKind.LATENCY, FactKind.SLOW) for fact in facts)
        return "requests take longer" if is_slow else "it scored as a failure, though nothing known of it is unusual"
    what = [*phrases, *(seen or [_unharmed(facts, values)])]
    return "; ".join([*heals, *what] if is_for_good(facts) else [*what, *heals])


def _calls(facts: Sequence[Fact], values: dict[tuple[str, str], list[float]]) -> list[str]:
    """One phrase for each pair of services between which something changed, in order of weight."""
    pairs: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        if fact.kind not in OUTCOMES:
            pairs.setdefault(fact.between, []).append(fact)
    # Where it began comes first, what is done instead after what it stands for.
    order = sorted(pairs.items(), key=lambda pair: (not any(f.began for f in pair[1]), _is_instead(pair[1])))
    return [
        f"{_pair(caller, callee, changed, values)}{'' if _is_typical(changed) else ' now and then'}"
        for (caller, callee), changed in order
    ]


def _is_typical(facts: Sequence[Fact]) -> bool:
    return any(fact.share is None for fact in facts)


def _is_instead(facts: Sequence[Fact]) -> bool:
    return all(fact.kind is FactKind.NEW for fact in facts)


def _pair(caller: str, callee: str, changed: Sequence[Fact], values: dict[tuple[str, str], list[float]]) -> str:
    by_kind = {fact.kind: fact for fact in reversed(changed)}
    again = _again(by_kind.get(FactKind.RETRIED), values)
    who = caller or "the target"
    if FactKind.TIMES_OUT in by_kind:
        after = _agreed(by_kind[FactKind.TIMES_OUT], values)
        return f"{who} gives up on {callee}{'' if after is None else f' after {time_text(after)}'}{again}"
    if FactKind.REFUSES in by_kind:
        return f"{callee} turns {who} away{again}"
    if FactKind.FAILS in by_kind:
        return f"{who} gets an error from {callee}{again}"
    if FactKind.RETRIED in by_kind:
        return f"{who} asks {callee} {times(_tries(by_kind[FactKind.RETRIED], values))}"
    if FactKind.NEW in by_kind:
        return f"{who} asks {callee} instead"
    if FactKind.GONE in by_kind:
        return f"{who} does without {callee}"
    took = _agreed(by_kind[FactKind.SLOW], values)
    return f"{callee} answers {who} {'late' if took is None else f'after {time_text(took)}'}"


def _again(retried: Fact | None, values: dict[tuple[str, str], list[float]]) -> str:
    if retried is None:
        return ""
    tries = _tries(retried, values)
    return " and tries once more" if tries == 2 else f" and tries {times(tries)}"


def _tries(retried: Fact, values: dict[tuple[str, str], list[float]]) -> int:
    return round(median(values.get(retried.key) or [retried.value or 2.0]))


def _agreed(fact: Fact, values: dict[tuple[str, str], list[float]]) -> float | None:
    known = values.get(fact.key, [])
    if not known:
        return None
    middle = median(known)
    agreeing = sum(abs(value - middle) <= _ALIKE * middle for value in known)
    return middle if agreeing >= _MOST * len(known) else None


def _customers(facts: Sequence[Fact]) -> list[str]:
    seen = {fact.where: fact for fact in facts if fact.kind is FactKind.STATUS}
    kinds = [where for where in seen if where not in (MOST, SOME)]
    phrases = [f"{_listed(kinds)} {'fails' if len(kinds) == 1 else 'fail'}"] if kinds else []
    if MOST in seen:
        phrases.append(seen[MOST].says)
    wrong = _wrong([fact for fact in facts if fact.kind is FactKind.WRONG])
    if SOME in seen and not (kinds or wrong or MOST in seen):
        phrases.append("some requests fail")
    return phrases + wrong


def _wrong(facts: Sequence[Fact]) -> list[str]:
    """Of each kind of request that which most of its answers break."""
    worst: dict[str | None, Fact] = {}
    for fact in facts:
        if fact.request not in worst or (fact.value or 0.0) > (worst[fact.request].value or 0.0):
            worst[fact.request] = fact
    told = [fact.says for fact in list(worst.values())[:_CALLS]]
    return [*told, *([f"{len(worst) - _CALLS} more kinds of answers are wrong"] if len(worst) > _CALLS else [])]


def _unharmed(facts: Sequence[Fact], values: dict[tuple[str, str], list[float]]) -> str:
    waits = next((fact for fact in facts if fact.kind is FactKind.LATENCY), None)
    if waits is None:
        return "customers get no error"
    took = _agreed(waits, values)
    return f"customers get no error, and wait {'longer' if took is None else time_text(took)}"


def _logs(facts: Sequence[Fact]) -> list[str]:
    lines = [fact for fact in facts if fact.kind is FactKind.LOG]
    if not lines:
        return []
    text = readable(lines[-1].says.strip("“”") or lines[-1].where)
    return [f"“{text if len(text) <= 60 else text[:59] + '…'}”"]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def time_text(value_ms: float) -> str:
    """For people: `40 ms`, `4.2 s`."""
    return f"{value_ms:.0f} ms" if value_ms < 1000 else f"{value_ms / 1000:.1f} s"
