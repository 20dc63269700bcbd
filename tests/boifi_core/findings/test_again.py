"""Whether a fault that is injected once more does the same again."""

import pytest
from failures import HEALTHY, LATE, found, tried

from boifi_core.findings.again import again
from boifi_core.models import Phase


@pytest.mark.parametrize(
    ("severity", "observation", "shows", "is_same"),
    [(6.0, None, True, True), (5.0, None, True, True), (4.9, None, True, False), (9.0, None, True, True),
     (6.0, LATE, False, False), (0.0, HEALTHY, False, False)],
)  # fmt: skip
def test_the_same_failure_at_least_as_bad_is_the_same(severity, observation, shows, is_same):
    original = tried(1)
    shown = {} if observation is None else {"observation": observation}
    replay = tried(2, severity=severity, phase=Phase.REPLAY, **shown)
    told = again(found(original, replay), [original, replay], original, replay)
    assert (told.shows, told.is_same) == (shows, is_same)


def test_a_replay_that_could_not_be_measured_is_neither():
    original, replay = tried(1), tried(2, severity=None, status="failed", phase=Phase.REPLAY)
    assert again(found(original, replay), [original, replay], original, replay) is None
