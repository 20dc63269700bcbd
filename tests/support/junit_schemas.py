"""What two schemas of JUnit XML ask for, as far as a report can break it.

Facts from `junit-10.xsd` (Jenkins' xUnit plugin) and `JUnit.xsd` (windyroad, of the Ant tasks).
"""

import re
from xml.etree import ElementTree as ET

JENKINS = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
                  "package", "file", "log", "url"},
    "testcase": {"name", "time", "classname", "group"},
    "failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"type", "message"},
    "properties": set(), "property": {"name", "value"}, "system-out": set(), "system-err": set(),
}  # fmt: skip
"""The attributes that each element may have."""

JENKINS_NEEDS = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name"},
    "property": {"name", "value"},
}

ANT_NEEDS = {
    "testsuite": {"name", "package", "id", "timestamp", "hostname", "tests", "failures", "errors", "time"},
    "testcase": {"name", "classname", "time"}, "failure": {"type"}, "error": {"type"}, "property": {"name", "value"},
}  # fmt: skip
ANT = {
    **JENKINS,
    "testsuites": set(), "testsuite": ANT_NEEDS["testsuite"] | {"skipped"}, "testcase": ANT_NEEDS["testcase"],
}  # fmt: skip

_PATTERNS = {
    ("testsuite", "timestamp"): r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", ("testsuite", "time"): r"\d+\.\d*|\d+",
    ("testcase", "time"): r"\d+(\.\d+)?", ("testsuite", "id"): r"\d+", ("testsuite", "name"): r"(?s).+",
    ("testsuite", "hostname"): r".+", ("testsuite", "tests"): r"\d+", ("testsuite", "failures"): r"\d+",
}  # fmt: skip

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def problems(text):
    """All that either schema would complain of, one line each."""
    root = ET.fromstring(text)
    found = [] if root.tag == "testsuites" else [f"the root is {root.tag}"]
    for element in root.iter():
        for schema, allowed, needed in (("jenkins", JENKINS, JENKINS_NEEDS), ("ant", ANT, ANT_NEEDS)):
            if element.tag not in allowed:
                found.append(f"{schema}: no {element.tag}")
                continue
            has = set(element.attrib)
            found += [f"{schema}: {element.tag}@{name} is not allowed" for name in sorted(has - allowed[element.tag])]
            found += [
                f"{schema}: {element.tag}@{name} is needed" for name in sorted(needed.get(element.tag, set()) - has)
            ]
        for name, value in element.attrib.items():
            pattern = _PATTERNS.get((element.tag, name))
            if pattern and not re.fullmatch(pattern, value):
                found.append(f"{element.tag}@{name} is {value!r}")
            if _NOT_XML.search(value):
                found.append(f"{element.tag}@{name} has what no XML has")
    for suite in root:
        inside = [each.tag for each in suite]
        cases = inside.count("testcase")
        if inside != ["properties", *["testcase"] * cases, "system-out", "system-err"]:
            found.append(f"ant: the suite has {inside}")
        found += [f"ant: a case has {len(case)} outcomes" for case in suite.findall("testcase") if len(case) > 1]
        counts = {
            "tests": "testcase",
            "failures": "testcase/failure",
            "errors": "testcase/error",
            "skipped": "testcase/skipped",
        }
        found += [
            f"{what} is wrong" for what, path in counts.items() if suite.get(what) != str(len(suite.findall(path)))
        ]
    return found
