"""One run: a peer on a landscape, trial after trial, and what is kept of it."""

from __future__ import annotations

import signal
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.landscape import Landscape, Reading
from benchmarks.search.peers.base import Peer, Predicts
from boifi_core.errors import SpaceExhausted
from boifi_core.models import Point
from boifi_core.space import SearchSpace

EVERY = 10
"""After how many trials each the recommendation is noted."""

R2_AFTER = 50
_EXAM_POINTS = 500
_DECIMALS = 3


@dataclass
class Course:
    """What one run showed.

    Attributes:
        truth: the severity without noise of each point tried, in order.
        recommended: after so many trials, the truth of the point then recommended.
        modes: the trial, from 1, that first showed each mode; those never shown are left out.
        propose_ms, record_ms: of each trial; processor time, which a busy machine does not lengthen.
        r2: of the model after 50 trials, against the truth of random points; None if it tells nothing.
        failed: why the run ended early; None if it did not.
    """

    truth: list[float] = field(default_factory=list)
    recommended: dict[int, float] = field(default_factory=dict)
    modes: dict[str, int] = field(default_factory=dict)
    propose_ms: list[float] = field(default_factory=list)
    record_ms: list[float] = field(default_factory=list)
    r2: float | None = None
    failed: str | None = None


@dataclass(frozen=True)
class Exam:
    """Random points of a landscape with their truth, for the models; the same for every peer."""

    points: Sequence[Point]
    truth: NDArray[np.float64]


def exam_of(landscape: Landscape) -> Exam:
    """The exam of one landscape."""
    points = landscape.space.sample(np.random.default_rng([_number(landscape), 0xE]), _EXAM_POINTS)
    return Exam(points, np.array([landscape.truth(point) for point in points]))


def run(
    landscape: Landscape,
    exam: Exam,
    make: Callable[[SearchSpace, int], Peer],
    seed: int,
    trials: int,
    limit_s: float,
) -> Course:
    """Let a new peer search for `trials` trials, or until it has taken `limit_s` seconds of processor time."""
    course = Course()
    try:
        with _time_limit(limit_s), warnings.catch_warnings():
            # Libraries warn of points that they propose twice, of fits that end at a bound, and of being experimental.
            warnings.simplefilter("ignore")
            peer = make(landscape.space, seed)
            for number in range(trials):
                _one_trial(landscape, peer, number, seed, course)
                if number + 1 == R2_AFTER and isinstance(peer, Predicts):
                    course.r2 = _r2(peer, exam)
    except SpaceExhausted:
        pass
    except _TimeOverError:
        course.failed = f"given up after {limit_s:g} s and {len(course.truth)} trials"
    except Exception as error:  # a peer's own error ends its run, and is told; it must not end all others
        course.failed = f"{type(error).__name__}: {error}"[:200]
    return course


def noise(landscape: Landscape, seed: int, number: int) -> np.random.Generator:
    """The random stream of one trial's reading: the same for all peers."""
    return np.random.default_rng([_number(landscape), seed, number])


def _one_trial(landscape: Landscape, peer: Peer, number: int, seed: int, course: Course) -> None:
    started = time.process_time()
    point = peer.propose()
    proposed = time.process_time()
    landscape.space.check(point)
    reading: Reading = landscape.read(point, noise(landscape, seed, number))
    read = time.process_time()
    peer.record(point, reading)
    recorded = time.process_time()
    course.propose_ms.append(1000 * (proposed - started))
    course.record_ms.append(1000 * (recorded - read))
    course.truth.append(round(landscape.truth(point), _DECIMALS))
    for mode in landscape.modes:
        if mode.name not in course.modes and mode.shows(point):
            course.modes[mode.name] = number + 1
    if (number + 1) % EVERY == 0:
        best = peer.recommend()
        landscape.space.check(best)
        course.recommended[number + 1] = round(landscape.truth(best), _DECIMALS)


def _r2(peer: Predicts, exam: Exam) -> float | None:
    """1 - (squared errors) / (squared distances from the mean); None where all truths are equal."""
    spread = float(((exam.truth - exam.truth.mean()) ** 2).sum())
    if spread == 0:
        return None
    errors = np.asarray(peer.predict(exam.points), float) - exam.truth
    return round(1 - float((errors**2).sum()) / spread, _DECIMALS)


def _number(landscape: Landscape) -> int:
    return zlib.crc32(landscape.name.encode())


class _TimeOverError(BaseException):
    """The time limit; no `Exception`, lest a library takes it for one of its own."""


@contextmanager
def _time_limit(limit_s: float) -> Iterator[None]:
    """Raise `_TimeOverError` in the block when the time is over; for the main thread of a process."""

    def give_up(_signal: int, _frame: FrameType | None) -> None:
        raise _TimeOverError

    before = signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
