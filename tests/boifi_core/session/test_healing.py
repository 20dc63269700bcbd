"""How the target healed reaches the history after its trial has, and whoever opens the session again knows it."""

from observations import observed
from planted import SERVICES, Weakness, planted_session

from boifi_core.findings import Verdict
from boifi_core.models import Aftermath, SessionStatus
from boifi_core.session.opening import open_session

FRAIL = tuple(Weakness(service, None, 1, 1) for service in SERVICES)
DOWN = Aftermath(observation=observed(status_code=503, error_rate=1.0), severity=9.0, after_ms=60_000.0, is_down=True)


def test_who_dies_before_the_target_was_seen_to_heal_loses_nothing_else(tmp_path):
    folder = planted_session(tmp_path, FRAIL, 1, total_trials=6, most=3).session.folder
    with open_session(folder) as again:  # as after a kill -9 between recording and watching
        assert [(trial.healed_ms, trial.aftermath) for trial in again.trials] == [(None, None)] * 3
        assert again.next_number == 4
        assert all(mode.verdict is not Verdict.STAYS_DOWN for mode in again.found.modes)


def test_who_opens_the_session_again_finds_what_its_first_process_found(tmp_path):
    folder = planted_session(tmp_path, FRAIL, 1, total_trials=6, most=3).session.folder
    with open_session(folder) as session:
        before = session.found
        assert session.amend(1, healed_ms=250.0)
        assert session.amend(3, aftermath=DOWN)
        assert not session.amend(4, healed_ms=1.0), "there is none"
        trials, found, state = list(session.trials), session.found, session.state(SessionStatus.COMPLETED)
    assert (before.modes[0].verdict, found.modes[0].verdict) == (None, Verdict.STAYS_DOWN)
    with open_session(folder) as again:
        assert (again.trials, again.found) == (trials, found)
        assert again.state(SessionStatus.COMPLETED).progress == state.progress
