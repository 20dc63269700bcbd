"""The login of our own Prefect server, and its port: made once, kept, healed."""

import io
import socket
import stat

import pytest
from rich.console import Console

from boifi_core.errors import BoifiError, InvalidInput
from cli.prefect_api import hold_port
from cli.prefect_login import login, way_in
from cli.prefect_port import prefect_port_of


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_password_is_made_once_and_for_its_user_alone(tmp_path):
    made = login(tmp_path)
    assert made == login(tmp_path)
    assert made.startswith("boifi:")
    assert len(made) > 32
    assert stat.S_IMODE((tmp_path / "prefect-password").stat().st_mode) == 0o600


@pytest.mark.parametrize("damage", ["", "\n", "short", "x" * 30 + "\n" + "y" * 30, "ü" * 40, "\0" * 40])
def test_a_damaged_password_is_made_anew(tmp_path, damage):
    before = login(tmp_path)
    (tmp_path / "prefect-password").write_text(damage)
    assert login(tmp_path) not in (before, f"boifi:{damage}")
    assert login(tmp_path) == login(tmp_path)


def test_a_password_that_others_may_have_read_is_made_anew(tmp_path):
    before = login(tmp_path)
    (tmp_path / "prefect-password").chmod(0o644)
    assert login(tmp_path) != before


def test_your_own_login_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PREFECT_SERVER_API_AUTH_STRING", "ops:secret")
    assert login(tmp_path) == "ops:secret"


def test_a_folder_in_its_place_is_told_in_one_line(tmp_path):
    (tmp_path / "prefect-password").mkdir()
    with pytest.raises(BoifiError, match="prefect-password: must be a file that can be written"):
        login(tmp_path)


def test_a_person_sees_the_link_and_a_log_sees_the_file_it_lies_in(tmp_path):
    url = "http://127.0.0.1:4200/api"
    link = f"http://127.0.0.1:4200/enter#{login(tmp_path)}"
    assert way_in(url, tmp_path, Console(file=Terminal())) == link
    # A log that is told to have colours is a log.
    said = way_in(url, tmp_path, Console(file=io.StringIO(), force_terminal=True))
    path = tmp_path / "prefect-link"
    assert said == f"http://127.0.0.1:4200 (log in by the link in {path})"
    assert path.read_text() == f"{link}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def port_of(home, given=None, facade=1):
    said = io.StringIO()
    with prefect_port_of(home, given, facade, Console(file=said, width=200)) as held:
        return held.getsockname()[1], said.getvalue()


@pytest.fixture
def free():
    with hold_port() as held:
        return held.getsockname()[1]


def test_a_port_that_was_free_is_kept(tmp_path):
    with hold_port() as busy:
        first, said = port_of(tmp_path, facade=4200)  # 4200 is the facade's
        assert first not in (4200, busy.getsockname()[1])
    assert said == ""
    assert port_of(tmp_path) == (first, "")


@pytest.mark.parametrize("damage", [b"", b"abc", b"0", b"70000", b"\xff\xff", b"-5"])
def test_a_damaged_port_is_chosen_anew(tmp_path, damage):
    (tmp_path / "prefect-port").write_bytes(damage)
    port, said = port_of(tmp_path)
    assert said == ""
    assert (tmp_path / "prefect-port").read_text() == f"{port}\n"


def test_while_somebody_has_the_kept_port_another_is_taken_and_told(tmp_path, free):
    (tmp_path / "prefect-port").write_text(str(free))
    with socket.create_server(("127.0.0.1", free)):
        port, said = port_of(tmp_path)
        assert port != free
        assert f"port {free}" in said
        assert str(port) in said
    assert port_of(tmp_path) == (free, "")


def test_a_given_port_is_taken_or_refused(tmp_path, free):
    assert port_of(tmp_path, given=free) == (free, "")
    assert port_of(tmp_path) == (free, "")
    with socket.create_server(("127.0.0.1", free)), pytest.raises(InvalidInput, match=f"--prefect-port: .*got {free}"):
        port_of(tmp_path, given=free)
    with pytest.raises(InvalidInput, match="--prefect-port"):
        port_of(tmp_path, given=free, facade=free)
