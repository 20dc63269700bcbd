"""Values that an injector changes on their way are refused, or told of."""

import pytest

from boifi_core.errors import InvalidInput
from boifi_core.injectors.hfi.policy_document import CAPABILITIES
from boifi_core.session.expressible import check_expressible
from boifi_core.space import SearchSpace

TYPES = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]}
DELAY = {"name": "delay_ms", "type": "integer", "min": 10, "max": 100}


def told(*dimensions, **fixed):
    space = SearchSpace.parse({"dimensions": [TYPES, DELAY, *dimensions], "fixed": fixed})
    return [line.removeprefix("search_space.") for line in check_expressible(space, CAPABILITIES)]


def percentage(**more):
    return {"name": "percentage", "type": "real", **more}


@pytest.mark.parametrize(
    "dimension",
    [
        percentage(min=0.1, max=0.9),
        percentage(min=0.1, max=0.99, log_scale=True),
        {"name": "percentage", "type": "categorical", "values": [0.25, 0.5]},
    ],
)
def test_f20_percentages_that_would_all_be_raised_to_one_are_refused(dimension):
    with pytest.raises(InvalidInput, match=r"^search_space\.percentage: must reach 1: this injector sends whatever is"):
        told(dimension)


def test_f20_a_fixed_one_too_and_one_of_several_faults():
    with pytest.raises(InvalidInput, match=r"search_space\.percentage: must reach 1"):
        told(percentage=0.25)
    with pytest.raises(InvalidInput, match=r"search_space\.a\.percentage: must reach 1"):
        told(**{"a.fault_type": "abort", "a.percentage": 0.5})


@pytest.mark.parametrize(
    ("dimension", "line"),
    [
        (percentage(min=0.1, max=50), "percentage: 0.1 is sent as 1 %"),
        (percentage(min=10, max=50), "percentage: is sent in whole numbers; what lies between is rounded"),
        ({"name": "percentage", "type": "categorical", "values": [5, 12.5]}, "percentage: 12.5 is sent as 13 %"),
        (
            {"name": "start_delay_ms", "type": "real", "min": 0, "max": 5},
            "start_delay_ms: is sent in whole numbers; what lies between is rounded",
        ),
    ],
)
def test_f20_what_is_rounded_is_told_of(dimension, line):
    assert told(dimension) == [line]


@pytest.mark.parametrize(
    "dimension",
    [
        {"name": "percentage", "type": "integer", "min": 0, "max": 100},
        {"name": "percentage", "type": "categorical", "values": [0, 1, 100.0]},
    ],
)
def test_what_is_sent_as_it_is_needs_no_word(dimension):
    assert told(dimension) == []


def test_an_injector_of_finer_grain_takes_finer_percentages():
    from dataclasses import replace

    from boifi_core.faults.sending import Sending

    fine = replace(CAPABILITIES, sending=Sending(percentage_grain=0.01))
    space = SearchSpace.parse([TYPES, DELAY, {"name": "percentage", "type": "categorical", "values": [0.25, 0.5]}])
    assert check_expressible(space, fine) == []
