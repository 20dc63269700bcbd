"""The list of sessions in a narrow terminal and a wide one."""

import io

import pytest
from rich.console import Console

from boifi_core.session.config import parse_session
from boifi_core.session.make import make_session
from cli.sessions import list_sessions


@pytest.mark.parametrize(("width", "characters"), [(80, 8), (140, 36)])
def test_the_list_fits_and_says_how_a_session_goes_on(tmp_path, session_data, width, characters):
    folder = make_session(tmp_path, parse_session(session_data("http://127.0.0.1:1")))
    written = io.StringIO()
    list_sessions(tmp_path, Console(file=written, width=width))
    _head, line, hint = written.getvalue().splitlines()
    assert line.split()[:5] == [folder.session_id[:characters], "PENDING", "(gone)", "0/12", "-"]
    assert line.rstrip().endswith("ratings-delay")
    assert "--resume ID goes on with it" in hint
