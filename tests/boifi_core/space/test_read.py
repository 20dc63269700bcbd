import math
import time

import pytest
import yaml

from boifi_core.errors import InvalidInput
from boifi_core.space import SearchSpace

FAULT = {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]}
DELAY = {"name": "delay_ms", "type": "integer", "min": 100, "max": 800}
ONLY_DELAY = {"field": "fault_type", "operator": "equals", "value": "delay"}
CONDITIONAL_DELAY = {**DELAY, "condition": ONLY_DELAY}


def space_of(*dimensions, **rest):
    return SearchSpace.parse({"dimensions": [FAULT, DELAY, *dimensions], **rest})


def message_of(data):
    with pytest.raises(InvalidInput) as raised:
        SearchSpace.parse(data)
    text = str(raised.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "wrap",
    [
        lambda dimensions: {"dimensions": dimensions},
        lambda dimensions: {"search_space": dimensions},
        lambda dimensions: {"search_space": {"dimensions": dimensions}},
        lambda dimensions: dimensions,
    ],
)
def test_all_shapes_give_the_same_space(wrap):
    assert SearchSpace.parse(wrap([FAULT, DELAY])) == SearchSpace.parse({"dimensions": [FAULT, DELAY]})


def test_the_plans_example_reads_as_it_stands():
    text = """
    search_space:
      - {name: delay_ms, type: integer, min: 0, max: 5000}
      - {name: cpu_load, type: real, min: 0.0, max: 1.0}
      - {name: fault_type, type: categorical, values: [abort, delay, error_injection]}
    """
    space = SearchSpace.parse(yaml.safe_load(text))
    assert [dimension.name for dimension in space.dimensions] == ["delay_ms", "cpu_load", "fault_type"]
    assert space.dimension("cpu_load").low == 0.0
    assert space.dimension("fault_type").values == ("abort", "delay", "error_injection")


