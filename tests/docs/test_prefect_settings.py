"""What the docs ask of a Prefect server is what ours have."""

import re
from pathlib import Path

import pytest

from cli.prefect_api import SERVER_SETTINGS

ROOT = Path(__file__).parent.parent.parent
ASKED = {name: value for name, value in SERVER_SETTINGS.items() if "SERVICES" in name}


ROW = r"`(PREFECT_SERVER_SERVICES_\w+)` \| \w+ \| (\w+) \|"
LINE = r"\b(PREFECT_SERVER_SERVICES_(?!DB_)\w+)=(\w+)"


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("docs/deployment.md", ROW),
        ("docker/Dockerfile", LINE),
        ("deployments/kubernetes/base/kustomization.yaml", LINE),
    ],
)
def test_p12_a_server_that_keeps_no_trial_waiting_has_these_settings(path, pattern):
    written = re.findall(pattern, (ROOT / path).read_text())
    assert {name: value for name, value in written if name in ASKED} == ASKED
    assert len(ASKED) == 5
