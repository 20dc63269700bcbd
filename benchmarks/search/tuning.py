"""The landscapes that a search may be tuned on."""

from __future__ import annotations

from benchmarks.search.landscape import Landscape
from benchmarks.search.tuning_conditions import DEEP_WAYS, EIGHT_WAYS, NESTED_WAYS
from benchmarks.search.tuning_guards import CHECKOUT, STOREFRONT
from benchmarks.search.tuning_load import BOOKING, SEARCH_PAGE
from benchmarks.search.tuning_shapes import BRANCHES, FOUR_OF_TWENTY, GENTLE_SLOPES, LURE

TUNING: tuple[Landscape, ...] = (
    CHECKOUT,
    STOREFRONT,
    SEARCH_PAGE,
    BOOKING,
    FOUR_OF_TWENTY,
    LURE,
    GENTLE_SLOPES,
    BRANCHES,
    EIGHT_WAYS,
    NESTED_WAYS,
    DEEP_WAYS,
)
