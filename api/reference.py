"""The OpenAPI document as a text for people: what `/docs` shows, and what `docs/api-reference.md` holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi.responses import HTMLResponse
from markdown_it import MarkdownIt

from api.errors import ALWAYS, CODES

Schema = dict[str, Any]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1c2430 }
h2 { margin-top: 3rem; border-bottom: 1px solid #d5dbe3 } h3 { margin-top: 2rem }
code { font: 0.9em ui-monospace, monospace; background: #f1f4f8; border-radius: 3px; padding: 0.1em 0.3em }
table { border-collapse: collapse; display: block; overflow-x: auto }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 0.8rem 0.3rem 0; border-bottom: 1px solid #e4e9ef }
@media (prefers-color-scheme: dark) {
  body { background: #12171e; color: #dbe2ea } code { background: #1e2630 } a { color: #7db4ff }
  h2, th, td { border-color: #2b3542 }
}
"""

PAGE_RULES = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page loads nothing and runs nothing."""


def page(document: Schema) -> HTMLResponse:
    """The reference as a page by itself."""
    info = document["info"]
    intro = f"# {info['title']} {info['version']}\n\n{info['summary']}. For programs: [openapi.json](openapi.json).\n\n"
    text = MarkdownIt("commonmark", {"html": False}).enable("table").render(intro + reference(document))
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{info["title"]}</title>'
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head>{head}<style>{STYLE}</style></head><body>{text}</body></html>',
        headers={"Content-Security-Policy": PAGE_RULES},
    )


def reference(document: Schema) -> str:
    """All routes, and the fields of what is sent and answered, as Markdown."""
    routes = [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]
    schemas = document["components"]["schemas"]
    lines = ["## Routes", "", "| route | scope | what |", "| --- | --- | --- |"]
    lines += [f"| `{method} {path}` | {_scope(of)} | {of['summary']} |" for method, path, of in routes]
    always = ", ".join(f"{status} `{CODES[status]}`" for status in ALWAYS)
    lines += ["", f"Each may also answer {always}."]
    for method, path, operation in routes:
        lines += ["", f"### `{method} {path}`", "", *_route(operation)]
    lines += ["", "## Shapes", "", "What a request has beyond them is as in a session file.", ""]
    for name in sorted(_answered(routes, schemas)):
        lines += [f"### {name}", "", _one_line(schemas[name].get("description", "")), "", *_fields(schemas[name]), ""]
    return "\n".join(lines).rstrip() + "\n"


def _scope(operation: Schema) -> str:
    needed = [scope for way in operation.get("security", []) for scopes in way.values() for scope in scopes]
    return needed[0] if needed else "open"


def _route(operation: Schema) -> Iterator[str]:
    yield _one_line(operation["description"])
    parameters = [each for each in operation.get("parameters", []) if each["in"] != "path"]
    if parameters:
        yield from ("", "| parameter | type | meaning |", "| --- | --- | --- |")
        for each in parameters:
            name = each["name"]
            yield f"| `{name}` ({each['in']}) | {_type(each['schema'])} | {_cell(each['schema'])} |"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body:
        yield from ("", f"Body: {_type(body)}.")
    yield from ("", f"Answers: {'; '.join(_answers(operation['responses']))}.")


def _answers(responses: Schema) -> Iterator[str]:
    for status, response in sorted(responses.items()):
        if int(status) in ALWAYS:
            continue
        if status >= "400":
            yield f"{status} `{response['description']}`"
            continue
        shown = [
            _type(content["schema"]) if content.get("schema", {}).get("$ref") else f"`{media}`"
            for media, content in response.get("content", {}).items()
        ]
        yield f"{status} {', '.join(shown)}".rstrip()


def _answered(routes: list[tuple[str, str, Schema]], schemas: Schema) -> set[str]:
    """The names of all shapes that are described here: what is sent, and what is answered, with their parts."""
    found = {"CreateSessionRequest"}
    waiting = [name for _, _, operation in routes for name in _named(operation["responses"])]
    while waiting:
        name = waiting.pop()
        if name not in found and "properties" in schemas[name]:
            found.add(name)
            waiting += _named(schemas[name]["properties"])
    return found


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for each in part.values():
            yield from _named(each)
    elif isinstance(part, list):
        for each in part:
            yield from _named(each)


def _fields(schema: Schema) -> Iterator[str]:
    yield from ("| field | type | meaning |", "| --- | --- | --- |")
    for name, field in schema["properties"].items():
        required = ", required" if name in schema.get("required", ()) and "default" not in field else ""
        yield f"| `{name}` | {_type(field)}{required} | {_cell(field)} |"


def _cell(field: Schema) -> str:
    """What a field means, and what it is where it is not given."""
    default = field.get("default")
    given = f"Default `{default}`." if default not in (None, [], {}) and not isinstance(default, dict) else ""
    return f"{_one_line(field.get('description', ''))} {given}".strip()


def _type(schema: Schema) -> str:
    """A type in words."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(_type(each) for each in choices))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "string":
        return "time" if schema.get("format") == "date-time" else "text"
    low, high = (_number(schema.get(end)) for end in ("minimum", "maximum"))
    return f"{kind}, {low}…{high}" if low or high else {"null": "none"}.get(kind, kind)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.10g}"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
