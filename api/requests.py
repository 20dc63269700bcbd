"""From a request to a checked session, or the reason why not."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from api.settings import Settings, is_loopback
from boifi_core.errors import InvalidInput
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.observers.trace_sources.config import ReceiverConfig
from boifi_core.safety import allowed_targets
from boifi_core.safety.allowed_targets import check_reach, parse_rules
from boifi_core.session.config import SessionConfig, parse_session, with_overrides
from boifi_core.wire.endpoint import variable_named

RESOLVE_S = 1.5
"""How long finding the addresses of one host may take."""

SECRET_VARIABLE = re.compile(r"BOIFI_EXECUTOR_[A-Z0-9_]+")
"""The environment variables that a request may name: no others of a worker's are for its callers."""


def checked(request: BaseModel, settings: Settings) -> tuple[SessionConfig, list[str]]:
    """The session that a request asks for, and warnings.

    Raises:
        InvalidInput: it may not, or cannot, run here; the field is named as the request has it.
    """
    data = request.model_dump(mode="json", exclude_unset=True)
    names = _names(data)
    try:
        config = _config(data)
        return config, _check(config, settings)
    except InvalidInput as error:
        for field, name in names.items():
            if error.field == field or error.field.startswith((f"{field}.", f"{field}[")):
                raise error.at(name + error.field.removeprefix(field)) from None
        raise


def _names(data: dict[str, Any]) -> dict[str, str]:
    """What a request calls those fields of a session that have two names; each must be given by one of them."""
    executor = data.get("executor") or {}
    given = {
        "search_space": [name for name in ("search_space_config", "search_space") if data.get(name) is not None],
        "executor.endpoint": [
            *(["executor_endpoint"] if data.get("executor_endpoint") is not None else []),
            *(["executor.endpoint"] if "endpoint" in executor else []),
        ],
    }
    required = {"search_space": "search_space_config", "executor.endpoint": "executor_endpoint"}
    for field, names in given.items():
        if not names:
            raise InvalidInput(required[field], "is required")
        if len(names) > 1:
            raise InvalidInput(names[1], f"must not be given together with {names[0]}")
    return {field: names[0] for field, names in given.items()}


def _config(data: dict[str, Any]) -> SessionConfig:
    """The session, from a request that names everything once."""
    rest = {name: value for name, value in data.items() if name not in _TWO_NAMES}
    executor = dict(data.get("executor") or {})
    if data.get("executor_endpoint") is not None:
        executor["endpoint"] = data["executor_endpoint"]
    _refuse_secrets("executor", executor)
    _refuse_secrets("observer.traces", (data.get("observer") or {}).get("traces"))
    space = data.get("search_space_config")
    rest["search_space"] = data["search_space"] if space is None else space
    if rest.get("initial_points") is None:
        rest.pop("initial_points", None)
    return with_overrides(parse_session({**rest, "executor": executor}))


_TWO_NAMES = frozenset({"search_space", "search_space_config", "executor", "executor_endpoint"})


def _check(config: SessionConfig, settings: Settings) -> list[str]:
    if config.total_trials > settings.max_trials:
        raise InvalidInput("total_trials", f"must be at most {settings.max_trials} here", config.total_trials)
    check_reach(config.connects_to(), parse_rules(settings.allowed_targets), _resolved_soon)
    if isinstance(config.observer, ProbeConfig):
        _check_probe(config.observer)
    from boifi_core.session.check import check  # the optimizer, whose libraries the facade's start does without

    # The token is a worker's, and this process may be without it.
    without_token = config.executor.model_copy(update={"token": None})
    return check(config.model_copy(update={"executor": without_token}))[1]


def _resolved_soon(host: str, port: int) -> list[str]:
    """The addresses of a host whose name is soon found; a server of names that does not answer takes ten seconds."""
    found: list[str] = []

    def resolve() -> None:
        with suppress(OSError, ValueError):
            found.extend(allowed_targets.resolved(host, port))

    resolving = threading.Thread(target=resolve, daemon=True)
    resolving.start()
    resolving.join(RESOLVE_S)
    return list(found)


def _check_probe(probe: ProbeConfig) -> None:
    if isinstance(probe.traces, ReceiverConfig) and not is_loopback(probe.traces.host):
        raise InvalidInput("observer.traces.host", f"must be loopback {_HERE}", probe.traces.host)
    for number, request in enumerate(probe.requests):
        for name, value in request.headers.items():
            variable = variable_named(value)
            if variable is not None and not SECRET_VARIABLE.fullmatch(variable):
                raise InvalidInput(f"observer.requests[{number}].headers.{name}", _RULE)


_HERE = "where a session comes by the API"
_RULE = "must name a variable that begins with BOIFI_EXECUTOR_, as ${BOIFI_EXECUTOR_TOKEN}"


def _refuse_secrets(section: str, data: Any) -> None:
    """Refuse, before it is read, what is none of a caller's business: secrets of ours, and files on this machine."""
    if not isinstance(data, dict):
        return
    token = data.get("token")
    if token is not None:
        name = variable_named(token) if isinstance(token, str) else None
        if name is None or not SECRET_VARIABLE.fullmatch(name):
            raise InvalidInput(f"{section}.token", f"{_RULE}; literal secrets are kept nowhere")
    if data.get("ca_file") is not None:
        raise InvalidInput(f"{section}.ca_file", f"must not be given {_HERE}")