def test_other_words_for_values_and_bounds():
    space = space_of(
        {"name": "method", "type": "categorical", "categories": ["GET", "PUT"]},
        {
            "name": "load",
            "type": "real",
            "bounds": [1, 100],
            "log_scale": True,
            "default": 10,
            "description": "how much",
        },
    )
    load = space.dimension("load")
    assert space.dimension("method").values == ("GET", "PUT")
    assert (load.low, load.high, load.log_scale, load.default, load.description) == (1.0, 100.0, True, 10.0, "how much")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"name": "x", "type": "integer", "min": 5, "max": 5}, ".min: must be below max, which is 5, got 5"),
        ({"name": "x", "type": "integer", "bounds": [9, 5]}, ".bounds[0]: must be below max, which is 5, got 9"),
        ({"name": "x", "type": "integer", "bounds": [9]}, ".bounds: must be a list of two numbers"),
        ({"name": "x", "type": "integer", "bounds": [1, 2], "min": 1}, ".min: is in bounds already"),
        ({"name": "x", "type": "integer", "min": 0.5, "max": 5}, ".min: must be a whole number"),
        ({"name": "x", "type": "integer", "min": 0}, ".max: is required for a dimension of type integer"),
        ({"name": "x", "type": "integer", "min": "1e3", "max": 5}, ".min: must be a number, got '1e3'"),
        ({"name": "x", "type": "integer", "min": False, "max": 5}, ".min: must be a number, got false"),
        ({"name": "x", "type": "integer", "min": 0, "max": 2**60}, ".max: must be within"),
        ({"name": "x", "type": "real", "min": -math.inf, "max": 5}, ".min: must be finite"),
        ({"name": "x", "type": "real", "min": 0, "max": math.nan}, ".max: must be finite"),
        ({"name": "x", "type": "integer", "min": 0, "max": 10**400}, ".max: must be finite"),
        ({"name": "x", "type": "real", "min": -1e308, "max": 1e308}, ".max: must not be so far above min"),
        ({"name": "x", "type": "real", "min": 0, "max": 5, "log_scale": True}, ".min: must be above 0 with log_scale"),
        ({"name": "x", "type": "real", "min": 1, "max": 5, "log_scale": "yes"}, ".log_scale: must be true or false"),
        ({"name": "x", "type": "real", "min": 0, "max": 5, "default": 6}, ".default: must be within 0.0..5.0, got 6"),
        ({"name": "x", "type": "integer", "min": 0, "max": 5, "default": 1.5}, ".default: must be within 0..5"),
        ({"name": "x", "type": "real", "min": 0, "max": 5, "values": [1]}, ".values: belongs to categorical"),
        ({"name": "x", "type": "categorical", "values": []}, ".values: must be a list of at least one category"),
        ({"name": "x", "type": "categorical", "values": "ab"}, ".values: must be a list of at least one category"),
        ({"name": "x", "type": "categorical"}, ".values: must be a list of at least one category, got null"),
        ({"name": "x", "type": "categorical", "values": [1, 2, 1]}, ".values[2]: must not be there twice, got 1"),
        ({"name": "x", "type": "categorical", "categories": [[1]]}, ".categories[0]: must be text"),
        ({"name": "x", "type": "categorical", "values": [1], "categories": [1]}, ".categories: is the other name"),
        ({"name": "x", "type": "categorical", "values": [1], "min": 1}, ".min: belongs to integer and real"),
        (
            {"name": "x", "type": "categorical", "values": ["a"], "default": "b"},
            ".default: must be within [a], got 'b'",
        ),
        ({"name": "x", "type": "float", "min": 0, "max": 5}, ".type: must be one of categorical, integer, real"),
        ({"name": "x", "type": ["real"]}, ".type: must be one of categorical, integer, real"),
        (
            {"name": "x", "type": "real", "min": 0, "max": 5, "steps": 1},
            ".steps: is not known here; known are name, type",
        ),
        ({"name": "x", "type": "categorical", "values": [1], "description": 5}, ".description: must be text"),
        ({"name": "delay_ms", "type": "real", "min": 0, "max": 5}, ".name: must not be there twice, got 'delay_ms'"),
        ({"name": "", "type": "real", "min": 0, "max": 5}, ".name: must be a text that is not empty"),
        ({"name": "a.", "type": "real", "min": 0, "max": 5}, ".name: must be a field, or a prefix and a field"),
        ({"type": "real", "min": 0, "max": 5}, ".name: must be a text that is not empty, got null"),
        ("delay_ms", ": must be a mapping with name and type, got 'delay_ms'"),
    ],
)
def test_a_bad_dimension_is_named(extra, message):
    assert message_of({"dimensions": [FAULT, DELAY, extra]}).startswith(f"search_space.dimensions[2]{message}")


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (
            {"name": "percentage", "type": "integer", "min": 0, "max": 140},
            ".max: percentage must be at most 100",
        ),
        (
            {"name": "percentage", "type": "real", "min": -1, "max": 50},
            ".min: percentage must be at least 0",
        ),
        (
            {"name": "abort_status_code", "type": "categorical", "values": [503, 99]},
            ".values[1]: abort_status_code must be at least 200",
        ),
        (
            {"name": "abort_http_status", "type": "integer", "bounds": [500, 600]},
            ".bounds[1]: abort_http_status must be at most 599",
        ),
        ({"name": "a.delay_ms", "type": "integer", "min": -5, "max": 5}, ".min: a.delay_ms must be above 0"),
        ({"name": "a.delay_seconds", "type": "real", "min": -5, "max": 5}, ".min: a.delay_seconds must be above 0"),
        (
            {"name": "a.fault_type", "type": "categorical", "values": ["explode"]},
            ".values[0]: a.fault_type must be one",
        ),
        ({"name": "target_path", "type": "categorical", "values": [""]}, ".values[0]: target_path must "),
        ({"name": "api", "type": "categorical", "values": ["/a", "b"]}, ".values[1]: api must be a prefix that begins"),
        ({"name": "error_type", "type": "categorical", "values": [500]}, ".values[0]: error_type must be text"),
        ({"name": "percentage", "type": "categorical", "values": [True]}, ".values[0]: percentage must be a number"),
        ({"name": "duration_seconds", "type": "integer", "min": 0, "max": 5}, ".min: duration_seconds must be above 0"),
    ],
)
def test_a_value_that_no_plan_can_have_is_refused(extra, message):
    text = message_of({"dimensions": [FAULT, DELAY, extra]})
    assert text.startswith(f"search_space.dimensions[2]{message}"), text


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (
            {"field": "speed", "operator": "equals", "value": 1},
            ".field: must be a dimension or a fixed field; known are",
        ),
        (
            {"field": "fault_type", "operator": "equals", "value": "dely"},
            ".value: must be what fault_type takes, [delay, abort]",
        ),
        ({"field": "fault_type", "operator": "in", "value": ["delay", "x"]}, ".value: must be what fault_type takes"),
        ({"field": "fault_type", "operator": "not_equals", "value": "x"}, ".value: must be what fault_type takes"),
        (
            {"field": "fault_type", "operator": "greater_than", "value": 3},
            ".value: fault_type is never greater than this: it takes",
        ),
        (
            {"field": "delay_ms", "operator": "greater_than", "value": 800},
            ".value: delay_ms is never greater than this: it takes",
        ),
        (
            {"field": "delay_ms", "operator": "less_than", "value": 100},
            ".value: delay_ms is never less than this: it takes",
        ),
        ({"field": "delay_ms", "operator": "equals", "value": 100.5}, ".value: must be what delay_ms takes"),
        ({"field": "x", "operator": "greater_than", "value": 0.5}, ": must not go in a circle: x -> x"),
    ],
)
def test_a_condition_that_cannot_work_is_refused(condition, message):
    text = message_of([FAULT, DELAY, {"name": "x", "type": "real", "min": 0, "max": 1, "condition": condition}])
    assert text.startswith(f"search_space[2].condition{message}"), text


