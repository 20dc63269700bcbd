"""Ids in names that no pattern tells from words: what varies among a target's own fault-free traces is one.

A name's words with digits, or with letters of both cases anyhow, are its *places*. Words that stand at one place in
every fault-free trace of a kind of request are what the call is called (`oauth2`, `reviews-2`); where the words differ
from trace to trace they are ids. Of a place that only one trace has, the word's shape decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from boifi_core.traces.names import PLACEHOLDER, TOKEN, is_port, is_random, once_each, without_ids

_HOLE = "\0"
_MOST_KEPT = 20_000

_FEWEST_TRACES_FOR_WORDS = 4
"""A place of plain words is one of ids only where this many traces have it, and no word twice."""

_FEWEST_WORDS_AMONG_IDS = 3
"""Of a place where there are ids too, so many words are enough."""

_VERSION = re.compile(r"(?<![^\W_])[vV]\d+(?:\.\d+)*(?:(?:alpha|beta|rc)\d*)?(?![^\W_])")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_DIGIT = re.compile(r"\d")
_VALUE_OF = "/:=#([,'\"@|"
_SHORTEST_CODE = 8

Place = tuple[str, int]
"""A name with a hole at each of its places, and which of them it is."""


@dataclass(frozen=True)
class Folds:
    """What was learnt of a target's names.

    Attributes:
        constant: the words that stay, by place.
        varying: the places where ids stand, and the words that were seen there.
        words: names with a hole where words vary that look like no ids.
        known: the names that have ids, with `{id}` in their place: what else may be an id there is one.
    """

    constant: Mapping[Place, Set[str]] = field(default_factory=dict)
    varying: Mapping[Place, Set[str]] = field(default_factory=dict)
    words: Set[str] = frozenset()
    known: Set[str] = frozenset()
    _folded: dict[str, str] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __call__(self, name: str) -> str:
        """The name with `{id}` where an id is."""
        found = self._folded.get(name)
        if found is None:
            if len(self._folded) >= _MOST_KEPT:
                self._folded.clear()
            found = self._folded[name] = self._fold(without_ids(name))
        return found

    def learnt(self, name: str) -> str:
        """The name with `{id}` where words were seen to vary, whatever they look like."""
        places = _places(name)
        skeleton = _with_holes(name, places) if places else name
        return _filled(
            name, [match for n, match in enumerate(places) if match[0] in self.varying.get((skeleton, n), ())]
        )

    def _fold(self, name: str) -> str:
        places = _places(name)
        if places:
            skeleton = _with_holes(name, places)
            kept = [None if self._is_id(match, name, (skeleton, n)) else match for n, match in enumerate(places)]
            name = _filled(name, [place for place, keep in zip(places, kept, strict=True) if keep is None])
        if self.words:
            for word in _plain_words(name):
                if _with_holes(name, [word]) in self.words:
                    return once_each(_filled(name, [word]))
        return once_each(name)

    def _is_id(self, match: re.Match[str], name: str, place: Place) -> bool:
        word = match[0]
        if word in self.constant.get(place, ()):
            return False
        varying = self.varying.get(place)
        if varying is not None:
            if word in varying or len(word) in {len(seen) for seen in varying}:
                return True
        elif place in self.constant:  # it is known and does not vary: another word there is another call
            return False
        return _has_shape(match, name) or _filled(name, [match]) in self.known


def learn_folds(names: Iterable[Sequence[Set[str]]]) -> Folds:
    """What varies in names among fault-free traces.

    Args:
        names: for each kind of request those of each of its traces.
    """
    constant: dict[Place, set[str]] = defaultdict(set)
    varying: dict[Place, set[str]] = defaultdict(set)
    words: set[str] = set()
    for traces in names:
        plain = [{without_ids(name) for name in trace} for trace in traces]
        for place, by_trace in _by_place(plain).items():
            if len(by_trace) < 2:
                continue
            always, ever = set.intersection(*by_trace), set.union(*by_trace)
            constant[place] |= always
            if ever != always:
                varying[place] |= ever - always
        words |= _of_words(plain)
    learnt = Folds(dict(constant), dict(varying), frozenset(words))
    folded = {learnt(name) for traces in names for trace in traces for name in trace}
    return replace(learnt, known=frozenset(name for name in folded if PLACEHOLDER in name))


def _by_place(traces: Iterable[Iterable[str]]) -> dict[Place, list[set[str]]]:
    """The words at each place, for each trace that has it."""
    found: dict[Place, list[set[str]]] = defaultdict(list)
    for trace in traces:
        here: dict[Place, set[str]] = defaultdict(set)
        for name in trace:
            places = _places(name)
            skeleton = _with_holes(name, places) if places else ""
            for n, match in enumerate(places):
                here[skeleton, n].add(match[0])
        for place, seen in here.items():
            found[place].append(seen)
    return found


def _of_words(traces: Sequence[Iterable[str]]) -> set[str]:
    """The names, with a hole, whose word is another in each trace and each time."""
    if len(traces) < _FEWEST_TRACES_FOR_WORDS:
        return set()
    found: dict[str, list[list[str]]] = defaultdict(list)
    for trace in traces:
        here: dict[str, list[str]] = defaultdict(list)
        for name in trace:
            for match in _plain_words(name):
                here[_with_holes(name, [match])].append(match[0])
        for name, seen in here.items():
            found[name].append(seen)
    with_ids = {name for trace in traces for name in trace if PLACEHOLDER in name}

    def is_of_ids(name: str, by_trace: Sequence[Sequence[str]]) -> bool:
        words = [word for seen in by_trace for word in seen]
        if len(set(words)) < len(words):
            return False
        if name.replace(_HOLE, PLACEHOLDER) in with_ids:
            return len(words) >= _FEWEST_WORDS_AMONG_IDS
        return len(by_trace) == len(traces) and len(set(map(len, by_trace))) == 1

    return {name for name, by_trace in found.items() if is_of_ids(name, by_trace)}


def _places(name: str) -> list[re.Match[str]]:
    """The words of a name that may be ids."""
    return [match for match in TOKEN.finditer(name) if _may_be_id(match[0])]


def _may_be_id(word: str) -> bool:
    plain = _without_versions(word)
    return _DIGIT.search(plain) is not None or is_random(plain)


def _plain_words(name: str) -> list[re.Match[str]]:
    """The words that may stand for something else each time: all but a name's first, a path's first, and a host."""
    return [match for match in TOKEN.finditer(name) if match.start() and not _leads(match, name)]


def _leads(match: re.Match[str], name: str) -> bool:
    """Whether the word is the first of a path, or a host."""
    before = name[: match.start()]
    return before.endswith("//") or (before.endswith("/") and "/" not in before[:-1].rpartition(" ")[2])


def _has_shape(match: re.Match[str], name: str) -> bool:
    """Whether the word looks like an id where it stands, with nothing to compare it with.

    A word with one digit at its end (`oauth2`, `s3`), and the first word of a name, do not.
    """
    word = _without_versions(match[0])
    before = name[match.start() - 1 : match.start()]
    if not match.start() or is_port(match, name):
        return False
    digits = len(_DIGIT.findall(word))
    if before in _VALUE_OF:
        is_code = digits == 1 and word.isupper() and len(word) >= _SHORTEST_CODE
        return digits >= 2 or is_code or is_random(word)
    return digits >= 2


def _without_versions(word: str) -> str:
    """Without what has digits and is no id: escapes (`%C3`), and versions (`shop.v1beta1.Cart`)."""
    return _VERSION.sub("", _PERCENT.sub("", word))


def _with_holes(name: str, places: Sequence[re.Match[str]]) -> str:
    return _filled(name, places, _HOLE)


def _filled(name: str, places: Sequence[re.Match[str]], by: str = PLACEHOLDER) -> str:
    parts, at = [], 0
    for match in places:
        parts += [name[at : match.start()], by]
        at = match.end()
    return "".join([*parts, name[at:]])
