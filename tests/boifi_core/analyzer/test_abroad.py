"""Traces of targets that others built: what was wrong with them, each case named after its row, and its kin."""

import json
import random
import string
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observations import observed
from spans import otlp, sent

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService, explain
from boifi_core.analyzer.normal import Normal
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.likeness import Failure, grouped
from boifi_core.findings.signature import signature
from boifi_core.traces import parse_trace, trace_text

SERVICES = ("cart", "catalogue", "payments", "reviews", "users")


def seen(text, **fields):
    return observed(traces={"home": trace_text(parse_trace(text))}, **fields)


def parts(text, *healthy):
    normal = Normal(tuple(seen(each) for each in healthy))
    return AnalyzerService().calculate_severity(seen(text), normal).breakdown


def sentence(text, *healthy):
    normal = Normal(tuple(seen(each) for each in healthy))
    return explain(AnalyzerService().calculate_severity(seen(text), normal), seen(text), normal)


def facts(text, *healthy):
    return {fact.key: fact for fact in signature(seen(text), Normal(tuple(seen(each) for each in healthy)))}


def home(*asked, failing=(), name="GET", told=True):
    """A page whose gateway asks services, each by a client's span that is called by its method alone."""
    made = [sent(1, None, "gateway", "GET /home", 0, 100, 2)]
    for place, service in enumerate(asked):
        at, id_ = 1 + 10 * place, 2 + 2 * place
        bad = {"error": service in failing, "http.response.status_code": 503 if service in failing else 200}
        peer = {"server.address": service} if told else {}
        made.append(sent(id_, 1, "gateway", name, at, 9, 3, **peer, **bad))
        made.append(sent(id_ + 1, id_, service, f"GET /api/{service}", at + 0.5, 8, 2, **bad))
    return otlp(*made)


class TestF1:
    """Client spans are called by their method alone."""

    def test_f1_calls_that_are_left_out_count(self):
        assert parts(home("users"), home(*SERVICES)) == {"struct.edit_distance": 5.0}
        assert "3 spans instead of 11" in sentence(home("users"), home(*SERVICES))
        assert {where for kind, where in facts(home("users"), home(*SERVICES)) if kind == "gone"} == {
            f"gateway → {service} GET /api/{service}" for service in SERVICES[:4]
        }

    @pytest.mark.parametrize("told", [True, False], ids=["peer", "receiver alone"])
    @pytest.mark.parametrize("name", ["GET", "HTTP GET", "http.request"])
    def test_f1_and_p1_failures_of_four_services_are_four(self, told, name):
        healthy = Normal((seen(home(*SERVICES, name=name, told=told)),))
        plan = (FaultPlan(fault_type="abort", target_path="/api", abort_status_code=503),)
        failures = [
            Failure.of(signature(seen(home(*SERVICES, failing=[service], name=name, told=told)), healthy), plan)
            for service in SERVICES[:4]
        ]
        assert grouped(failures) == [[0], [1], [2], [3]]

    def test_p1_the_call_is_named_by_who_receives_it(self):
        broken = home("reviews", "ratings", failing=["ratings"], told=False)
        keys = {key for key in facts(broken, home("reviews", "ratings", told=False)) if "reviews" in key[1]}
        assert keys == set()
        assert ("refuses", "gateway → ratings GET /api/ratings") in facts(
            broken, home("reviews", "ratings", told=False)
        )

    @pytest.mark.parametrize(
        ("attributes", "edge"),
        [
            ({"peer.service": "billing"}, "failing: POST billing (web→billing)"),
            ({"net.peer.name": "billing", "net.peer.port": 8080}, "failing: POST //billing:8080 (web→billing:8080)"),
            (
                {"http.method": "POST", "http.url": "http://billing:8080/charge/4711?card=1"},
                "failing: POST /charge/{id} (web→billing:8080)",
            ),
            (
                {"http.request.method": "POST", "url.full": "https://billing.shop.svc.cluster.local/charge"},
                "failing: POST /charge (web→billing.shop)",
            ),
        ],
    )
    def test_f1_a_callee_without_spans_is_named_all_the_same(self, attributes, edge):
        def page(**status):
            return otlp(
                sent(1, None, "web", "GET /pay", 0, 50, 2), sent(2, 1, "web", "POST", 5, 20, 3, **attributes, **status)
            )

        assert edge in sentence(page(error=True), page())

    def test_f1_rpc_database_and_messaging_tell_calls_apart_too(self):
        ways = {
            "rpc": {"rpc.system": "grpc", "rpc.service": "shop.Cart", "rpc.method": "Get"},
            "table": {"db.system": "postgresql", "db.statement": "SELECT * FROM orders WHERE id = $1"},
            "topic": {"messaging.system": "kafka", "messaging.destination.name": "orders"},
        }
        other = {
            "rpc": {"rpc.system": "grpc", "rpc.service": "shop.Stock", "rpc.method": "Get"},
            "table": {"db.system": "postgresql", "db.statement": "SELECT * FROM stock WHERE id = $1"},
            "topic": {"messaging.system": "kafka", "messaging.destination.name": "audit"},
        }
        for kind, one in ways.items():
            text = otlp(
                sent(1, None, "web", "GET /", 0, 50, 2),
                sent(2, 1, "web", "call", 5, 9, 3, **one),
                sent(3, 1, "web", "call", 15, 9, 3, **other[kind]),
            )
            fewer = otlp(sent(1, None, "web", "GET /", 0, 50, 2), sent(2, 1, "web", "call", 5, 9, 3, **one))
            assert [key for key, _ in facts(fewer, text)] == ["gone"], kind


