"""A session on a real disk that has no room for a while."""

import threading

import pytest
from hfi_landscape import landscape
from small_disk import small_disk

from boifi_core.models import SessionStatus
from boifi_core.session.config import parse_session
from boifi_core.session.events import Recorded, Waiting, listening
from boifi_core.session.make import make_session
from boifi_core.session.stored import read_trials

pytestmark = pytest.mark.usefixtures("prefect_server")

WAITS = "the data dir cannot be written: No space left on device; goes on when it can be"


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        yield disk


@pytest.mark.parametrize("when", ["before it has begun", "while a fault is observed", "when a trial was recorded"])
def test_a_session_waits_for_room_and_loses_nothing(hfi, session_data, disk, when):
    from flows.session import session

    config = parse_session(session_data(hfi.url, total_trials=4, initial_points=4))
    folder = make_session(disk.path, config)
    told, left = [], []

    def fill():
        if not left:
            left.append(None)
            disk.fill()

    def respond(faults):
        if faults and when.startswith("while"):
            fill()
        return landscape(faults)

    def listen(event):
        told.append(event)
        if isinstance(event, Recorded) and event.trial.trial == 2 and when.startswith("when"):
            fill()
        if isinstance(event, Waiting):
            left[:] = [list(hfi.active())]
            threading.Timer(1.5, disk.free).start()

    hfi.respond = respond
    if when.startswith("before"):
        fill()
    with listening(listen):
        session(str(folder.path), return_state=True)
    assert [event.text for event in told if isinstance(event, Waiting)] == [WAITS]
    assert left == [[]]  # no fault was in force meanwhile
    assert folder.state().status is SessionStatus.COMPLETED
    assert [trial.trial for trial in read_trials(folder, config)] == [1, 2, 3, 4]
