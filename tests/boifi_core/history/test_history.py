import dataclasses
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas
import pyarrow.parquet as pq
import pytest
from histories import SPACE, Axes, Axis, scored, trial_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observations import observed, span, trace

from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.faults.plan import FaultPlan
from boifi_core.history.dataset import History, HistoryDamaged, HistoryNotWritten
from boifi_core.models import (
    Aftermath,
    Choice,
    Control,
    Near,
    SeenCall,
    SeverityScore,
    StepDurations,
)

GOLDEN = Path(__file__).parent / "golden"
GOLDEN_TRIALS = [
    trial_of(
        1,
        7.5,
        phase="initial",
        point={
            "fault_type": "abort",
            "percentage": 100,
            "share": 0.1,
            "abort_status_code": 503,
            "retry": False,
            "mixed": True,
        },
        plans=(
            FaultPlan(fault_type="abort", target_path="^/bücher", headers={"end-user": "jason"}, abort_status_code=503),
            FaultPlan(fault_type="delay", delay_ms=3),
        ),
        observation=observed(
            status_code=503,
            error_rate=0.25,
            logs=("ERROR ☠",),
            trace_kind="checkout",
            trace_data=trace(span("1", "a")),
            traces={"checkout": trace(span("1", "a"))},
            quantiles_ms={"p50": 1 / 3},
        ),
        score=SeverityScore(
            total_score=7.5,
            bug_score=10,
            performance_score=0.1,
            structure_score=5,
            breakdown={"bug.status_5xx": 10.0},
            fallback=("struct",),
        ),
        predicted_mean=4.25,
        predicted_std=0.5,
    ),
    trial_of(2, None, reason="the control plane did not answer", plans=(), durations=StepDurations(propose_ms=3)),
    trial_of(3, 0.0, status="degraded", observation=observed(latency_ms=None, degraded=("latency_ms missing",))),
]
CHOICE = Choice(reason="improve", promise=0.25, nearest=(Near(trial=1, severity=7.5),))
OF_VERSION = {
    "1": GOLDEN_TRIALS,
    "2": [
        *GOLDEN_TRIALS,
        trial_of(4, 6.5, why=CHOICE),
        trial_of(5, 6.0, phase="initial", why=Choice(reason="initial")),
    ],
}
OF_VERSION["3"] = [
    *OF_VERSION["2"],
    trial_of(
        6,
        6.0,
        phase="confirm",
        why=Choice(reason="verify", nearest=(Near(trial=1, severity=7.5),)),
        control=Control(observation=observed(logs=("☠",)), severity=0.25),
    ),
    trial_of(7, 5.5, phase="minimise", why=Choice(reason="minimise", nearest=(Near(trial=1, severity=7.5),))),
]
OF_VERSION["4"] = [*OF_VERSION["3"], trial_of(8, 5.0, retries=3)]
OF_VERSION["5"] = [
    *OF_VERSION["4"],
    trial_of(9, 9.0, score=scored(9.0, unobserved=("perf", "struct")), in_force_ms=1500.0, gone_ms=0.0),
]

CALLS = (
    SeenCall(caller="client", callee="shop", operation="GET /cart", seen=100, longest_ms=50.5, share=1.0),
    SeenCall(
        caller="shop",
        callee="bank",
        operation="GET /ünïcode/{id}",
        peer="bank.internal:8080",
        asked="GET /ünïcode/{id}",
        received=False,
        seen=20,
        failed=5,
        began=5,
        refused=1,
        given_up=4,
        statuses={"200": 15, "503": 1, "DEADLINE_EXCEEDED": 4},
        tries=3,
        longest_ms=151.25,
        gave_up_ms=(149.0, 149.5, 151.25),
        share=0.2,
    ),
)
OF_VERSION["6"] = [
    *OF_VERSION["5"],
    trial_of(10, 4.0, observation=observed(calls=CALLS, traces_seen=100, requests=150)),
    trial_of(11, 4.0, observation=observed(traces_seen=0, requests=150)),
]
OF_VERSION["7"] = [
    *OF_VERSION["6"],
    trial_of(12, 6.0, held_ms=2000.5, healed_ms=4200.25),
    trial_of(
        13, 8.0, aftermath=Aftermath(observation=observed(status_code=503), severity=8.5, after_ms=59e3, is_down=True)
    ),
]


@pytest.fixture
def history(tmp_path):
    made = History(tmp_path / "history", SPACE)
    made.create()
    return made


def test_the_columns_are_those_that_others_rely_on(history):
    frame = pandas.read_parquet(history.folder)
    assert ", ".join(frame.columns) == (
        "session_id, trial, status, reason, phase, started_at, finished_at, severity, bug_score, performance_score, "
        "structure_score, predicted_mean, predicted_std, status_code, latency_ms, error_rate, plans, "
        "point.fault_type, point.percentage, point.delay_ms, point.share, point.abort_status_code, point.retry, "
        "point.mixed, propose_ms, apply_ms, observe_ms, score_ms, record_ms, observation, breakdown, fallback, why, "
        "control, retries, unobserved, in_force_ms, gone_ms, calls, held_ms, healed_ms, aftermath"
    )
    assert len(frame) == 0


