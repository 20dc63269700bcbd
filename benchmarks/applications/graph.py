"""A call graph as real ones have, sound as yet: from a seed and a number of services.

What it follows: call graphs of microservices are like trees, their sizes heavy-tailed, and a few services are shared by
many (Luo et al. 2021, "Characterizing Microservice Dependency and Performance: Alibaba Trace Analysis", SoCC); about
four in ten services are leaves and half are in the middle (Winchester et al. 2025, arXiv 2504.13141, table 1); what one
request calls differs from the next (Huye et al. 2023, "Lifting the veil on Meta's microservice architecture", USENIX
ATC). Sizes and shapes of the public examples lie within: Online Boutique (11 services), the OpenTelemetry demo (some
20), DeathStarBench's social network (some 30 with its stores), Train Ticket (some 40).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from benchmarks.applications.model import BEHAVIOURS, Application, Call, Kind, Latch, Operation, Service

FEWEST, MOST = 3, 60

_FRONTS = ("gateway", "frontend", "edge", "web", "bff", "storefront")
_NAMES = """
    accounts ads addresses alerts audit auth banners basket billing bookings campaigns carts catalogue cashier comments
    consign contacts coupons credit currency customers delivery devices discounts email exchange feed feedback fraud
    geo gifts home-timeline identity images insights insurance inventory invoices ledger likes loyalty media menus
    messaging notices offers orders partners payments permissions points prices profiles promotions quotes ranking
    rates ratings recommendations refunds regions reports returns reviews rewards routes schedules seats segments
    sessions settlement shipping social-graph sorting stations stock subscriptions suggestions suppliers support tax
    tickets timeline tokens tracking translation travel users verification vouchers warehouse weather wishlist
