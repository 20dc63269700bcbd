"""How a target heals: what is done and said where that is watched.

Every trial that hurt is followed by a watch: windows without a fault, until one is as before. Some failures need a
fault of seconds before they stay (queues and pools fill, retries pile up), and most windows are over sooner. So of each
failure that is measured again one reading is a *healing trial*: its window is measured as ever, then the fault is held
under traffic until it was in force for `recovery.hold_s`, then it is removed, and the target is watched.
"""

from __future__ import annotations

from boifi_core.findings import FailureMode

NOT_BACK = "the target did not come back"
"""How the reason begins of a session that ended because its target stayed down."""

_SECOND = 1
"""The second reading: by then each failure that is looked at has had its first, whatever the held fault does."""


def hold_s(mode: FailureMode, recovery_hold_s: float) -> float:
    """How long the fault of a failure's next reading is to be in force at least, seconds."""
    readings = 0 if mode.confirmation is None else len(mode.confirmation.readings)
    return recovery_hold_s if readings == _SECOND else 0.0
