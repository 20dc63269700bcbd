"""Service applications from a seed and a number of services, with what is wrong with them."""

from __future__ import annotations

from copy import deepcopy
from itertools import islice
from random import Random

from benchmarks.applications.graph import reached_calls, sound_application
from benchmarks.applications.model import Application, Weakness
from benchmarks.applications.play import Player
from benchmarks.applications.space import points_for, space_for
from benchmarks.applications.surface import Surface
from benchmarks.applications.truth import FEWEST, brought_out, enough, shown, triggers
from benchmarks.applications.weaknesses import KINDS
from boifi_core.space import SearchSpace

MOST_WEAKNESSES = 14

_REQUESTS = 100
_LEAST_SHOWN = 5
_CALLS = 4
"""So many calls are tried for a weakness."""

_POINTS = 8
"""So many points are tried for a weakness at a call."""

_LOOKS = (1, 2)
"""Seeds of the windows in which a weakness is looked for."""


def application(seed: int, services: int) -> Application:
    """The application of this seed; the same seed gives the same one, byte for byte.

    Weaknesses are planted one after another, each of them at a call of its own; only those stay that a point of the
    search space brings out, and that hide none of the earlier ones.

    Raises:
        ValueError: fewer services than 3, or more than 60.
    """
    made = sound_application(seed, services)
    random = Random(f"weaknesses {seed} of {services}")
    made.space = space_for(made, random)
    space = SearchSpace.parse(made.space)
    wanted = min(MOST_WEAKNESSES, 2 + round(services * random.uniform(0.28, 0.42)))
    kinds = random.sample(sorted(KINDS), len(KINDS)) * 3
    while kinds and len(made.weaknesses) < wanted:
        made = planted(made, kinds.pop(), random, space) or made
    return made


def planted(made: Application, kind: str, random: Random, space: SearchSpace) -> Application | None:
    """The application with one more weakness of this kind; None where none of the calls that were tried can have it."""
    tried = 0
    for number in _free_calls(made, random):
        changed = deepcopy(made)
        surface = Surface(changed)
        weakness = KINDS[kind](changed, surface, changed.calls[number], random)
        if weakness is None or not surface.taken.isdisjoint(weakness.touches):
            continue
        if _is_proved(changed, weakness, space):
            changed.weaknesses.append(weakness)
            if _all_stand(changed, space):
                return changed
        tried += 1
        if tried == _CALLS:
            break
    return None


def _free_calls(made: Application, random: Random) -> list[int]:
    """Calls that nothing is wrong with yet and that are made often enough, in an order by chance."""
    surface = Surface(made)
    found = [
        call.number
        for call in reached_calls(made)
        if call.number not in surface.taken and surface.requests(call.number) > 0.06
    ]
    return random.sample(found, len(found))


def _is_proved(made: Application, weakness: Weakness, space: SearchSpace) -> bool:
    """Whether some point brings it out, and no window without a fault shows it; fills in which point does most."""
    if any(shown(weakness, Player(made, look).window((), _REQUESTS)) >= FEWEST for look in _LOOKS):
        return False
    for point in islice(points_for(space, weakness.causes, _percentage(weakness)), _POINTS):
        plans = space.plans(point)
        seen = _LOOKS if triggers(weakness, plans) else ()
        least = min((shown(weakness, Player(made, look).window(plans, _REQUESTS)) for look in seen), default=0)
        if least > weakness.shown:
            weakness.shown, weakness.point = least, point
    return weakness.shown >= _LEAST_SHOWN


def _percentage(weakness: Weakness) -> float:
    """With which it is looked for: all requests, or in the middle of what its causes allow where that is not all."""
    highest = min(cause.high_percentage for cause in weakness.causes)
    return highest if highest == 100.0 else 0.6 * highest


def _all_stand(made: Application, space: SearchSpace) -> bool:
    """Whether each weakness is still brought out by its point, and none without a fault."""
    healthy = Player(made, 3)
    for _ in range(2):
        window = healthy.window((), _REQUESTS)
        if any(shown(weakness, window) >= enough(weakness) for weakness in made.weaknesses):
            return False
    return all(
        weakness.id in brought_out(made, plans, Player(made, 4).window(plans, _REQUESTS))
        for weakness in made.weaknesses
        for plans in [space.plans(weakness.point)]
    )
