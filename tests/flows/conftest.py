"""Sessions that run in this process."""

import pytest

from boifi_core.session.config import parse_session
from boifi_core.session.events import listening
from boifi_core.session.make import make_session
from boifi_core.session.stored import read_trials


@pytest.fixture
def run(tmp_path, session_data):
    """Run a session to its end; returns its folder, its state and its trials."""

    def run(endpoint, **changes):
        from flows.session import session

        config = parse_session(session_data(endpoint, **changes))
        folder = make_session(tmp_path, config)
        session(str(folder.path), return_state=True)
        return folder, folder.state(), read_trials(folder, config)

    return run


def space(most_ms):
    """Delays, and an abort."""
    return [
        {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": "delay_ms", "type": "integer", "min": 100, "max": most_ms,
         "condition": {"field": "fault_type", "operator": "equals", "value": "delay"}},
        {"name": "abort_status_code", "type": "categorical", "values": [503],
         "condition": {"field": "fault_type", "operator": "equals", "value": "abort"}},
    ]  # fmt: skip


@pytest.fixture
def settled(tmp_path):
    """Run a session of 12 trials that says nothing of lags; returns its folder, state, trials, and what was told."""

    def run(mesh, executor=None, *, most_ms=800, **changes):
        from flows.session import session

        config = parse_session(
            {
                "executor": {"endpoint": mesh.url, "timeout_s": 10, **(executor or {})},
                "observer": {"type": "probe", "requests": [{"url": f"{mesh.url}/"}], "count": 30, "concurrency": 5},
                "search_space": space(most_ms),
                "total_trials": 12,
                "initial_points": 6,
                "seed": 3,
                "confirm": {"share": 0},
                "minimise": {"share": 0},
                **changes,
            }
        )
        folder, told = make_session(tmp_path, config), []
        with listening(told.append):
            session(str(folder.path), return_state=True)
        return folder, folder.state(), read_trials(folder, config), told

    return run
