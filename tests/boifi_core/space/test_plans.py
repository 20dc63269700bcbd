import numpy as np
import pytest
import yaml

from boifi_core.errors import InvalidInput
from boifi_core.faults.kinds import KINDS
from boifi_core.faults.plan import FaultPlan
from boifi_core.injectors.base import Capabilities
from boifi_core.session.expressible import check_expressible
from boifi_core.space import SearchSpace


def one_of(name, *values, **more):
    return {"name": name, "type": "categorical", "values": list(values), **more}


def integer(name, low, high, **more):
    return {"name": name, "type": "integer", "min": low, "max": high, **more}


FAULT = one_of("fault_type", "delay", "abort", "none")


class TestOneFault:
    SPACE = SearchSpace.parse(
        {
            "dimensions": [FAULT, integer("delay_ms", 0, 900), integer("percentage", 1, 100), one_of("speed", 1, 2)],
            "fixed": {"target_path": "/ratings", "headers": {"end-user": "jason"}, "parameters": {"mode": "x"}},
        }
    )

    def test_dimensions_and_fixed_fields_fill_the_plan(self):
        plans = self.SPACE.plans({"fault_type": "delay", "delay_ms": 250, "percentage": 80, "speed": 2})
        assert plans == (
            FaultPlan(
                fault_type="delay",
                delay_ms=250,
                percentage=80,
                target_path="/ratings",
                headers={"end-user": "jason"},
                parameters={"mode": "x", "speed": 2},
            ),
        )

    def test_no_fault_is_no_plan(self):
        assert self.SPACE.plans({"fault_type": "none", "delay_ms": 250, "percentage": 80, "speed": 2}) == ()
        assert self.SPACE.plans({"fault_type": "delay", "delay_ms": 0, "percentage": 80, "speed": 2}) == ()

    def test_fields_of_another_type_are_ignored(self):
        (plan,) = self.SPACE.plans({"fault_type": "abort", "delay_ms": 250, "percentage": 80, "speed": 2})
        assert plan.delay_ms is None
        assert plan.abort_status_code == 500


@pytest.mark.parametrize("word", ["none", "None", "NONE", "null", "~", "no", "off"])
def test_yaml_words_for_no_fault(word):
    space = SearchSpace.parse(yaml.safe_load(f"[{{name: fault_type, type: categorical, values: [abort, {word}]}}]"))
    assert [len(space.plans({"fault_type": value})) for value in space.dimensions[0].values] == [1, 0]


def test_null_means_not_given_and_a_null_delay_means_none():
    space = SearchSpace.parse(
        [FAULT, one_of("target_method", "GET", None), one_of("percentage", None, 5), one_of("delay_ms", None, 5)]
    )
    (plan,) = space.plans({"fault_type": "abort", "target_method": None, "percentage": None, "delay_ms": None})
    assert (plan.target_method, plan.percentage) == (None, 100)
    assert space.plans({"fault_type": "delay", "target_method": None, "percentage": None, "delay_ms": None}) == ()


def test_other_names_of_fields():
    space = SearchSpace.parse(
        [
            one_of("fault_type", "DELAY", "Error_Injection"),
            one_of("api", "/pay"),
            {"name": "delay_seconds", "type": "real", "min": 0, "max": 2},
            one_of("abort_http_status", 503),
            one_of("error_type", "timeout"),
        ]
    )
    rest = {"api": "/pay", "abort_http_status": 503, "error_type": "timeout"}
    (delay,) = space.plans({"fault_type": "DELAY", "delay_seconds": 1.25, **rest})
    (error,) = space.plans({"fault_type": "Error_Injection", "delay_seconds": 1.25, **rest})
    assert (delay.delay_ms, delay.target_path) == (1250, "/pay")
    assert (error.abort_status_code, error.error_message) == (503, "timeout")
    assert space.plans({"fault_type": "DELAY", "delay_seconds": 0.0001, **rest}) == ()


def test_a_real_delay_is_rounded_to_whole_milliseconds():
    space = SearchSpace.parse([FAULT, {"name": "delay_ms", "type": "real", "min": 0, "max": 9}])
    assert space.plans({"fault_type": "delay", "delay_ms": 3.6})[0].delay_ms == 4
    assert space.plans({"fault_type": "delay", "delay_ms": 0.3}) == ()


