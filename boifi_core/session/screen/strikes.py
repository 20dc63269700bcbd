"""Which calls a fault strikes, as far as their names tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from boifi_core.analyzer.seen import asks
from boifi_core.faults.plan import FaultPlan
from boifi_core.models import SeenCall

_FLAT = 1 / 3
"""By so much the share of requests counts: a weakness of a rare call is one as well."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


def struck(plan: FaultPlan, calls: Mapping[str, SeenCall]) -> list[SeenCall]:
    """The calls that a fault strikes; calls by `Call.where`."""
    return [call for call in calls.values() if strikes(plan, call)]


def reach(struck_by: Iterable[SeenCall]) -> float:
    """In which share of the requests one of these calls is made, 0 to 1; more where several ask for them."""
    spared, callers = 1.0, set()
    for call in struck_by:
        spared *= 1.0 - call.share
        callers.add(call.caller)
    return float((1.0 - spared) ** _FLAT) * (1.0 + 0.1 * min(max(len(callers) - 1, 0), 5))


def strikes(plan: FaultPlan, call: SeenCall) -> bool:
    """Whether a fault strikes a call. What its name does not tell, it is taken to."""
    if plan.target_service is not None and not asks(call, plan.target_service):
        return False
    told = [word for word in call.operation.split() if word in _METHODS]
    if plan.target_method is not None and told and plan.target_method not in told:
        return False
    where, path = plan.target_path, path_of(call.operation)
    if where == "/" or where.startswith("^"):
        return True
    return _has_prefix(path, where) if path is not None else plan.target_service is not None


def path_of(operation: str) -> str | None:
    """The path in a call's operation; None where it tells of none.

    Of `GET /cart/{id}` and of `GET http://cart:8080/cart/{id}` it is `/cart/{id}`, of Envoy's `cart.shop:8080/*` it is
    `/*`, and of gRPC's `shop.Cart/Get` the path that such a call has, `/shop.Cart/Get`.

    Sources: OpenTelemetry's semantic conventions for HTTP and RPC span names; gRPC over HTTP/2, "Requests".
    """
    for word in operation.split():
        plain = word.partition("?")[0].rpartition("://")[2]
        host, slash, rest = plain.partition("/")
        if slash:
            is_rpc = bool(host) and "://" not in word and ":" not in host
            return f"/{plain}" if is_rpc else f"/{rest}"
    return None


def _has_prefix(path: str, prefix: str) -> bool:
    """Whether a path begins so; what stands for an id in it may be anything, and what stands for a rest, any rest."""
    own, wanted = path.split("/"), prefix.rstrip("/").split("/")
    if _is_rest(own[-1]):
        own = [*own[:-1], *["*"] * len(wanted)]
    return len(own) >= len(wanted) and all(
        _is_id(mine) or mine == theirs or (place == len(wanted) - 1 and mine.startswith(theirs))
        for place, (mine, theirs) in enumerate(zip(own, wanted, strict=False))
    )


def _is_id(part: str) -> bool:
    """Whether a part of a path stands for whatever is there: `{id}`, `:id`, `*`."""
    return part.startswith(("{", ":", "*", "<"))


def _is_rest(part: str) -> bool:
    """Whether it stands for all that follows: `*`, `*rest`, `{rest:path}`, `{proxy+}`."""
    return _is_id(part) and (part.startswith("*") or any(mark in part for mark in ("*", "+", ":path")))
