"""What a person sees in the terminal while a session runs, and when it has ended."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.text import Text

from boifi_core.errors import counted
from boifi_core.findings import Catalogue
from boifi_core.findings.effect import EVERYWHERE, without_effect
from boifi_core.models import RawObservation, SessionState, SessionStatus, Trial, TrialStatus
from boifi_core.report.advice import nothing_changed
from boifi_core.report.failures import left_text
from boifi_core.session.events import (
    BaselineSeen,
    Event,
    Note,
    PhaseRemark,
    Proposed,
    Recorded,
    StopAsked,
    SweepFailed,
    Waiting,
)
from boifi_core.session.folder import SessionFolder, out_option
from boifi_core.session.healing import NOT_BACK
from boifi_core.session.stored import read_trials, stored_config
from boifi_core.session.stored_baseline import stored_baseline
from cli.weaknesses import weaknesses


class Progress:
    """Shows a session's events: one line a trial; in a terminal also a live line below them with what is left."""

    def __init__(self, console: Console, total: int, done: int = 0, best: float = 0.0) -> None:
        self._console = console
        self._total = total
        self._done = done
        self._best = best
        self._began = time.monotonic()
        self._made = 0
        self._has_head = True
        self._live: Live | None = None
        if console.is_terminal:
            self._live = Live(Text(""), console=console, transient=True, refresh_per_second=4)

    def __enter__(self) -> Progress:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, event: Event) -> None:
        """Show what is worth a line."""
        match event:
            case BaselineSeen():
                self._baseline(event.observation, event.severity)
            case Proposed():
                self._head()
            case Recorded():
                self._trial(event.trial)
            case PhaseRemark():
                self._line(f"{event.phase:<10}  {event.why}")
            case SweepFailed():
                self._line(f"last sweep: {event.why}", "bold red")
            case StopAsked():
                self._line("stop asked for: the running trial is finished; Ctrl-C again breaks it off")
            case Note() | Waiting():
                self._line(event.text)

    def _baseline(self, observation: RawObservation, severity: float) -> None:
        latency = "-" if observation.latency_ms is None else f"{observation.latency_ms:.0f} ms"
        self._line(f"baseline    without a fault: status {observation.status_code}, latency {latency}, "
                   f"severity {severity:.1f}")  # fmt: skip
        self._has_head = False

    def _head(self) -> None:
        if not self._has_head:
            self._line("")
            self._line(f"{'trial':>9}  severity  best  {'left':>7}  fault")
            self._began, self._has_head = time.monotonic(), True

    def _trial(self, trial: Trial) -> None:
        self._made += 1
        self._done += 1
        is_best = trial.severity is not None and trial.severity > self._best
        self._best = max(self._best, trial.severity or 0.0)
        left = self._time_left()
        severity = "-" if trial.severity is None else f"{trial.severity:.1f}"
        degraded = " (degraded)" if trial.status is TrialStatus.DEGRADED else ""
        fault = faults_line(trial) + mark(trial) + degraded
        if trial.severity is None:
            fault = f"{trial.status}: {trial.reason}"
        line = f"{trial.trial:>4}/{self._total:<4}  {severity:>8}  {self._best:>4.1f}  {left:>7}  {fault}"
        self._line(line, "bold red" if is_best else "")
        if self._live is not None:
            self._live.update(Text(f"{self._done} of {counted(self._total, 'trial')}, worst {self._best:.1f}, "
                                   f"{left} left   (Ctrl-C ends after this trial)", style="dim"))  # fmt: skip

    def _time_left(self) -> str:
        per_trial_s = (time.monotonic() - self._began) / max(self._made, 1)
        return duration((self._total - self._done) * per_trial_s)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(text, style=style), soft_wrap=not self._console.is_terminal, overflow="ellipsis",
                            no_wrap=True)  # fmt: skip


_WITHOUT_WHOLE_TRACES = re.compile(r"trial \d+: (.*; )?traces: ")


def closing(
    console: Console, folder: SessionFolder, state: SessionState, found: Catalogue, *, resumable: bool = True
) -> None:
    """The weaknesses, how sure they are, the smallest fault known of each, and where to look next.

    A session that is not `resumable` had a target that is gone by now.
    """
    console.print()
    made = state.progress.history
    scored = sum(entry.score is not None for entry in made)
    console.print(
        Text(f"{state.status}: {state.reason}. {counted(len(made), 'trial')}, {scored} of them scored."), soft_wrap=True
    )
    thin = sum(_WITHOUT_WHOLE_TRACES.match(error) is not None for error in state.errors)
    if thin:
        text = f"In {thin} of them the traces were not whole, which hides failures and may show false ones: see the"
        console.print(f"{text} report.", soft_wrap=True)
    if found.modes:
        weaknesses(console, found)
    elif scored:
        console.print("No fault hurt the target.")
        for line in _idle(folder):
            console.print(line, soft_wrap=True)
    if state.left is not None:
        console.print(Text(left_text(state.left)))
    for label, where in (
        ("report", folder.path / "report.md"),
        ("", folder.path / "report.html"),
        ("history", folder.history),
    ):
        console.print(Text(f"{label:<10}{where}"), soft_wrap=True)
    if found.modes:
        console.print(Text(f"{'again':<10}{found.surest_first[0].replay}"), soft_wrap=True)
    is_over = state.status is SessionStatus.COMPLETED and not (state.reason or "").startswith(NOT_BACK)
    if resumable and not is_over and len(made) < state.progress.total_iterations:
        console.print(
            Text(f"{'go on':<10}boifi run SESSION.yaml --resume {folder.session_id}{out_option(folder.data)}"),
            soft_wrap=True,
        )


def _idle(folder: SessionFolder) -> Iterator[str]:
    """A line where no fault had any effect."""
    idle = without_effect(read_trials(folder, stored_config(folder)), *stored_baseline(folder))
    if EVERYWHERE in idle:
        yield nothing_changed(idle[EVERYWHERE])


MARKS = {"confirm": "again", "explore": "new ground", "verify": "is it real?", "minimise": "does less do it?",
         "sample": "by chance", "screen": "one call, one way", "pair": "two calls at once",
         "novel": "another failure"}  # fmt: skip
"""What is said of trials that do not simply look for a worse fault."""


def mark(trial: Trial) -> str:
    """Why the trial was made, where that is worth a word; it stands last, where a narrow terminal cuts the line."""
    word = None if trial.why is None else MARKS.get(trial.why.reason)
    return "" if word is None else f" ({word})"


def faults_line(trial: Trial) -> str:
    """All plans of a trial in one line."""
    return " + ".join(map(str, trial.plans)) or "no fault"


def duration(seconds: float) -> str:
    """A time for people: `42 s`, `3 min 5 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
