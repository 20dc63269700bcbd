"""The landscapes that are only ever reported on.

Nothing may be tuned on them: who works on the search looks at their results in a report, and not in here.
"""

from __future__ import annotations

from benchmarks.search.held_out_guards import RIDE, TRANSFER
from benchmarks.search.held_out_load import BASKET, FEED
from benchmarks.search.held_out_shapes import EITHER_OR, NEEDLE, RIDGE, SATURATION
from benchmarks.search.landscape import Landscape

HELD_OUT: tuple[Landscape, ...] = (FEED, TRANSFER, RIDE, BASKET, NEEDLE, EITHER_OR, SATURATION, RIDGE)
