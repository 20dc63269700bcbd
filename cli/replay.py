"""`boifi replay`: the same fault once more, and both outcomes side by side."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from boifi_core.analyzer import explain
from boifi_core.errors import BoifiError, InvalidInput
from boifi_core.findings.again import Again, again
from boifi_core.models import Trial
from boifi_core.report.session_report import stored_catalogue
from boifi_core.session.folder import find_session
from boifi_core.session.stored import read_trials, stored_config
from boifi_core.session.stored_baseline import stored_baseline
from boifi_core.settings import state_dir
from boifi_core.storage.data_dir import data_dir
from cli.demo import embedded_target
from cli.prefect_api import prefect_api
from cli.run import as_template, preflight
from cli.termination import sigterm_raises

NOT_THE_SAME = 4
"""The exit status of a replay that was measured and did something else."""


def run_replay(session_id: str, trial: int, out: str | None, console: Console) -> int:
    """Replay a trial; exit status 0 if it did the same again, `NOT_THE_SAME` if not.

    Raises:
        InvalidInput: no such session or trial.
        BoifiError: it could not be measured.
    """
    data = data_dir(out)
    folder = find_session(data, session_id)
    config = stored_config(folder)
    before = read_trials(folder, config)
    original = next((t for t in before if t.trial == trial), None)
    if original is None:
        raise InvalidInput("TRIAL", f"must be a recorded trial of session {folder.session_id}", trial)
    with sigterm_raises(), embedded_target(folder, config):
        preflight(config)
        with prefect_api(state_dir(data)):
            from flows.replay import replay
            from flows.words import message_in_words

            state = replay.with_options(flow_run_name=f"{as_template(config.name)} replay of trial {trial}")(
                str(folder.path), trial, return_state=True
            )
    if not state.is_completed():
        raise BoifiError(message_in_words(state.message) or "the replay did not end")
    trials = read_trials(folder, config)
    made = trials[len(before) :]
    told = again(stored_catalogue(folder), trials, original, made[-1])
    if told is None:
        raise BoifiError(f"the replay could not be measured: {made[-1].reason}")

    def line(label: str, made: Trial) -> Text:
        why = "" if made.score is None or made.observation is None else explain(
            made.score, made.observation, stored_baseline(folder)[0], config.analyzer)  # fmt: skip
        severity = "-" if made.severity is None else f"{made.severity:.1f}"
        return Text(f"{label:<22}severity {severity:>4}  {why or made.reason or ''}")

    console.print(Text(f"{'fault':<22}{' + '.join(map(str, original.plans)) or 'no fault'}"), soft_wrap=True)
    console.print(line(f"then (trial {original.trial})", original), soft_wrap=True)
    for each in made:
        console.print(line(f"again (trial {each.trial})", each), soft_wrap=True)
    console.print(Text(outcome(told)), soft_wrap=True)
    return 0 if told.is_same else NOT_THE_SAME


def outcome(told: Again) -> str:
    """In one line whether it did the same again, and what else if not."""
    then = "no failure" if told.expected is None else f"{told.expected.label}: {told.expected.sentence}"
    if told.is_same:
        return "as harmless as then" if told.expected is None else f"the same failure, {then}"
    if told.shows:
        return f"not as severe as then (at least {told.lowest:.1f} would be), though the same, {then}"
    now = "none" if told.shown is None else f"another, {told.shown.label}: {told.shown.sentence}"
    return f"not the same failure but {now}; then {then}"
