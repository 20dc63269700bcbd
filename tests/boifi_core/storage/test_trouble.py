"""A store that refuses, fails, is slow, hangs, cuts its answers or loses them."""

import json
import threading
import time

import pytest
from s3_server import troubled

from boifi_core.errors import InvalidInput
from boifi_core.storage import (
    Held,
    NotWritten,
    S3Path,
    StorageRefused,
    StorageUnavailable,
    client,
    in_handler,
    lease,
    open_folder,
    patience_s,
)
from boifi_core.storage.data_dir import data_dir


@pytest.fixture
def trouble(s3_data, s3_store, monkeypatch):
    """What the proxy before the store does, through which all requests of the test go."""
    monkeypatch.setattr(client, "READ_TIMEOUT_S", 0.3)
    monkeypatch.setattr(client, "LONGEST_PAUSE_S", 0.1)
    with troubled(s3_store) as (store, trouble):
        monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
        client.forget_client()
        yield trouble
        trouble.end()


@pytest.fixture
def impatient():
    token = patience_s.set(1.0)
    yield
    patience_s.reset(token)


@pytest.fixture
def folder(s3_data, trouble):
    return open_folder(s3_data / "sessions" / "abc")


@pytest.mark.parametrize("how", ["500", "503", "hang", "cut", "lost", "garbage", "slow"])
def test_a_passing_trouble_is_waited_out(folder, trouble, how):
    folder.write("a", b"before")
    trouble.cause(how, times=1)
    folder.write("a", b"after")
    trouble.cause(how, times=1)
    assert folder.read("a") in (b"after", b"<html>not what you wanted")  # a body that is another cannot be told
    trouble.cause(how, times=1)
    assert folder.names() == ["a"]
    trouble.cause(how, times=1)
    assert folder.exists("a")
    trouble.cause(how, times=1)
    folder.remove("a")
    trouble.end()
    assert folder.names() == []


@pytest.mark.parametrize("how", ["503", "hang", "cut"])
def test_one_that_stays_is_an_error_that_says_where_and_for_how_long(folder, trouble, impatient, how):
    folder.write("a", b"x")
    trouble.cause(how)
    with pytest.raises(StorageUnavailable, match=r"s3://.*/sessions/abc/a: the store does not answer for \d+ s: ."):
        folder.read("a")


def test_a_trial_whose_answer_was_lost_is_created_once(folder, trouble):
    trouble.cause("lost", only="^PUT", times=1)
    folder.create("part-1", b"mine")
    with pytest.raises(FileExistsError):
        folder.create("part-1", b"another's")
    assert folder.read("part-1") == b"mine"


def test_who_asks_again_and_again_is_told_what_was_known(folder, trouble, monkeypatch):
    monkeypatch.setattr("boifi_core.storage.s3.LATELY_S", 0.0)
    monkeypatch.setattr("boifi_core.storage.s3.LATELY_PATIENCE_S", 0.2)
    assert folder.exists_lately("stop") is False
    folder.mark("stop", "")
    assert folder.exists_lately("stop") is True
    trouble.cause("503")
    assert folder.exists_lately("stop") is True


def test_many_who_ask_again_and_again_cost_few_requests(folder, trouble):
    for _ in range(50):
        folder.exists_lately("stop")
    assert len(trouble.seen) <= 2


def test_a_handler_does_not_wait_for_a_store_that_hangs(folder, trouble, monkeypatch):
    monkeypatch.setattr("boifi_core.storage.HANDLER_S", 0.3)
    folder.mark("cancel", "")
    assert in_handler(folder.path, lambda: folder.exists("cancel")) is True
    trouble.cause("hang")
    assert in_handler(folder.path, lambda: folder.exists("cancel")) is None


def test_a_lock_outlives_a_trouble_and_is_still_its_holder_s(folder, trouble, monkeypatch):
    monkeypatch.setattr(lease, "BEAT_S", 0.1)
    with folder.held("lock"):
        trouble.cause("503")
        time.sleep(0.5)
        trouble.cause("lost", times=3)
        time.sleep(0.5)
        trouble.end()
        before = len(trouble.seen)
        _until(lambda: len(trouble.seen) > before + 2)
        assert folder.is_held("lock")
    assert not folder.is_held("lock")


def test_a_lock_whose_answer_was_lost_is_ours(folder, trouble):
    trouble.cause("lost", only="^PUT", times=1)
    with folder.held("lock"):
        assert folder.is_held("lock")


