"""A session's report, made from its folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime

from boifi_core.analyzer.steady import troubles
from boifi_core.findings import Catalogue
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.residual import residual
from boifi_core.models import SessionState, SessionStatus, Trial
from boifi_core.report import ReportInput, html, json_report, junit, markdown
from boifi_core.report.curves import curves
from boifi_core.session.config import SessionConfig
from boifi_core.session.folder import SessionFolder, out_option
from boifi_core.session.learning import learnt_optimizer
from boifi_core.session.preflight.table import kept
from boifi_core.session.progress import recommendation
from boifi_core.session.stored import read_trials, stored_config
from boifi_core.session.stored_baseline import stored_baseline, stored_evidence
from boifi_core.session.warm_start import stored_past

FAIL_AT = 7.0
"""The severity from which a failure mode fails the JUnit report."""

EXPLAINED = 10
"""From how many scores on the report says what the model makes of the dimensions."""

FORMATS: dict[str, Callable[[ReportInput], str]] = {
    "md": markdown,
    "html": html,
    "json": lambda report: json.dumps(json_report(report), indent=2, ensure_ascii=False, default=str) + "\n",
    "junit": lambda report: junit(report, FAIL_AT),
}
"""How a report can be written, by name."""


def report_input(folder: SessionFolder, state: SessionState | None = None) -> ReportInput:
    """All facts of a session, from its history and what was stored beside it.

    Args:
        state: the session's; the one that its folder holds, where it is not given.
    """
    stored = folder.session()
    config = stored_config(folder)
    state = state or folder.state()
    baseline, baseline_severity = stored_baseline(folder)
    trials = read_trials(folder, config)
    past = stored_past(folder) if config.warm_start else ()
    optimizer = learnt_optimizer(config, trials, past, stored_evidence(folder))
    best = recommendation(config, optimizer)
    is_explained = len(optimizer.history) >= EXPLAINED
    found = _catalogue(folder, config, trials)
    return ReportInput(
        session_id=folder.session_id,
        name=config.name,
        target=config.executor.endpoint,
        seed=config.seed,
        created_at=datetime.fromisoformat(stored["created_at"]),
        status=state.status if state else SessionStatus.PENDING,
        reason=state.reason if state else None,
        total_trials=config.total_trials,
        baseline=baseline,
        baseline_severity=baseline_severity,
        trials=trials,
        dimensions=config.search_space.dimensions,
        analyzer=config.analyzer,
        best=best,
        importance=optimizer.importance() if is_explained else None,
        accuracy=optimizer.accuracy() if is_explained else None,
        curves=curves(optimizer, None if best is None else best[0]) if is_explained else (),
        catalogue=found,
        left=residual(trials, found, is_watched=config.is_watched),
        remarks=state.remarks if state else (),
        troubles=troubles(stored_evidence(folder).normal),
        checks=kept(folder),
        out=out_option(folder.data),
    )


def render(folder: SessionFolder, form: str) -> str:
    """The report in one of `FORMATS`."""
    return FORMATS[form](report_input(folder))


def write_report_files(folder: SessionFolder, state: SessionState | None = None) -> ReportInput:
    """Write `report.md` and `report.html` into the session's folder; returns what they tell of.

    Args:
        state: as for `report_input`.
    """
    report = report_input(folder, state)
    folder.files.write("report.md", markdown(report).encode())
    folder.files.write("report.html", html(report).encode())
    return report


def stored_catalogue(folder: SessionFolder) -> Catalogue:
    """The distinct failures of a session, from its history and its baseline alone."""
    config = stored_config(folder)
    return _catalogue(folder, config, read_trials(folder, config))


def _catalogue(folder: SessionFolder, config: SessionConfig, trials: Sequence[Trial]) -> Catalogue:
    dimensions = config.search_space.dimensions
    return catalogue(
        trials,
        stored_evidence(folder),
        session_id=folder.session_id,
        dimensions=dimensions,
        out=out_option(folder.data),
    )
