"""What is said of answers: what breaks it, how that is told, and what is refused."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.errors import InvalidInput
from boifi_core.observers.expect.answer import LARGEST, MOST_VALUES, Answer
from boifi_core.observers.expect.config import Expect
from boifi_core.observers.expect.judge import MOST_BROKEN, Judge
from boifi_core.observers.expect.path import values_at

CART = {
    "total": 42.5,
    "currency": "EUR",
    "paid": False,
    "note": None,
    "items": [{"sku": "a", "price": 12.5, "n": 1}, {"sku": "b", "price": 30, "n": 2}],
    "sum": 42.5,
    "a.b": 1,
}


def answer(body=CART, status=200, size=None, latency_ms=5.0, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, data[:LARGEST], len(data) if size is None else size, latency_ms)


def broken(expect, answered=None):
    return Judge(Expect.read(expect, "expect"), "expect").broken(answered or answer(), time.monotonic() + 60)


def of_json(field, operator, *value):
    return {"json": [{"field": field, "operator": operator, **({"value": value[0]} if value else {})}]}


class TestJson:
    @pytest.mark.parametrize(
        "statement",
        [
            ("$.total", "greater_than", 0),
            ("$.total", "less_than", 43),
            ("$.total", "equals", 42.5),
            ("$.items[1].price", "equals", 30.0),
            ("$.currency", "in", ["EUR", "USD"]),
            ("$.note", "in", [None]),
            ("$.currency", "not_equals", "USD"),
            ("$.currency", "matches", "^E.R$"),
            ("$.currency", "not_matches", "(?i)error"),
            ("$.items[*].price", "greater_than", 0),
            ("$.items[?@.price > 20]", "exists"),
            ("$..sku", "matches", "^[ab]$"),
            ("$['a.b']", "equals", 1),
            ("$.paid", "equals", False),
        ],
    )
    def test_it_holds(self, statement):
        assert broken(of_json(*statement)) == ()

    @pytest.mark.parametrize(
        ("statement", "words"),
        [
            (("$.total", "greater_than", 42.5), "$.total > 42.5"),
            (("$.total", "less_than", 1), "$.total < 1"),
            (("$.paid", "equals", 0), "$.paid = 0"),
            (("$.currency", "equals", "USD"), "$.currency = USD"),
            (("$.currency", "in", ["USD", "CHF"]), "$.currency in [USD, CHF]"),
            (("$.currency", "greater_than", 0), "$.currency > 0"),
            (("$.missing", "exists"), "$.missing exists"),
            (("$.missing", "not_equals", 1), "$.missing != 1"),
            (("$.items[*].price", "greater_than", 20), "$.items[*].price > 20"),
            (("$.items[?@.price > 90]", "exists"), "$.items[?@.price > 90] exists"),
            (("$.currency", "not_matches", "E"), "$.currency does not match E"),
            (("$.total", "not_matches", "E"), "$.total does not match E"),
        ],
    )
    def test_it_does_not(self, statement, words):
        assert broken(of_json(*statement)) == (words,)

    @pytest.mark.parametrize(("other", "words"), [("$.sum", ()), ("$.items[0].price", 1), ("$.missing", 1)])
    def test_two_values_of_one_answer(self, other, words):
        told = broken({"json": [{"field": "$.total", "operator": "equals", "other": other}]})
        assert told == ((f"$.total = {other}",) if words else ())

    @pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"[" * 90_000])
    def test_what_is_no_json_breaks_it_and_nothing_else(self, body):
        assert broken(of_json("$.total", "exists"), answer(body)) == ("is JSON",)

    def test_of_what_has_too_many_values_just_that_is_known(self):
        told = broken(of_json("$.total", "exists"), answer(b"[" + b"1," * MOST_VALUES + b"1]"))
        assert told == ("at most 100000 values, as more are not looked at",)

    def test_what_takes_too_long_is_broken_off(self):
        judge = Judge(Expect.read(of_json("$.total", "exists")), "expect")
        with pytest.raises(TimeoutError):
            judge.broken(answer(), time.monotonic() - 1)

    def test_a_body_that_is_nested_too_deep_for_a_path_breaks_it(self):
        deep = json.loads("[" * 300 + "1" + "]" * 300)
        assert broken(of_json("$..x", "exists"), answer(deep)) == ("$..x exists",)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
            max_leaves=20,
        )
    )
    def test_any_document_is_looked_at(self, document):
        told = broken(of_json("$..[?@.a > 1]", "exists"), answer(document))
        assert told in ((), ("$..[?@.a > 1] exists",))
        assert len(values_at("$..*", document)) >= (len(document) if isinstance(document, (list, dict)) else 0)


class TestTheRest:
    def test_a_status_and_a_redirect_to_the_error_page(self):
        assert broken({"status": [200, 201]}, answer(status=201)) == ()
        assert broken({"status": [200, 201]}, answer(status=302)) == ("status 200 or 201",)
        home = {"headers": [{"field": "Location", "operator": "not_matches", "value": "error"}]}
        assert broken(home, answer(status=302, location="/thanks")) == ()
        assert broken(home, answer(status=302, location="/error.html")) == ("Location does not match error",)
        assert broken(home, answer()) == ("Location does not match error",)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("EUR", ()),
            (["EUR", {"operator": "not_matches", "value": "(?i)sorry"}], ()),
            ("Thank you", ("text matches Thank you",)),
            ([{"operator": "equals", "value": "OK"}], ("text = OK",)),
        ],
    )
    def test_text(self, text, told):
        assert broken({"text": text}) == told

    def test_size_and_latency(self):
        limits = {"max_bytes": 10, "max_ms": 4}
        assert broken(limits) == ("at most 10 bytes", "at most 4 ms")
        assert broken(limits, answer(b"short", latency_ms=4.0)) == ()
        assert broken({"max_bytes": 0}, answer(b"")) == ()

    def test_of_what_is_too_large_to_look_at_only_the_size_is_known(self):
        large = answer(b"x", size=LARGEST + 1)
        assert broken({"max_bytes": LARGEST + 1, "status": [200]}, large) == ()
        assert broken({"text": "x", **of_json("$", "exists")}, large) == (
            f"at most {LARGEST} bytes, as more are not looked at",
        )

    def test_not_more_than_a_few_are_told_of_one_answer(self):
        statements = [{"field": f"$.x{n}", "operator": "exists"} for n in range(20)]
        assert len(broken({"json": statements})) == MOST_BROKEN


class TestASchema:
    @pytest.fixture
    def schema(self, tmp_path):
        def write(schema):
            path = tmp_path / "cart.schema.json"
            path.write_text(json.dumps(schema))
            return {"schema_file": str(path)}

        return write

    def test_the_first_place_and_rule_are_told_without_what_varies(self, schema):
        items = {"type": "array", "items": {"properties": {"price": {"exclusiveMinimum": 0}}, "required": ["sku"]}}
        expect = schema({"type": "object", "required": ["total"], "properties": {"items": items}})
        assert broken(expect) == ()
        assert broken(expect, answer({"items": []})) == ("schema: $ required",)
        free = {"total": 1, "items": [{"sku": "a", "price": 1}, {"sku": "b", "price": 0}]}
        assert broken(expect, answer(free)) == ("schema: $.items[*].price exclusiveMinimum",)
        assert broken(expect, answer(b"<html>")) == ("is JSON",)

    @pytest.mark.parametrize(
        "schema_text",
        ['{"type": "objekt"}', '{"pattern": "("}', '{"$ref": "http://127.0.0.1:9/x"}', '{"$ref": "x.json"}', "{", "5"],
    )
    def test_what_is_none_or_wants_more_than_the_file_is_refused(self, tmp_path, schema_text):
        path = tmp_path / "schema.json"
        path.write_text(schema_text)
        with pytest.raises(InvalidInput) as refused:
            broken({"schema_file": str(path)})
        assert refused.value.field == "expect.schema_file"
        assert "\n" not in str(refused.value)

    def test_an_answer_that_is_nested_deep_and_one_with_many_entries_end(self, schema):
        expect = schema({"$ref": "#/$defs/x", "$defs": {"x": {"items": {"$ref": "#/$defs/x"}, "uniqueItems": True}}})
        assert broken(expect, answer(b"[" * 900 + b"]" * 900))[:1] in [(), ("schema: $: nested too deep",)]
        assert broken(expect, answer([[n] for n in range(40_000)])) == ()


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("expect", "message"),
        [
            ("known", "expect: must be a mapping, got 'known'"),
            ({"status": [99]}, "expect.status[0]: must be at least 100, got 99"),
            ({"max_ms": 0}, "expect.max_ms: must be above 0, got 0"),
            ({"max": 1}, "expect.max: unknown key"),
            (of_json("total", "exists"), "expect.json[0].field: must be a JSONPath"),
            (of_json("$.a[", "exists"), "expect.json[0].field: must be a JSONPath"),
            (of_json("$..a..b", "exists"), "expect.json[0].field: must have at most one .."),
            (of_json("$[?@[?@.x]]", "exists"), "expect.json[0].field: must have at most one .."),
            (of_json("$[?@.x == $.y]", "exists"), "expect.json[0].field: must have at most one .."),
            (of_json("$[*,*]", "exists"), "expect.json[0].field: must select by one"),
            (of_json("$[?match(@.a, 'x')]", "exists"), "expect.json[0].field: must be a JSONPath"),
            (of_json("$.a", "is", 1), "expect.json[0].operator: must be 'equals'"),
            (of_json("$.a", "equals"), "expect.json[0].value: is required"),
            (of_json("$.a", "equals", None), "expect.json[0].value: must be text, a finite number or a boolean"),
            (of_json("$.a", "equals", [1]), "expect.json[0].value: must be text, a finite number or a boolean"),
            (of_json("$.a", "exists", 1), "expect.json[0].value: must not stand beside the operator exists, got 1"),
            (of_json("$.a", "greater_than", "1"), "expect.json[0].value: must be a finite number"),
            (of_json("$.a", "in", []), "expect.json[0].value: must be a list of 1 to 1000"),
            (of_json("$.a", "matches", "(a"), "expect.json[0].value: must be a regular expression (unclosed group)"),
            (of_json("$.a", "matches", "(?=a)"), "expect.json[0].value: must be a regular expression (look-around"),
            (of_json("$.a", "matches", "((a{1000}){1000}){1000}"), "expect.json[0].value: must be a regular exp"),
            (of_json("$.a", "matches", "a" * 501), "expect.json[0].value: must have at most 500 characters"),
            ({"text": "(a"}, "expect.text: must be a regular expression (unclosed group), got '(a'"),
            ({"text": [{"operator": "greater_than", "value": 1}]}, "expect.text[0].operator: must be 'equals'"),
            ({"headers": [{"field": "x", "operator": "less_than", "value": 1}]}, "expect.headers[0].operator: must"),
            ({"schema_file": "/nowhere"}, "expect.schema_file: must be a file that is there, got '/nowhere'"),
        ],
    )
    def test_with_its_place_and_the_rule(self, expect, message):
        with pytest.raises(InvalidInput) as refused:
            Expect.read(expect, "expect")
        assert str(refused.value).startswith(message)
        assert "\n" not in str(refused.value)

    def test_both_a_value_and_another_place(self):
        statement = {"field": "$.a", "operator": "equals", "value": 1, "other": "$.b"}
        with pytest.raises(InvalidInput, match="must have value or other, not both"):
            Expect.read({"json": [statement]})
        with pytest.raises(InvalidInput, match="must have value, not other, with the operator matches"):
            Expect.read({"json": [{"field": "$.a", "operator": "matches", "other": "$.b"}]})


def test_a_regular_expression_that_goes_back_and_forth_elsewhere_ends_at_once():
    assert broken({"text": "(a+)+$"}, answer(b"a" * 200_000 + b"b")) == ("text matches (a+)+$",)


def test_it_is_read_again_as_it_was_kept():
    expect = {
        "status": [200],
        "headers": [{"field": "content-type", "operator": "matches", "value": "json"}],
        "json": [of_json("$.a", "exists")["json"][0], {"field": "$.a", "operator": "equals", "other": "$.b"}],
        "text": "x",
        "max_bytes": 0,
        "learn": True,
    }
    read = Expect.read(expect)
    assert Expect.read(read.model_dump(mode="json", exclude_none=True)) == read
    assert Expect.read(read.model_dump()) == read
