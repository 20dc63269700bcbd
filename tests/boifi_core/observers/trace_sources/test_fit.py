import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.observers.trace_sources.dialect import Found
from boifi_core.observers.trace_sources.fit import agreement, fitting
from boifi_core.observers.window import Outcome

MS = 1_000_000


def sent(path, method="GET", at_ms=0, number=0, latency_ms=10.0):
    kind = f"{method} {path}"
    return Outcome(
        kind, 200, latency_ms, "", bytes([number]) * 16, b"parent..", True, path, 10**18 + at_ms * MS, method
    )


def came(*names, at_ms=0, trace_id=None, duration_ms=10.0):
    return Found(trace_id or names[-1], 10**18 + at_ms * MS, duration_ms, names)


def given_to(outcomes, *found):
    """The name of the trace that each kind gets."""
    return {kind: each.names[-1] for kind, (_, each) in fitting({o.kind: [o] for o in outcomes}, found).items()}


def test_r3_names_in_lower_case_are_the_same_names():
    assert given_to(
        [sent("/Home", at_ms=0), sent("/Cart", at_ms=2)], came("get /cart", at_ms=1), came("get /home", at_ms=3)
    ) == {"GET /Home": "get /home", "GET /Cart": "get /cart"}


def test_r4_paths_with_ids_are_compared_as_they_are():
    assert given_to(
        [sent("/product/4711", at_ms=0), sent("/customer/77", at_ms=2)],
        came("GET /customer/77", at_ms=0),
        came("GET /product/4711", at_ms=2),
    ) == {"GET /product/4711": "GET /product/4711", "GET /customer/77": "GET /customer/77"}


@pytest.mark.parametrize(
    ("product", "customer"),
    [
        ("GET /product/{id}", "GET /customer/{id}"),
        ("GET /product/:productId", "GET /customer/:customerId"),
        ("GET /product/<int:pk>", "GET /customer/<int:pk>"),
        ("/product/*", "/customer/*"),
        ("get http://shop.example/product/4711?x=/customer/77", "get http://shop.example/customer/77"),
        ("shop:8080/product/4711", "shop:8080/customer/77"),
    ],
    ids=["OpenAPI, Spring", "Express, Rails", "Flask, Django", "Envoy's route", "a URL", "Istio"],
)
def test_r4_routes_and_urls_lead_to_their_paths(product, customer):
    assert given_to(
        [sent("/product/4711", at_ms=0), sent("/customer/77", at_ms=2)],
        came(customer, at_ms=0),
        came(product, at_ms=2),
    ) == {"GET /product/4711": product, "GET /customer/77": customer}


@settings(deadline=None)
@given(
    st.lists(st.text("abcXYZ019-_", min_size=1, max_size=12), min_size=2, max_size=6, unique_by=str.lower), st.data()
)
def test_r3_r4_each_kind_gets_its_own_whatever_the_case_and_whenever_they_came(words, data):
    paths = [f"/{word}/{number}" for number, word in enumerate(words)]
    offs_ms = data.draw(st.lists(st.integers(-5, 5), min_size=len(words), max_size=len(words)))
    fold = data.draw(st.sampled_from([str, str.lower, str.upper]))
    found = [came(fold(f"GET {path}"), at_ms=off) for path, off in zip(paths, offs_ms, strict=True)]
    expected = {f"GET {path}": fold(f"GET {path}") for path in paths}
    assert given_to([sent(path) for path in paths], *reversed(found)) == expected


def test_the_root_path_is_no_part_of_the_others():
    assert given_to([sent("/"), sent("/cart")], came("GET /cart"), came("GET /", at_ms=4)) == {
        "GET /": "GET /",
        "GET /cart": "GET /cart",
    }


def test_a_trace_that_is_named_after_one_kind_is_none_of_anothers():
    assert given_to(
        [sent("/home"), sent("/cart")], came("GET /home", trace_id="1"), came("GET /home", trace_id="2")
    ) == {"GET /home": "GET /home"}


def test_methods_are_told_apart():
    assert given_to(
        [sent("/cart"), sent("/cart", "POST", at_ms=2)], came("POST /cart", at_ms=0), came("GET /cart", at_ms=2)
    ) == {"GET /cart": "GET /cart", "POST /cart": "POST /cart"}


def test_an_attribute_says_what_the_name_does_not():
    assert given_to(
        [sent("/product/4711", at_ms=0), sent("/product/77", at_ms=2)],
        came("/product/77", "GET /product/{id}", at_ms=0, trace_id="1"),
        came("/product/4711", "GET /product/{id}", at_ms=2, trace_id="2"),
    ) == {"GET /product/4711": "GET /product/{id}", "GET /product/77": "GET /product/{id}"}
    by_kind = fitting(
        {"a": [sent("/product/4711")]},
        [
            came("/product/77", "GET /product/{id}", trace_id="1"),
            came("/product/4711", "GET /product/{id}", trace_id="2"),
        ],
    )
    assert by_kind["a"][1].trace_id == "2"


def test_where_no_name_has_a_path_time_decides():
    assert given_to(
        [sent("/a", at_ms=0), sent("/b", at_ms=100)],
        came("ingress", at_ms=101, trace_id="b"),
        came("GET", trace_id="a"),
    ) == {"GET /a": "GET", "GET /b": "ingress"}


def test_where_every_path_is_rewritten_time_decides():
    assert given_to([sent("/a", at_ms=0), sent("/b", at_ms=100)], came("/x", at_ms=101), came("/y")) == {
        "GET /a": "/y",
        "GET /b": "/x",
    }


def test_what_is_too_far_off_is_nobodys():
    assert given_to([sent("/a")], came("GET /a", at_ms=700)) == {}


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("GET /shop/cart/7", 3),
        ("GET /shop/cart/7/", 3),
        ("GET /shop/cart/{n}", 2),
        ("GET /shop/**", 2),
        ("GET /cart/7", 1),
        ("GET", 0),
        ("", 0),
        ("GET /shop/cart", -1),
        ("POST /shop/cart/7", -1),
        ("GET /*/7", -1),
    ],
)
def test_how_much_a_name_says(name, level):
    assert agreement(sent("/shop/cart/7"), came(name)) == level
