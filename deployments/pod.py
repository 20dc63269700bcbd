"""What a pod does, `python -m deployments.pod`: the one flow run that PREFECT__FLOW_RUN_ID names."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn
from uuid import UUID

from boifi_core.storage import Place

CANCEL_POLL_S = 5.0
"""How often Prefect is asked whether somebody cancels the run, seconds."""


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def main() -> None:
    # The first process of a container has to say itself that SIGTERM ends it. A session's own handlers come later.
    signal.signal(signal.SIGTERM, _end)
    from prefect.client.orchestration import get_client

    from boifi_core.settings import service_settings
    from deployments.fork_server.run import run_flow_run

    data = service_settings().data
    run_id = UUID(os.environ["PREFECT__FLOW_RUN_ID"])
    with get_client(sync_client=True) as client:
        flow_name = client.read_flow(client.read_flow_run(run_id).flow_id).name
    threading.Thread(target=_watch, args=(run_id, data), name="cancel watch", daemon=True).start()
    run_flow_run(str(run_id), flow_name, data=data)


def _watch(run_id: UUID, data: Place) -> None:
    """Send this process SIGTERM when somebody cancels its run in Prefect's UI; a session's folder is told before."""
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType
    from prefect.exceptions import PrefectHTTPStatusError

    from deployments.fork_server.run import session_folder
    from deployments.polling import tell_of_api

    with get_client(sync_client=True) as client:
        while True:
            time.sleep(CANCEL_POLL_S)
            try:
                run = client.read_flow_run(run_id)
            except (httpx.HTTPError, PrefectHTTPStatusError) as error:
                tell_of_api(error)
                continue
            if run.state is not None and run.state.type is StateType.CANCELLING:
                if (folder := session_folder(run.parameters, data)) is not None:
                    folder.request_cancel()
                os.kill(os.getpid(), signal.SIGTERM)
                return


if __name__ == "__main__":
    main()
