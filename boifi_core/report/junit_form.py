"""JUnit XML that both schemas take which are checked against: Jenkins' xUnit plugin's and Ant's.

Sources: `junit-10.xsd` of the Jenkins xUnit plugin, `JUnit.xsd` of windyroad (the Ant tasks). Where one asks for more,
both get it: Ant wants properties before the cases and output after them, an id, package and host of the suite, times
without a zone, and a type of every failure and error; neither knows a `skipped` of the whole.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as ET

from boifi_core.report.tables import plain


def new_suite(name: str, began_at: datetime, lasted: timedelta) -> ET.Element:
    """A suite without cases."""
    begun = began_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    suite = ET.Element("testsuite", {
        "name": plain(name), "package": "boifi", "id": "0", "hostname": "localhost", "timestamp": begun,
        "time": _seconds(lasted.total_seconds()),
    })  # fmt: skip
    ET.SubElement(suite, "properties")
    return suite


def add_case(suite: ET.Element, classname: str, name: str, time_s: float = 0.0) -> ET.Element:
    """A case of the suite, passed as it stands."""
    return ET.SubElement(suite, "testcase", {"classname": classname, "name": plain(name), "time": _seconds(time_s)})


def add_outcome(case: ET.Element, kind: str, message: str) -> ET.Element:
    """What came of a case that has not passed: `failure`, `error` or `skipped`."""
    attributes = {"message": plain(message)}
    return ET.SubElement(case, kind, attributes if kind == "skipped" else {**attributes, "type": f"boifi.{kind}"})


def written(suite: ET.Element) -> str:
    """The whole text, with the suite's cases counted."""
    for what, path in (("tests", "testcase"), ("failures", "testcase/failure"), ("errors", "testcase/error"),
                       ("skipped", "testcase/skipped")):  # fmt: skip
        suite.set(what, str(len(suite.findall(path))))
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    # Written here, since the library would name the terminal's encoding.
    return "<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(root, encoding="unicode") + "\n"


def _seconds(time_s: float) -> str:
    return f"{max(0.0, time_s):.3f}"
