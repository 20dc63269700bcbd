"""Traces as real instrumentations and backends emit them, and the calls that they are by hand's reckoning.

Each file of `golden/abroad` names the document that it follows; ids, addresses and names are made up. A call is its
caller, its callee, what was asked, and where it is not one try that went well and was answered: how it was.
"""

import copy
import json
import random
from pathlib import Path

import pytest

from boifi_core.traces import parse_trace, spans_of, trace_text
from boifi_core.traces.calls import calls
from boifi_core.traces.learn import learn

GOLDEN = sorted((Path(__file__).parent / "golden" / "abroad").glob("*.json"))
IDS = [path.stem for path in GOLDEN]


def read(path):
    return json.loads(path.read_text())


def told(spans, vocabulary=None):
    """The calls as the files have them, in an order of their own."""
    return sorted(map(as_written, calls(spans, vocabulary or learn({None: [spans]}))), key=str)


def as_written(call):
    how = {
        "failed": call.failed,
        "given up": call.given_up,
        "cut": call.cut,
        f"{call.tries} tries": call.tries > 1,
        "unanswered": not call.answered,
        "not ended": not call.ended,
    }
    said = ", ".join(name for name, holds in how.items() if holds)
    return [call.caller, call.callee, call.operation, *([said] if said else [])]


@pytest.mark.parametrize("path", GOLDEN, ids=IDS)
def test_the_calls_of_a_trace_are_these(path):
    golden = read(path)
    assert golden["source"]
    assert told(spans_of([golden["trace"]])) == sorted(golden["calls"], key=str)


def test_there_are_enough_of_them_and_of_opentelemetrys_languages():
    assert len(GOLDEN) >= 40
    languages = {path.stem.split("-")[1] for path in GOLDEN if path.stem.startswith("otel-")}
    assert languages >= {"java", "python", "node", "go", "dotnet", "php", "ruby", "rust", "cpp", "elixir"}


@pytest.mark.parametrize("path", GOLDEN, ids=IDS)
def test_an_observation_keeps_all_that_names_its_calls(path):
    spans = spans_of([read(path)["trace"]])
    assert told(parse_trace(trace_text(spans))) == told(spans)


def shuffled(value, chance):
    """The same JSON with every list in another order."""
    if isinstance(value, dict):
        return {key: shuffled(inner, chance) for key, inner in value.items()}
    if isinstance(value, list):
        return chance.sample([shuffled(inner, chance) for inner in value], len(value))
    return value


def renamed(value, chance, names, key=""):
    """The same JSON with other ids of the same kind, a day later."""
    if isinstance(value, dict):
        return {inner: renamed(each, chance, names, inner) for inner, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, chance, names, key) for each in value]
    plain = key.replace("_", "").lower()
    if plain in ("traceid", "spanid", "parentspanid", "id", "parentid") and isinstance(value, str):
        digits = "0123456789abcdef"
        is_hex = set(value) <= set(digits)
        if value not in names and is_hex:
            names[value] = "1" + "".join(chance.choices(digits, k=len(value) - 1))
        return names.get(value, value)
    if plain in ("starttimeunixnano", "endtimeunixnano") and value:
        return str(int(value) + 86_400 * 10**9)
    if plain in ("timestamp", "starttime") and isinstance(value, int):
        return value + 86_400 * 10**6
    return value


@pytest.mark.parametrize("path", GOLDEN, ids=IDS)
@pytest.mark.parametrize("seed", range(3))
def test_ids_order_and_the_day_change_no_call(path, seed):
    golden, chance = read(path), random.Random(seed)
    trace = renamed(golden["trace"], chance, {})
    if "references" not in json.dumps(trace):  # the first reference to a parent is the one that counts
        trace = shuffled(trace, chance)
    assert told(spans_of([trace])) == sorted(golden["calls"], key=str)


@pytest.mark.parametrize("path", GOLDEN, ids=IDS)
def test_clocks_that_differ_change_no_call(path):
    """Each service's own clock is some milliseconds off; how long things take stays."""
    golden = read(path)
    for number, resource in enumerate(
        golden["trace"].get("resourceSpans", []) if isinstance(golden["trace"], dict) else []
    ):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for key in ("startTimeUnixNano", "endTimeUnixNano"):
                    span[key] = str(int(span[key]) + (number * 7 % 5 - 2) * 1_000_000)
    assert told(spans_of([golden["trace"]])) == sorted(golden["calls"], key=str)


@pytest.mark.parametrize("path", GOLDEN, ids=IDS)
def test_a_copy_with_one_call_failed_or_lost_differs_by_that_call(path):
    spans = spans_of([read(path)["trace"]])
    vocabulary = learn({None: [spans]})
    usual = calls(spans, vocabulary)
    leaves = {span.id for span in spans} - {span.parent_id for span in spans}
    for span in spans:
        if span.is_error or span.id not in leaves or span.kind == "internal":
            continue
        lost = calls([each for each in spans if each is not span], vocabulary)
        above = next((each for each in spans if each.id == span.parent_id), None)
        # Where its own proxy tells of a call too, one span less changes nothing.
        assert lost != usual or (above is not None and above.is_proxy)
        failing = [each._replace(is_error=True) if each is span else each for each in spans]
        before, after = ([call.where for call in each] for each in (usual, calls(failing, vocabulary)))
        assert after == before


def test_a_call_that_nobody_answers_keeps_its_name():
    """What every golden trace loses when a callee is gone: its own spans and all below them."""
    for path in GOLDEN:
        spans = spans_of([read(path)["trace"]])
        vocabulary = learn({None: [spans]})
        names = {call.where for call in calls(spans, vocabulary)}
        for span in spans:
            if span.kind != "server" or span.parent_id is None or span.is_proxy:
                continue
            gone = {span.id}
            for each in spans:
                if each.parent_id in gone:
                    gone.add(each.id)
            left = [copy.copy(each) for each in spans if each.id not in gone]
            assert {call.where for call in calls(left, vocabulary)} <= names, path.stem
