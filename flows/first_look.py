"""A session's first look at its target: the checks of `boifi check`, on the windows that its baseline was made of."""

from __future__ import annotations

from boifi_core.history.dataset import SETTLING
from boifi_core.safety.policies import policy_names
from boifi_core.session.events import Note
from boifi_core.session.phases.plan import Plan
from boifi_core.session.preflight.base import Outcome, Sight
from boifi_core.session.preflight.table import keep, look
from flows.running import Running
from tasks import sweep_and_report


def begin(running: Running, plan: Plan) -> None:
    """Let the phases make ready, and look; what the checks say is kept and told, whatever becomes of the session.

    Raises:
        BoifiError: the session cannot begin, or what a check put in force cannot be removed.
    """
    try:
        plan.prepare(running.session, running.observe)
    except Exception as error:
        _look(running, str(error))
        raise
    _look(running)


def _look(running: Running, unseen: str | None = None) -> None:
    session = running.session
    (policy,) = policy_names(session.session_id, SETTLING, 1)
    sight = Sight(session.config, session.injector, session.normal.observations, policy, unseen)
    with running.signals.shielded():
        lines = look(sight)
    keep(session.folder, lines)
    for line in lines:
        if line.outcome is not Outcome.PASSED and line.check != "control_plane":  # of that others tell
            if line.outcome is Outcome.FAILED:
                session.errors.append(f"first look: {line}")
            session.tell(Note(session.session_id, f"{line.outcome}: {line}", is_warning=True))
    if any(line.check == "fault" and line.outcome is Outcome.FAILED for line in lines):
        sweep_and_report.sweep(session)  # which raises where it is in force still
