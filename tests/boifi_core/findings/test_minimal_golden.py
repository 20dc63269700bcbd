"""What was asked and found in recorded sessions stays what it is: with each trial more, for each failure.

`golden/minimal.jsonl.gz` has a session in each line: some of the embedded target, the most of made-up ones with random
spaces, weaknesses, odd readings and faint failures. To write it anew after a wanted change, run this file.
"""

import gzip
import json
from pathlib import Path

import pytest
from histories import Axis, trial_of

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Fact, FailureMode
from boifi_core.findings.minimal import minimal_fault, question
from boifi_core.models import Choice, Near

GOLDEN = Path(__file__).parent / "golden" / "minimal.jsonl.gz"
SESSIONS = {line["name"]: line for line in map(json.loads, gzip.decompress(GOLDEN.read_bytes()).splitlines())}


def plans_of(written):
    return tuple(map(FaultPlan.model_validate, written))


def trial_from(number, phase, severity, plans, reason=None, start=None):
    nearest = () if start is None else (Near(trial=start, severity=5.0),)
    why = None if reason is None else Choice(reason=reason, nearest=nearest)
    return trial_of(number, severity, phase=phase, plans=plans_of(plans), why=why)


def mode_of(written, trials):
    signature = tuple(map(Fact.model_validate, written["signature"]))
    worst_plans = next(trial.plans for trial in trials if trial.trial == written["worst"])
    named = {"id": "f-00000000", "label": written["id"], "sentence": "", "replay": "", "worst_plans": worst_plans}
    return FailureMode(**{**written, "signature": signature, **named})


def written(plans):
    return [plan.model_dump(mode="json", exclude_defaults=True) for plan in plans]


def said(session):
    """After each number of trials, for each failure: what is to be tried, and the smallest fault so far."""
    dimensions = [Axis(**{**axis, "values": tuple(axis["values"])}) for axis in session["dimensions"]]
    made = [trial_from(*each) for each in session["trials"]]
    for n, modes, _ in session["prefixes"]:
        trials = made[:n]
        home = {number: mode["id"] for mode in modes for number in mode["trials"]}
        found = []
        for mode in [mode_of(mode, trials) for mode in modes]:
            asked = question(mode, trials, home, dimensions)
            smallest = minimal_fault(mode, trials, home, dimensions)
            found.append(
                [
                    asked and [asked.start, written(asked.plans)],
                    smallest
                    and {**smallest.model_dump(mode="json", exclude_defaults=True), "plans": written(smallest.plans)},
                ]
            )
        yield n, found


@pytest.mark.parametrize("name", SESSIONS)
def test_the_same_is_asked_and_found(name):
    assert dict(said(SESSIONS[name])) == {n: found for n, _, found in SESSIONS[name]["prefixes"]}


if __name__ == "__main__":
    for session in SESSIONS.values():
        for prefix, (_, found) in zip(session["prefixes"], list(said(session)), strict=True):
            prefix[2] = found
    lines = [json.dumps(session, separators=(",", ":"), ensure_ascii=False) + "\n" for session in SESSIONS.values()]
    GOLDEN.write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
