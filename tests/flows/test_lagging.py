"""F4: what is stored is not in force yet: control planes that answer at once and act later."""

import re

import pandas as pd
import pytest
from lagging_mesh import LaggingMesh
from own_faults import is_its_own

from boifi_core.models import SessionStatus
from boifi_core.session.events import Settled

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]


def test_f4_the_lag_is_found_waited_for_and_told(settled):
    with LaggingMesh(hold_s=1.5, go_s=1.5) as mesh:
        folder, state, trials, told = settled(mesh, most_ms=2000)
    assert (state.status, len(trials)) == (SessionStatus.COMPLETED, 12)
    assert {trial.plans[0].fault_type for trial in trials} == {"delay", "abort"}
    assert all(map(is_its_own, trials))
    (text,) = (event.text for event in told if isinstance(event, Settled))
    assert re.fullmatch(
        r"faults take hold after [12]\.\d s and let go after [12]\.\d s; every trial waits for that", text
    )
    assert f"settle {text}" in state.remarks
    assert text in (folder.path / "report.md").read_text()
    settling = pd.read_parquet(folder.history).iloc[0]
    assert (settling["trial"], settling["phase"], settling["reason"]) == (0, "settle", text)
    assert pd.isna(settling["severity"]), "or it would be the worst of all to whoever sorts them"
    assert 1300 < settling["in_force_ms"] < 2500
    assert 1300 < settling["gone_ms"] < 2500
    assert all(trial.in_force_ms >= settling["in_force_ms"] for trial in trials)
    assert mesh.listed() == []


@pytest.mark.parametrize(
    "lags", [{"hold_s": 0.3, "go_s": 2.5}, {"again_s": 1.0}], ids=["longer to go", "asks now and then"]
)
def test_f4_other_lags(settled, lags):
    with LaggingMesh(**lags) as mesh:
        _, state, trials, _ = settled(mesh, total_trials=6)
    assert state.status is SessionStatus.COMPLETED
    assert all(map(is_its_own, trials))
    assert mesh.listed() == []
