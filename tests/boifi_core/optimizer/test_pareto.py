import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.optimizer.pareto import pareto_front

triples = st.lists(st.lists(st.integers(0, 4), min_size=3, max_size=3), min_size=1, max_size=25)


def dominated(rows, one):
    return any((other >= one).all() and (other > one).any() for other in rows)


@given(values=triples)
def test_the_front_is_what_nothing_dominates(values):
    rows = np.array(values, float)
    assert pareto_front(rows).tolist() == [not dominated(rows, row) for row in rows]
