"""Promises every observer keeps, wherever its observations come from."""

from __future__ import annotations

import json
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest

from boifi_core.errors import ExecutorTimedOut
from boifi_core.models import RawObservation

LIMIT_S = 20.0


class AlarmError(Exception):
    """What the alarm's handler raises, as a task's time-out does."""


class ObserverContract:
    """Subclasses supply the fixture `observer`, of a target that is well and answers 200."""

    def test_an_observation_of_a_sound_target(self, observer):
        seen = observer.observe(newer_than=datetime.now(UTC), timeout_s=LIMIT_S)
        assert seen.status_code == 200
        assert seen.error_rate == 0
        assert seen.latency_ms > 0
        assert seen.degraded == ()

    def test_it_is_newer_than_asked_for_each_time(self, observer):
        for _ in range(3):
            moment = datetime.now(UTC)
            seen = observer.observe(newer_than=moment, timeout_s=LIMIT_S)
            assert moment < seen.timestamp <= datetime.now(UTC)

    def test_an_older_one_is_waited_out(self, observer):
        moment = datetime.now(UTC) + timedelta(seconds=0.3)
        assert observer.observe(newer_than=moment, timeout_s=LIMIT_S).timestamp > moment

    def test_it_gives_up_in_time(self, observer):
        started = time.monotonic()
        with pytest.raises(ExecutorTimedOut) as error:
            observer.observe(newer_than=datetime.now(UTC) + timedelta(hours=1), timeout_s=0.3)
        assert time.monotonic() - started < 20
        assert error.value.safe_to_retry
        assert "\n" not in str(error.value)

    def test_its_trace_is_a_list_of_spans(self, observer):
        seen = observer.observe(newer_than=datetime.now(UTC), timeout_s=LIMIT_S)
        if seen.trace_data is None:
            pytest.skip("it brings no traces")
        for trace in (seen.trace_data, *seen.traces.values()):
            spans = json.loads(trace)["spans"]
            assert spans
            for span in spans:
                assert {"id", "name", "duration_ms", "status"} <= set(span)
                assert span["status"] in ("success", "error")
                assert span["duration_ms"] >= 0

    def test_it_can_be_written_and_read_again(self, observer):
        seen = observer.observe(newer_than=datetime.now(UTC), timeout_s=LIMIT_S)
        assert RawObservation.model_validate_json(seen.model_dump_json()) == seen

    def test_an_alarm_breaks_it_off_and_leaves_it_usable(self, observer):
        def on_alarm(*_):
            raise AlarmError

        previous = signal.signal(signal.SIGALRM, on_alarm)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(AlarmError):
                observer.observe(newer_than=datetime.now(UTC) + timedelta(hours=1), timeout_s=7200)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        assert observer.observe(newer_than=datetime.now(UTC), timeout_s=LIMIT_S).status_code == 200

    def test_closing_again_is_harmless(self, observer):
        observer.close()
        observer.close()
