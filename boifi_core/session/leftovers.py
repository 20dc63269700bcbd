"""Faults that killed sessions left in force, and who removes them.

Three do: the control plane, since each policy has an expiry (`safety.policies.with_expiry`); the next session of the
data dir on that target, or the same one resumed, as it begins (`sweep_dead`); and in the service `flows.upkeep`, every
few minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from boifi_core.safety.policies import CLEAR_TIMEOUT_S, sweep
from boifi_core.session.folder import SessionFolder
from boifi_core.session.session import Session
from boifi_core.storage import Place, StorageUnavailable, open_folder


def sweep_dead(session: Session) -> list[str]:
    """Remove the policies of this session, and of those in its data dir that nobody holds; returns their names.

    What belongs to sessions of other data dirs is left: they may be alive elsewhere, and their policies expire.
    """
    own = session.session_id[:8]
    is_dead = is_held_by_nobody(session.folder.path.parent)
    return sweep(session.injector, lambda start: start == own or is_dead(start), timeout_s=CLEAR_TIMEOUT_S)


def is_held_by_nobody(sessions: Place) -> Callable[[str], bool]:
    """Tells from how an id begins whether it is that of sessions in this folder, and no process holds any of them."""

    def is_dead(start: str) -> bool:
        try:
            found = [SessionFolder(sessions / name) for name in open_folder(sessions).names(prefix=f"{start}-")]
            return bool(found) and not any(folder.is_held() for folder in found)
        except StorageUnavailable:
            return False  # whose process lives as far as is known

    return is_dead
