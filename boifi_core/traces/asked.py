"""What a span says was asked, in its protocol's words: `GET /cart`, `shop.Cart/Get`, `SELECT orders`, `publish orders`.

Sources: OpenTelemetry's semantic conventions 1.4 to 1.37 ("HTTP spans", "RPC spans", "Database spans", "Messaging
spans", "GraphQL", "FaaS", "AWS SDK"), OpenTracing's "Semantic conventions", Zipkin's and Brave's tags.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from boifi_core.traces import fields

_METHODS = ("http.request.method", "http.method", "http.request.method_original")
_ROUTES = ("http.route", "url.template")
_PATHS = ("url.path", "http.target", "http.path", "url.full", "http.url", "http.uri", "url", "uri.path")
_SYSTEM = ("rpc.system.name", "rpc.system")
_RPC_SERVICE, _RPC_METHOD = ("rpc.service", "grpc.service"), ("rpc.method", "grpc.method", "dapr.invoke_method")
_DB = ("db.system.name", "db.system", "db.type")
_DB_OPERATION = ("db.operation.name", "db.operation")
_DB_TARGET = (
    "db.collection.name",
    "db.sql.table",
    "db.mongodb.collection",
    "db.cassandra.table",
    "db.cosmosdb.container",
    "aws.dynamodb.table_names",
    "db.elasticsearch.path_parts.index",
    "aws.s3.bucket",
    "aws.queue.name",
)
_DB_TEXT = ("db.query.text", "db.statement", "sql.query")
_DB_SUMMARY = "db.query.summary"
_DESTINATION = (
    "messaging.destination.template",
    "messaging.destination.name",
    "messaging.destination",
    "message_bus.destination",
    "kafka.topic",
    "messaging.kafka.topic",
)
_MESSAGING = ("messaging.operation.name", "messaging.operation.type", "messaging.operation")
_TEMPORARY = ("messaging.destination.temporary", "messaging.destination.anonymous", "messaging.temp_destination")
_GRAPHQL = ("graphql.operation.type", "graphql.operation.name")
_FAAS = ("faas.invoked_name",)

_OTHERS = frozenset(
    [
        *(*_RPC_SERVICE, *_RPC_METHOD, *_DB, *_DB_OPERATION, *_DB_TARGET, *_DB_TEXT, _DB_SUMMARY),
        *(*_DESTINATION, *_MESSAGING, *_TEMPORARY, *_GRAPHQL, *_FAAS),
    ]
)
"""The attributes of protocols other than HTTP."""

ATTRIBUTES = _OTHERS | {*_METHODS, *_ROUTES, *_PATHS}
"""The attributes that are read here."""

_HTTP = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"))
_OTHER_VERBS = """
    select insert update upsert merge replace call begin commit rollback execute exec query find aggregate
    send publish receive process deliver settle create
    ingress egress request fetch http grpc rpc client server remote unknown _other
