"""The findings as JUnit XML, for a pipeline to show and to fail on."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from boifi_core.report.facts import Finding, ReportInput, findings, why
from boifi_core.report.tables import plain

_SHOWN = 10


def junit(report: ReportInput, fail_at: float) -> str:
    """One test case for each distinct fault at or above `fail_at`, which fails, and for the ten worst at least.

    The case `session` stands for the session itself: an error if it ended FAILED.

    Args:
        fail_at: severity, 0 to 10.
    """
    found = findings(report)
    shown = [finding for place, finding in enumerate(found) if place < _SHOWN or finding.severity >= fail_at]
    failures = sum(finding.severity >= fail_at for finding in shown)
    has_failed = report.status.upper() == "FAILED"
    counts = {"tests": str(len(shown) + 1), "failures": str(failures), "errors": str(int(has_failed))}
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
    for finding in shown:
        _case(suite, finding, report, fail_at)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, finding: Finding, report: ReportInput, fail_at: float) -> None:
    trial = finding.trial
    name = plain(f"trial {trial.trial}: {finding.fault}")
    time_s = f"{(trial.finished_at - trial.started_at).total_seconds():.3f}"
    case = ET.SubElement(suite, "testcase", {"classname": "boifi.fault", "name": name, "time": time_s})
    if finding.severity >= fail_at:
        message = plain(f"severity {finding.severity:.2f}, at most {fail_at:g} allowed: {why(finding, report)}")
        bug, performance, structure = finding.scores
        scores = f"bugs {bug:.2f}, performance {performance:.2f}, structure {structure:.2f}"
        ET.SubElement(case, "failure", {"message": message}).text = scores
