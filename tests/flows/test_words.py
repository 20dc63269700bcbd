"""Words for what went wrong, whoever raised it."""

import errno

import httpx
import pytest

from boifi_core.errors import BoifiError
from boifi_core.models import SessionStatus
from flows.words import in_words, message_in_words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (BoifiError("trial 7 was not scored within 30 s"), "trial 7 was not scored within 30 s"),
        (httpx.ReadTimeout(""), "Prefect's API did not do what was asked: ReadTimeout"),
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "/data/x: No space left on device"),
        (MemoryError(), "there is not enough memory"),
        (KeyError("a"), "a mistake of BOIFI's own, KeyError: 'a'; the log says where"),
    ],
)
def test_an_error_is_one_line(error, words):
    assert in_words(error) == words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (None, ""),
        ("all 12 trials made", "all 12 trials made"),
        (
            "the target did not recover within 60 s of trial 7: …",
            "the target did not recover within 60 s of trial 7: …",
        ),
        (
            "Flow run encountered an exception: KeyError: 'a'",
            "a mistake of BOIFI's own, KeyError: 'a'; the log says where",
        ),
        (
            "Execution was interrupted by an unexpected exception: Traceback (most recent call last):\n  File …\n\n"
            "ValueError: b\n",
            "a mistake of BOIFI's own, ValueError: b; the log says where",
        ),
        ("Execution was aborted by a termination signal.", "it was told to end, by SIGTERM"),
        ("Flow run infrastructure exited with non-zero status code: -9.", "its process ended with status -9"),
        ("Request to http://127.0.0.1:4200/api/x failed: Traceback …\n  …", "Prefect's API did not answer"),
    ],
)
def test_what_prefect_says_of_a_run_is_one_line_in_words(message, words):
    assert message_in_words(message) == words


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("raised", [RuntimeError("b"), BoifiError("what it says")])
def test_a_session_that_fails_by_an_error_says_it_in_words_everywhere(hfi, run, monkeypatch, raised):
    import boifi_core.session.trial as steps

    def fail(*_):
        raise raised

    monkeypatch.setattr(steps, "score", fail)
    _, state, _ = run(hfi.url)
    assert (state.status, state.reason) == (SessionStatus.FAILED, in_words(raised))
    assert hfi.active() == {}


@pytest.mark.usefixtures("prefect_server")
def test_a_step_that_takes_too_long_says_which(hfi, run, monkeypatch):
    import time

    import boifi_core.session.trial as steps
    from tasks import steps as tasks

    monkeypatch.setattr(tasks, "SCORE_LIMIT_S", 0.2)
    monkeypatch.setattr(steps, "score", lambda *_: time.sleep(60))
    _, state, _ = run(hfi.url)
    assert state.reason == "what was observed in trial 1 could not be scored within 0.2 s"
    assert hfi.active() == {}
