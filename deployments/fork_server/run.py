"""What a forked process does: one flow run."""

from __future__ import annotations

import contextlib
import signal
import sys
from uuid import UUID

from boifi_core.child_process import entitle
from boifi_core.errors import InvalidInput
from boifi_core.session.folder import SessionFolder
from boifi_core.session.run_file import flow_run_of, keep_flow_run
from boifi_core.storage import NotWritten, Place
from flows.asked import check, own_session

DRAIN_TIMEOUT_S = 10.0


def run_flow_run(flow_run_id: str, flow_name: str, *, data: Place) -> None:
    """Run the flow of this name as this flow run, to its end, in this process.

    A session that another process holds is left to that process. A run that asks for what may not be asked for here has
    failed.

    Args:
        data: the data dir that this machine's sessions lie in.
    """
    from prefect.context import SyncClientContext
    from prefect.engine import handle_engine_signals
    from prefect.exceptions import TerminationSignal
    from prefect.flow_engine import load_flow_run, run_flow
    from prefect.states import Failed

    from boifi_core.session.events import listening
    from deployments.flows import FLOWS
    from deployments.logs import configure, log, session_log
    from flows.queued import drain

    configure()

    run_id = UUID(flow_run_id)
    with SyncClientContext.get_or_create() as context:  # one client for all that this process asks of Prefect
        flow_run = load_flow_run(run_id)
        try:
            check(flow_name, flow_run.parameters, data)
        except InvalidInput as error:
            log.warning("flow run %s is refused: %s", flow_run_id, error)
            context.client.set_flow_run_state(run_id, Failed(message=str(error)), force=True)
            return
        folder = session_folder(flow_run.parameters, data)
        entitle(f"boifi: {flow_name}" if folder is None else f"boifi: session {folder.session_id}")
        if folder is not None:
            if folder.is_held():
                return
            if flow_run_of(folder) != flow_run_id:  # the facade has written it already, or does so at this moment
                with contextlib.suppress(NotWritten):  # on a full disk, for which the session itself waits
                    keep_flow_run(folder, flow_run_id)
        try:
            with listening(session_log), handle_engine_signals(run_id):
                run_flow(FLOWS[flow_name], flow_run=flow_run, return_type="state")
        except TerminationSignal:
            sys.exit(128 + signal.SIGTERM)
        finally:
            drain(DRAIN_TIMEOUT_S)  # a forked process runs no exit handlers


def session_folder(parameters: dict[str, object], data: Place) -> SessionFolder | None:
    """The session of this data dir that a flow run with these parameters runs; None where it runs none."""
    try:
        return own_session(parameters.get("folder"), data)
    except InvalidInput:
        return None
