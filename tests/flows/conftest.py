"""Sessions that run in this process."""

import pytest

from boifi_core.session.config import parse_session
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
