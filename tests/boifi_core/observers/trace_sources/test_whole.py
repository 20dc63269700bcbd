import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.observers.trace_sources.whole import Got, lost_parents

OURS = "ours"


@st.composite
def trees(draw):
    """The links of a whole trace of some spans, the first its root, below our request or not."""
    count = draw(st.integers(2, 30))
    root_parent = draw(st.sampled_from([None, OURS]))
    return [(0, root_parent), *((n, draw(st.integers(0, n - 1))) for n in range(1, count))]


@settings(deadline=None)
@given(trees(), st.randoms(use_true_random=False))
def test_r2_a_whole_trace_has_lost_nothing_in_any_order(tree, random):
    random.shuffle(tree)
    assert lost_parents(tree, {OURS}) == 0


@settings(deadline=None)
@given(trees(), st.data())
def test_r2_without_a_span_that_others_hang_from_it_is_not_whole(tree, data):
    inner = sorted({parent for _, parent in tree if isinstance(parent, int)})
    gone = data.draw(st.sets(st.sampled_from(inner), min_size=1))
    left = [(span, parent) for span, parent in tree if span not in gone]
    if left:
        assert lost_parents(left, {OURS}) > 0


@settings(deadline=None)
@given(trees(), st.data())
def test_a_span_that_nothing_hangs_from_is_not_missed(tree, data):
    leaves = [span for span, _ in tree if span not in {parent for _, parent in tree}]
    gone = data.draw(st.sampled_from(leaves))
    left = [(span, parent) for span, parent in tree if span != gone]
    assert lost_parents(left, {OURS}) == 0


@pytest.mark.parametrize(
    ("links", "lost"),
    [
        ([("a", None), ("b", None), ("c", None)], 2),
        ([("a", "gone")], 1),
        ([("a", "gone"), ("b", "gone")], 1),
        ([("a", "gone"), ("b", "gone too")], 2),
        ([("a", None), ("b", "gone")], 1),
        ([("a", OURS), ("b", None)], 1),
        ([("a", "b"), ("b", "a")], 1),
        ([("a", "a")], 1),
        ([("a", OURS), ("b", OURS)], 0),
        ([("a", None), ("b", "a"), ("b", "a")], 0),
        ([("a", None), ("b", "a"), ("b", None)], 0),
        ([(OURS, None), ("a", OURS)], 0),
    ],
    ids=[
        "three roots",
        "a lone span without its parent",
        "two of one lost parent",
        "two of two",
        "a root, and one that hangs from nothing",
        "an entry and another root",
        "a circle",
        "its own parent",
        "two that our request reached",
        "sent twice",
        "a server's span with its client's id that knows no parent",
        "a server's span with our request's id",
    ],
)
def test_r2_how_many_parents_are_lost(links, lost):
    assert lost_parents(links, {OURS}) == lost


@pytest.mark.parametrize(
    ("got", "reasons"),
    [
        (Got(30, 30), []),
        (Got(), []),
        (Got(30, 3), ["traces: 3 of 30 requests have one"]),
        (Got(1, 0), ["traces: 0 of 1 request have one"]),
        (
            Got(30, 3, services={"a"}),
            ["traces: 3 of 30 requests have one; nothing from b, c"],
        ),
        (Got(30, 30, 2, 5, services={"a", "b", "c"}), ["traces: 5 parents are missing, in 2 traces of 30"]),
        (
            Got(30, 28, 1, 1, services={"a", "b"}),
            ["traces: 28 of 30 requests have one; nothing from c", "traces: a parent is missing, in 1 trace of 28"],
        ),
    ],
)
def test_p2_what_is_not_whole_says_how_much_is_missing_and_who_was_not_heard_of(got, reasons):
    known = {"a", "b", "c"} if got.services else set()
    assert got.reasons(known) == reasons


def test_of_many_services_some_are_named():
    (reason,) = Got(2, 1).reasons([f"s{n}" for n in range(9)])
    assert reason == "traces: 1 of 2 requests have one; nothing from s0, s1, s2, s3, s4 and 4 more"
