import json

from hypothesis import example, given
from hypothesis import strategies as st

from boifi_core.report.waterfall import MAX_ROWS, waterfall
from boifi_core.traces import parse_trace


def spans(*calls):
    """From (id, parent, service, start, duration, status code) tuples."""
    fields = ("id", "parent_id", "service", "start_ms", "duration_ms", "status_code")
    found = [dict(zip(fields, call, strict=True)) for call in calls]
    whole = [{**call, "name": "get", "status": "error" if call["status_code"] >= 500 else "success"} for call in found]
    return parse_trace(json.dumps({"spans": whole}))


NORMAL = spans(
    ("1", None, "shop", 0, 20, 200),
    ("2", "1", "cart", 2, 5, 200),
    ("3", "1", "orders", 8, 10, 200),
    ("4", "3", "bank", 9, 8, 200),
)


def told(normal, seen):
    return [(row.depth, row.call, *row.marks) for row in waterfall(normal, seen).rows]


def test_a_trace_like_the_normal_one_has_no_marks():
    other = spans(
        ("b", "a", "orders", 8, 11, 200),
        ("a", None, "shop", 0, 21, 200),
        ("d", "a", "cart", 1, 4, 200),
        ("c", "b", "bank", 9, 8, 200),
    )
    found = waterfall(NORMAL, other)
    assert [(row.depth, row.call) for row in found.rows] == [
        (0, "shop get"),
        (1, "cart get"),
        (1, "orders get"),
        (2, "bank get"),
    ]
    assert not any(row.marks for row in found.rows)
    assert all(row.normal and row.seen for row in found.rows)
    assert (found.total_ms, found.n_hidden) == (21, 0)


def test_what_is_slow_fails_is_tried_again_is_new_or_gone():
    other = spans(
        ("1", None, "shop", 0, 200, 503),
        ("3", "1", "orders", 3, 90, 0),
        ("5", "1", "orders", 95, 100, 503),
        ("6", "5", "bank", 96, 90, 500),
        ("7", "1", "logger", 199, 1, 200),
    )
    assert told(NORMAL, other) == [
        (0, "shop get", "fails with 503", "10 times as long"),
        (1, "cart get", "gone"),
        (1, "orders get", "9 times as long"),
        (2, "bank get", "gone"),
        (1, "orders get", "tried again", "fails with 503"),
        (2, "bank get", "new", "fails with 500"),
        (1, "logger get", "new"),
    ]


def test_ids_that_no_pattern_knows_do_not_part_calls():
    def page(order):
        call = {"id": "2", "parent_id": "1", "service": "orders", "name": f"GET /orders/{order}", "start_ms": 1}
        return parse_trace(json.dumps({"spans": [{"id": "1", "service": "shop", "name": "GET /"}, call]}))

    assert [row.marks for row in waterfall(page("cust42"), page("cust77")).rows] == [(), ()]


def test_a_call_that_is_cut_short():
    assert told(NORMAL, NORMAL[:3])[3] == (2, "bank get", "gone")
    other = spans(("1", None, "shop", 0, 9, 200), *[("3", "1", "orders", 2, 2, 200)])
    assert (1, "orders get", "cut short") in told(NORMAL, other)


def test_without_a_normal_trace_only_failures_are_marked():
    other = spans(("1", None, "shop", 0, 200, 503), ("2", "1", "cart", 0, 20, 200))
    assert told([], other) == [(0, "shop get", "fails with 503"), (1, "cart get")]


def test_a_call_without_a_begin_begins_with_its_caller():
    other = spans(("1", None, "shop", 7, 20, 200), ("2", "1", "cart", None, 5, 200))
    assert waterfall([], other).rows[1].seen.start_ms == 7


def test_of_very_many_calls_those_that_differ_are_shown_with_their_callers():
    calls = [("0", None, "shop", 0, 900, 200), *[(str(n), "0", f"s{n}", n, 1, 200) for n in range(1, 800)]]
    odd = ("x", "799", "odd", 799, 1, 500)
    found = waterfall(spans(*calls), spans(*calls, odd))
    assert len(found.rows) == MAX_ROWS
    assert found.n_hidden == 801 - MAX_ROWS
    calls_shown = [row.call for row in found.rows]
    assert calls_shown[0] == "shop get"
    assert calls_shown[-2:] == ["s799 get", "odd get"]


def test_a_deep_trace_and_a_circle_are_shown():
    deep = [(str(n), str(n - 1), "s", 0, 1, 200) for n in range(5_000)]
    assert len(waterfall(spans(*deep), spans(*deep)).rows) == MAX_ROWS
    circle = spans(("1", "2", "a", 0, 1, 200), ("2", "1", "b", 0, 1, 200), ("3", "3", "c", 0, 1, 200))
    assert sorted(row.call for row in waterfall([], circle).rows) == ["a get", "b get", "c get"]


IDS = st.sampled_from(["1", "2", "3", "4", None])
ANY = st.lists(
    st.fixed_dictionaries(
        {"id": IDS, "parent_id": IDS, "name": st.sampled_from("abc"), "status": st.sampled_from(["error", "success"])},
        optional={"start_ms": st.floats(0, 1e9), "duration_ms": st.floats(0, 1e9)},
    ),
    max_size=12,
)


@example([{"id": "1", "parent_id": None, "name": "a", "status": "error", "start_ms": 5e-324, "duration_ms": 0.0}], [])
@given(ANY, ANY)
def test_every_span_of_both_traces_is_in_it_once(normal, seen):
    one, other = parse_trace(json.dumps({"spans": normal})), parse_trace(json.dumps({"spans": seen}))
    found = waterfall(one, other)
    assert sum(row.normal is not None for row in found.rows) == len(one)
    assert sum(row.seen is not None for row in found.rows) == len(other)
    assert found.total_ms > 0
    assert not [row for row in waterfall(one, one).rows if row.marks]
