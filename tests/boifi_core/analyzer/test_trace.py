import json
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from observations import span, trace

from boifi_core.analyzer.trace import operations
from boifi_core.traces import parse_trace
from boifi_core.traces.tree import MAX_SEQUENCE
from boifi_core.wire.bounded_json import MAX_BYTES as MAX_TEXT


def test_reads_the_plans_fields():
    text = trace(span("1", "GET /", service="gateway"), span("2", "charge", "1", 3.5, status="error"))
    first, second = parse_trace(text)
    assert (first.id, first.operation, first.duration_ms, first.is_error) == ("1", "gateway GET /", 10.0, False)
    assert (second.parent_id, second.operation, second.duration_ms, second.is_error) == ("1", "charge", 3.5, True)


@pytest.mark.parametrize("status", ["error", "ERROR", "Error"])
def test_an_error_status_is_read_in_any_case(status):
    assert parse_trace(trace(span("1", "a", status=status)))[0].is_error


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        *((text, None) for text in ["NaN", "Infinity", "-1", '"5"', "true", "1e999", "9" * 400]),
        ("0", 0.0),
    ],
)
def test_durations_that_are_no_finite_number_are_empty(duration, expected):
    text = f'{{"spans": [{{"id": "1", "name": "a", "duration_ms": {duration}}}]}}'
    assert parse_trace(text)[0].duration_ms == expected


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "null", "3", "{}", '{"spans": {}}', '{"spans": null}', "[" * 100_000, '{"a":' * 100_000],
    ids=range(10),
)
def test_what_is_no_trace_is_a_value_error(text):
    with pytest.raises(ValueError, match="trace must be"):
        parse_trace(text)


def test_a_trace_that_is_too_long_is_refused():
    with pytest.raises(ValueError, match="at most"):
        parse_trace(" " * (MAX_TEXT + 1))


def test_half_a_surrogate_pair_is_replaced():
    name = parse_trace('{"spans": [{"id": "1", "name": "a\\ud800"}]}')[0].name
    assert name == "a?"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)
keys = st.sampled_from(["id", "name", "duration_ms", "status", "parent_id", "service", "other"])
ids = st.sampled_from(["1", "2", "3", "4"])
wild_spans = st.lists(
    st.dictionaries(keys, json_values)
    | st.fixed_dictionaries({"id": ids, "parent_id": ids, "name": ids})
    | json_values,
    max_size=8,
)


@given(wild_spans)
def test_any_list_of_spans_is_read_and_no_operation_is_lost_that_is_not_repeated(entries):
    spans = parse_trace(json.dumps({"spans": entries}))
    there, ordered = Counter(item.operation for item in spans), Counter(operations(spans))
    assert ordered <= there
    assert max(there.values(), default=1) > 1 or ordered == there


@given(json_values.map(json.dumps) | st.text())
def test_any_text_is_read_or_a_value_error(text):
    try:
        spans = parse_trace(text)
    except ValueError:
        return
    assert isinstance(operations(spans), list)


def tree(seed):
    """Twenty spans with repeated names, under random parents."""
    chance = random.Random(seed)
    return [
        span(str(i), chance.choice("abc"), None if i == 0 else str(chance.randrange(i)), service=chance.choice("xy"))
        for i in range(20)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_concurrent_spans_does_not_matter(seed):
    spans = tree(seed)
    expected = operations(parse_trace(trace(*spans)))
    random.Random(seed).shuffle(spans)
    assert operations(parse_trace(trace(*spans))) == expected


def test_depth_first_with_siblings_by_name():
    spans = [span("r", "root"), span("b", "b", "r"), span("a", "a", "r"), span("c", "c", "b")]
    assert operations(parse_trace(trace(*spans))) == ["root", "a", "b", "c"]


def test_of_repeated_calls_the_one_that_went_furthest_stands_for_all():
    once = [span("r", "root"), span("a", "a", "r"), span("b", "b", "a"), span("z", "z", "r")]
    again = [span("a2", "a", "r"), span("a3", "a", "r"), span("b3", "b", "a3"), span("b4", "b", "a3")]
    assert operations(parse_trace(trace(*once, *again))) == ["root", "a", "b", "z"]


def test_without_parents_the_given_order_stands():
    spans = [span("1", "b"), span("2", "b"), span("3", "a"), span("4", "c"), span("5", "b")]
    assert operations(parse_trace(trace(*spans))) == ["b", "a", "c", "b"]


def test_parents_in_a_circle_and_of_themselves_are_survived():
    spans = [span("1", "a", "2"), span("2", "b", "1"), span("3", "c", "3"), span("4", "d", "3")]
    assert operations(parse_trace(trace(*spans))) == ["a", "b", "c", "d"]


def test_a_trace_deeper_than_pythons_stack_is_put_in_order():
    chain = [span(str(i), f"s{i}", str(i - 1) if i else None) for i in range(3000)]
    assert operations(parse_trace(trace(*chain))) == [f"s{i}" for i in range(3000)]


def test_only_so_many_spans_are_put_in_order():
    spans = parse_trace(trace(*(span(str(i), f"a{i}x", "0") for i in range(MAX_SEQUENCE + 50))))
    assert len(spans) == MAX_SEQUENCE + 50
    assert len(operations(spans)) == MAX_SEQUENCE
