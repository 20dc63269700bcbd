"""All landscapes, by name."""

from __future__ import annotations

from benchmarks.search.held_out import HELD_OUT
from benchmarks.search.landscape import Landscape
from benchmarks.search.tuning import TUNING

ALL: tuple[Landscape, ...] = (*TUNING, *HELD_OUT)

_BY_NAME = {landscape.name: landscape for landscape in ALL}
_HELD_OUT_NAMES = frozenset(landscape.name for landscape in HELD_OUT)


def landscape(name: str) -> Landscape:
    """The landscape of that name.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    if name not in _BY_NAME:
        raise KeyError(f"no landscape {name}; known are {', '.join(_BY_NAME)}")
    return _BY_NAME[name]


def is_held_out(name: str) -> bool:
    """Whether a landscape is only ever reported on."""
    return landscape(name).name in _HELD_OUT_NAMES
