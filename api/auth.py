"""Who calls, and what they may do: API keys, kept hashed, and JWT."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any

import jwt
from fastapi import Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer, SecurityScopes

from api.errors import ApiError
from api.keys import PREFIX, digest
from api.settings import Settings
from boifi_core.wire.web_pages import host_of, is_from_elsewhere, is_loopback

IMPLIED: dict[str, frozenset[str]] = {
    "read": frozenset({"read"}),
    "run": frozenset({"read", "run"}),
    "admin": frozenset({"read", "run", "admin"}),
}
"""What each scope allows."""

OPEN = frozenset({"/health", "/ready", "/docs", "/openapi.json"})
"""The paths that need neither key nor token: they tell nothing about any session."""

# For the OpenAPI document; `Admission` is what looks at them.
_DOCUMENTED = (
    Security(HTTPBearer(auto_error=False, description="An API key or a JWT.")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key.")),
)


@dataclass(frozen=True)
class Caller:
    """Who a request is from: their name in logs and limits, and what they may do."""

    name: str
    scopes: frozenset[str]


LOCAL = Caller("local", IMPLIED["admin"])
"""Who calls from this machine where neither keys nor tokens are set up."""


class Unknown(Exception):
    """No caller can be told; the message says why, and never what was sent."""


class Unavailable(Exception):
    """The keys of tokens cannot be fetched now."""


class Authenticator:
    """Tells callers by their keys and tokens."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._jwks = jwt.PyJWKClient(settings.jwt_jwks_url, timeout=5) if settings.jwt_jwks_url else None

    async def caller(self, method: str, headers: dict[str, str], ends: Collection[str | None]) -> Caller:
        """Who a request is from.

        Args:
            method, headers: the request's; by lower-case name.
            ends: the addresses of both ends, and of whoever a proxy speaks for.

        Raises:
            Unknown: they show no key or token that we know.
            Unavailable: we cannot tell now.
        """
        if not self._settings.is_guarded:
            return self._local(method, headers, ends)
        shown = headers.get("x-api-key")
        if shown is None:
            scheme, _, shown = headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not shown.strip():
                raise Unknown("an API key or a token is needed")
        shown = shown.strip()
        return self._by_key(shown) if shown.startswith(PREFIX) else await self._by_token(shown)

    def _local(self, method: str, headers: dict[str, str], ends: Collection[str | None]) -> Caller:
        # A page in a browser on this machine may send requests here too: it names its origin, or, where it made its own
        # host name point here, that host.
        # Through a container's published port both ends are addresses of its network.
        if not self._settings.published_on_loopback and not all(end is not None and is_loopback(end) for end in ends):
            raise Unknown("without keys or tokens only callers on this machine are served")
        if not is_loopback(host_of(headers.get("host", ""))):
            raise Unknown("without keys or tokens the Host must be this machine")
        origin = headers.get("origin")
        own = {f"http://{headers['host']}", *self._settings.cors_origins}
        # What a page merely loads, such as an image, comes without.
        is_foreign = is_from_elsewhere(method, headers) if origin is None else origin not in own
        if is_foreign:
            raise Unknown("without keys or tokens pages of other origins are not served")
        return LOCAL

    def _by_key(self, key: str) -> Caller:
        shown = digest(key)
        found = [known for known in self._settings.api_keys if hmac.compare_digest(known.sha256, shown)]
        if not found:
            raise Unknown("the API key is not known")
        return Caller(found[0].name, _scopes(found[0].scopes))

    async def _by_token(self, token: str) -> Caller:
        try:
            key, algorithm = await self._key_of(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._settings.jwt_audience,
                issuer=self._settings.jwt_issuer,
                options={"require": ["exp", "sub", "aud"]},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise Unavailable("the keys of tokens cannot be fetched") from error
        except jwt.PyJWTError as error:
            raise Unknown(f"the token is not valid: {_problem(error)}") from error
        granted = claims.get("scope", claims.get("scopes", ()))
        names = granted.split() if isinstance(granted, str) else granted
        return Caller(f"jwt:{claims['sub']}", _scopes(names if isinstance(names, (list, tuple)) else ()))

    async def _key_of(self, token: str) -> tuple[Any, str]:
        """The key that a token must be signed by. Each algorithm has its own, so none can be taken for the other."""
        algorithm = jwt.get_unverified_header(token).get("alg")
        if algorithm == "HS256" and self._settings.jwt_secret is not None:
            return self._settings.jwt_secret.get_secret_value(), "HS256"
        if algorithm == "RS256" and self._jwks is not None:
            found = await asyncio.to_thread(self._jwks.get_signing_key_from_jwt, token)
            return found.key, "RS256"
        raise jwt.InvalidAlgorithmError("the algorithm is not accepted")


_PROBLEMS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "it has expired; get a new one"),
    (jwt.ImmatureSignatureError, "it is not valid yet; do the clocks agree?"),
    (jwt.InvalidIssuedAtError, "it was issued in the future; do the clocks agree?"),
    (jwt.InvalidAudienceError, "it is not for this service; its aud must be the setting jwt_audience"),
    (jwt.InvalidIssuerError, "its iss must be the setting jwt_issuer"),
    (jwt.InvalidAlgorithmError, "it must be signed with HS256 or RS256, whichever this service is set up for"),
    (jwt.InvalidSignatureError, "it is not signed by a key of this service's"),
    (jwt.PyJWKClientError, "it is not signed by a key of this service's"),
    (jwt.MissingRequiredClaimError, "it must have exp, sub and aud"),
    (jwt.InvalidTokenError, "it cannot be read as a JWT; was it cut, or is it an API key without its beginning?"),
)
"""What is wrong with a token, the special before the general."""


def _problem(error: jwt.PyJWTError) -> str:
    return next((said for kind, said in _PROBLEMS if isinstance(error, kind)), "it cannot be read as a JWT")


def _scopes(names: Any) -> frozenset[str]:
    return frozenset().union(*(IMPLIED.get(name, frozenset()) for name in names if isinstance(name, str)))


async def _caller(
    needed: SecurityScopes, request: Request, _bearer: Any = _DOCUMENTED[0], _key: Any = _DOCUMENTED[1]
) -> Caller:
    """The caller, who has the scopes that the route needs."""
    found: Caller = request.state.caller
    for scope in needed.scopes:
        if scope not in found.scopes:
            raise ApiError(403, f"the scope {scope} is needed")
    return found


Reader = Annotated[Caller, Security(_caller, scopes=["read"])]
Runner = Annotated[Caller, Security(_caller, scopes=["run"])]
Admin = Annotated[Caller, Security(_caller, scopes=["admin"])]
