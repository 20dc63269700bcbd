"""What is normal, and how often."""

from hypothesis import given
from hypothesis import strategies as st
from meshes import page, unanswered, window
from observations import observed

from boifi_core.analyzer.normal import RARE, Normal
from boifi_core.models import RawObservation, most_frequent, status_class

FLAKY = window(page(reviews=unanswered("r", "g", "reviews", "GET /reviews/17")))
WITHOUT = window(page(reviews=[]))
REVIEWS = "gateway → reviews GET /reviews/{id}"
STOCK = "gateway → stock GET /stock/{id}"


def test_f2_how_often_a_call_fails_without_a_fault_is_known_for_each_call():
    usual = Normal((FLAKY, window(), window())).usual("product")
    assert usual[REVIEWS].fails == 1 / 3
    assert {where: call.fails for where, call in usual.items() if call.fails} == {REVIEWS: 1 / 3}


def test_f2_how_often_it_is_made_at_all_is_known_too():
    usual = Normal((WITHOUT, FLAKY, window(), window())).usual("product")
    assert (usual[REVIEWS].share, usual[REVIEWS].fails) == (3 / 4, 1 / 3)
    assert usual[STOCK].share == 1
    assert (usual[REVIEWS].fewest, usual[REVIEWS].most) == (0, 1)


@given(st.integers(0, 60), st.integers(1, 60))
def test_f2_what_is_rare_is_no_part_of_it(odd, well):
    usual = Normal((*[FLAKY] * odd, *[window()] * well)).usual("product")
    share = odd / (odd + well)
    assert usual[REVIEWS].fails == (share if share >= RARE else 0)


def test_how_often_a_line_is_logged_is_known_for_each_template():
    windows = [observed(logs=("took 3 ms", "took 5 ms", "up")), observed(logs=("took 4  ms",)), observed(), observed()]
    assert Normal(tuple(windows)).log_templates == {"took {id} ms": 0.5, "up": 0.25}


@given(st.dictionaries(st.integers(200, 599), st.integers(1, 100), min_size=1))
def test_p27_the_status_that_stands_for_all_is_one_of_those_that_most_share(counts):
    status = most_frequent(counts)
    fates = {each: min(status_class(each), 4) for each in counts}
    of = {fate: sum(n for each, n in counts.items() if fates[each] == fate) for fate in fates.values()}
    assert of[fates[status]] == max(of.values())
    assert counts[status] == max(n for each, n in counts.items() if fates[each] == fates[status])


def test_counts_of_statuses_survive_json():
    seen = observed(statuses={"GET /": {200: 9, 503: 1}})
    assert RawObservation.model_validate_json(seen.model_dump_json()) == seen
    assert "statuses" not in observed().model_dump(mode="json"), "histories of before read as before"
