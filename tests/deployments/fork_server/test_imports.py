"""What sessions are forked with."""

import subprocess
import sys

PROGRAM = """
import sys
from pathlib import Path
import deployments.fork_server.imports
from boifi_core.history.dataset import History
from boifi_core.space import SearchSpace
before = set(sys.modules)
dimensions = [{"name": "percentage", "type": "integer", "min": 10, "max": 100}]
space = SearchSpace.parse({"dimensions": dimensions, "fixed": {"fault_type": "abort", "abort_status_code": 503}})
history = History(Path(sys.argv[1]) / "history", space)
history.create()
print("kept", len(history.trials()), *{name.partition(".")[0] for name in set(sys.modules) - before})
"""


def test_a_session_imports_no_library_of_its_own_to_keep_its_trials(environment, tmp_path):
    """Each would be in the memory of every session, and a second late."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    kept, count, *imported = done.stdout.split()
    assert (kept, count) == ("kept", "0")
    assert {"numpy", "pandas", "prefect", "pyarrow", "scipy", "sklearn"} & set(imported) == set()
