"""A folder on disk whose files are lost, or stand in the way: it goes on, and nobody gets what another holds."""

import subprocess
import sys

import pytest
from damage import become_folder, put_aside, remove

from boifi_core.storage import open_folder
from boifi_core.storage.base import Held, NotWritten
from boifi_core.storage.data_dir import why_not_written

HOLD = """
import sys, time
from boifi_core.storage import open_folder, place_of
with open_folder(place_of(sys.argv[1])).held("lock"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process holds."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield open_folder(tmp_path)
    process.kill()
    process.communicate()


@pytest.mark.parametrize("lose", [remove, become_folder])
def test_a_lost_lock_file_frees_nothing(held, lose):
    lose(held.path / "lock")
    assert held.is_held("lock")
    with pytest.raises(Held), held.held("lock"):
        pass
    assert held.is_held("lock")


def test_a_folder_where_a_file_belongs_is_moved_aside(tmp_path):
    files = open_folder(tmp_path)
    for name in ("state.json", "lock", "stop"):
        become_folder(tmp_path / name)
    files.write("state.json", b"{}")
    assert files.read("state.json") == b"{}"
    assert not files.is_held("lock")
    with files.held("lock"):
        assert files.is_held("lock")
    files.mark("stop", "why")
    assert files.exists("stop")
    files.remove("stop")
    assert not files.exists("stop")
    assert [len(put_aside(tmp_path / name)) for name in ("state.json", "lock", "stop")] == [1, 1, 1]


def test_what_cannot_be_written_is_said_and_why(tmp_path):
    assert why_not_written(tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert why_not_written(tmp_path / "gone") == "No such file or directory"
    with pytest.raises(NotWritten):
        open_folder(tmp_path / "gone").mark("stop", "")
