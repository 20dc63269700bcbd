"""How much is left: what free draws tell of the failures that no trial has shown yet.

A free draw is a fault drawn from the search space by chance alone, whatever is known. So what a few of them bring tells
what the next would, which the search's own trials do not: they go where failures are expected. A failure is *not seen
yet* that no trial of the session has shown, by the catalogue's own modes.

Sources: Good (1953), The population frequencies of species and the estimation of population parameters, Biometrika 40,
237-264. Chao (1984), Nonparametric estimation of the number of classes in a population, Scandinavian J. Statistics 11,
265-270. Clopper & Pearson (1934), The use of confidence or fiducial limits illustrated in the case of the binomial,
Biometrika 26, 404-413. For the search for bugs: Boehme (2018), STADS: software testing as species discovery, ACM Trans.
Software Engineering and Methodology 27, 7.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from scipy.stats import beta

from boifi_core.findings.models import SAMPLE, Catalogue
from boifi_core.history.readings import rankable
from boifi_core.models import Residual, Trial

LEVEL = 0.95
"""Of the upper limit."""

_FIRST_RISK = 0.036
"""Where the limit is looked at after each draw, so often it may be too low while no draw has brought anything new."""


def residual(trials: Sequence[Trial], found: Catalogue, *, is_watched: bool = False) -> Residual | None:
    """What the free draws among these trials tell; None where none gave a score.

    Args:
        trials: a session's, by number.
        found: what they showed.
        is_watched: whether the session is to end on the limit, which is then looked at after each draw.
    """
    draws = [trial for trial in rankable(trials) if is_free_draw(trial)]
    if not draws:
        return None
    shown = [mode for trial in draws if (mode := found.mode_of(trial.trial)) is not None]
    times = Counter(mode.label for mode in shown)
    first = {mode.label for mode in shown if min(mode.trials) in {trial.trial for trial in draws}}
    seen = Counter(times.values())
    risk = risk_of_one_look(len(first)) if is_watched else 1 - LEVEL
    only_searched = len(found.modes) - len(times)
    return Residual(
        draws=len(draws),
        failed=len(shown),
        modes=len(times),
        new=len(first),
        estimate=sum(times[label] == 1 for label in first) / len(draws),
        upper=upper_limit(len(first), len(draws), risk),
        level=LEVEL,
        left_at_least=max(0.0, never_drawn(seen[1], seen[2], len(draws)) - only_searched),
    )


def is_free_draw(trial: Trial) -> bool:
    """Whether its fault was drawn by chance alone."""
    return trial.why is not None and trial.why.reason == SAMPLE


def upper_limit(new: int, draws: int, risk: float = 1 - LEVEL) -> float:
    """The chance that the next free draw shows a failure not seen yet is at most this; too low in `risk` of all cases.

    It is Clopper and Pearson's for the share of free draws that were new when they were made: the chance with which so
    few of `draws` would be. That chance is no constant here: it falls whenever a draw or the search shows something
    new. The limit holds for what it has fallen to at the end, since it was higher at each draw: `risk` is not exceeded
    even by a search that chose each step so as to make the limit fail (a test goes through all that it could do).
    """
    return 1.0 if new >= draws else float(beta.ppf(1 - risk, new + 1, draws - new))


def risk_of_one_look(new: int) -> float:
    """The `risk` for a limit that is looked at after each draw, and decides whether there are more.

    Who looks until he likes what he sees is wrong more often than each look is: up to 18 % of the time within 40 draws.
    While nothing new comes, a further look costs nothing, since each presupposes the one before. So there is one risk
    for each number of new failures, each half of that before it, and all together stay below 5 % whenever one stops.
    """
    return float(_FIRST_RISK / 2**new)


def never_drawn(once: int, twice: int, draws: int) -> float:
    """How many failures no free draw has shown, at least: Chao 1, a lower bound of the expected number.

    Args:
        once, twice: how many failures exactly one draw, and exactly two, have shown.
        draws: how many there were.
    """
    pairs = once * once / (2 * twice) if twice else once * (once - 1) / 2
    return (draws - 1) / draws * pairs
