"""Does the injector answer, and is anybody else's fault in force?"""

from __future__ import annotations

from boifi_core.errors import ExecutorError, counted, listed
from boifi_core.safety.policies import CALL_TIMEOUT_S, session_of
from boifi_core.session.preflight.base import Line, Sight, failed, passed, warned


def control_plane(sight: Sight) -> Line:
    """It can take policies, and lists them."""
    timeout_s = min(CALL_TIMEOUT_S, sight.config.executor.timeout_s)
    try:
        sight.injector.health(timeout_s=timeout_s)
        names = sight.injector.list(timeout_s=timeout_s)
    except ExecutorError as error:
        return failed(str(error), "see that executor.endpoint is the control plane's address and lets BOIFI in")
    strangers = [name for name in names if session_of(name) is None]
    if strangers:
        text = f"in force and not BOIFI's: {listed(strangers, 5)}"
        return warned(text, "they count as normal; remove them unless they are meant to be there")
    ours = len(names)
    return passed(
        "answers" + (f"; {counted(ours, 'policy' if ours == 1 else 'policie')} of sessions in force" if ours else "")
    )
