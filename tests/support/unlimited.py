"""What a JSON schema lets in without end."""

_BRANCHES = ("anyOf", "oneOf", "allOf")


def unlimited(schema, where="", root=None):
    """The places of a schema, dotted, at which a text, a list, a mapping or a number has no limit, or anything goes."""
    root = schema if root is None else root
    if "$ref" in schema:
        found = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return unlimited(found, where, root)
    branches = [branch for name in _BRANCHES for branch in schema.get(name, ())]
    if branches:
        return sorted({place for branch in branches for place in unlimited(branch, where, root)})
    if "enum" in schema or "const" in schema:
        return []
    match schema.get("type"):
        case "string":
            return [] if "maxLength" in schema else [where]
        case "integer" | "number":
            upper = {"maximum", "exclusiveMaximum"} & schema.keys()
            lower = {"minimum", "exclusiveMinimum"} & schema.keys()
            return [] if upper and lower else [where]
        case "array":
            own = [] if "maxItems" in schema else [where]
            entries = [*schema.get("prefixItems", ()), *([schema["items"]] if "items" in schema else [])]
            return own + [place for entry in entries for place in unlimited(entry, f"{where}[]", root)]
        case "object":
            named = schema.get("properties", {})
            own = [] if named or "maxProperties" in schema else [where]
            below = [place for name, each in named.items() for place in unlimited(each, f"{where}.{name}", root)]
            others = schema.get("additionalProperties")
            return own + below + (unlimited(others, f"{where}.*", root) if isinstance(others, dict) else [])
        case "boolean" | "null":
            return []
    return [where]
