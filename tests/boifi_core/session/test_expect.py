"""`expect` in a session: what is wrong with status 200 is a finding."""

from datetime import UTC, datetime, timedelta

import pytest
from histories import trial_of
from target_server import Reply, Target

from boifi_core.analyzer.explain import explain
from boifi_core.errors import InvalidInput
from boifi_core.models import Choice, Control, Near, Phase
from boifi_core.observers import probe as probes
from boifi_core.session import trial as steps
from boifi_core.session.config import parse_session, stored_config_of, with_overrides
from boifi_core.session.events import Note
from boifi_core.session.make import make_session, resume_session
from boifi_core.session.opening import open_session
from boifi_core.session.phases.baseline import Baseline, TargetUnhealthy

POSITIVE = {"json": [{"field": "$.total", "operator": "greater_than", "value": 0}]}
FULL = Reply(body=b'{"total": 42.5, "currency": "EUR"}')


@pytest.fixture
def shop():
    with Target() as target:
        target.reply = lambda _: FULL
        yield target


@pytest.fixture
def opened(tmp_path, session_data, shop, monkeypatch):
    """A session that observes the shop by a probe."""
    monkeypatch.setattr(probes, "LEARNING_PAUSE_S", 0.0)
    contexts = []

    def make(requests=("/cart",), own=None, count=12, **more):
        sent = [{"url": f"{shop.url}{path}", **({"expect": own} if own else {})} for path in requests]
        observer = {"type": "probe", "requests": sent, "count": count}
        more = {"analyzer": {"baseline_latency_ms": 9_000, "threshold_latency_ms": 10_000}, **more}
        config = parse_session(session_data("http://127.0.0.1:1", observer=observer, **more))
        contexts.append(open_session(make_session(tmp_path, config)))
        return contexts[-1].__enter__()

    yield make
    for context in contexts:
        context.__exit__(None, None, None)


def observe(session, _label=""):
    now = datetime.now(UTC)
    return session.observer.observe(newer_than=now - timedelta(days=1), timeout_s=20)


def begin(session):
    told = []
    session.events.add(told.append)
    Baseline().prepare(session, lambda label: observe(session, label))
    return told


def trial(session, number, shop, reply, **more):
    """What a trial shows in which the shop answers so."""
    healthy, shop.reply = shop.reply, reply
    seen = observe(session)
    shop.reply = healthy
    made = trial_of(number, point={"fault_type": "abort"}, observation=seen, score=steps.score(session, seen), **more)
    session.trials.append(made)
    return made


def test_p6_a_cart_that_totals_0_with_status_200_is_a_finding(opened, shop):
    session = opened(own=POSITIVE)
    begin(session)
    broken = trial(session, 1, shop, lambda _: Reply(body=b'{"total": 0, "currency": "EUR"}'))
    assert (broken.observation.status_code, broken.observation.error_rate) == (200, 1.0)
    assert broken.score.bug_score == 8.0
    assert broken.score.breakdown["bug.wrong_answers"] == 8.0
    assert explain(broken.score, broken.observation) == "most answers of GET /cart break $.total > 0"
    for number in range(2, 6):
        control = Control(observation=observe(session), severity=0.0)
        why = Choice(reason="verify", nearest=(Near(trial=1, severity=8.0),))
        reply = lambda _: Reply(body=b'{"total": 0}')  # noqa: E731
        trial(session, number, shop, reply, control=control, why=why, phase=Phase.CONFIRM)
    trial(session, 6, shop, lambda _: FULL)
    (mode,) = session.found.modes
    assert mode.sentence == "most answers of GET /cart break $.total > 0"
    assert (mode.signature[0].kind, mode.signature[0].where) == ("wrong", "GET /cart: $.total > 0")
    assert (mode.trials, mode.verdict, session.found.harmless) == ((1, 2, 3, 4, 5), "confirmed", 1)


def test_p6_the_floor_of_9_is_for_requests_that_fail_otherwise(opened, shop):
    session = opened(own=POSITIVE)
    begin(session)
    wrong = trial(session, 1, shop, lambda _: Reply(body=b'{"total": 0}'))
    failed = trial(session, 2, shop, lambda _: Reply(status=503))
    assert wrong.score.total_score < 9 <= failed.score.total_score


