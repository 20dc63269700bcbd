"""Traces of a small mesh with proxies: a gateway that asks reviews and stock, and stock that asks shelf."""

from typing import Any

from observations import observed, span, trace

from boifi_core.models import RawObservation


def hop(
    id_: str, parent: str | None, callee: str, what: str, ms: float = 10.0, code: int = 200
) -> list[dict[str, Any]]:
    """A call: the proxy's span, and the callee's own below it; with code 0 nobody waited for the answer."""
    failed = "error" if code >= 500 or code == 0 else "success"
    facts: dict[str, Any] = {"status": failed, "status_code": code, "kind": "server"}
    method, _, path = what.partition(" ")
    return [
        span(f"{id_}p", f"proxy:{method} {callee}{path}", parent, ms, service="proxy", **facts),
        span(id_, f"{callee}:{what}", f"{id_}p", max(0.0, ms - 1), service=callee, **facts),
    ]


def unanswered(id_: str, parent: str, callee: str, what: str, ms: float = 0.1, code: int = 503) -> list[dict[str, Any]]:
    """A call that never got beyond the proxy."""
    return hop(id_, parent, callee, what, ms, code)[:1]


def page(*, reviews: list[dict[str, Any]] | None = None, code: int = 200, ms: float = 40.0, **ids: Any) -> str:
    """The trace of a product page; `reviews` are the spans of that call."""
    number = ids.get("number", 17)
    spans = [
        *hop("g", None, "gateway", f"GET /product/{number}", ms, code),
        *hop("s", "g", "stock", f"GET /stock/{number}", 12.0),
        *hop("f", "s", "shelf", "GET /shelf", 5.0),
        *(hop("r", "g", "reviews", f"GET /reviews/{number}", 8.0) if reviews is None else reviews),
    ]
    return trace(*spans)


def window(product: str | None = None, **fields: Any) -> RawObservation:
    """An observation with one kind of request."""
    return observed(traces={"product": page() if product is None else product}, **fields)
