"""Does any request pass the services that are to bear faults?"""

from __future__ import annotations

from boifi_core.errors import hint, listed
from boifi_core.session.expressible import target_services
from boifi_core.session.preflight.base import Line, Sight, passed, warned

_MOST = 5


def services(sight: Sight) -> Line:
    """A service that no trace tells of is misspelt, or off the way of the requests that are sent."""
    wanted = sorted(map(str, target_services(sight.config.search_space)))
    seen = sight.normal.services | sight.normal.asked
    if not wanted:
        return passed("the faults name none")
    if not seen:
        return passed("no trace names a service, so nobody knows whether requests pass them")
    unknown = [name for name in wanted if not sight.normal.tells_of(name)]
    if unknown:
        text = f"no trace tells of {listed([name + hint(name, seen) for name in unknown], _MOST)}"
        return warned(text, f"traces tell of {listed(sorted(seen), 12)}")
    return passed(f"requests pass {listed(wanted, 12)}")