def with_ads(*, ads, cart):
    status = {"error": cart, "http.response.status_code": 503 if cart else 200}
    return otlp(
        sent(1, None, "gateway", "GET /home", 0, 100, 2, **{"http.response.status_code": 200}),
        sent(2, 1, "gateway", "GET /ads", 5, 10, 3, error=ads),
        sent(3, 2, "ads", "GET /ads", 6, 8, 2, error=ads),
        sent(4, 1, "gateway", "GET /cart", 20, 30, 3, **status),
        sent(5, 4, "cart", "GET /cart", 21, 28, 2, **status),
    )


class TestF2:
    """One ERROR span that is normal."""

    HEALTHY = (with_ads(ads=True, cart=False), with_ads(ads=False, cart=False), with_ads(ads=False, cart=False))

    def test_f2_an_error_that_is_normal_does_not_hide_another(self):
        assert parts(with_ads(ads=False, cart=True), *self.HEALTHY) == {"struct.error_span": 2.0}
        assert sentence(with_ads(ads=True, cart=True), *self.HEALTHY) == "on home: failing: GET /cart (gateway→cart)"

    def test_f2_what_is_normal_is_none(self):
        assert parts(with_ads(ads=True, cart=False), *self.HEALTHY) == {}
        assert sentence(with_ads(ads=True, cart=False), *self.HEALTHY) == "nothing unusual"

    @pytest.mark.parametrize("broken", SERVICES[1:])
    def test_f2_whichever_call_it_is(self, broken):
        healthy = home(*SERVICES, failing=["cart"])
        assert parts(home(*SERVICES, failing=["cart", broken]), healthy) == {"struct.error_span": 2.0}
        assert parts(home(*SERVICES, failing=[broken]), healthy) == {"struct.error_span": 2.0}

    @pytest.mark.parametrize("broken", range(1, 6))
    def test_f2_one_that_is_normal_elsewhere_does_not_hide_one_of_its_name(self, broken):
        """Six services each ask a flaky helper, and the first one's answer is an error even without a fault."""

        def page(*failing):
            spans = [sent(1, None, "web", "GET /", 0, 900, 2)]
            for n in range(6):
                spans.append(sent(2 + 2 * n, 1, f"part{n}z", "render", 1 + 10 * n, 9, 2))
                spans.append(sent(3 + 2 * n, 2 + 2 * n, "helper", "look up", 2 + 10 * n, 5, 2, error=n in failing))
            return otlp(*spans)

        assert parts(page(0, broken), page(0)) == {"struct.error_span": 2.0}
        assert parts(page(0), page(0)) == {}

    def test_f2_graded_too(self):
        graded = AnalyzerService(AnalyzerConfig(profile="graded"))
        normal = Normal(tuple(seen(each) for each in self.HEALTHY))
        assert "struct.error_span" in graded.calculate_severity(seen(with_ads(ads=True, cart=True)), normal).breakdown
        assert graded.calculate_severity(seen(with_ads(ads=True, cart=False)), normal).breakdown == {}


def paying(*ids, path="GET /payments/{}"):
    return otlp(
        sent(1, None, "web", "GET /pay", 0, 50, 2),
        *(sent(2 + n, 1, "payments", path.format(id_), 5 + 5 * n, 4, 2) for n, id_ in enumerate(ids)),
    )