def test_the_settling_trial_is_a_row_for_readers_and_none_of_the_sessions_trials(history):
    assert history.settling() is None
    settling = trial_of(0, 9.0, phase="settle", in_force_ms=1500.0, gone_ms=1400.0)
    history.rewrite(settling)
    for number in (1, 2, 3):
        history.append(trial_of(number))
    assert history.settling() == settling
    assert [trial.trial for trial in history.trials()] == [1, 2, 3]
    assert [trial.trial for trial in history.trials(limit=2)] == [1, 2]
    assert [trial.trial for trial in history.trials(after=1, limit=1)] == [2]
    history.create()
    assert history.settling() == settling
    assert list(pandas.read_parquet(history.folder)["phase"]) == ["settle", "search", "search", "search"]


def test_a_dimensions_column_has_its_own_type(history):
    types = {field.name: str(field.type) for field in pq.read_schema(history.folder / "part-000000.parquet")}
    assert {name.removeprefix("point."): kind for name, kind in types.items() if name.startswith("point.")} == {
        "fault_type": "string",
        "percentage": "int64",
        "delay_ms": "int64",
        "share": "double",
        "abort_status_code": "int64",
        "retry": "bool",
        "mixed": "string",
    }
    assert types["started_at"] == types["finished_at"] == "timestamp[us, tz=UTC]"
    assert types["trial"] == types["status_code"] == "int64"


def test_pandas_reads_every_trial_as_soon_as_it_is_appended(history):
    for number in range(1, 13):
        history.append(trial_of(number, number / 2))
        frame = pandas.read_parquet(history.folder)
        assert list(frame["trial"]) == list(range(1, number + 1))
    assert list(frame["severity"]) == [number / 2 for number in range(1, 13)]
    assert frame["point.abort_status_code"].isna().all()
    assert frame["started_at"][0].to_pydatetime() == trial_of(1).started_at


def test_what_was_appended_comes_back_whole_in_order(history):
    for trial in reversed(OF_VERSION["7"]):
        history.append(trial)
    assert History(history.folder, SPACE).trials() == OF_VERSION["7"]
    assert type(history.trials()[0].point["mixed"]) is bool


@pytest.mark.parametrize("version", OF_VERSION)
def test_the_golden_history_of_every_version_still_loads(version):
    folder, trials = GOLDEN / f"version-{version}", OF_VERSION[version]
    assert pq.read_schema(folder / "part-000001.parquet").metadata[b"boifi_history"] == version.encode()
    assert History(folder, SPACE).trials() == trials
    assert list(pandas.read_parquet(folder)["trial"]) == [trial.trial for trial in trials]


def test_the_calls_of_a_window_are_kept_in_a_column_of_their_own_and_once(history):
    for trial in OF_VERSION["6"][-2:]:
        history.append(trial)
    frame = pandas.read_parquet(history.folder)
    assert [call["failed"] for call in json.loads(frame["calls"][0]) if "failed" in call] == [5]
    assert "calls" not in json.loads(frame["observation"][0])
    assert frame["calls"].isna().to_list() == [False, True]


def test_an_older_history_goes_on(tmp_path):
    shutil.copytree(GOLDEN / "version-1", tmp_path / "history")
    history = History(tmp_path / "history", SPACE)
    history.create()
    history.append(trial_of(4, 6.5, why=CHOICE))
    assert history.trials() == OF_VERSION["2"][:4]
    assert list(pandas.read_parquet(history.folder)["trial"]) == [1, 2, 3, 4]