def foreign(folder, beat=0, **more):
    """A lock as a process elsewhere writes it."""
    record = {"holder": "process 1 on elsewhere", "nonce": "n", "beat": beat, "pid": 1, "started": "1", "space": "x"}
    folder.write("lock", json.dumps({**record, **more}).encode())


def test_a_lock_of_a_process_elsewhere_is_taken_when_nobody_keeps_it_alive(folder, monkeypatch):
    monkeypatch.setattr(lease, "LEASE_S", 1.5)
    monkeypatch.setattr(lease, "POLL_S", 0.1)
    foreign(folder)
    assert folder.is_held("lock")
    assert folder.holder("lock") is None
    began = time.monotonic()
    with folder.held("lock"):
        assert time.monotonic() - began >= 1.5


def test_a_lock_of_a_living_process_elsewhere_is_not(folder, monkeypatch):
    monkeypatch.setattr(lease, "POLL_S", 0.1)
    foreign(folder)
    ended = threading.Event()

    def beat():
        n = 1
        while not ended.wait(0.3):
            foreign(folder, n)
            n += 1

    beating = threading.Thread(target=beat)
    beating.start()
    try:
        with pytest.raises(Held, match=r"s3://.* is held by process 1 on elsewhere"), folder.held("lock"):
            pass
    finally:
        ended.set()
        beating.join()


def test_who_lost_its_lock_writes_no_trial_and_gets_sigterm(folder, monkeypatch):
    killed = []
    monkeypatch.setattr(lease.os, "kill", lambda pid, number: killed.append(number))
    monkeypatch.setattr(lease, "BEAT_S", 1.0)
    monkeypatch.setattr(lease, "LEASE_S", 0.2)
    history = open_folder(folder.path / "history")
    with folder.held("lock"):
        history.create("part-1", b"x")
        foreign(folder)
        time.sleep(0.3)
        with pytest.raises(Held, match="was lost"):
            history.create("part-2", b"x")
        _until(lambda: killed)
    assert json.loads(folder.read("lock"))["nonce"] == "n"  # whose it is by now


def test_a_store_that_passes_over_conditions_is_refused(folder, monkeypatch):
    real = lease.call

    def lawless(operation, where, **parameters):
        parameters.pop("IfMatch", None)
        return real(operation, where, **parameters)

    monkeypatch.setattr(lease, "call", lawless)
    with pytest.raises(StorageRefused, match="does not know conditional writes"), folder.held("lock"):
        pass


def test_no_bucket_is_one_line(s3_data):
    with pytest.raises(InvalidInput, match=r"--out: must be a place that can be used \(there is no such bucket\), got"):
        data_dir("s3://no-such-bucket/x")
    with pytest.raises(StorageRefused, match="there is no such bucket"):
        open_folder(S3Path("no-such-bucket", "x")).read("a")
    with pytest.raises(NotWritten, match="cannot write s3://no-such-bucket/x/a: there is no such bucket"):
        open_folder(S3Path("no-such-bucket", "x")).write("a", b"")


def test_a_refusal_is_one_line_and_not_tried_again(folder, trouble):
    trouble.cause("403")
    with pytest.raises(StorageRefused, match=r"s3://.*/abc/a: the store refuses, AccessDenied: no"):
        folder.read("a")
    with pytest.raises(NotWritten, match=r"cannot write s3://.*/abc/a: the store refuses, AccessDenied: no"):
        folder.write("a", b"")
    assert len(trouble.seen) == 2


def test_no_credentials_are_one_line(s3_data, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    client.forget_client()
    with pytest.raises(InvalidInput, match=r"--out: must be a place that can be used \(Unable to locate credentials\)"):
        data_dir(s3_data)


def test_an_address_that_is_none_is_one_line(s3_data, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nowhere")
    client.forget_client()
    with pytest.raises(InvalidInput, match=r"--out: must be a place that can be used \(Invalid endpoint: nowhere\)"):
        data_dir(s3_data)


def test_nobody_there_is_no_fault_of_the_input(s3_data, monkeypatch):
    monkeypatch.setattr("boifi_core.storage.data_dir.STORE_TIMEOUT_S", 0.5)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    client.forget_client()
    with pytest.raises(StorageUnavailable, match="the store does not answer"):
        data_dir(s3_data)


def _until(condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