B32, B58 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SHAPES = {
    "uuid": lambda r: str(uuid.UUID(int=r.getrandbits(128), version=4)),
    "uuid without dashes": lambda r: f"{r.getrandbits(128):032x}",
    "ulid": lambda r: "01H" + "".join(r.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=23)),
    "ObjectId": lambda r: f"{r.getrandbits(96):024x}",
    "nanoid": lambda r: "".join(r.choices(string.ascii_letters + string.digits + "_-", k=19)) + "4A",
    "short nanoid": lambda r: "".join(r.choices(string.ascii_letters + string.digits, k=8)) + "7q",
    "cuid": lambda r: "ck" + "".join(r.choices(string.ascii_lowercase + string.digits, k=21)) + "42",
    "base58": lambda r: "".join(r.choices(B58, k=20)) + "9k",
    "base64url": lambda r: "".join(r.choices(string.ascii_letters + string.digits + "-_", k=20)) + "d4",
    "base32": lambda r: "".join(r.choices(B32, k=14)) + "27",
    "YouTube's": lambda r: "".join(r.choices(string.ascii_letters, k=9)) + f"{r.randrange(10, 99)}",
    "short hex": lambda r: f"{r.randrange(10, 99)}{r.choice('abcdef')}{r.choice('abcdef')}{r.randrange(10, 99)}",
    "hex with 0x": lambda r: f"0x{r.getrandbits(48):012x}",
    "number": lambda r: f"{r.randrange(10**6)}",
    "order number": lambda r: f"ORD-2024-{r.randrange(10**6):06}",
    "invoice": lambda r: f"INV{r.randrange(10**4, 10**5)}",
    "customer": lambda r: f"cust{r.randrange(10, 100)}",
    "user_17": lambda r: f"user_{r.randrange(1000)}",
    "date": lambda r: f"2024-{r.randrange(1, 13):02}-{r.randrange(1, 29):02}",
    "compact date": lambda r: f"2024{r.randrange(1, 13):02}{r.randrange(1, 29):02}",
    "moment": lambda r: f"2024-05-{r.randrange(1, 29):02}T10:{r.randrange(10, 60)}:00Z",
    "epoch ms": lambda r: f"17{r.randrange(10**11):011}",
    "e-mail": lambda r: f"{''.join(r.choices(string.ascii_lowercase, k=6))}@example.com",
    "encoded e-mail": lambda r: f"{''.join(r.choices(string.ascii_lowercase, k=6))}%40example.com",
    "slug with hash": lambda r: f"{r.choice(['blue-shirt', 'red-hat'])}-{r.getrandbits(24) | 0x101010:06x}4a",
    "file with hash": lambda r: f"main.{r.getrandbits(32):08x}4.js",
    "IP address": lambda r: f"10.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(256)}",
    "version of a secret": lambda r: f"sk_test_{''.join(r.choices(string.ascii_letters + string.digits, k=16))}99",
    "pod": lambda r: (
        f"web-{r.getrandbits(36):09x}-{''.join(r.choices(string.ascii_lowercase, k=3))}{r.randrange(10, 99)}"
    ),
    "phone": lambda r: f"+49{r.randrange(10**8, 10**9)}",
    "coordinates": lambda r: f"{r.random() * 90:.5f}",
    "Stripe's": lambda r: "cus_N2" + "".join(r.choices(string.ascii_letters + string.digits, k=12)) + "7hE",
    "KSUID": lambda r: "2K" + "".join(r.choices(string.ascii_letters + string.digits, k=25)),
    "network card": lambda r: ":".join(f"{r.getrandbits(8):02x}" for _ in range(6)),
    "IPv6 address": lambda r: ":".join(f"{r.getrandbits(16):x}" for _ in range(8)),
    "short IPv6 address": lambda r: f"2001:db8::{r.getrandbits(16):x}",
    "list": lambda r: ",".join(str(r.randrange(1000)) for _ in range(r.randrange(1, 6))),
    "slot of time": lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}",
    "item:17": lambda r: f"item:{r.randrange(10, 1000)}",
    "RabbitMQ's queue": lambda r: "amq.gen-" + "".join(r.choices(string.ascii_letters + "-_", k=20)) + "4x",
}


