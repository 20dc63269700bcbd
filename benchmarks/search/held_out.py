"""The landscapes that are only ever reported on.

Nothing may be tuned on them: who works on the search looks at their results in a report, and not in here.
"""

from __future__ import annotations

from benchmarks.search.landscape import Landscape

HELD_OUT: tuple[Landscape, ...] = ()
