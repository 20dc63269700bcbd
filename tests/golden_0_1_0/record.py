"""Records anew what the tests compare with, in a checkout of 0.1.0 alone.

`PYTHONPATH=tests/support python -m tests.golden_0_1_0.record` makes all but what the tests can write themselves, which
`GOLDEN=record python -m pytest tests/golden_0_1_0` does after it.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.golden_0_1_0 import proposals
from tests.golden_0_1_0.folders import FOLDERS, HOLDER, LEFT_OUT, PORT
from tests.golden_0_1_0.page import Page

LAST_TRIAL = 9
"""After which the killed session is killed."""


def main() -> None:
    for name in proposals.names():
        for seed in proposals.SEEDS:
            with tempfile.TemporaryDirectory() as data:
                made = [f"{line}\n" for line in proposals.lines(name, seed, Path(data))]
            proposals.recorded(name, seed).parent.mkdir(parents=True, exist_ok=True)
            proposals.recorded(name, seed).write_text("".join(made))
    for name, killed_after in (("ended", None), ("killed", LAST_TRIAL)):
        with tempfile.TemporaryDirectory() as home, Page(port=PORT) as page:
            page.pause_s = 0.0 if killed_after is None else 0.2
            _run(FOLDERS / f"{name}.yaml", Path(home), killed_after)
            (session,) = (Path(home) / "boifi-data" / "sessions").iterdir()
            _keep(session, FOLDERS / name)


def _run(session_file: Path, home: Path, killed_after: int | None) -> None:
    # In ./boifi-data, which no text names.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("BOIFI_", "PREFECT_"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "run", str(session_file)],
        cwd=home, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        print(line, end="")
        if killed_after is not None and re.match(rf" *{killed_after}/", line):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == (0 if killed_after is None else -signal.SIGKILL)


def _keep(session: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(session, place / session.name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (place / session.name / "lock").write_text(HOLDER)


if __name__ == "__main__":
    main()