class TestSeveralFaults:
    SPACE = SearchSpace.parse(
        {
            "dimensions": [
                one_of("a.fault_type", "delay", "none"),
                integer("a.delay_ms", 1, 900),
                one_of("b.fault_type", "abort", "none"),
                integer("percentage", 1, 100),
                integer(
                    "b.percentage", 1, 100, condition={"field": "b.fault_type", "operator": "equals", "value": "abort"}
                ),
            ],
            "fixed": {"target_method": "GET", "a.target_path": "/cart", "b.api": "/pay"},
        }
    )

    def test_each_prefix_is_a_fault_and_its_own_fields_win(self):
        point = {"a.fault_type": "delay", "a.delay_ms": 7, "b.fault_type": "abort", "percentage": 50, "b.percentage": 9}
        self.SPACE.check(point)
        a, b = self.SPACE.plans(point)
        assert (a.fault_type, a.delay_ms, a.percentage, a.target_path, a.target_method) == (
            "delay",
            7,
            50,
            "/cart",
            "GET",
        )
        assert (b.fault_type, b.percentage, b.target_path, b.target_method) == ("abort", 9, "/pay", "GET")

    def test_none_leaves_one_out(self):
        point = {"a.fault_type": "delay", "a.delay_ms": 7, "b.fault_type": "none", "percentage": 50}
        assert [plan.fault_type for plan in self.SPACE.plans(point)] == ["delay"]
        assert self.SPACE.plans({**point, "a.fault_type": "none"}) == ()

    def test_a_shared_fault_type_serves_all(self):
        space = SearchSpace.parse([one_of("fault_type", "abort"), one_of("a.target_path", "/a"), one_of("b.api", "/b")])
        plans = space.plans({"fault_type": "abort", "a.target_path": "/a", "b.api": "/b"})
        assert [plan.target_path for plan in plans] == ["/a", "/b"]

    def test_an_own_value_hides_the_shared_one_while_it_is_there(self):
        condition = {"field": "percentage", "operator": "greater_than", "value": 50}
        space = SearchSpace.parse(
            {
                "dimensions": [integer("percentage", 1, 100), integer("a.percentage", 1, 100, condition=condition)],
                "fixed": {"a.fault_type": "abort"},
            }
        )
        assert space.plans({"percentage": 60, "a.percentage": 3})[0].percentage == 3
        assert space.plans({"percentage": 40})[0].percentage == 40

    def test_the_same_parameter_may_be_in_both(self):
        space = SearchSpace.parse(
            {"dimensions": [one_of("a.load", 1, 2), one_of("b.load", 3)], "fixed": {"fault_type": "abort", "load": 5}}
        )
        a, b = space.plans({"a.load": 2, "b.load": 3})
        assert (a.parameters, b.parameters) == ({"load": 2}, {"load": 3})

    def test_one_field_twice_in_one_fault_is_refused(self):
        with pytest.raises(InvalidInput, match=r"a\.api and a\.target_path are the same field"):
            SearchSpace.parse([FAULT, one_of("delay_ms", 5), one_of("a.api", "/x"), one_of("a.target_path", "/y")])


class TestExpressible:
    HFI = Capabilities(fault_types=frozenset({"delay", "abort", "error_injection"}), max_delay_ms=30_000)

    def refusal(self, *dimensions, **fixed):
        space = SearchSpace.parse({"dimensions": list(dimensions), "fixed": fixed})
        with pytest.raises(InvalidInput) as raised:
            check_expressible(space, self.HFI)
        return str(raised.value)

    def test_what_fits_passes_without_a_word(self):
        space = SearchSpace.parse([FAULT, integer("delay_ms", 0, 30_000), integer("percentage", 0, 100)])
        assert check_expressible(space, self.HFI) == []

    def test_a_fault_type_that_it_does_not_know(self):
        text = self.refusal(one_of("a.fault_type", "abort", "RATE_LIMIT"))
        assert text.startswith(
            "search_space.a.fault_type: this injector knows only abort, delay, error_injection, got 'RATE"
        )

    def test_a_fixed_fault_type_that_it_does_not_know(self):
        text = self.refusal(integer("percentage", 1, 2), fault_type="rate_limit")
        assert text.startswith("search_space.fault_type: this injector knows only")

    def test_a_delay_that_is_too_long(self):
        rule = "this injector delays by at most 30000 ms, got"
        assert self.refusal(FAULT, integer("delay_ms", 1, 30_001)) == f"search_space.delay_ms: {rule} 30001"
        assert self.refusal(FAULT, one_of("x", 1), delay_seconds=31) == f"search_space.delay_seconds: {rule} 31"

    def test_parameters(self):
        text = self.refusal(FAULT, one_of("delay_ms", 5), integer("cpu_load", 1, 2))
        assert text.startswith("search_space.cpu_load: is no field of a fault plan")

    def test_what_no_fault_of_that_kind_reads_is_no_matter(self):
        space = SearchSpace.parse([one_of("fault_type", "abort"), integer("delay_ms", 1, 99_999)])
        assert check_expressible(space, self.HFI) == []

    def test_a_shared_delay_that_is_always_hidden_is_no_matter(self):
        space = SearchSpace.parse(
            {
                "dimensions": [one_of("a.fault_type", "delay"), integer("a.delay_ms", 1, 9)],
                "fixed": {"delay_ms": 99_999},
            }
        )
        assert check_expressible(space, self.HFI) == []

    def test_a_dropped_message_is_a_warning(self):
        space = SearchSpace.parse(
            {"dimensions": [one_of("fault_type", "error_injection")], "fixed": {"error_type": "x"}}
        )
        assert check_expressible(space, self.HFI) == [
            "search_space.error_type: this injector cannot set an error message; it is dropped"
        ]
        able = Capabilities(self.HFI.fault_types, 30_000, parameters=True, error_message=True)
        assert check_expressible(space, able) == []

    def test_an_injector_with_parameters_takes_them(self):
        space = SearchSpace.parse([one_of("fault_type", "rate_limit"), integer("cpu_load", 1, 2)])
        able = Capabilities(frozenset(KINDS), 100, parameters=True)
        assert check_expressible(space, able) == []
        assert space.plans(space.sample(np.random.default_rng(0), 1)[0])[0].parameters.keys() == {"cpu_load"}
