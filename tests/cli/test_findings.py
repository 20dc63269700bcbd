"""A session on the embedded target, to findings that can be shown: found, confirmed, small, replayed."""

from pathlib import Path

import pytest
import yaml

from boifi_core.findings import Verdict
from boifi_core.report.session_report import stored_catalogue
from boifi_core.session.folder import find_session
from demo.target import start_target

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ATTEMPTS = 3
SPACE = {
    "dimensions": [
        {"name": "fault_type", "type": "categorical", "values": ["delay"]},
        {"name": "target_service", "type": "categorical", "values": ["payments", "reviews"]},
        {"name": "percentage", "type": "integer", "min": 90, "max": 100},
        {"name": "delay_ms", "type": "integer", "min": 10, "max": 200},
    ]
}


@pytest.fixture(scope="module")
def target():
    with start_target() as running:
        yield running


@pytest.mark.timeout(400)
def test_each_failure_is_confirmed_made_small_and_fails_again_when_it_is_replayed(boifi_here, target, tmp_path):
    path = tmp_path / "session.yaml"
    data = {
        "executor": {"type": "hfi", "endpoint": target.control_plane},
        "search_space": SPACE,
        "total_trials": 34,
        "initial_points": 8,
        "seed": 1,
        "analyzer": {"baseline_latency_ms": 110, "threshold_latency_ms": 180},
        "confirm": {"share": 0.24},
        "minimise": {"share": 0.5},
    }
    path.write_text(yaml.safe_dump(data))
    # A busy machine disturbs the shop itself; a session that saw that, by its fault-free runs, is made again.
    for _ in range(ATTEMPTS):
        said = boifi_here("run", path, check=0)
        folder = find_session(Path(tmp_path / "data"), said.stdout.split("session     ")[1][:8])
        found = stored_catalogue(folder)
        if not found.false_alarms:
            break
    told = [mode.sentence for mode in found.modes]
    [charged] = [mode for mode in found.modes if "gives up on payments" in mode.sentence]
    [unavailable] = [mode for mode in found.modes if "gives up on reviews" in mode.sentence]
    assert "tries once more" in charged.sentence, told
    assert found.false_alarms == 0
    # Orders waits 60 ms for payments, which take about 10; the gateway 40 ms for reviews, about 5; more if it is busy.
    for mode, least_ms, most_ms in ((charged, 30, 60), (unavailable, 20, 42)):
        assert mode.verdict is Verdict.CONFIRMED
        threshold = next(each for each in mode.minimal.thresholds if each.dimension == "delay_ms")
        assert least_ms <= threshold.middle <= most_ms, mode.minimal
        assert threshold.holds_at < threshold.fails_at
        number = mode.replay.split()[3]
        assert "the same failure" in boifi_here("replay", folder.session_id, number, check=0).stdout
        again = stored_catalogue(folder).mode_of(int(number))
        assert max(again.trials) > max(found.mode_of(int(number)).trials)
