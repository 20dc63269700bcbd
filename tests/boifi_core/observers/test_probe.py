import json
import signal
import socket
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from loopback import free_port
from own_ca import self_signed, tls_server
from target_server import Reply, Target

from boifi_core.errors import ExecutorTimedOut, InvalidInput
from boifi_core.observers.base import glance
from boifi_core.observers.otlp.receiver import OtlpReceiver
from boifi_core.observers.probe import Probe, interleaved
from boifi_core.observers.probe_config import ProbeConfig

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def target():
    with Target() as target:
        yield target


@pytest.fixture
def probe_of():
    """Opens probes and closes them at the end."""
    opened = []

    def open_probe(*requests, receiver=None, **fields):
        config = ProbeConfig.model_validate({"requests": requests, "count": 10, **fields})
        opened.append(Probe(config, receiver))
        return opened[-1]

    yield open_probe
    for probe in opened:
        probe.close()


def observe(probe, timeout_s=10.0, newer_than=LONG_AGO):
    return probe.observe(newer_than=newer_than, timeout_s=timeout_s)


class TestWhatIsSent:
    def test_each_request_as_configured_with_a_trace_of_its_own(self, target, probe_of):
        order = {"method": "post", "url": f"{target.url}/orders?dry=1", "body": {"sku": "x"}, "headers": {"X-A": "1"}}
        note = {"method": "PUT", "url": f"{target.url}/notes", "body": "plain", "headers": {"Content-Type": "text/x"}}
        observe(probe_of(order, note, count=4))
        orders = [seen for seen in target.seen if seen.path == "/orders?dry=1"]
        notes = [seen for seen in target.seen if seen.path == "/notes"]
        assert [(each.method, each.body) for each in orders] == [("POST", b'{"sku": "x"}')] * 2
        assert orders[0].headers["Content-Type"] == "application/json"
        assert orders[0].headers["X-A"] == "1"
        assert [(each.method, each.body, each.headers["Content-Type"]) for each in notes] == [
            ("PUT", b"plain", "text/x")
        ] * 2
        traceparents = [each.headers["traceparent"].split("-") for each in target.seen]
        assert {(parts[0], parts[3], len(parts[1]), len(parts[2])) for parts in traceparents} == {("00", "01", 32, 16)}
        assert len({parts[1] for parts in traceparents}) == 4

    def test_the_mix_follows_the_weights_in_every_window(self, target, probe_of):
        probe = probe_of(
            {"url": f"{target.url}/a", "weight": 3}, {"url": f"{target.url}/b", "weight": 1}, count=12, concurrency=1
        )
        observe(probe)
        observe(probe)
        paths = [seen.path for seen in target.seen]
        assert Counter(paths[:12]) == {"/a": 9, "/b": 3}
        assert paths[:12] == paths[12:]

    def test_weights_are_spread_evenly(self):
        config = ProbeConfig.model_validate(
            {"requests": [{"url": "http://a", "weight": 5}, {"url": "http://b"}, {"url": "http://c"}]}
        )
        assert "".join(each.url[-1] for each in interleaved(config.requests, 7)) == "aabacaa"

    def test_no_more_at_a_time_than_the_concurrency(self, target, probe_of):
        most = []
        target.reply = lambda _: (most.append(target.running), Reply(delay_s=0.02))[1]
        observe(probe_of({"url": target.url}, count=12, concurrency=3))
        assert max(most) == 3

    def test_connections_are_reused_between_windows(self, target, probe_of):
        probe = probe_of({"url": target.url}, count=10, concurrency=2)
        observe(probe)
        observe(probe)
        assert len(target.seen) == 20
        assert len({seen.connection for seen in target.seen}) <= 2

    def test_redirects_are_not_followed_and_cookies_not_kept(self, target, probe_of):
        target.reply = lambda _: Reply(status=302)
        assert observe(probe_of({"url": target.url}, count=3)).status_code == 302
        assert len(target.seen) == 3

    def test_proxies_of_the_environment_are_not_for_loopback(self, target, probe_of, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert observe(probe_of({"url": target.url})).status_code == 200


class TestAGlance:
    def test_it_has_every_request_whatever_its_weight_and_no_traces(self, target, probe_of):
        requests = [{"url": f"{target.url}/{n}", "weight": 1000 if n == 0 else 1} for n in range(12)]
        target.reply = lambda seen: Reply(status=503 if seen.path == "/11" else 200)
        probe = probe_of(*requests, count=5, traces={"type": "otlp", "port": 0})
        began = datetime.now(UTC)
        seen = probe.glance(newer_than=began, timeout_s=10)
        assert {each.path for each in target.seen} == {f"/{n}" for n in range(12)}
        assert seen.timestamp > began
        assert seen.error_rate == pytest.approx(1 / 12)
        assert (seen.degraded, seen.traces) == ((), {})

    def test_an_observer_that_cannot_is_asked_for_a_whole_window(self):
        class Whole:
            def observe(self, *, newer_than, timeout_s):
                return newer_than, timeout_s

            def close(self):
                pass

        assert glance(Whole(), newer_than=LONG_AGO, timeout_s=3.0) == (LONG_AGO, 3.0)


class TestWhatIsReported:
    def test_a_sound_target(self, target, probe_of):
        target.reply = lambda _: Reply(delay_s=0.03)
        before = datetime.now(UTC)
        seen = observe(probe_of({"url": target.url}))
        assert seen.status_code == 200
        assert seen.error_rate == 0
        assert seen.logs == ()
        assert seen.degraded == ()
        assert seen.trace_data is None
        assert before <= seen.timestamp <= datetime.now(UTC)
        assert 30 <= seen.quantiles_ms["p50"] <= seen.quantiles_ms["p95"] <= seen.quantiles_ms["max"] < 1000
        assert seen.latency_ms == seen.quantiles_ms["p95"]

    def test_the_most_frequent_status_and_the_share_of_errors(self, target, probe_of):
        target.reply = lambda seen: Reply(status=503 if len(target.seen) % 10 < 3 else 200)
        seen = observe(probe_of({"url": target.url}, count=10, concurrency=1))
        assert (seen.status_code, seen.error_rate) == (200, pytest.approx(0.3))

    def test_what_the_target_said_of_its_failures_once_each(self, target, probe_of):
        target.reply = lambda _: Reply(status=500, body=b"ERROR: pool\n  exhausted \x1b[31m" + b"x" * 5000)
        (line,) = observe(probe_of({"url": target.url})).logs
        assert line.startswith("ERROR: pool exhausted [31mxxx")
        assert len(line) == 300

    def test_logs_are_bounded(self, target, probe_of):
        target.reply = lambda seen: Reply(status=500, body=f"failure {len(target.seen)}".encode())
        assert len(observe(probe_of({"url": target.url}, count=60)).logs) == 20

    def test_successes_leave_no_log(self, target, probe_of):
        target.reply = lambda _: Reply(body=b"no error here")
        assert observe(probe_of({"url": f"{target.url}/error"})).logs == ()

    def test_a_time_out_is_a_504(self, target, probe_of):
        target.reply = lambda _: Reply(delay_s=1)
        seen = observe(probe_of({"url": target.url}, count=3, concurrency=3, timeout_s=0.1))
        assert (seen.status_code, seen.error_rate) == (504, 1)
        assert 100 <= seen.latency_ms < 900
        assert seen.logs == ("no answer within 0.1 s",)

    def test_a_refused_connection_is_a_503(self, probe_of):
        seen = observe(probe_of({"url": f"http://127.0.0.1:{free_port()}"}))
        assert (seen.status_code, seen.error_rate, seen.logs) == (503, 1, ("connection refused",))

    def test_a_cut_connection_is_a_503(self, target, probe_of):
        target.reply = lambda _: Reply(cut=True)
        seen = observe(probe_of({"url": target.url}))
        assert (seen.status_code, seen.error_rate, seen.logs) == (503, 1, ("connection cut",))


class TestWhyThereWasNoAnswer:
    """F11, P22: the reason of a failed request comes with it."""

    def test_p22_a_port_where_nobody_listens(self, probe_of):
        assert observe(probe_of({"url": f"http://127.0.0.1:{free_port()}"})).logs == ("connection refused",)

    def test_p22_a_name_that_nobody_knows(self, probe_of):
        (line,) = observe(probe_of({"url": "http://nobody.invalid/"}, count=1)).logs
        assert line.startswith("name not resolved: ")

    def test_f11_the_certificate_of_an_own_authority(self, probe_of, tmp_path):
        with tls_server(self_signed(tmp_path)) as port:
            seen = observe(probe_of({"url": f"https://127.0.0.1:{port}/"}, count=2))
        assert (seen.status_code, seen.logs) == (503, ("certificate refused: self-signed certificate",))

    def test_f11_a_certificate_that_has_run_out(self, probe_of, tmp_path, monkeypatch):
        file = self_signed(tmp_path, days=-1)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with tls_server(file) as port:
            seen = observe(probe_of({"url": f"https://127.0.0.1:{port}/"}, count=2))
        assert seen.logs == ("certificate refused: certificate has expired",)

    def test_f11_a_certificate_of_another_name(self, probe_of, tmp_path, monkeypatch):
        file = self_signed(tmp_path, name="127.0.0.9")
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with tls_server(file) as port:
            (line,) = observe(probe_of({"url": f"https://127.0.0.1:{port}/"}, count=2)).logs
        assert line.startswith("certificate refused: IP address mismatch")

    def test_f11_no_tls_where_it_is_asked_for(self, target, probe_of):
        (line,) = observe(probe_of({"url": target.url.replace("http:", "https:")}, count=2)).logs
        assert line.startswith("TLS failed: ")

    def test_p22_what_is_no_http(self, probe_of, tmp_path):
        with tls_server(self_signed(tmp_path)) as port:
            (line,) = observe(probe_of({"url": f"http://127.0.0.1:{port}/"}, count=2)).logs
        assert line in ("answered what is no HTTP", "connection cut")


class TestTime:
    def test_a_window_that_runs_out_of_time_is_degraded_and_keeps_what_was_done(self, target, probe_of):
        target.reply = lambda _: Reply(delay_s=0.1)
        started = time.monotonic()
        seen = observe(probe_of({"url": target.url}, count=1000, concurrency=2), timeout_s=0.6)
        assert time.monotonic() - started < 20, "a thousand of them take 50 s"
        assert seen.status_code == 200
        assert seen.degraded[0].startswith("probe: ")
        assert seen.degraded[0].endswith(" of 1,000 requests were done in 0.6 s")

    def test_nothing_done_in_time_is_a_time_out(self, target, probe_of):
        target.reply = lambda _: Reply(delay_s=1)
        with pytest.raises(ExecutorTimedOut, match="no request was done within"):
            observe(probe_of({"url": target.url}), timeout_s=0.2)

    def test_the_window_begins_after_newer_than(self, target, probe_of):
        moment = datetime.now(UTC) + timedelta(seconds=0.2)
        assert observe(probe_of({"url": target.url}), newer_than=moment).timestamp > moment

    def test_a_moment_beyond_the_time_out_is_not_waited_for(self, target, probe_of):
        with pytest.raises(ExecutorTimedOut, match="beyond the time-out"):
            observe(probe_of({"url": target.url}), newer_than=datetime.now(UTC) + timedelta(hours=1), timeout_s=0.3)
        assert target.seen == []

    def test_an_alarm_in_the_main_thread_breaks_it_off_and_leaves_it_usable(self, target, probe_of):
        class AlarmError(Exception):
            pass

        def on_alarm(*_):
            raise AlarmError

        target.reply = lambda _: Reply(delay_s=0.3)
        probe = probe_of({"url": target.url}, count=100, concurrency=2)
        previous = signal.signal(signal.SIGALRM, on_alarm)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.15)
            with pytest.raises(AlarmError):
                observe(probe, timeout_s=30)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        time.sleep(0.4)
        sent = len(target.seen)
        assert sent <= 2, "no further request after the alarm"
        target.reply = lambda _: Reply()
        seen = observe(probe)
        assert (seen.status_code, seen.degraded) == (200, ())
        assert len(target.seen) == sent + 100

    def test_windows_of_several_threads_do_not_overlap(self, target, probe_of):
        target.reply = lambda _: Reply(delay_s=0.01)
        probe = probe_of({"url": target.url}, count=6, concurrency=2)
        most, results = [], []
        target.reply = lambda _: (most.append(target.running), Reply(delay_s=0.01))[1]
        threads = [threading.Thread(target=lambda: results.append(observe(probe))) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [each.degraded for each in results] == [()] * 3
        assert max(most) == 2


class TestTraces:
    @pytest.fixture
    def receiver(self, target):
        receiver = OtlpReceiver()
        target.otlp_port = receiver.port
        yield receiver
        receiver.close()

    def test_one_trace_per_kind_and_the_worst_stands_for_all(self, target, probe_of, receiver):
        target.reply = lambda seen: Reply(status=503 if seen.path == "/pay" else 200)
        probe = probe_of(
            {"url": f"{target.url}/pay", "method": "POST"},
            {"url": f"{target.url}/cart", "name": "cart"},
            receiver=receiver,
        )
        seen = observe(probe)
        assert seen.degraded == ()
        assert set(seen.traces) == {"POST /pay", "cart"}
        assert seen.trace_kind == "POST /pay"
        assert seen.trace_data == seen.traces["POST /pay"]
        (span,) = json.loads(seen.trace_data)["spans"]
        assert (span["id"], span["parent_id"], span["name"]) == ("0001", None, "shop:POST /pay")
        assert (span["service"], span["kind"], span["status"]) == ("shop", "server", "error")
        (span,) = json.loads(seen.traces["cart"])["spans"]
        assert span["status"] == "success"
        assert len(receiver.store) == 0, "nothing of this window is held any longer"

    def test_without_spans_the_observation_is_degraded_but_there(self, target, probe_of, receiver):
        target.otlp_port = None
        seen = observe(probe_of({"url": f"{target.url}/a"}, receiver=receiver))
        assert (seen.status_code, seen.trace_data) == (200, None)
        assert seen.degraded == ("traces: 0 of 10 requests have one", "traces: no span of GET /a")

    def test_the_probe_opens_and_closes_a_receiver_of_its_own(self, target):
        probe = Probe(
            ProbeConfig.model_validate({"requests": [{"url": target.url}], "traces": {"port": 0, "quiet_s": 0}})
        )
        target.otlp_port = probe.source.receiver.port
        assert observe(probe).traces
        probe.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", target.otlp_port))

    def test_a_port_in_use_is_named(self, target, receiver):
        config = {"requests": [{"url": target.url}], "traces": {"type": "otlp", "port": receiver.port}}
        with pytest.raises(InvalidInput, match=r"^observer\.traces\.port: "):
            Probe(ProbeConfig.model_validate(config))
