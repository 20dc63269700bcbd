import pytest
from hypothesis import given
from hypothesis import strategies as st

from boifi_core.traces.names import without_ids


@pytest.mark.parametrize(
    "name",
    [
        "GET /",
        "HTTP GET",
        "GET /api/v2/products",
        "oteldemo.ProductCatalogService/GetProduct",
        "ratings-v1 egress",
        "SELECT orders.customers WHERE id = ?",
        "IN (?, ?)",
        "grpc.health.v1.Health/Check",
        "GET /recommendation-service-v2/list",
        "/p/{id}",
        "handle order",
        "storage.getS3ObjectV2",
        "parse IMAP4rev1",
        "Foo::bar2",
        "",
    ],
)
def test_names_without_ids_stay(name):
    assert without_ids(name) == name


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("GET /p/42", "GET /p/{id}"),
        ("GET /p/42?q=1&r=/x", "GET /p/{id}"),
        ("GET /p/sku-7/parts", "GET /p/{id}/parts"),
        ("GET /p/550e8400-e29b-41d4-a716-446655440000", "GET /p/{id}"),
        ("GET /p/9f86d081884c", "GET /p/{id}"),
        ("GET /p/5e0c19f2bd8f4a0f9b1c77aa", "GET /p/{id}"),
        ("GET /s/dGVzdC1z-ZXNzaW9uLTEyMzQ1Njc4", "GET /s/{id}"),
        ("GET http://10.1.2.3:8080/x", "GET http://{id}:8080/x"),
        ("HGETALL cart:8f14e45fceea167a", "HGETALL cart:{id}"),
        ("process order 12345", "process order {id}"),
        ("job[17]", "job[{id}]"),
        ("ratings/ratings/0", "ratings/ratings/{id}"),
        ("GET /slots/12:30/book", "GET /slots/{id}:{id}/book"),
        ("GET /u/item:17/cart", "GET /u/item:{id}/cart"),
        ("GET http://[2001:db8::17]:8080/x", "GET http://[{id}]:8080/x"),
        ("wake device:0a:1b:2c:3d:4e:5f up", "wake device:{id} up"),
        ("GET /items/1,2, 3", "GET /items/{id}"),
        ("GET /c/cus_Nf7hFeUf2Hib", "GET /c/{id}"),
    ],
)
def test_ids_are_left_out(name, plain):
    assert without_ids(name) == plain


@given(st.text(max_size=60))
def test_leaving_ids_out_again_changes_nothing(name):
    assert without_ids(without_ids(name)) == without_ids(name)


@given(st.uuids(), st.uuids(), st.integers(0), st.integers(0))
def test_two_runs_have_the_same_names(first, second, one, other):
    assert without_ids(f"GET /carts/{first}/items/{one}") == without_ids(f"GET /carts/{second}/items/{other}")


@pytest.mark.parametrize("path", ["/product/4711", "/customer/77", "/Home", "/a/b-7/c?d=1", "/o/ORD-2024-000123"])
def test_r4_a_path_is_folded_alike_alone_and_in_an_operations_name(path):
    assert without_ids(f"GET {path}") == f"GET {without_ids(path)}"


@given(
    st.lists(
        st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12), min_size=1, max_size=4
    )
)
def test_r4_whatever_the_path(segments):
    path = "/" + "/".join(segments)
    assert without_ids(f"GET {path}") == f"GET {without_ids(path)}"