class TestF3:
    """What is fresh in each run."""

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("path", ["GET /payments/{}", "GET /payments/{}/lines"])
    def test_f3_one_healthy_run_is_like_another(self, shape, seed, path):
        chance = random.Random(f"{shape} {seed}")
        made = [SHAPES[shape](chance) for _ in range(6)]
        assert parts(paying(*made[:3], path=path), paying(*made[3:], path=path)) == {}

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("dQw4w9WgXcQ", "a9Xk2LmPq7Z"),
            ("ORD-2024-000123", "ORD-2024-000124"),
            ("cust42", "cust77"),
            ("0xdeadbeef01", "0xfeedface02"),
            ("a1b2c3", "9f8e7d"),
        ],
    )
    def test_f3_the_listed_ones(self, one, other):
        assert parts(paying(other, other, other), paying(one, one, one)) == {}
        assert facts(paying(other, other, other), paying(one, one, one)) == {}

    @settings(deadline=None)
    @given(
        st.lists(st.text(string.ascii_lowercase, min_size=3, max_size=9), min_size=5, max_size=7, unique=True),
        st.sampled_from(["GET /product/{}/price", "process order {}", "HGET cart:{}", "send mail {} again"]),
    )
    def test_f3_words_that_are_never_the_same_are_ids(self, words, name):
        *healthy, new = words
        text = [paying(word, path=name) for word in healthy]
        assert parts(paying(new, path=name), *text) == {}

    @settings(deadline=None)
    @given(st.lists(st.text(string.ascii_letters, min_size=9, max_size=9), min_size=10, max_size=10, unique=True))
    def test_f3_where_some_are_ids_by_their_shape_the_others_are_too(self, words):
        """Short ids now and then have no digit."""
        texts = [paying(words[n], f"{n}7Kq2", words[n + 1]) for n in range(0, 10, 2)]
        assert parts(texts[4], *texts[:4]) == {}

    @settings(deadline=None)
    @given(st.lists(st.integers(0, 9), min_size=3, max_size=6, unique=True), st.randoms())
    def test_f3_a_digit_that_varies_is_an_id_in_whatever_order(self, digits, chance):
        *healthy, new = digits
        texts = [paying(f"p{digit}") for digit in healthy]
        expected = facts(paying(f"p{new}"), *texts)
        chance.shuffle(texts)
        assert facts(paying(f"p{new}"), *texts) == expected == {}

    @pytest.mark.parametrize("word", ["v2", "oauth2", "s3", "shard1", "sha256"])
    def test_f3_what_does_not_vary_stays(self, word):
        healthy = [paying(word, f"x{n}", path="GET /{}/api") for n in range(10, 13)]
        gone = facts(paying("x77", path="GET /{}/api"), *healthy)
        assert set(gone) == {("gone", f"web → payments GET /{word}/api")}
        other = word[:-1] + ("1" if word[-1] != "1" else "2")
        new = facts(paying(other, path="GET /{}/api"), *[paying(word, path="GET /{}/api")] * 3)
        assert ("new", f"web → payments GET /{other}/api") in new

    def test_f3_a_new_word_under_a_fault_is_a_new_call(self):
        healthy = [paying(f"cust{n}") for n in (42, 77, 13)]
        keys = facts(paying("cust99", "fallback"), *healthy)
        assert set(keys) == {("new", "web → payments GET /payments/fallback")}


class TestF24:
    """A span that has not ended yet."""

    @staticmethod
    def order(*, slow, done=True):
        proxy = {"component": "proxy", "upstream_cluster": "frontend", "http.url": "http://shop/order"}
        late = {"http.status_code": "504", "response_flags": "UT"} if slow else {"http.status_code": "200"}
        made = [
            sent(1, None, "frontend-proxy", "ingress", 0, 15_000 if slow else 40, 2, **proxy, **late),
            sent(2, 1, "frontend", "POST /order", 1, 14_999 if slow else 38, 2),
            sent(3, 2, "frontend", "GET", 2, 5, 3, **{"server.address": "cart"}),
            sent(4, 3, "cart", "GET /cart", 3, 4, 2),
        ]
        if done:
            made += [
                sent(5, 2, "frontend", "shop.Checkout/PlaceOrder", 9, 25, 3, **{"server.address": "checkout"}),
                sent(6, 5, "checkout", "shop.Checkout/PlaceOrder", 10, 23, 2),
            ]
        return otlp(*made)

    def test_f24_what_is_under_way_is_not_left_out(self):
        found = facts(self.order(slow=True, done=False), self.order(slow=False))
        where = "frontend → checkout shop.Checkout/PlaceOrder"
        assert found["slow", where].says == f"{where} had not ended"
        assert ("gone", where) not in found

    def test_f24_what_is_left_out_in_time_is(self):
        found = facts(self.order(slow=False, done=False), self.order(slow=False))
        assert ("gone", "frontend → checkout shop.Checkout/PlaceOrder") in found

    def test_f24_what_was_given_up_for_another_call_is_left_out(self):
        """The cart's time-out uses the time up, and the order is never placed."""
        text = json.loads(self.order(slow=True, done=False))
        for resource in text["resourceSpans"]:
            (each,) = resource["scopeSpans"][0]["spans"]
            if each["spanId"] in (f"{3:016x}", f"{4:016x}"):
                each["endTimeUnixNano"] = str(int(each["startTimeUnixNano"]) + 14_900_000_000)
        found = facts(json.dumps(text), self.order(slow=False))
        assert ("gone", "frontend → checkout shop.Checkout/PlaceOrder") in found