def test_how_a_target_healed_is_told_of_a_trial_that_is_there_already_and_at_no_moment_is_it_not(history, monkeypatch):
    history.append(trial_of(1, 8.0))
    healed = trial_of(1, 8.0, healed_ms=1500.0)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        patched.setattr(os, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            history.rewrite(healed)
    assert History(history.folder, SPACE).trials() == [trial_of(1, 8.0)]
    history.rewrite(healed)
    assert History(history.folder, SPACE).trials() == [healed]
    assert list(pandas.read_parquet(history.folder)["healed_ms"]) == [1500.0]


def killed(*_):
    raise KeyboardInterrupt


def test_a_number_that_is_recorded_already_is_refused(history):
    history.append(trial_of(1, 3.0))
    with pytest.raises(InvalidInput, match="trial: must not be recorded already, got 1"):
        history.append(trial_of(1, 4.0))
    assert [trial.severity for trial in history.trials()] == [3.0]


def test_opening_again_keeps_all_and_clears_what_a_killed_writer_left(history):
    history.append(trial_of(1))
    leftover = history.folder / ".part-000002.parquet"
    leftover.write_bytes(b"PAR1 half a par")
    assert len(pandas.read_parquet(history.folder)) == 1
    again = History(history.folder, SPACE)
    assert again.trials() == [trial_of(1)]
    assert leftover.exists(), "a reader must not disturb a writer"
    again.create()
    assert not leftover.exists()
    again.append(trial_of(2))
    assert again.trials() == [trial_of(1), trial_of(2)]


@pytest.mark.parametrize(
    "dimensions",
    [
        SPACE.dimensions[:-1],
        (*SPACE.dimensions, Axis("more", "real")),
        (dataclasses.replace(SPACE.dimensions[0], name="other"), *SPACE.dimensions[1:]),
        (dataclasses.replace(SPACE.dimensions[0], values=(1, 2)), *SPACE.dimensions[1:]),
    ],
)
def test_another_search_space_is_refused(history, dimensions):
    other = History(history.folder, Axes(dimensions))
    for use in (other.create, other.trials):
        with pytest.raises(InvalidInput, match=r"search_space: must be the one that .* was made with"):
            use()


def test_a_history_that_was_never_made_has_no_trials(tmp_path):
    assert History(tmp_path / "none", SPACE).trials() == []


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "other parquet"])
def test_a_damaged_part_is_named(history, damage):
    for number in (1, 2):
        history.append(trial_of(number))
    part = history.folder / "part-000002.parquet"
    whole = part.read_bytes()
    middle = whole.index(b"3f2a9c1e")
    part.write_bytes(
        {
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "flipped": whole[:middle] + b"4" + whole[middle + 1 :],
            "text": b"not parquet at all",
            "other parquet": whole.replace(b"scored", b"scared"),
        }[damage]
    )
    with pytest.raises(HistoryDamaged, match=r"part-000002\.parquet") as caught:
        history.trials()
    assert isinstance(caught.value, BoifiError)
    assert "\n" not in str(caught.value)


def test_a_column_name_that_is_no_text_is_damage(history):
    history.append(GOLDEN_TRIALS[0])
    part = history.folder / "part-000001.parquet"
    part.write_bytes(part.read_bytes().replace(b"session_id", b"\x80ession_id"))
    with pytest.raises(HistoryDamaged, match="cannot be read"):
        history.trials()


@given(data=st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_damage_is_noticed_or_harmless(history, data):
    part = history.folder / "part-000001.parquet"
    part.unlink(missing_ok=True)
    history.append(GOLDEN_TRIALS[0])
    whole = part.read_bytes()
    start = data.draw(st.integers(0, len(whole) - 1))
    part.write_bytes(whole[:start] + data.draw(st.binary(max_size=4)) + whole[start + data.draw(st.integers(0, 4)) :])
    try:
        history.trials()
    except (HistoryDamaged, InvalidInput):
        pass
    finally:
        part.write_bytes(whole)


def test_a_full_disk_leaves_what_was_there(history):
    history.append(trial_of(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(HistoryNotWritten, match=r"part-000002\.parquet cannot be written: File too large"):
            history.append(trial_of(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in sorted(history.folder.iterdir())] == ["part-000000.parquet", "part-000001.parquet"]
    assert len(pandas.read_parquet(history.folder)) == 1
    history.append(trial_of(2))
    assert history.trials() == [trial_of(1), trial_of(2)]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryNotWritten, match="cannot be made ready: Not a directory"):
        History(tmp_path / "file" / "history", SPACE).create()


WRITER = """
import sys
from pathlib import Path
from histories import SPACE, trial_of
from boifi_core.history.dataset import History
history = History(Path(sys.argv[1]), SPACE)
history.create()
number = len(history.trials())
print("ready", flush=True)
while True:
    number += 1
    history.append(trial_of(number, 5.0))
    print(number, flush=True)
"""


@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.long)])
def test_killed_at_any_moment_every_acknowledged_trial_is_there(tmp_path, kills):
    folder = tmp_path / "history"
    root = Path(__file__).parents[3]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(root / "tests" / "support")])}
    chance = random.Random(3)
    acknowledged = 0
    for kill in range(kills):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        if kill > 0:  # the first is killed before its first trial, while modules are still loaded
            acknowledged = int(writer.stdout.readline())
            time.sleep(chance.uniform(0, 0.03))
        writer.send_signal(signal.SIGKILL)
        acknowledged = max([acknowledged, *(int(line) for line in writer.stdout.read().split("\n")[:-1])])
        writer.stdout.close()
        writer.wait()
        frame = pandas.read_parquet(folder)
        assert acknowledged <= len(frame) <= acknowledged + 1
        assert list(frame["trial"]) == list(range(1, len(frame) + 1))
        acknowledged = len(frame)
    assert acknowledged >= kills - 1
    history = History(folder, SPACE)
    history.create()
    assert history.trials() == [trial_of(number, 5.0) for number in range(1, acknowledged + 1)]
    assert not list(folder.glob(".*"))
