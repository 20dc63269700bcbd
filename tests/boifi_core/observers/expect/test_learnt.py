"""What healthy answers have in common, and what of it breaks."""

import itertools
import json
import random
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.observers.expect.answer import Answer
from boifi_core.observers.expect.learn import ENOUGH, Learnt


def answer(body, status=200, **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, data, len(data))


def learnt_of(answers):
    learnt = Learnt()
    for each in answers:
        learnt.add(each)
    learnt.settle()
    return learnt


def cart(rng, n=0):
    """As of a shop in which all goes well: what it answers differs in times, ids, order, counters, and what it sold."""
    now = datetime(2026, 11, 30, 12, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**6))
    items = [{"sku": f"sku-{k}", "price": rng.randrange(1, 90) + 0.5, "currency": "EUR"} for k in range(3)]
    rng.shuffle(items)
    return {
        "id": str(uuid.UUID(int=rng.getrandbits(128))),
        "token": f"{rng.getrandbits(64):x}",
        "at": now.isoformat(),
        "since": int(now.timestamp() * 1000),
        "served": n,
        "items": items,
        "tags": rng.sample(["new", "sale", "hot"], rng.randrange(3)),
        "by_id": {f"u{rng.randrange(10**6)}": {"age": rng.randrange(99)}},
        "total": sum(item["price"] for item in items),
        "currency": "EUR",
        "open": True,
        "coupon": rng.choice([None, "XMAS"]),
        "version": 3,
    }


def some_carts(n=40, seed=1):
    rng = random.Random(seed)
    return [answer(cart(rng, k), content_type="application/json; charset=utf-8") for k in range(n)]


class TestWhatBreaksIt:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({}, ()),
            ({"currency": "USD"}, ("$.currency = EUR",)),
            ({"version": 4}, ("$.version = 3",)),
            ({"open": False}, ("$.open = true",)),
            ({"open": 1}, ("$.open is a boolean",)),
            ({"items": []}, ("$.items is not empty",)),
            ({"items": None}, ("$.items is a list",)),
            ({"total": "0"}, ("$.total is a number",)),
            ({"total": None}, ("$.total is a number",)),
            ({"total": 0, "coupon": None, "tags": [], "served": 10**6, "more": 1}, ()),
            ({"items": [{"sku": "x", "price": 1, "currency": "USD"}]}, ("$.items[*].currency = EUR",)),
            ({"items": [{"sku": "x"}]}, ("$.items[*].price exists", "$.items[*].currency exists")),
        ],
    )
    def test_of_json(self, change, told):
        learnt = learnt_of(some_carts())
        other = answer({**cart(random.Random(7), 99), **change}, content_type="application/json")
        assert learnt.broken(other) == told

    def test_an_error_with_status_200(self):
        learnt = learnt_of(some_carts())
        told = learnt.broken(answer({"error": "no stock"}, content_type="application/json"))
        assert told == ("$.id exists", "$.token exists", "$.at exists")
        page = answer(b"<html><title>Sorry</title>", content_type="text/html")
        assert learnt.broken(page) == ("$ exists", "content-type = application/json")

    def test_a_redirect_to_the_error_page(self):
        orders = [answer(b"", 302, location=f"/orders/{1000 + n}") for n in range(ENOUGH)]
        learnt = learnt_of(orders)
        assert learnt.broken(answer(b"", 302, location="/orders/7077")) == ()
        assert learnt.broken(answer(b"", 302, location="/error")) == ("location = /orders/{id}",)
        assert learnt.broken(answer(b"", 200, location="/orders/7077")) == ("status = 3xx",)
        assert learnt.broken(answer(b"gone", 302)) == ("location exists", "text = empty")

    def test_the_title_of_a_page_and_a_text(self):
        pages = [answer(f"<html><title>Cart</title>{n}".encode()) for n in range(ENOUGH)]
        assert learnt_of(pages).broken(answer(b"<html><title>\nCart</title>")) == ()
        assert learnt_of(pages).broken(answer(b"<html><title>Sorry</title>")) == ("title = Cart",)
        assert learnt_of([answer(b"OK")] * ENOUGH).broken(answer(b"ERROR")) == ("text = OK",)

    def test_another_ones_data(self):
        product = {"id": 7, "name": "lamp"}
        assert learnt_of([answer(product)] * ENOUGH).broken(answer({"id": 8, "name": "chair"})) == (
            "$.id = 7",
            "$.name = lamp",
        )


class TestWhatIsNoRule:
    def test_of_few_answers_nothing_is_learnt(self):
        assert learnt_of(some_carts(ENOUGH - 1)).broken(answer(b"")) == ()

    @pytest.mark.parametrize("finer", [1, 10**3, 10**6, 10**9])
    def test_a_time_that_stood_still_meanwhile(self, finer):
        now = time.time()
        learnt = learnt_of([answer({"at": int(now * finer), "day": "2026-11-30", "clock": "12:30"})] * ENOUGH)
        later = {"at": int((now + 90_000) * finer), "day": "2026-12-01", "clock": "12:31"}
        assert learnt.broken(answer(later)) == ()

    @pytest.mark.parametrize("seed", range(10))
    def test_ten_sessions_of_answers_with_times_ids_shuffled_lists_and_a_counter(self, seed):
        rng, n = random.Random(seed), itertools.count()
        learnt = learnt_of([answer(cart(rng, next(n))) for _ in range(30)])
        assert [learnt.broken(answer(cart(rng, next(n)))) for _ in range(90)] == [()] * 90


_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=30,
)


@settings(max_examples=40)
@given(st.lists(_documents, min_size=1, max_size=8))
def test_no_answer_breaks_what_was_learnt_of_it(documents):
    answers = [answer(document) for document in documents] * ENOUGH
    learnt = learnt_of(answers)
    assert [learnt.broken(each) for each in answers] == [()] * len(answers)


def test_it_is_bounded_whatever_is_answered():
    wide = answer({f"m{n}": {"x": n} for n in range(5_000)})
    deep = answer(b'{"a":' * 300 + b"1" + b"}" * 300)
    for each in (wide, deep, answer([list(range(300))] * 300), answer(b"[" * 100_000)):
        assert learnt_of([each] * ENOUGH).broken(each) == ()
