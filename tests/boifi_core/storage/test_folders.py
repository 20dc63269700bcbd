"""What every place that a data dir may lie in promises."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from boifi_core.storage import Held, NotWritten, open_folder, place_of
from boifi_core.storage.s3 import COMPACT_AT

HOLD = """
import sys, time
from boifi_core.storage import open_folder, place_of
with open_folder(place_of(sys.argv[1])).held("lock"):
    print("held", flush=True)
    time.sleep(60)
"""


class FolderContract:
    """Promises of every folder; subclasses supply the `place` of one that is not made yet, in a data dir."""

    @pytest.fixture
    def folder(self, place):
        open_folder(place).make()
        return open_folder(place)

    def test_what_is_written_is_read_anew_each_time(self, folder):
        with pytest.raises(FileNotFoundError):
            folder.read("state.json")
        folder.write("state.json", b"one")
        folder.write("state.json", b"")
        assert folder.read("state.json") == b""
        folder.write("state.json", "zwölf".encode())
        assert folder.read("state.json").decode() == "zwölf"

    def test_who_reads_while_it_is_written_sees_old_or_new_whole(self, folder):
        texts = [bytes([letter]) * 300_000 for letter in b"ab"]
        folder.write("state.json", texts[0])
        ended = threading.Event()

        def write():
            for n in range(20):
                folder.write("state.json", texts[n % 2])
            ended.set()

        writer = threading.Thread(target=write)
        writer.start()
        seen = []
        while not ended.is_set() or not seen:
            seen.append(folder.read("state.json"))
        writer.join()
        assert set(seen) <= set(texts)

    def test_a_file_is_created_once(self, folder):
        folder.create("part-1", b"first")
        with pytest.raises(FileExistsError):
            folder.create("part-1", b"second")
        assert folder.read("part-1") == b"first"

    def test_names_are_sorted_and_chosen(self, folder):
        for name in ("part-2", "part-10", "part-1", "other", ".part-3"):
            folder.write(name, b"")
        folder.mark("stop", "why")
        open_folder(folder.path / "deep").make()
        open_folder(folder.path / "deep").write("er", b"x")
        assert folder.names() == ["deep", "other", "part-1", "part-10", "part-2", "stop"]
        assert folder.names(prefix="part-") == ["part-1", "part-10", "part-2"]
        assert folder.names(prefix="part-", after="part-1") == ["part-10", "part-2"]
        assert folder.names(after="deep")[0] == "other"
        assert open_folder(folder.path / "none").names() == []
        assert folder.read("deep/er") == b"x"

    def test_many_files_are_read_in_order(self, folder):
        names = [f"part-{n:03}" for n in range(40)]
        for name in names:
            folder.write(name, name.encode())
        assert list(folder.read_all([*names, "none"])) == [*(name.encode() for name in names), None]

    def test_what_is_removed_is_gone_and_may_be_removed_again(self, folder):
        folder.write("stop", b"")
        assert folder.exists("stop")
        assert folder.exists_lately("stop")
        folder.remove("stop")
        folder.remove("stop")
        assert not folder.exists("stop")
        assert not folder.exists_lately("stop")

    def test_a_folder_is_made_once(self, folder):
        folder.write("a", b"")
        with pytest.raises(FileExistsError):
            folder.make()
        folder.make_ready()
        assert folder.names() == ["a"]

    def test_the_time_of_a_change_moves_on(self, folder):
        assert folder.modified_ns("history") == folder.modified_ns("a") == 0
        history = open_folder(folder.path / "history")
        history.make_ready()
        history.create("part-1", b"")
        folder.write("a", b"")
        times = folder.modified_ns("history"), folder.modified_ns("a")
        assert 0 < times[0] <= times[1]
        time.sleep(1.1)  # a store counts in seconds
        history.create("part-2", b"")
        assert folder.modified_ns("history") > times[1]

    def test_what_is_discarded_is_gone_whole(self, folder, place):
        beside = open_folder(place.parent / f"{place.name}-too")
        for each in (folder, beside):
            each.make_ready()
            each.write("session.json", b"{}")
            each.note("here")
        open_folder(place / "history").make_ready()
        open_folder(place / "history").create("part-1", b"x")
        folder.discard(first="session.json")
        assert open_folder(place.parent).names() == [f"{place.name}-too"]
        assert folder.names() == open_folder(place / "history").names() == []
        assert set(open_folder(place.parent).note_stamps() or ()) <= {f"{place.name}-too"}

    def test_a_lock_is_one_process_s_and_free_when_that_is_killed(self, folder, place):
        assert not folder.is_held("lock")
        assert folder.holder("lock") is None
        process = subprocess.Popen([sys.executable, "-c", HOLD, str(place)], stdout=subprocess.PIPE)
        try:
            assert process.stdout.readline() == b"held\n"
            assert folder.is_held("lock")
            assert folder.holder("lock") == process.pid
            with pytest.raises(Held), folder.held("lock"):
                pass
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        assert not folder.is_held("lock")
        with folder.held("lock"):
            assert folder.is_held("lock")
            assert folder.holder("lock") == os.getpid()
        assert not folder.is_held("lock")

    def test_of_many_who_want_a_lock_one_has_it_at_a_time(self, folder):
        inside, most = [], []

        def hold():
            for _ in range(3):
                try:
                    with folder.held("lock"):
                        inside.append(1)
                        most.append(len(inside))
                        time.sleep(0.02)
                        inside.pop()
                except Held:
                    continue

        threads = [threading.Thread(target=hold) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(most) == {1}

    def test_notes_are_kept_or_not_wanted(self, folder, place):
        folder.note("first")
        parent = open_folder(place.parent)
        if parent.notes() is None:
            assert folder.note_stamp() is parent.note_stamps() is None
            return
        first = parent.notes()[place.name]
        assert (first.text, first.stamp) == ("first", folder.note_stamp())
        folder.note(None)
        touched = parent.notes()[place.name]
        assert (touched.text, touched.stamp != first.stamp) == ("first", True)
        folder.note("second")
        assert parent.notes()[place.name].text == "second"
        assert parent.note_stamps() == {place.name: folder.note_stamp()}


class TestLocalFolder(FolderContract):
    @pytest.fixture
    def place(self, tmp_path):
        return tmp_path / "sessions" / "abc"

    def test_a_failed_write_leaves_the_old_file_and_says_why(self, folder, monkeypatch):
        folder.write("state.json", b"old")

        def no_space(_descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(NotWritten, match="No space left"):
            folder.write("state.json", b"new")
        assert folder.read("state.json") == b"old"
        assert [path.name for path in folder.path.iterdir()] == ["state.json"]

    def test_what_a_killed_writer_left_is_tidied_up(self, folder):
        (folder.path / ".part-000001.parquet").write_bytes(b"half")
        folder.write("part-000000.parquet", b"")
        folder.tidy("part-")
        assert [path.name for path in folder.path.iterdir()] == ["part-000000.parquet"]


class TestS3Folder(FolderContract):
    @pytest.fixture
    def place(self, s3_data):
        return s3_data / "sessions" / "abc"

    def test_its_url_names_it(self, place):
        assert place_of(str(place)) == place

    def test_what_was_read_note_by_note_is_kept_together(self, place):
        names = [f"{n:03}" for n in range(COMPACT_AT)]
        for name in names:
            open_folder(place.parent / name).note(name)
        parent = open_folder(place.parent)
        assert {name: note.text for name, note in parent.notes().items()} == dict(zip(names, names, strict=True))
        together = open_folder(place.parent.parent)
        assert together.exists("sessions.listing.json")
        open_folder(place.parent / "000").note("changed")
        open_folder(place.parent / "001").write("x", b"")
        open_folder(place.parent / "001").discard(first="x")
        notes = parent.notes()
        assert notes["000"].text == "changed"
        assert "001" not in notes
        together.write("sessions.listing.json", b"no json")
        assert parent.notes() == notes
