"""The baseline: what is learnt from it, what is left out, what is refused and named."""

from datetime import timedelta

import pytest
from histories import trial_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from meshes import page, unanswered, window
from observations import NOON, observed

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService
from boifi_core.errors import ExecutorBadAnswer
from boifi_core.models import Control, RawObservation
from boifi_core.observers.hfi_answer import read_observation
from boifi_core.session import trial as steps
from boifi_core.session.config import parse_session
from boifi_core.session.events import BaselineSeen, Note
from boifi_core.session.learning import learnt_optimizer
from boifi_core.session.make import make_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.baseline import MOST_WARM_UP, Baseline, TargetUnhealthy
from boifi_core.session.phases.plan import Plan
from boifi_core.session.stored_baseline import stored_evidence

LOOKED_AT = '{"level": "info", "msg": "batch done", "took_s": 0.25, "errors": 0}'


@pytest.fixture
def opened(tmp_path, session_data):
    """Opens a session with these keys; nothing is sent anywhere."""
    sessions = []

    def make(**more):
        more = {"baseline_observations": 3, **more}
        context = open_session(make_session(tmp_path, parse_session(session_data("http://127.0.0.1:1", **more))))
        sessions.append(context)
        return context.__enter__()

    yield make
    for context in sessions:
        context.__exit__(None, None, None)


def prepared(session, windows):
    """What the baseline phase tells, of a target that shows these windows one after the other, the last for ever."""
    told, left = [], list(windows)
    session.events.add(told.append)
    Baseline().prepare(session, lambda _label: left.pop(0) if len(left) > 1 else left[0])
    return told


def notes(told):
    return [event.text for event in told if isinstance(event, Note)]


def slow(*latencies_ms):
    return [observed(latency_ms=float(each)) for each in latencies_ms]


AUTO = {"baseline_latency_ms": "auto", "threshold_latency_ms": "auto"}


def test_f14_what_is_seen_while_the_target_warms_up_is_left_out_and_told(opened):
    session = opened(analyzer=AUTO)
    told = prepared(session, slow(900, 900, 20))
    assert session.analyzer.config.limits_ms() == AnalyzerConfig(**AUTO).limits_ms(slow(20))
    assert [o.latency_ms for o in stored_evidence(session.folder).fault_free] == [20, 20, 20]
    assert notes(told) == [
        "left out of what is normal, since the target was warming up: 2 observations (900 ms, 900 ms)"
    ]


@pytest.mark.parametrize("latencies_ms", [(900, 500, 200, 60, 20), (400, 20), (2000, 1500, 1000, 30, 25)])
def test_f14_however_slowly_it_warms_up(opened, latencies_ms):
    session = opened(analyzer=AUTO)
    prepared(session, slow(*latencies_ms))
    assert max(session.normal.latencies_ms) <= 1.5 * latencies_ms[-1]


def test_f14_a_target_that_warms_up_for_ever_is_waited_for_within_limits(opened):
    session = opened()
    told = prepared(session, slow(*(1e9 / 2**n for n in range(MOST_WARM_UP + 10))))
    assert "without a fault the target still gets better after" in notes(told)[1]
    assert len(session.normal.observations) == 3


@given(st.lists(st.sampled_from([20, 800]), min_size=3, max_size=20))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_c15_where_slow_windows_come_by_chance_they_are_normal(opened, latencies_ms):
    session = opened(analyzer=AUTO)
    windows = iter(slow(*latencies_ms, *[20] * 40))
    used = []
    Baseline().prepare(session, lambda _label: used.append(next(windows)) or used[-1])
    slowest = session.normal.latencies_ms[-1]
    is_warm_up = used == sorted(used, key=lambda window: -window.latency_ms)
    assert slowest == (20 if is_warm_up and used[-1].latency_ms == 20 else max(w.latency_ms for w in used))


def test_f14_where_windows_agree_none_is_left_out(opened):
    session = opened()
    assert notes(prepared(session, slow(20, 31, 22))) == []


def unreadable(**fields):
    data = {"status_code": "200", "latency_ms": "50", "error_rate": "0.0", "logs": [], **fields}
    return read_observation(data, timestamp=NOON)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"status_code": None, "latency_ms": None, "error_rate": None},
        {"status_code": "OK", "latency_ms": "50ms", "error_rate": "0 %", "logs": None, "trace_data": "<html>"},
        {"status_code": 0, "latency_ms": -1, "error_rate": 37.5},
    ],
)
def test_f5_an_observation_without_one_sound_field_is_none(opened, data):
    session = opened()
    session.observer.observe = lambda **_: unreadable(**data)
    with pytest.raises(ExecutorBadAnswer, match=r"^nothing of what was observed could be read: status_code: "):
        steps.observe(session, NOON, 1e18)


def test_f5_one_sound_field_is_an_observation(opened):
    session = opened()
    for seen in (
        unreadable(status_code=200),
        unreadable(latency_ms=3),
        unreadable(error_rate=0.1),
        unreadable(logs=["x"]),
    ):
        session.observer.observe = lambda seen=seen, **_: seen
        assert steps.observe(session, NOON - timedelta(seconds=1), 1e18) == seen


