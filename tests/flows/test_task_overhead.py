"""What a session's tasks do without, against a real Prefect server."""

import logging

import httpx
import pytest


@pytest.mark.timeout(60)  # a task that asks for a slot waits for ever
def test_lean_tasks_ask_for_no_slots_and_log_their_failures_alone(prefect_server, caplog):
    from prefect import flow, tags, task  # not before there is a server

    from flows.task_overhead import without_task_overhead

    limit = {"name": "tag:nobody-may", "limit": 0}
    httpx.post(f"{prefect_server}/v2/concurrency_limits/", json=limit).raise_for_status()

    @task
    def works():
        return 1

    @task
    def fails():
        raise ValueError("broken")

    @flow
    def both():
        with tags("nobody-may"), without_task_overhead():
            return works(), fails(return_state=True).is_failed()

    log = logging.getLogger("prefect.task_runs")
    log.addHandler(caplog.handler)  # what Prefect logs does not reach the root logger
    try:
        assert both() == (1, True)
    finally:
        log.removeHandler(caplog.handler)
    said = [record.getMessage() for record in caplog.records if record.name == log.name]
    assert any("broken" in line for line in said)
    assert not any("Completed" in line for line in said)