"""
NAMES = tuple(_NAMES.split())
_PAGES = (
    ("home", "GET", "/"),
    ("item", "GET", "/item/{id}"),
    ("checkout", "POST", "/checkout"),
    ("search", "GET", "/search"),
    ("account", "GET", "/account/{id}"),
    ("add", "POST", "/add"),
    ("history", "GET", "/history"),
)
_STORES = ("redis GET", "redis HGETALL", "postgresql SELECT", "mysql SELECT", "mongodb find", "memcached get")
_STORES_OF_POST = ("postgresql INSERT", "mysql INSERT", "mongodb insert", "redis SET")

_USUAL_TIMEOUTS_MS = (50.0, 100.0, 100.0, 150.0, 200.0, 250.0, 500.0)
"""What people write where more is not needed."""

_ID = "17"


def sound_application(seed: int, services: int) -> Application:
    """An application of so many services in which nothing is wrong yet.

    Raises:
        ValueError: fewer services than 3, or more than 60.
    """
    if not FEWEST <= services <= MOST:
        raise ValueError(f"services must be {FEWEST}..{MOST}, got {services}")
    random = Random(f"application {seed} of {services}")
    names = [random.choice(_FRONTS), *random.sample(NAMES, services - 1)]
    children = _tree(random, services)
    made = Application(
        seed=seed,
        services=[Service(name, flakes=random.choice((0.0, 0.0, 0.0, 0.0, 0.001))) for name in names],
        operations=[],
        calls=[],
        kinds=[],
        timeout_ms=0.0,
        concurrency=random.choice((6, 8, 10)),
    )
    made.services[0].flakes = 0.0
    operations = _operations(made, random, children)
    _calls(made, random, children, operations)
    _fill_kinds(made, random)
    _messages(made, random)
    _policies(made, random)
    _time_outs(made, random)
    return made


def _tree(random: Random, services: int) -> list[list[int]]:
    """Whom each service calls; edges lead from lower numbers to higher ones, or to a shared leaf."""
    deepest = 2 if services < 6 else random.choice((3, 4)) if services < 20 else random.choice((4, 5, 6))
    children: list[list[int]] = [[] for _ in range(services)]
    depth = [0] * services
    for service in range(1, services):
        parents = [parent for parent in range(service) if depth[parent] < deepest]
        # Who calls much gets more to call: that makes fan-out heavy-tailed.
        weights = [(1.0 + 0.6 * len(children[parent])) / (1 + depth[parent]) for parent in parents]
        parent = random.choices(parents, weights)[0]
        depth[service] = depth[parent] + 1
        children[parent].append(service)
    leaves = [service for service in range(1, services) if not children[service]]
    inner = [service for service in range(services) if children[service]]
    for shared in random.sample(leaves, min(len(leaves), max(1, services // 12))) if services > 4 else ():
        for caller in inner:
            if shared not in children[caller] and random.random() < random.uniform(0.2, 0.5):
                children[caller].append(shared)
    return children


def _operations(made: Application, random: Random, children: list[list[int]]) -> list[list[int]]:
    """The operations of each service, by number."""
    found: list[list[int]] = []
    for service, each in enumerate(made.services):
        if service == 0:
            count = min(len(_PAGES), random.randint(2, 3 if len(made.services) < 6 else 6))
            asked = [(method, route) for _, method, route in _PAGES[:count]]
        else:
            count = random.choice((1, 1, 2, 2, 3)) if children[service] else random.choice((1, 1, 1, 2))
            asked = [("GET", f"/{each.name}/{{id}}"), ("POST", f"/{each.name}"), ("GET", f"/{each.name}/list")][:count]
        # Most services answer in a few milliseconds, some in tens.
        own_ms = min(40.0, max(0.8, random.lognormvariate(1.1, 0.7)))
        found.append([])
        for method, route in asked:
            operation = Operation(
                number=len(made.operations),
                service=service,
                method=method,
                path=route.replace("{id}", _ID),
                route=route,
                own_ms=round(own_ms * random.uniform(0.7, 1.4), 2),
                spread=round(random.uniform(0.15, 0.45), 2),
            )
            if service and random.random() < 0.6:
                operation.store = random.choice(_STORES if method == "GET" else _STORES_OF_POST)
            made.operations.append(operation)
            found[-1].append(operation.number)
    return found


def _calls(made: Application, random: Random, children: list[list[int]], operations: list[list[int]]) -> None:
    """Operations that nobody asks for are of no use, and ask for nothing."""
    reached = set(operations[0])
    for service, offered in enumerate(operations):
        own = [number for number in offered if number in reached]
        asked: dict[int, list[int]] = {number: [] for number in own}
        for child in children[service]:
            owners = {random.choice(own)} | {number for number in own if random.random() < 0.3}
            for number in sorted(owners):
                asked[number].append(child)
        for number, wanted in asked.items():
            stage = 0
            for place, child in enumerate(wanted):
                stage += place > 0 and random.random() < 0.5
                made.calls.append(
                    Call(
                        number=len(made.calls),
                        caller=number,
                        callee=_which(made, random, number, operations[child]),
                        stage=stage,
                        share=1.0 if random.random() < 0.75 else round(random.uniform(0.25, 0.9), 2),
                    )
                )
                made.operations[number].calls.append(made.calls[-1].number)
                reached.add(made.calls[-1].callee)


def _which(made: Application, random: Random, caller: int, offered: list[int]) -> int:
    """Who reads mostly reads of others too."""
    if made.operations[caller].method == "GET":
        offered = [number for number in offered if made.operations[number].method == "GET"] or offered
    return random.choice(offered)


def _fill_kinds(made: Application, random: Random) -> None:
    """A weight for each kind of request: few kinds make most of the traffic."""
    for (name, _, _), operation in zip(_PAGES, (each for each in made.operations if each.service == 0), strict=False):
        made.kinds.append(Kind(name, operation.number, random.choice((2, 3, 3, 4, 6, 8))))


def _messages(made: Application, random: Random) -> None:
    """Some writes are handed on by a queue."""
    for call in reached_calls(made):
        caller = made.operations[call.caller]
        if caller.method == "POST" and random.random() < (0.4 if made.operations[call.callee].calls else 0.15):
            call.is_message = True


def _policies(made: Application, random: Random) -> None:
    """How each call is made where its makers knew what they did."""
    for call in made.calls:
        callee = made.operations[call.callee]
        is_leaf = not callee.calls
        if random.random() < (0.35 if callee.method == "POST" else 0.55):
            call.copes_with = BEHAVIOURS
            if random.random() < 0.4:
                call.latch = Latch("call", random.choice((4, 5, 8)), ("refused", "wrong", "given_up"), 400.0)
        if is_leaf and callee.method == "GET" and random.random() < 0.35:
            call.tries, call.retries = 2, ("refused",)


def reached_calls(made: Application) -> list[Call]:
    """The calls that requests of customers can come by."""
    return [made.calls[number] for operation in made.operations for number in operation.calls]


def typical_ms(made: Application) -> list[float]:
    """How long each operation takes when all is well, by number."""
    known: dict[int, float] = {}

    def of(number: int) -> float:
        if number not in known:
            operation = made.operations[number]
            known[number] = operation.own_ms + sum(
                max((_typical_call(call, of) for call in stage), default=0.0) for stage in stages(made, operation)
            )
        return known[number]

    return [of(operation.number) for operation in made.operations]


def _typical_call(call: Call, of: Callable[[int], float]) -> float:
    return 0.0 if call.is_message else call.times * (of(call.callee) + 0.5)


def stages(made: Application, operation: Operation) -> list[list[Call]]:
    """The calls of an operation that are made at once, in order."""
    found: dict[int, list[Call]] = {}
    for number in operation.calls:
        call = made.calls[number]
        found.setdefault(call.stage, []).append(call)
    return [found[stage] for stage in sorted(found)]


def _time_outs(made: Application, random: Random) -> None:
    """Time-outs that leave room for one thing that goes wrong below: no caller gives up before its callees do."""
    usual = typical_ms(made)
    worst: dict[int, float] = {}

    def worst_of(number: int) -> float:
        """How long an operation takes at most if one of its calls is given up."""
        if number not in worst:
            more = 0.0
            for each in made.operations[number].calls:
                call = made.calls[each]
                needed_ms = _round_up(1.25 * worst_of(call.callee) + 20)
                call.timeout_ms = max(needed_ms, random.choice(_USUAL_TIMEOUTS_MS))
                if not call.is_message:
                    lasts_ms = call.tries * (call.timeout_ms + call.backoff_ms) - (usual[call.callee] + 0.5)
                    more = max(more, lasts_ms + call.fallback_ms)
            worst[number] = 3.0 * usual[number] + more
        return worst[number]

    for operation in made.operations:
        worst_of(operation.number)
    made.timeout_ms = _round_up(1.25 * max(worst_of(kind.operation) for kind in made.kinds) + 50)


def _round_up(value_ms: float) -> float:
    """To what people write: 40, 150, 1200."""
    step = 10 if value_ms < 100 else 50 if value_ms < 1000 else 100
    return float(-(-value_ms // step) * step)