@pytest.mark.parametrize(
    "expect", ["learnt", {"headers": [{"field": "location", "operator": "matches", "value": "thanks"}]}]
)
def test_p6_a_redirect_to_the_error_page_is_a_finding(opened, shop, expect):
    shop.reply = lambda _: Reply(status=302, body=b"", headers={"Location": "/thanks"})
    session = opened(["/order"], expect=expect)
    begin(session)
    trial(session, 1, shop, lambda _: Reply(status=302, body=b"", headers={"Location": "/error"}))
    (mode,) = session.found.modes
    assert mode.sentence.startswith("most answers of GET /order break location ")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "no stock"}', "$.total exists"),
        (b'{"total": 7, "currency": "EUR"}', "$.total = 42.5"),
        (b"<html><title>Sorry</title>", "$ exists"),
    ],
)
def test_p6_an_error_with_status_200_and_anothers_data_are_findings_by_what_was_learnt(opened, shop, body, words):
    session = opened(expect="learnt")
    told = begin(session)
    assert not [event for event in told if isinstance(event, Note)]
    trial(session, 1, shop, lambda _: Reply(body=body))
    (mode,) = session.found.modes
    assert mode.sentence == f"most answers of GET /cart break {words} (learnt)"


def test_one_kind_of_several_is_told_alone_and_scores_as_some_requests_that_fail(opened, shop):
    session = opened(["/cart", "/home", "/search"], expect=POSITIVE, count=30)
    begin(session)
    reply = lambda seen: Reply(body=b'{"total": 0}') if seen.path == "/cart" else FULL  # noqa: E731
    broken = trial(session, 1, shop, reply)
    assert (broken.score.bug_score, broken.score.breakdown["bug.error_rate"]) == (3.0, 3.0)
    (mode,) = session.found.modes
    assert mode.sentence == "most answers of GET /cart break $.total > 0"


def test_a_target_whose_answers_are_wrong_from_the_start_is_not_healthy(opened, shop):
    shop.reply = lambda _: Reply(body=b'{"total": 0}')
    with pytest.raises(TargetUnhealthy, match=r"most answers of GET /cart break \$.total > 0"):
        begin(opened(own=POSITIVE))


def test_some_that_are_wrong_from_the_start_are_named_and_no_finding(opened, shop):
    session = opened(["/cart", "/home"], own=POSITIVE, count=40)
    shop.reply = lambda seen: FULL if len(shop.seen) % 8 else Reply(body=b'{"total": 0}')
    told = begin(session)
    assert any("break $.total > 0" in event.text for event in told if isinstance(event, Note) and event.is_warning)
    trial(session, 1, shop, shop.reply)
    assert session.found.modes == ()


class TestTheSessionsKey:
    def test_it_is_for_requests_without_their_own(self, opened):
        config = opened(["/cart"], expect="learnt").config
        assert config.watching.requests[0].expect.learn
        own = opened(["/cart"], own={"max_ms": 50}, expect="learnt").config
        assert (own.watching.requests[0].expect.max_ms, own.watching.requests[0].expect.learn) == (50, False)

    def test_it_is_kept_and_taken_from_the_file_when_resumed(self, opened, session_data):
        session = opened(["/cart"], expect={**POSITIVE, "text": "EUR"})
        kept = stored_config_of(session.config)
        assert parse_session(kept).expect == session.config.expect
        assert with_overrides(session.config, trials=5).expect == session.config.expect
        other = session.config.model_copy(update={"expect": None})
        assert resume_session(session.folder, other).expect is None

    def test_without_it_nothing_is_kept(self, session_data):
        assert "expect" not in stored_config_of(parse_session(session_data("http://127.0.0.1:1")))

    @pytest.mark.parametrize("observer", [None, {"type": "hfi"}])
    def test_it_stands_beside_a_probe(self, session_data, observer):
        data = session_data("http://127.0.0.1:1", expect="learnt", **({"observer": observer} if observer else {}))
        with pytest.raises(InvalidInput, match="expect: must stand beside an observer that sees answers, as probe"):
            parse_session(data)

    def test_a_schema_that_is_none_is_refused_before_anything_is_sent(self, opened, tmp_path, shop):
        (tmp_path / "schema.json").write_text('{"type": "objekt"}')
        with pytest.raises(InvalidInput, match=r"observer.requests\[0\].expect.schema_file: must be a JSON Schema"):
            opened(own={"schema_file": str(tmp_path / "schema.json")})
        assert shop.seen == []
