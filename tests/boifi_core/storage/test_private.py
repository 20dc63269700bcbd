"""What is its user's alone."""

import stat

import pytest

from boifi_core.storage.data_dir import data_dir
from boifi_core.storage.private import close_to_others, make_private, read_private, write_private


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_data_dir_that_is_made_is_private_with_all_that_is_made_above_it(tmp_path):
    data_dir(tmp_path / "a" / "b")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o755, 0o700), (0o751, 0o700), (0o777, 0o700), (0o704, 0o700), (0o750, 0o750), (0o770, 0o770)],
)
def test_what_others_may_read_is_closed_and_what_a_group_may_stays(tmp_path, before, after):
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(before)
    close_to_others(folder)
    assert mode(folder) == after


def test_a_folder_that_is_there_is_not_changed_by_its_making(tmp_path):
    tmp_path.chmod(0o755)
    make_private(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_file_in_the_way_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="exists"):
        make_private(tmp_path / "file")


def test_a_shared_folder_the_home_and_where_one_works_stay(tmp_path, monkeypatch):
    shared, home, work = tmp_path / "shared", tmp_path / "home", tmp_path / "work"
    for folder, before in ((shared, 0o1777), (home, 0o755), (work, 0o755)):
        folder.mkdir()
        folder.chmod(before)
    (work / "below").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(work / "below")
    for folder in (shared, home, work):
        close_to_others(folder)
    assert (mode(shared), mode(home), mode(work)) == (0o1777, 0o755, 0o755)


def test_what_is_gone_is_no_error(tmp_path):
    close_to_others(tmp_path / "gone")


def test_a_private_file_is_written_over_whatever_was_there(tmp_path):
    path = tmp_path / "secret"
    path.write_text("open")
    path.chmod(0o644)
    assert read_private(path) is None  # somebody else may know it
    write_private(path, "closed")
    assert (mode(path), read_private(path)) == (0o600, "closed")
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_read_is_none(tmp_path):
    assert read_private(tmp_path / "nothing") is None
    assert read_private(tmp_path) is None
    write_private(tmp_path / "bytes", "x")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert read_private(tmp_path / "bytes") is None
