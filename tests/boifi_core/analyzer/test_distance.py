from hypothesis import given
from hypothesis import strategies as st

from boifi_core.analyzer.distance import edit_distance

sequences = st.lists(st.sampled_from("abcd"), max_size=12)


def by_matrix(first, second):
    """The textbook recurrence, to check the bit-parallel one by."""
    row = list(range(len(second) + 1))
    for i, left in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]


@given(sequences, sequences)
def test_is_the_levenshtein_distance(first, second):
    assert edit_distance(first, second) == by_matrix(first, second)


@given(sequences, sequences, sequences)
def test_is_a_metric(first, second, third):
    assert edit_distance(first, first) == 0
    assert edit_distance(first, second) == edit_distance(second, first)
    assert edit_distance(first, third) <= edit_distance(first, second) + edit_distance(second, third)


def test_known_distances():
    assert edit_distance("kitten", "sitting") == 3
    assert edit_distance("", "abc") == edit_distance("abc", "") == 3
    assert edit_distance("a" * 1000, "b" * 1200) == 1200
