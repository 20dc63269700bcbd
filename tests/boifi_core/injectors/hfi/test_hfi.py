import socket
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest
from hfi_handler import Handler
from hfi_server import HfiServer, Knobs, landscape

from boifi_core.errors import (
    ExecutorBadAnswer,
    ExecutorError,
    ExecutorRejected,
    ExecutorTimedOut,
    ExecutorUnreachable,
    InvalidInput,
)
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.base import ExecutorConfig
from boifi_core.injectors.table import open_injector
from boifi_core.observers.table import open_observer

PLAN = FaultPlan(fault_type="delay", delay_ms=250, target_path="/ratings", duration_seconds=60)
NAME = "boifi-3f2a9c1e-0007"


@pytest.fixture
def server():
    with HfiServer() as server:
        yield server


@pytest.fixture
def open_for():
    """Opens injectors and observers and closes them at the end."""
    opened = []

    def open_one(opener, endpoint, **fields):
        opened.append(opener(ExecutorConfig.model_validate({"endpoint": endpoint, **fields})))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()


@pytest.fixture
def injector(open_for, server):
    return open_for(open_injector, server.url)


@pytest.fixture
def observer(open_for, server):
    return open_for(open_observer, server.url)


@pytest.fixture
def silent_port():
    """Accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def full_port():
    """Listens, and has no room for another connection: who asks for one is not answered."""
    with socket.socket() as listening, ExitStack() as callers:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


class TestWhatIsSent:
    def test_the_control_plane_gets_the_plan(self, injector, server):
        injector.apply(NAME, PLAN, timeout_s=5)
        (fault,) = server.faults()
        assert (fault.name, fault.path, fault.method, fault.delay_ms) == (NAME, ("prefix", "/ratings"), None, 250)
        assert (fault.percentage, fault.duration_seconds, fault.abort_status) == (100, 60, None)
        assert server.received[-1].headers["Content-Type"] == "application/json"

    def test_the_token_is_sent_and_taken_from_the_environment(self, open_for, server, monkeypatch):
        server.knobs.token = "s3cret"
        monkeypatch.setenv("BOIFI_TEST_TOKEN", "s3cret")
        open_for(open_injector, server.url, token="s3cret").health(timeout_s=5)
        open_for(open_injector, server.url, token="${BOIFI_TEST_TOKEN}").health(timeout_s=5)

    def test_a_token_that_the_server_quotes_stays_secret(self, open_for, server):
        server.knobs.token = "another"
        injector = open_for(open_injector, server.url, token="s3cret-token")
        with pytest.raises(ExecutorRejected, match="answered 401: not authorised: Bearer ") as error:
            injector.list(timeout_s=5)
        assert "s3cret" not in str(error.value)

    def test_a_token_whose_variable_is_not_set(self, open_for, server, monkeypatch):
        monkeypatch.delenv("BOIFI_TEST_TOKEN", raising=False)
        with pytest.raises(InvalidInput, match=r"^executor\.token: .*, got '\$\{BOIFI_TEST_TOKEN\}'$"):
            open_for(open_injector, server.url, token="${BOIFI_TEST_TOKEN}")

    def test_each_call_is_one_attempt(self, injector, server):
        server.knobs.fail_share = 1.0
        with pytest.raises(ExecutorUnreachable):
            injector.apply(NAME, PLAN, timeout_s=5)
        assert len(server.received) == 1


class TestFailures:
    @pytest.mark.parametrize("failure", ["500", "503", "cut", "cut after"])
    def test_what_may_pass_is_unreachable(self, injector, server, failure):
        server.knobs.fail_share, server.knobs.failures = 1.0, [failure]
        with pytest.raises(ExecutorUnreachable) as error:
            injector.apply(NAME, PLAN, timeout_s=5)
        assert str(error.value).startswith(f"POST {server.url}/v1/policies: ")

    def test_the_reason_of_the_server_is_passed_on(self, injector, server):
        server.knobs.fail_share, server.knobs.failures = 1.0, ["503"]
        with pytest.raises(ExecutorUnreachable, match=r"answered 503: out of order \(503\)$"):
            injector.list(timeout_s=5)

    def test_an_answer_that_was_lost_is_made_good_by_repeating(self, injector, server):
        server.knobs.fail_share, server.knobs.failures = 1.0, ["cut after"]
        with pytest.raises(ExecutorUnreachable):
            injector.apply(NAME, PLAN, timeout_s=5)
        with pytest.raises(ExecutorUnreachable):
            injector.clear(NAME, timeout_s=5)
        server.knobs.fail_share = 0.0
        injector.clear(NAME, timeout_s=5)
        assert server.requests("DELETE")[-1].status == 404
        assert server.active() == {}

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (b"200 OK\r\nContent-Type: text/html\r\n\r\n<!doctype html><title>Sign in</title>", "is no JSON"),
            (b'200 OK\r\nContent-Type: application/json\r\n\r\n{"error": "your session is over"}', "session is over"),
            (b'200 OK\r\n\r\n{"success": false, "message": "not signed in"}', "an error: 'not signed in'"),
            (b'201 Created\r\n\r\n{"status": "error", "message": "read-only"}', "an error: 'read-only'"),
            (b'200 OK\r\n\r\n{"ok": false}', "an error: {'ok': false}"),
            (b'200 OK\r\n\r\n{"data": null, "errors": [{"message": "no"}]}', "an error: "),
            (b'202 Accepted\r\nContent-Type: application/json\r\n\r\n"login"', "is no object"),
            (b"404 Not Found\r\nContent-Type: text/html\r\n\r\n<h1>no such site</h1>", "GET .*answered 404"),
        ],
    )
    def test_f16_a_success_is_read_before_it_is_believed(self, injector, server, answer, error):
        injector.apply(NAME, PLAN, timeout_s=5)
        server.knobs.raw_answer = b"HTTP/1.1 " + answer
        for call in (lambda: injector.clear(NAME, timeout_s=5), lambda: injector.apply(NAME, PLAN, timeout_s=5)):
            with pytest.raises(ExecutorError, match=error.replace("GET .*", "")):
                call()
        server.knobs.raw_answer = None
        injector.clear(NAME, timeout_s=5)

    def test_f16_what_is_said_not_to_be_there_is_looked_for(self, injector, server, monkeypatch):
        injector.apply(NAME, PLAN, timeout_s=5)
        monkeypatch.setattr(Handler, "_one_policy", lambda self, name: (404, {"error": "no such route"}))
        with pytest.raises(ExecutorBadAnswer, match="answered 404, though the policy is in the list"):
            injector.clear(NAME, timeout_s=5)

    @pytest.mark.parametrize("answer", [b"204 No Content\r\n\r\n", b"200 OK\r\nContent-Length: 0\r\n\r\n"])
    def test_what_is_removed_without_a_word_is_removed(self, injector, server, answer):
        server.knobs.raw_answer = b"HTTP/1.1 " + answer
        injector.clear(NAME, timeout_s=5)

    def test_a_refusal_is_final_and_says_why(self, injector, server, monkeypatch):
        policy = {"metadata": {"name": NAME, "version": "1"}}
        monkeypatch.setattr("boifi_core.injectors.hfi.policy_document.policy", lambda *_: policy)
        with pytest.raises(ExecutorRejected, match=r"answered 400: metadata\.version is invalid: '1'") as error:
            injector.apply(NAME, PLAN, timeout_s=5)
        assert not error.value.safe_to_retry

    @pytest.mark.parametrize(
        ("raw", "error"),
        [
            (b"HTTP/1.1 429 Slow Down\r\nContent-Length: 0\r\n\r\n", ExecutorUnreachable),
            (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", ExecutorRejected),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", ExecutorUnreachable),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ExecutorBadAnswer),
            (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", ExecutorBadAnswer),
            (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000, ExecutorBadAnswer),
            (b'HTTP/1.1 418 T\r\nContent-Length: 21\r\n\r\n{"error": "a\\n\\ud800b"}'[:-1] + b"}", ExecutorRejected),
        ],
    )
    def test_whatever_is_answered_no_foreign_exception_gets_out(self, injector, server, raw, error):
        server.knobs.raw_answer = raw
        with pytest.raises(error) as caught:
            injector.list(timeout_s=5)
        assert str(caught.value).startswith(f"GET {server.url}/v1/policies: ")
        assert "\n" not in str(caught.value)
        assert str(caught.value).encode()

    def test_deep_json_is_a_bad_answer(self, injector, server):
        deep = b"[" * 100_000
        server.knobs.raw_answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(deep) + deep
        with pytest.raises(ExecutorBadAnswer, match="no JSON"):
            injector.list(timeout_s=5)

    def test_a_name_that_does_not_resolve(self, open_for):
        injector = open_for(open_injector, "http://nobody.invalid:8080")
        with pytest.raises(ExecutorError, match=r"nobody\.invalid"):
            injector.health(timeout_s=5)

    def test_tls_that_nobody_speaks(self, open_for, server):
        injector = open_for(open_injector, server.url.replace("http:", "https:"))
        with pytest.raises(ExecutorUnreachable):
            injector.health(timeout_s=5)

    def test_no_more_than_ten_megabytes_are_read(self, observer, server):
        server.knobs.oversized = True
        with pytest.raises(ExecutorBadAnswer, match="more than 10485760 bytes"):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=10)


class TestTime:
    def test_no_connection_in_time(self, open_for, full_port):
        injector = open_for(open_injector, f"http://127.0.0.1:{full_port}", connect_timeout_s=0.1)
        started = time.monotonic()
        with pytest.raises((ExecutorTimedOut, ExecutorUnreachable)):
            injector.health(timeout_s=60)
        assert time.monotonic() - started < 30

    def test_no_answer_in_time(self, open_for, silent_port):
        injector = open_for(open_injector, f"http://127.0.0.1:{silent_port}", timeout_s=0.1)
        with pytest.raises(ExecutorTimedOut, match="no answer within"):
            injector.list(timeout_s=5)

    def test_the_whole_call_is_bounded_against_a_server_that_drips(self, injector, server):
        server.knobs.drip_s = 0.5
        started = time.monotonic()
        with pytest.raises(ExecutorTimedOut):
            injector.list(timeout_s=0.3)
        assert time.monotonic() - started < 20, "a whole answer takes minutes"

    def test_it_is_usable_after_a_time_out(self, injector, server):
        server.knobs.drip_s = 0.02
        with pytest.raises(ExecutorTimedOut):
            injector.list(timeout_s=0.1)
        server.knobs.drip_s = 0.0
        assert injector.list(timeout_s=5) == []

    def test_threads_may_share_it(self, injector):
        failures = []

        def work(number):
            try:
                injector.apply(f"{NAME}-{number}", PLAN, timeout_s=10)
                injector.clear(f"{NAME}-{number}", timeout_s=10)
            except ExecutorError as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert injector.list(timeout_s=5) == []


class TestListAndHealth:
    def test_policies_of_others_are_listed_too(self, injector, server):
        injector.apply(NAME, PLAN, timeout_s=5)
        injector.apply("team-x_canary", PLAN, timeout_s=5)
        assert injector.list(timeout_s=5) == [NAME, "team-x_canary"]

    @pytest.mark.parametrize(
        ("body", "names"),
        [
            (b'{"policies": null}', []),
            (
                b'{"policies": [{"metadata": {"name": "a-1"}}, {"metadata": null}, 3, {"metadata": {"name": 7}}]}',
                ["a-1"],
            ),
        ],
    )
    def test_entries_without_a_name_are_passed_over(self, injector, server, body, names):
        server.knobs.raw_answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        assert injector.list(timeout_s=5) == names

    @pytest.mark.parametrize("body", [b'{"policies": 3}', b"{}"])
    def test_policies_that_are_no_list(self, injector, server, body):
        server.knobs.raw_answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        with pytest.raises(ExecutorBadAnswer, match="no list"):
            injector.list(timeout_s=5)

    def test_one_that_is_not_ready_says_so(self, injector, server):
        server.knobs.ready = False
        with pytest.raises(ExecutorUnreachable, match="answered 503: storage is not reachable"):
            injector.health(timeout_s=5)

    def test_without_readiness_liveness_counts(self, injector, server):
        server.knobs.ready = None
        injector.health(timeout_s=5)
        assert [each.path for each in server.received] == ["/v1/ready", "/v1/health"]


class TestObserving:
    def test_the_extensions_are_read(self, observer, server):
        trace = '{"spans": []}'
        server.respond = lambda _: {
            "status_code": 200,
            "latency_ms": 5,
            "error_rate": 0,
            "logs": [],
            "trace_data": trace,
            "trace_kind": "checkout",
            "traces": {"checkout": trace},
            "quantiles_ms": {"p50": 3},
            "degraded": ["probe: 12 of 30 requests were done in 1 s"],
            "future": {"field": 1},
        }
        seen = observer.observe(newer_than=datetime.now(UTC), timeout_s=5)
        assert (seen.trace_kind, seen.traces, seen.quantiles_ms) == ("checkout", {"checkout": trace}, {"p50": 3})
        assert seen.degraded == ("probe: 12 of 30 requests were done in 1 s",)

    def test_stale_ones_are_polled_past(self, observer, server):
        server.knobs.stale_share, server.knobs.seed = 0.8, 3
        for _ in range(5):
            moment = datetime.now(UTC)
            assert observer.observe(newer_than=moment, timeout_s=20).timestamp > moment
        assert len(server.received) > 5

    def test_only_stale_ones_are_a_time_out_that_says_of_when(self, observer, server):
        server.knobs.stale_share = 1.0
        with pytest.raises(ExecutorTimedOut, match=r"no observation newer than .* within 0\.3 s; the latest is of "):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=0.3)
        assert len(server.received) < 20, "polling slows down"

    def test_a_last_look_that_gets_no_answer_does_not_hide_what_the_looks_before_saw(self, observer, server):
        def stalls_at_the_second_look(faults):
            server.knobs.drip_s = 1.0 if len(server.received) > 1 else 0.0
            return landscape(faults)

        server.knobs.stale_share, server.respond = 1.0, stalls_at_the_second_look
        with pytest.raises(ExecutorTimedOut, match=r"no observation newer than .*; the latest is of "):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=2)

    def test_a_failure_is_raised_at_once_and_the_next_call_may_go_well(self, observer, server):
        server.knobs.fail_share, server.knobs.failures = 1.0, ["500"]
        started = time.monotonic()
        with pytest.raises(ExecutorUnreachable, match=r"GET .* answered 500: out of order"):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=20)
        assert time.monotonic() - started < 10
        server.knobs.fail_share = 0.0
        assert observer.observe(newer_than=datetime.now(UTC), timeout_s=20).status_code == 200

    def test_what_is_no_observation_is_a_bad_answer(self, observer, server):
        server.knobs.malformed_share, server.knobs.mutators = 1.0, [lambda _: None, lambda _: [1]]
        with pytest.raises(ExecutorBadAnswer, match="no object"):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=20)

    def test_malformed_fields_are_degraded_and_the_rest_is_kept(self, observer, server):
        server.knobs.malformed_share = 1.0
        server.knobs.mutators = [lambda sound: {**sound, "status_code": None, "latency_ms": "fast"}]
        seen = observer.observe(newer_than=datetime.now(UTC), timeout_s=5)
        assert (seen.status_code, seen.latency_ms, seen.error_rate) == (None, None, 0)
        assert seen.degraded == ("status_code: null", "latency_ms: must be a number, got 'fast'")

    def test_an_undated_one_is_returned_only_if_nothing_dated_comes(self, observer, server):
        server.knobs.malformed_share, server.knobs.mutators = 1.0, [lambda sound: {**sound, "timestamp": None}]
        started = time.monotonic()
        moment = datetime.now(UTC)
        seen = observer.observe(newer_than=moment, timeout_s=0.3)
        assert time.monotonic() - started >= 0.3
        assert seen.timestamp > moment
        assert (seen.status_code, seen.degraded) == (200, ("timestamp: null or missing",))

    def test_a_stale_one_speaks_against_the_undated(self, observer, server):
        server.knobs.stale_share = 1.0
        server.knobs.malformed_share, server.knobs.mutators = 0.5, [lambda sound: {**sound, "timestamp": None}]
        with pytest.raises(ExecutorTimedOut):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=0.6)

    def test_a_control_plane_without_observations_asks_for_a_probe(self, observer, server):
        server.knobs.observations = False
        with pytest.raises(ExecutorRejected, match=r"name an observer in the session file: `observer: \{type: probe"):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=5)
        assert len(server.received) == 1

    def test_a_refusal_is_not_polled_past(self, observer, server):
        server.knobs.token = "needed"
        with pytest.raises(ExecutorRejected, match="answered 401"):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=5)

    @pytest.mark.parametrize("offset_s", [-3600, -30, 45, 3600])
    def test_another_clock_is_allowed_for(self, observer, server, offset_s):
        server.knobs.clock_offset_s = offset_s
        moment = datetime.now(UTC)
        seen = observer.observe(newer_than=moment, timeout_s=10)
        assert moment < seen.timestamp < datetime.now(UTC) + timedelta(seconds=1)
        assert seen.degraded == ()

    def test_a_clock_that_is_set_in_between_is_noticed(self, observer, server):
        for offset_s in (3600, -3600, 0):
            server.knobs.clock_offset_s = offset_s
            moment = datetime.now(UTC)
            assert observer.observe(newer_than=moment, timeout_s=10).timestamp > moment

    @pytest.mark.parametrize("date", [b"", b"Date: soon\r\n"])
    def test_without_a_date_the_clocks_count_as_the_same(self, observer, server, date):
        moment = datetime.now(UTC)
        body = b'{"timestamp": "%s"}' % (moment + timedelta(milliseconds=1)).isoformat().encode()
        server.knobs.raw_answer = b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n" % (date, len(body)) + body
        assert observer.observe(newer_than=moment, timeout_s=5).timestamp == moment + timedelta(milliseconds=1)

    def test_a_clock_ahead_does_not_make_an_old_observation_new(self, observer, server):
        server.knobs.clock_offset_s = 3600
        made_at = datetime.now(UTC) + timedelta(hours=1) - timedelta(seconds=2)
        server.knobs.malformed_share = 1.0
        server.knobs.mutators = [lambda sound: {**sound, "timestamp": made_at.isoformat()}]
        with pytest.raises(ExecutorTimedOut):
            observer.observe(newer_than=datetime.now(UTC), timeout_s=0.5)


def test_the_server_that_misbehaves_is_reproducible():
    def statuses():
        with HfiServer(knobs=Knobs(seed=5, fail_share=0.5)) as server:
            injector = open_injector(ExecutorConfig(endpoint=server.url))
            for _ in range(20):
                try:
                    injector.list(timeout_s=5)
                except ExecutorError:
                    continue
            injector.close()
            return [each.status for each in server.received]

    assert statuses() == statuses()
    assert len(set(statuses())) == 4