class TestF25:
    """Many spans of one name."""

    @staticmethod
    def chain(*, slow=None, factor=8):
        """A request through twenty services, each of which asks its own database, the first ones for the longest."""
        made, at = [sent(1, None, "s0", "GET /", 0, 1000, 2)], 1.0
        for n in range(20):
            ms = (40 - 2 * n) * (factor if n == slow else 1)
            made.append(sent(2 + 2 * n, 1, f"s{n}x", "work", at, ms + 2, 1))
            made.append(sent(3 + 2 * n, 2 + 2 * n, "db", "query", at + 1, ms, 1))
            at += ms + 3
        return otlp(*made)

    @pytest.mark.parametrize("slow", range(20))
    def test_f25_a_slow_one_is_seen_though_others_are_longer(self, slow):
        assert parts(self.chain(slow=slow), self.chain()) == {"struct.bottleneck": 2.0}

    @pytest.mark.parametrize("slow", range(12))
    def test_f25_siblings_too(self, slow):
        def page(times_ms):
            spans = (sent(2 + n, 1, "web", "query", 1 + 200 * n, ms, 3) for n, ms in enumerate(times_ms))
            return otlp(sent(1, None, "web", "GET /", 0, 9000, 2), *spans)

        usual = [100, *range(2, 13)]
        now = [ms * 8 if n == slow else ms for n, ms in enumerate(usual)]
        assert parts(page(now), page(usual)) == {"struct.bottleneck": 2.0}
        shuffled = random.Random(slow).sample(usual, len(usual))
        assert parts(page(shuffled), page(usual)) == {}


GRAPH = {
    "web": ("cart", "catalogue", "orders"),
    "cart": ("pricing",),
    "orders": ("stock", "payments"),
    "payments": ("bank",),
}
HTTP = {"http.request.method": "GET"}
PROXYS = {"component": "proxy", "http.method": "GET"}


class Request:
    """A request through a shop, as the spans that one kind of instrumentation makes of it."""

    def __init__(self, tracing, chance, *, aborted=None, late=None):
        self.tracing, self.chance, self.aborted, self.late = tracing, chance, aborted, late
        self.spans, self.at = [], 0.0
        self.number = chance.randrange(10, 10**6)
        self.ask(None, "web", None)

    def text(self):
        return otlp(*self.chance.sample(self.spans, len(self.spans)))

    def ask(self, caller, callee, parent):
        """Whether the call fails; its spans are made on the way."""
        begun, made = self.at, []
        self.at += self.chance.uniform(0.5, 1.5)
        fails = callee == self.aborted
        for teller, name, kind, attributes in self.tellers(caller, callee):
            if not fails or teller in (caller, f"{caller}.shop", "envoy"):
                made.append((len(self.spans) + 1, parent, teller, name, kind, attributes))
                parent = made[-1][0]
                self.spans.append(None)
        if not fails:
            self.at += 500 if callee == self.late else 0
            below = [self.ask(callee, other, parent) for other in GRAPH.get(callee, ())]
            fails = any(below)
        self.at += self.chance.uniform(0.5, 1.5)
        for place, (id_, above, teller, name, kind, attributes) in enumerate(made):
            code = "http.status_code" if "component" in attributes else "http.response.status_code"
            ended = {"error": fails, code: 503 if fails else 200}
            lasts = self.at - begun - 0.01 * place
            self.spans[id_ - 1] = sent(id_, above, teller, name, begun, lasts, kind, **attributes, **ended)
        return fails

    def tellers(self, caller, callee):
        """Who tells of the call, from its sender to its receiver."""
        url = f"http://{callee}:8080/{callee}/cust{self.number}"
        own = (callee, f"GET /{callee}/:id", 2, {**HTTP, "http.route": f"/{callee}/:id"})
        envoys = ("envoy", "ingress", 2, {**PROXYS, "upstream_cluster": callee, "http.url": url})
        to = {"upstream_cluster": f"outbound|8080||{callee}.shop.svc.cluster.local", "http.url": url}
        peer = {"url.full": url, "server.address": callee, "server.port": 8080}
        ways = {
            "own": [envoys, own],
            "one": [envoys],
            "otel": [(caller, "GET", 3, {**HTTP, **peer}), own],
            "bare": [(caller, "GET", 3, {}), own],
            "sidecar": [
                (f"{caller}.shop", f"egress {callee}:8080", 3, {**PROXYS, **to}),
                (f"{callee}.shop", "ingress", 2, {**PROXYS, "upstream_cluster": "inbound|8080||", "http.url": url}),
            ],
        }
        return ways[self.tracing] if caller or self.tracing == "one" else ways[self.tracing][1:]


