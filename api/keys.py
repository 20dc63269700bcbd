"""`python -m api.keys NAME SCOPE…`: a new API key, and what the settings hold of it."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys
from typing import get_args

from api.settings import Scope

PREFIX = "boifi_"


def digest(key: str) -> str:
    """What is kept of a key. A key is 256 random bits, so nothing slower than SHA-256 makes it safer."""
    return hashlib.sha256(key.encode()).hexdigest()


def main(arguments: list[str]) -> int:
    name, *scopes = arguments or [""]
    known = get_args(Scope)
    if not name or not scopes or not set(scopes) <= set(known):
        print(f"usage: python -m api.keys NAME SCOPE…; scopes: {', '.join(known)}", file=sys.stderr)
        return 2
    key = PREFIX + secrets.token_urlsafe(32)
    print(f"key, shown once:       {key}")
    print(f"entry in api_keys:     {json.dumps({'name': name, 'sha256': digest(key), 'scopes': scopes})}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
