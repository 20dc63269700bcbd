"""`boifi replay`: the same fault once more, and both outcomes side by side."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.text import Text

from boifi_core.analyzer import explain
from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.folder import data_dir, find_session
from boifi_core.models import Trial
from boifi_core.session import read_trials, stored_config
from boifi_core.stored_baseline import stored_baseline
from cli.prefect_api import prefect_api
from cli.run import as_template, preflight, sigterm_raises


def run_replay(session_id: str, trial: int, out: Path | None, console: Console) -> int:
    """Replay a trial; exit status 0 if it could be measured, 1 if not."""
    data = data_dir(out)
    folder = find_session(data, session_id)
    config = stored_config(folder)
    original = next((t for t in read_trials(folder, config) if t.trial == trial), None)
    if original is None:
        raise InvalidInput("TRIAL", f"must be a recorded trial of session {folder.session_id}", trial)
    preflight(config)
    with sigterm_raises(), prefect_api(data):
        from flows.replay import replay

        state = replay.with_options(flow_run_name=f"{as_template(config.name)} replay of trial {trial}")(
            str(folder.path), trial, return_state=True
        )
    if not state.is_completed():
        raise BoifiError(state.message or "the replay did not end")
    again = read_trials(folder, config)[-1]

    def line(label: str, made: Trial) -> Text:
        why = "" if made.score is None or made.observation is None else explain(
            made.score, made.observation, stored_baseline(folder)[0], config.analyzer)  # fmt: skip
        severity = "-" if made.severity is None else f"{made.severity:.1f}"
        return Text(f"{label:<22}severity {severity:>4}  {why or made.reason or ''}")

    console.print(Text(f"{'fault':<22}{' + '.join(map(str, original.plans)) or 'no fault'}"), soft_wrap=True)
    console.print(line(f"then (trial {original.trial})", original), soft_wrap=True)
    console.print(line(f"again (trial {again.trial})", again), soft_wrap=True)
    return 0 if again.severity is not None else 1
