"""Which names are those of one service."""

import pytest

from boifi_core.traces.peers import is_service


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cart", "cart"), ("cart", "cart:8080"), ("cart", "cart.shop"), ("cart.shop", "cart"),
        ("cart", "cart.shop.svc.cluster.local:80"), ("cart", "cart.default.svc"), ("cart.shop", "cart.shop.svc"),
    ],
)  # fmt: skip
def test_one_service(one, other):
    assert is_service(one, other)
    assert is_service(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("cart", "carts"), ("cart", "Cart"), ("cart", "shop.cart"), ("cart.shop", "cart.test"), ("cart", "cart-db:5432")],
)
def test_two_services(one, other):
    assert not is_service(one, other)
    assert not is_service(other, one)
