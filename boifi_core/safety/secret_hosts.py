"""Where a secret of this machine may be sent by a session that others asked for."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from boifi_core.errors import InvalidInput
from boifi_core.safety.allowed_targets import LOOPBACK, Rule, parse_rules
from boifi_core.safety.keys import secrets_of
from boifi_core.wire.endpoint import parse_http_url
from boifi_core.wire.environment import variable_named

Bound = Mapping[str, Sequence[Rule]]
"""Hosts by the environment variable that holds the secret."""


def parse_bound(secret_hosts: Mapping[str, Iterable[str]]) -> Bound:
    """The setting `secret_hosts`, its hosts written as those of `allowed_targets`.

    Raises:
        InvalidInput: an entry is none of these, or is no variable's.
    """
    bound = {}
    for variable, hosts in secret_hosts.items():
        if variable_named(f"${{{variable}}}") is None:
            raise InvalidInput("secret_hosts", "must have the names of environment variables", variable)
        try:
            bound[variable] = parse_rules(hosts)
        except InvalidInput as error:
            raise error.at(f"secret_hosts.{variable}") from None
    return bound


def check_secret(field: str, variable: str, url: str, bound: Bound) -> None:
    """See that the secret may be sent there.

    A name is covered by a name alone, an address by an address or a network: whoever asks for a session may have a
    name of their own that leads wherever they like by the time that the secret is sent.

    Raises:
        InvalidInput: no host is bound to it, or not this one.
    """
    value = f"${{{variable}}}"
    if variable not in bound:
        raise InvalidInput(field, "must name a variable that this service sends somewhere (secret_hosts)", value)
    parts = parse_http_url(url)
    host = (parts.hostname or "").lower().rstrip(".")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not any(_covers(rule, host, port) for rule in bound[variable]):
        raise InvalidInput(field, f"must not be sent to {host}:{port} by this service (secret_hosts)", value)


def check_secrets(config: BaseModel, secret_hosts: Mapping[str, Iterable[str]]) -> None:
    """See that a session's config sends its secrets only where this setting lets it.

    Raises:
        InvalidInput: as `parse_bound` and `check_secret`.
    """
    bound = parse_bound(secret_hosts)
    for secret in secrets_of(config):
        check_secret(secret.field, secret.variable, secret.url, bound)


def _covers(rule: Rule, host: str, port: int) -> bool:
    if rule.network is None:
        return rule.covers(host, port)
    if host == "localhost":
        return str(rule.network) in LOOPBACK
    try:
        return ipaddress.ip_address(host) in rule.network
    except ValueError:
        return False