TRACINGS = ("own", "otel", "bare", "sidecar", "one")
PLACES = ("cart", "catalogue", "stock", "bank", "pricing")


@pytest.mark.parametrize("tracing", TRACINGS)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_makes_the_spans_each_fault_is_a_failure_of_its_own_and_nothing_is_new(tracing, seed):
    chance = random.Random(seed)
    normal = Normal(tuple(seen(Request(tracing, chance).text()) for _ in range(3)))
    assert signature(seen(Request(tracing, chance).text()), normal) == ()
    failures = []
    for place in PLACES:
        plan = (FaultPlan(fault_type="abort", target_service=place, abort_status_code=503),)
        for _ in range(2):
            found = signature(seen(Request(tracing, chance, aborted=place).text()), normal)
            causes = [fact for fact in found if fact.weight == 3.0 and fact.kind != "status"]
            assert [fact.callee.removesuffix(".shop") for fact in causes if fact.callee] == [place]
            assert not [fact for fact in found if fact.kind == "new"]
            failures.append(Failure.of(found, plan))
    assert grouped(failures) == [[n, n + 1] for n in range(0, 2 * len(PLACES), 2)]


@pytest.mark.parametrize("tracing", TRACINGS)
def test_whatever_makes_the_spans_the_late_call_is_told(tracing):
    chance = random.Random(7)
    normal = Normal(tuple(seen(Request(tracing, chance).text()) for _ in range(3)))
    for place in PLACES:
        found = signature(seen(Request(tracing, chance, late=place).text()), normal)
        slow = [fact for fact in found if fact.kind == "slow" and fact.weight == 1.0]
        assert [fact.callee.removesuffix(".shop") for fact in slow] == [place]


@pytest.mark.parametrize("tracer", ["envoy", "web.shop"])
@pytest.mark.parametrize(("status", "flags"), [("504", "UT"), ("0", "DC"), ("503", "UC")])
@pytest.mark.parametrize("callee", ["cart", "bank"])
def test_p11_an_abort_and_a_time_out_of_one_call_that_proxies_alone_tell_of_are_one_failure(
    tracer, status, flags, callee
):
    def page(ms, call_status, **said):
        url = f"http://{callee}:8080/{callee}/17"
        ends = "200" if call_status == "200" else "500"
        front = {**PROXYS, "upstream_cluster": "web", "http.url": "http://shop/page", "http.status_code": ends}
        to = {**PROXYS, "upstream_cluster": callee, "http.url": url, "http.status_code": call_status, **said}
        failed = call_status != "200"
        other = {**PROXYS, "upstream_cluster": "stock", "http.url": "http://stock/all", "http.status_code": "200"}
        return otlp(
            sent(1, None, "envoy", "ingress", 0, ms + 30, 2, error=failed, **front),
            sent(2, 1, tracer, f"egress {callee}:8080", 5, ms, 3, error=failed, **to),
            sent(3, 1, tracer, "egress stock:80", 1, 3, 3, **other),
        )

    normal = Normal(tuple(seen(page(ms, "200")) for ms in (8, 9, 11)))
    places = {"target_service": callee}
    by_abort = FaultPlan(fault_type="abort", abort_status_code=503, **places)
    by_delay = FaultPlan(fault_type="delay", delay_ms=2000, **places)
    failures = [
        Failure.of(signature(seen(page(1, "503", response_flags="FI"), status_code=500), normal), (by_abort,)),
        Failure.of(signature(seen(page(1000, status, response_flags=flags), status_code=500), normal), (by_delay,)),
    ]
    assert grouped(failures) == [[0, 1]]
