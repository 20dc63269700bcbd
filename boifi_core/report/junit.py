"""The failures as JUnit XML, for a pipeline to show and to fail on."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from boifi_core.findings import FailureMode, Verdict
from boifi_core.report.facts import ReportInput, fault_text
from boifi_core.report.failures import smallest_text, verdict_text
from boifi_core.report.tables import plain


def junit(report: ReportInput, fail_at: float) -> str:
    """One test case for each distinct failure of the target; those at or above `fail_at` fail.

    One that was measured again in vain is skipped, whatever its severity. The case `session` stands
    for the session itself: an error if it ended FAILED.

    Args:
        fail_at: severity, 0 to 10.
    """
    modes = report.catalogue.modes
    has_failed = report.status.upper() == "FAILED"
    counts = {
        "tests": str(len(modes) + 1),
        "failures": str(sum(mode.fails(fail_at) for mode in modes)),
        "errors": str(int(has_failed)),
        "skipped": str(sum(_is_unsure(mode) for mode in modes)),
    }
    time_s = f"{report.duration.total_seconds():.3f}"
    root = ET.Element("testsuites", counts)
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": f"boifi {plain(report.name)}",
            "timestamp": report.created_at.isoformat(timespec="seconds"),
            "time": time_s,
        }
        | counts,
    )
    session = ET.SubElement(suite, "testcase", {"classname": "boifi", "name": "session", "time": time_s})
    if has_failed:
        ET.SubElement(session, "error", {"message": plain(report.reason or "failed")})
    seconds = {trial.trial: trial.took_s for trial in report.trials}
    for mode in modes:
        _case(suite, mode, seconds.get(mode.worst, 0.0), fail_at)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, mode: FailureMode, time_s: float, fail_at: float) -> None:
    name = plain(f"{mode.id}: {mode.sentence}")
    case = ET.SubElement(suite, "testcase", {"classname": "boifi.failure", "name": name, "time": f"{time_s:.3f}"})
    message = plain(f"severity {mode.severity:.2f}, {verdict_text(mode)}")
    if _is_unsure(mode):
        ET.SubElement(case, "skipped", {"message": message})
    elif mode.fails(fail_at):
        failure = ET.SubElement(case, "failure", {"message": f"{message}, at most {fail_at:g} allowed"})
        lines = [f"worst: {fault_text(mode.worst_plans)}", f"smallest: {smallest_text(mode)}", f"again: {mode.replay}"]
        failure.text = "\n".join(map(plain, lines))


def _is_unsure(mode: FailureMode) -> bool:
    return mode.verdict is Verdict.INCONCLUSIVE
