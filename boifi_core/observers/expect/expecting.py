"""What a probe expects of the answers to its requests, said or learnt."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from boifi_core.errors import counted
from boifi_core.observers.expect.answer import LARGEST, Answer
from boifi_core.observers.expect.config import Expect
from boifi_core.observers.expect.judge import Judge
from boifi_core.observers.expect.learn import ENOUGH, Learnt
from boifi_core.observers.window import Outcome

BY_LEARNING = " (learnt)"
"""Ends the words of what was not said, but learnt."""

_MOST_HELD = 64_000_000
"""Bytes of answers that are kept until their window is over; further ones are looked at when they come."""

_FOR_CHECKS_S = 5.0
_FOR_ONE_S = 0.5
"""Of an answer that is looked at when it comes, while others are under way."""


class Request(Protocol):
    """What is known here of one of the probe's requests."""

    @property
    def kind(self) -> str: ...
    @property
    def expect(self) -> Expect | None: ...


@dataclass(frozen=True)
class Asked:
    """A request that is over, and its answer where that is still to be looked at."""

    request: Request
    outcome: Outcome
    answer: Answer | None = None


class Expecting:
    """Looks at answers. Until it is told that it has learnt, it takes what it sees for healthy.

    Args:
        requests: the probe's.

    Raises:
        InvalidInput: a file with a schema cannot be read.
    """

    def __init__(self, requests: Sequence[Request]) -> None:
        self._judges = {
            id(request): Judge(request.expect, f"observer.requests[{number}].expect")
            for number, request in enumerate(requests)
            if request.expect is not None
        }
        learning = [request.kind for request in requests if request.expect is not None and request.expect.learn]
        self._learnt: Mapping[str, Learnt] = {kind: Learnt() for kind in learning}
        self.is_learning = bool(self._learnt)
        self._held = self._unseen = 0

    def looks_at(self, request: Request) -> bool:
        """Whether anything is expected of the answers to this request."""
        return id(request) in self._judges

    def wanted_bytes(self, request: Request) -> int:
        """How much of the body of an answer is to be kept."""
        judge = self._judges.get(id(request))
        return LARGEST if judge is not None and judge.wants_body else 0

    def arrived(self, request: Request, outcome: Outcome, answer: Answer) -> Asked:
        """Take an answer: what is expected of it is looked at when its window is over, as that takes time."""
        judge = self._judges[id(request)]
        if not judge.is_good(answer.status):
            return Asked(request, outcome)
        if answer.status >= 400:
            outcome = replace(outcome, is_expected=True, text="")
        if self._held + len(answer.body) > _MOST_HELD:
            return Asked(request, self._seen(request, outcome, answer, time.monotonic() + _FOR_ONE_S))
        self._held += len(answer.body)
        return Asked(request, outcome, answer)

    def judged(self, asked: Iterable[Asked], left_s: float) -> tuple[list[Outcome], list[str]]:
        """The outcomes of a window with what their answers break, and why not all were looked at, if so.

        Args:
            left_s: of the window's time; half of it may go into this.
        """
        until = time.monotonic() + min(_FOR_CHECKS_S, left_s / 2)
        outcomes = [
            each.outcome if each.answer is None else self._seen(each.request, each.outcome, each.answer, until)
            for each in asked
        ]
        reasons = [f"probe: {counted(self._unseen, 'answer')} could not be looked at in time"] if self._unseen else []
        self._held = self._unseen = 0
        return self._without_chance(outcomes), reasons

    def learn(self) -> str | None:
        """What came so far was healthy: from here on answers must be like it. Says what was learnt; None if nothing."""
        if not self.is_learning:
            return None
        self.is_learning = False
        for learnt in self._learnt.values():
            learnt.settle()
        enough = [learnt for learnt in self._learnt.values() if learnt.is_enough]
        values = counted(sum(learnt.constants for learnt in enough), "value")
        told = f"expect: learnt what {counted(len(enough), 'kind')} of request answer, with {values} that never differ"
        few = [f"{kind} ({learnt.answers})" for kind, learnt in self._learnt.items() if not learnt.is_enough]
        return told + (f"; fewer than {ENOUGH} healthy answers to learn from: {', '.join(few[:5])}" if few else "")

    def _seen(self, request: Request, outcome: Outcome, answer: Answer, until: float) -> Outcome:
        """The outcome with what its answer breaks; as it is where there is no time to look."""
        try:
            if time.monotonic() < until:
                return replace(outcome, broken=self._broken(request, answer, until))
        except TimeoutError:
            pass
        self._unseen += 1
        return outcome

    def _broken(self, request: Request, answer: Answer, until: float) -> tuple[str, ...]:
        broken = self._judges[id(request)].broken(answer, until)
        learnt = self._learnt.get(request.kind) if request.expect is not None and request.expect.learn else None
        if broken or learnt is None:
            return broken
        if self.is_learning:
            learnt.add(answer)
            return ()
        return tuple(f"{words}{BY_LEARNING}" for words in learnt.broken(answer))

    def _without_chance(self, outcomes: list[Outcome]) -> list[Outcome]:
        """What was learnt of some healthy answers does not hold of each: as many as chance explains break nothing."""
        if self.is_learning or not self._learnt:
            return outcomes
        sent = Counter(outcome.kind for outcome in outcomes)
        n = Counter((outcome.kind, words) for outcome in outcomes for words in outcome.broken)
        chance = {
            (kind, words)
            for (kind, words), count in n.items()
            if words.endswith(BY_LEARNING) and count <= self._learnt[kind].exceptions * sent[kind]
        }
        return [
            replace(each, broken=tuple(words for words in each.broken if (each.kind, words) not in chance))
            for each in outcomes
        ]