"""  # of databases, of messages, of nobody in particular
_VERBS = frozenset((*(verb.lower() for verb in _HTTP), *_OTHER_VERBS.split()))
"""Names of spans that tell nothing of what was asked."""

_WORD = re.compile(r"[A-Za-z_]+")
_ENVOYS = re.compile(r"(?:in|e)gress\b.*|(?:router|async) .+ egress")
_TABLE = re.compile(
    r"\b(?:from|into|update|join|table(?:\s+if\s+(?:not\s+)?exists)?|call|exec(?:ute)?)\s+(?:only\s+)?([\w.`\"\[\]$-]+)",
    re.IGNORECASE,
)
_QUOTES = re.compile(r"[`\"\[\]]")
_COMMENT = re.compile(r"\s*(?:/\*.*?\*/|--[^\n]*\n)\s*", re.DOTALL)
_MOST_OF_A_STATEMENT = 2_000


def is_telling(name: str) -> bool:
    """Whether a span's name says what was asked, and is not the method (`GET`, `HTTP POST`) or a proxy's word alone."""
    if _ENVOYS.fullmatch(name):
        return False
    return "/" in name or any(word.lower() not in _VERBS for word in _WORD.findall(name))


def plain_method(name: str) -> str:
    """A span's name without the words that are its proxy's own."""
    return "" if _ENVOYS.fullmatch(name) else name


def asked(attributes: Mapping[str, Any], name: str) -> str | None:
    """What was asked by a span that sends, or passes on; None where its attributes do not say."""
    found = None
    if not _OTHERS.isdisjoint(attributes):
        ways = (_rpc, _database, _message, _graphql, _function)
        found = next((words for way in ways if (words := way(attributes, name)) is not None), None)
    if found is None:
        path = route(attributes) or url_path(attributes)
        found = _http(attributes, name, path) if path else None
    return fields.text(found) if found else None


def answered(attributes: Mapping[str, Any], name: str) -> str | None:
    """What a span was asked that receives: by its route; by the path of the URL only where its name does not tell."""
    found = None if _OTHERS.isdisjoint(attributes) else _rpc(attributes, name) or _message(attributes, name)
    path = route(attributes)
    if found is None and path is None and not is_telling(name):
        path = url_path(attributes)
    if found is None and path:
        found = _http(attributes, name, path)
    return fields.text(found) if found else None


def method(attributes: Mapping[str, Any], name: str) -> str:
    """HTTP's, in capitals; from the span's name where that is one; empty where unknown."""
    found = first(attributes, _METHODS)
    if found == "_OTHER":
        found = first(attributes, ("http.request.method_original",)) or found
    if found is None:
        found = next((word for word in reversed(name.split()) if word.upper() in _HTTP), None)
    return (found or "").upper()


def route(attributes: Mapping[str, Any]) -> str | None:
    """The template of the path."""
    return first(attributes, _ROUTES)


def url_path(attributes: Mapping[str, Any]) -> str | None:
    """The path of the URL, without its query."""
    found = first(attributes, _PATHS)
    if found is None:
        return None
    scheme, slashes, rest = found.partition("://")
    if slashes and scheme.isalpha():
        _, slash, found = rest.partition("/")
        found = f"/{found}" if slash else "/"
    return found.partition("?")[0].partition("#")[0] or None


def first(attributes: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    """The first of these attributes that has a text."""
    for name in names:
        if name in attributes:
            found = fields.text(attributes[name])
            if found is not None and found.strip() not in ("", "-"):
                return found
    return None


def _http(attributes: Mapping[str, Any], name: str, path: str) -> str:
    return f"{method(attributes, name)} {path if path[:1] in '/*' else f'/{path}'}".strip()


def _rpc(attributes: Mapping[str, Any], _: str) -> str | None:
    service, called = first(attributes, _RPC_SERVICE), first(attributes, _RPC_METHOD)
    if called is None:
        return None
    if first(attributes, _SYSTEM) in ("aws-api", "aws.api"):  # whose services are peers
        on = first(attributes, (*_DB_TARGET, *_DESTINATION))
        return called if on is None else f"{called} {on}"
    if service is None or called.startswith(f"{service}/") or "/" in called:
        return called.removeprefix("/")
    return f"{service}/{called}"


def _database(attributes: Mapping[str, Any], _: str) -> str | None:
    summary = first(attributes, (_DB_SUMMARY,))
    if summary is not None:
        return summary
    text = attributes.get(next((name for name in _DB_TEXT if name in attributes), ""), "")
    text = _COMMENT.sub(" ", text[:_MOST_OF_A_STATEMENT]).strip() if isinstance(text, str) else ""
    operation, target = first(attributes, _DB_OPERATION), first(attributes, _DB_TARGET)
    if first(attributes, _DB) is None and operation is None and not text:
        return None
    if operation is None or " " in operation:
        operation = next(iter(_WORD.findall(operation or text)), None)
    if operation is None:
        return target
    if target is None:
        table = _TABLE.search(text)
        target = _QUOTES.sub("", table[1]) if table else None
    return operation if target is None else f"{operation} {target}"


def _message(attributes: Mapping[str, Any], name: str) -> str | None:
    operation, to = first(attributes, _MESSAGING), first(attributes, _DESTINATION)
    if any(str(attributes.get(name, "")).lower() == "true" for name in _TEMPORARY):
        to = "(temporary)"
    if to is None:
        return None
    if operation is None:
        return None if is_telling(name) else to
    return f"{operation} {to}"


def _graphql(attributes: Mapping[str, Any], _: str) -> str | None:
    kind, query = (first(attributes, (key,)) for key in _GRAPHQL)
    return None if query is None else f"{kind or 'query'} {query}"


def _function(attributes: Mapping[str, Any], _: str) -> str | None:
    invoked = first(attributes, _FAAS)
    return None if invoked is None else f"invoke {invoked}"
