"""Where along a scale a failure begins: asked halfway between what fails and what holds, until they are close."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from boifi_core.faults.kinds import Scale


@dataclass(frozen=True)
class Bracket:
    """Between which two values a failure begins.

    Attributes:
        fails: the smallest value that shows it.
        holds: the largest below it that does not.
        is_measured: whether that was measured of these very faults; else it is only told by others, or the floor.
    """

    fails: float
    holds: float
    is_measured: bool


def bracket(said: Mapping[float, Sequence[bool]], now: float, told: Collection[float], floor: float) -> Bracket:
    """What the readings come to.

    Failing begins where the fewest of them contradict it: one that chance made odd does not outweigh several. Of two
    such values the larger one is taken, since what lies between may fail in another way.

    Args:
        said: whether each reading showed it, by value.
        now: a value that is known to show it.
        told: values that are likely not to.
        floor: the smallest value there is.
    """
    below = {value: shown for value, shown in said.items() if value < now}
    mostly = {value: 2 * sum(shown) - len(shown) for value, shown in below.items()}

    def contradicted(least: float) -> int:
        return sum(shows != (value >= least) for value, shown in below.items() for shows in shown)

    fail = [now, *(value for value in below if mostly[value] > 0)]
    fails = min(fail, key=lambda value: (contradicted(value), -value))
    held = [value for value in below if value < fails and mostly[value] < 0]
    holds = max([*held, *(value for value in told if value < fails), floor])
    return Bracket(fails, holds, holds in held)


def bisect(
    look: Callable[[], Bracket],
    ask: Callable[[float], object],
    scale: Scale,
    floor: float,
    guess: Callable[[float, float], float | None] = lambda fails, least: None,
) -> tuple[float, float | None]:
    """The smallest value that fails and the largest that holds, both measured; None where even the floor fails.

    Args:
        look: what is known by now.
        ask: raises where a value must be measured first.
        guess: a value above `least` and below `fails` that is likelier than the middle; None: there is none.
    """
    while True:
        known = look()
        if known.fails <= floor:
            return known.fails, None
        middle = float(round(scale.middle(known.fails, known.holds)))
        # Of fractions, there may be no whole number between.
        if not scale.is_close(known.fails, known.holds) and known.holds < middle < known.fails:
            least = known.holds if known.is_measured else known.holds - 1
            ask(guess(known.fails, least) or middle)
        elif known.is_measured:
            return known.fails, known.holds
        else:
            # It may be known from a trial of more requests or methods only.
            ask(known.holds)