def test_f5_what_of_a_baseline_could_not_be_read_is_named(opened):
    told = prepared(opened(), [unreadable(latency_ms=50)])
    (text,) = notes(told)
    assert text.startswith("without a fault not all could be observed: ")
    assert "status_code: must be a number, got '200'" in text


def test_f12_a_line_that_tells_of_no_error_makes_no_target_unhealthy(opened):
    session = opened()
    told = prepared(session, [observed(logs=(LOOKED_AT,))])
    assert [event.severity for event in told if isinstance(event, BaselineSeen)] == [0]
    assert session.severity(observed(logs=(LOOKED_AT, LOOKED_AT.replace("0.25", "1.75")))) == 0
    assert session.severity(observed(logs=(LOOKED_AT.replace('s": 0}', 's": 7}'),))) > 2
    assert session.severity(observed(logs=("ERROR",))) > 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        (
            {"status_code": 503, "error_rate": 1.0, "latency_ms": 1.9, "logs": ("connection refused",)},
            "(most requests got 503; “connection refused”)",
        ),
        (
            {"status_code": 504, "error_rate": 1.0, "latency_ms": 5000, "logs": ("no answer within 5 s",)},
            "(most requests got 504; latency 5000 ms; “no answer within 5 s”)",
        ),
        (
            {"status_code": 401, "error_rate": 1.0, "statuses": {"GET /": {401: 30}}},
            "(most requests got 401; GET / fails: 90 of 90 requests, most with 401)",
        ),
    ],
)
def test_f12_p22_a_refusal_names_the_cause(opened, fields, says):
    with pytest.raises(TargetUnhealthy) as refused:
        prepared(opened(), [observed(**fields)])
    assert str(refused.value).startswith("the target is not healthy without a fault: median severity ")
    assert says in str(refused.value)


def test_p20_a_kind_of_request_that_fails_from_the_start_is_named(opened):
    statuses = {"GET /": {200: 10}, "GET /cart": {201: 10}, "GET /gnoe": {404: 10}}
    told = prepared(opened(), [observed(error_rate=0.33, statuses=statuses)])
    assert notes(told) == ["without a fault GET /gnoe fails: 30 of 30 requests, most with 404"]


def test_p14_a_call_that_flakes_is_named(opened):
    flaky = page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17"))
    (text,) = notes(prepared(opened(), [window(), window(flaky), window()]))
    assert text == "without a fault these calls fail: gateway → reviews GET /reviews/{id} (33 % of its traces)"


def test_a_healthy_target_is_told_of_in_one_line(opened):
    told = prepared(opened(), [RawObservation(timestamp=NOON, status_code=200, latency_ms=9, error_rate=0)])
    assert [type(event) for event in told] == [BaselineSeen]


class TestWhatIsSeenBetweenTrials:
    FLAKE = window(page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17")), logs=("ERROR no reviews",))

    def after_a_flake(self, session):
        prepared(session, [window()])
        control = Control(observation=self.FLAKE, severity=3.5)
        session.keep(trial_of(1, 0.0, point=Plan().next(session).point, observation=window(), control=control))
        return session

    def test_p14_what_was_seen_without_a_fault_is_normal_to_all_trials_after_it(self, opened):
        session = opened()
        prepared(session, [window()])
        assert steps.score(session, self.FLAKE).total_score > 3
        session = self.after_a_flake(opened())
        assert steps.score(session, self.FLAKE).total_score == 0
        assert session.severity(self.FLAKE) == 0

    def test_p14_a_session_that_is_resumed_takes_the_same_for_normal(self, opened):
        session = self.after_a_flake(opened())
        with open_session(session.folder) as again:
            again.evidence = stored_evidence(session.folder)
            first, second = (each.evidence.after(each.trials).normal for each in (session, again))
            assert first.observations == second.observations
            assert steps.score(again, self.FLAKE) == AnalyzerService(session.analyzer.config).calculate_severity(
                self.FLAKE, first
            )

    def test_p14_what_trials_were_scored_stays_as_it_was(self, opened):
        session = self.after_a_flake(opened())
        session.keep(trial_of(2, 3.5, observation=self.FLAKE))
        session.keep(trial_of(3, 0.0, observation=window(), control=Control(observation=self.FLAKE, severity=0.0)))
        assert [trial.severity for trial in session.history.trials()] == [0.0, 3.5, 0.0]

    def test_the_model_is_taught_by_the_baseline_alone_so_that_it_learns_the_same_again(self, opened):
        session = opened(optimizer={"objective": "modes"})
        prepared(session, [window()])
        for number in range(1, 9):
            control = Control(observation=self.FLAKE, severity=0.6) if number % 2 else None
            proposal = Plan().next(session)
            seen = self.FLAKE if number % 3 else window()
            draft = trial_of(
                number,
                3.5 if number % 3 else 0.0,
                observation=seen,
                control=control,
                phase=proposal.phase,
                point=proposal.point,
                plans=proposal.plans,
            )
            steps.record(session, draft)
        again = learnt_optimizer(session.config, session.history.trials(), (), stored_evidence(session.folder))
        assert again.history == session.optimizer.history
        assert again.propose() == Plan().next(session).point