def test_a_circle_is_shown():
    def depends(name, other):
        condition = {"field": other, "operator": "greater_than", "value": 1}
        return {"name": name, "type": "integer", "min": 0, "max": 9, "condition": condition}

    text = message_of([FAULT, DELAY, depends("a", "b"), depends("b", "c"), depends("c", "a"), depends("d", "a")])
    assert "must not go in a circle: a -> b -> c -> a" in text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "search_space: must be a list of dimensions"),
        ("x", "search_space: must be a list of dimensions"),
        ([], "search_space: must have at least one dimension"),
        ({}, "search_space.dimensions: is required"),
        ({"dimensions": []}, "search_space.dimensions: must have at least one dimension"),
        ({"dimensions": {}}, "search_space.dimensions: must be a list"),
        ({"search_space": []}, "search_space.search_space: must have at least one dimension"),
        ({"dimension": [FAULT]}, "search_space.dimension: is not known here; known are dimensions, constraints, fixed"),
        ({"dimensions": [DELAY]}, "search_space: must have a fault_type, as a dimension or in fixed"),
        (
            {"dimensions": [DELAY], "fixed": {"a.fault_type": "abort", "b.delay_ms": 3}},
            "search_space: the fault b must",
        ),
        ({"dimensions": [FAULT], "fixed": 3}, "search_space.fixed: must be a mapping"),
        (
            {"dimensions": [FAULT], "fixed": {"fault_type": "abort"}},
            "search_space.fixed.fault_type: is a dimension too",
        ),
        ({"dimensions": [FAULT], "fixed": {3: 4}}, "search_space.fixed: must have names that are text, got 3"),
        (
            {"dimensions": [FAULT], "fixed": {"percentage": 140}},
            "search_space.fixed.percentage: percentage must be at most 100",
        ),
        ({"dimensions": [FAULT], "fixed": {"x": math.nan}}, "search_space.fixed.x: must be a value that JSON can hold"),
        ({"dimensions": [FAULT], "fixed": {"headers": {"a": 3}}}, "search_space.fixed.headers: headers must be text"),
        ({"dimensions": [FAULT, DELAY], "fixed": {"delay_seconds": 3}}, "search_space: delay_ms and delay_seconds are"),
        ({"dimensions": [FAULT]}, "search_space.fault_type: delay_ms is required for a delay"),
        ({"dimensions": [FAULT, DELAY], "constraints": {}}, "search_space.constraints: must be a list"),
        ({"dimensions": [FAULT, DELAY], "constraints": [3]}, "search_space.constraints[0]: must be a mapping"),
        ({"dimensions": [FAULT, DELAY], "constraints": [{"if": ONLY_DELAY}]}, "search_space.constraints[0].then: is"),
        (
            {"dimensions": [FAULT, DELAY], "constraints": [{"when": ONLY_DELAY, "then": ONLY_DELAY}]},
            "search_space.constraints[0].when: is not known here; known are if, then",
        ),
        (
            {"dimensions": [FAULT, DELAY], "constraints": [{"then": []}]},
            "search_space.constraints[0].then: must have at least one statement",
        ),
        (
            {"dimensions": [FAULT, DELAY], "constraints": [{"field": "speed", "operator": "equals", "value": 1}]},
            "search_space.constraints[0].field: must be a dimension or a fixed field; known are fault_type, delay_ms",
        ),
    ],
)
def test_a_bad_space_is_named(data, message):
    text = message_of(data)
    assert text.startswith(message), text


