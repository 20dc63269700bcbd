"""The failures as JUnit XML, for a pipeline to show and to fail on."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from boifi_core.findings import FailureMode, Verdict
from boifi_core.findings.identity import origin
from boifi_core.report.facts import ReportInput, fault_text
from boifi_core.report.failures import verdict_text
from boifi_core.report.junit_form import add_case, add_outcome, new_suite, written
from boifi_core.report.tables import plain


def junit(report: ReportInput, fail_at: float) -> str:
    """One test case for each distinct failure of the target; those at or above `fail_at` fail.

    Its name is the same tomorrow. One that was measured again in vain is skipped, whatever its severity. The case
    `session` stands for the session itself: an error if it ended FAILED.

    Args:
        fail_at: severity, 0 to 10.
    """
    suite = new_suite(f"boifi {report.name}", report.created_at, report.duration)
    session = add_case(suite, "boifi", "session", report.duration.total_seconds())
    if report.status.upper() == "FAILED":
        add_outcome(session, "error", report.reason or "failed")
    seconds = {trial.trial: trial.took_s for trial in report.trials}
    for mode in report.catalogue.modes:
        _case(suite, mode, seconds.get(mode.worst, 0.0), fail_at)
    return written(suite)


def _case(suite: ET.Element, mode: FailureMode, time_s: float, fail_at: float) -> None:
    case = add_case(suite, "boifi.failure", f"{mode.id}: {origin(mode.signature, mode.worst_plans)}", time_s)
    message = f"{mode.label}: {mode.sentence}; severity {mode.severity:.2f}, {verdict_text(mode)}"
    if _is_unsure(mode):
        add_outcome(case, "skipped", message)
    elif mode.fails(fail_at):
        failure = add_outcome(case, "failure", f"{message}, at most {fail_at:g} allowed")
        lines = [
            f"worst: {fault_text(mode.worst_plans)}",
            f"smallest: {fault_text(mode.smallest)}",
            f"again: {mode.replay}",
        ]
        failure.text = "\n".join(map(plain, lines))


def _is_unsure(mode: FailureMode) -> bool:
    return mode.verdict is Verdict.INCONCLUSIVE
