"""From a request to a checked session, or the reason why not."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from api.provided import filled, hidden
from api.settings import Settings
from boifi_core.errors import InvalidInput
from boifi_core.observers.probe_config import ProbeConfig
from boifi_core.observers.trace_sources.config import ReceiverConfig
from boifi_core.safety import allowed_targets
from boifi_core.safety.allowed_targets import check_reach, parse_rules
from boifi_core.safety.secret_hosts import check_secrets
from boifi_core.session.config import SessionConfig, parse_session, with_overrides
from boifi_core.wire.web_pages import is_loopback

RESOLVE_S = 1.5
"""How long finding the addresses of one host may take."""


def checked(request: BaseModel, settings: Settings) -> tuple[SessionConfig, list[str]]:
    """The session that a request asks for, and warnings.

    Raises:
        InvalidInput: it may not, or cannot, run here; the field is named as the request has it.
    """
    asked = request.model_dump(mode="json", exclude_unset=True)
    data, places = filled(asked, settings.provided_blocks)
    names = _names(data)
    try:
        config = _config(data)
        return config, _check(config, settings)
    except InvalidInput as error:
        if (seen := hidden(error, places)) is not error:
            raise seen from None
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
    check_secrets(config, settings.secret_hosts)
    traces = config.observer.traces if isinstance(config.observer, ProbeConfig) else None
    if isinstance(traces, ReceiverConfig) and not is_loopback(traces.host):
        rule = "must be loopback where a session comes by the API"
        raise InvalidInput("observer.traces.host", rule, traces.host)
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