def test_the_path_begins_where_the_caller_says():
    with pytest.raises(InvalidInput, match=r"^search_space_config\.search_space\[0\]\.type: "):
        SearchSpace.parse({"search_space": [{"name": "x", "type": "?"}]}, field="search_space_config")


class TestFixed:
    def test_a_condition_on_a_fixed_field_is_decided_at_once(self):
        percentage = {"name": "percentage", "type": "integer", "min": 1, "max": 9}
        dimensions = [percentage, CONDITIONAL_DELAY]
        kept = SearchSpace.parse({"dimensions": dimensions, "fixed": {"fault_type": "delay"}})
        left_out = SearchSpace.parse({"dimensions": dimensions, "fixed": {"fault_type": "abort"}})
        assert [(dimension.name, dimension.condition) for dimension in kept.dimensions] == [
            ("percentage", None),
            ("delay_ms", None),
        ]
        assert [dimension.name for dimension in left_out.dimensions] == ["percentage"]

    def test_what_depends_on_a_dimension_that_is_left_out_is_left_out_too(self):
        child = {"name": "x", "type": "real", "min": 0, "max": 1}
        child["condition"] = {"field": "delay_ms", "operator": "greater_than", "value": 300}
        path = {"name": "target_path", "type": "categorical", "values": ["/a", "/b"]}
        constraints = [
            {"if": {"field": "x", "operator": "greater_than", "value": 0.5}, "then": ONLY_DELAY},
            {"then": [{"field": "x", "operator": "less_than", "value": 0.5}]},
        ]
        space = SearchSpace.parse(
            {
                "dimensions": [path, CONDITIONAL_DELAY, child],
                "fixed": {"fault_type": "abort"},
                "constraints": constraints,
            }
        )
        assert [dimension.name for dimension in space.dimensions] == ["target_path"]
        assert space.constraints == ()
        assert SearchSpace.parse(space.dump()) == space

    def test_nothing_left_is_an_error(self):
        text = message_of({"dimensions": [CONDITIONAL_DELAY], "fixed": {"fault_type": "abort"}})
        assert text.startswith("search_space.dimensions: must leave at least one dimension")


class TestUnsatisfiable:
    def test_a_plain_contradiction(self):
        constraints = [
            {"if": ONLY_DELAY, "then": {"field": "delay_ms", "operator": "less_than", "value": 200}},
            {"field": "delay_ms", "operator": "greater_than", "value": 300},
            {"then": ONLY_DELAY},
        ]
        text = message_of({"dimensions": [FAULT, DELAY], "constraints": constraints})
        assert text.startswith("search_space.constraints: must leave at least one point: nothing keeps to all of them")

    def test_a_fixed_field_that_contradicts(self):
        constraint = {"field": "fault_type", "operator": "equals", "value": "delay"}
        text = message_of({"dimensions": [DELAY], "fixed": {"fault_type": "abort"}, "constraints": [constraint]})
        assert text.startswith("search_space.constraints: must leave at least one point")

    def test_pigeons_and_holes_end_in_bounded_time(self):
        """Nine pairwise different values out of eight: a search without a bound would take minutes."""
        holes = list(range(8))
        dimensions = [{"name": f"p{i}", "type": "categorical", "values": holes} for i in range(9)]
        constraints = [
            {
                "if": {"field": f"p{i}", "operator": "equals", "value": hole},
                "then": {"field": f"p{j}", "operator": "not_equals", "value": hole},
            }
            for i in range(9)
            for j in range(i)
            for hole in holes
        ]
        started = time.process_time()
        text = message_of({"dimensions": [FAULT, DELAY, *dimensions], "constraints": constraints})
        assert text.startswith("search_space.constraints: must")
        assert time.process_time() - started < 30


def test_equality_tells_true_from_one():
    def space(value):
        return space_of({"name": "x", "type": "categorical", "values": [value, "a"]})

    assert space(True) == space(True)
    assert hash(space(1)) == hash(space(1))
    assert space(True) != space(1)


def test_scikit_optimize_reads_the_dimensions():
    space = space_of({"name": "load", "type": "real", "min": 1, "max": 100, "log_scale": True})
    kinds = [(type(dimension).__name__, dimension.name) for dimension in space.skopt_dimensions()]
    assert kinds == [("Categorical", "fault_type"), ("Integer", "delay_ms"), ("Real", "load")]
    assert space.skopt_dimensions()[2].prior == "log-uniform"
    assert list(space.skopt_dimensions()[1].bounds) == [100, 800]
