"""From a request to a checked session, or the reason why not."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from api.settings import Settings, is_loopback
from boifi_core.check import check
from boifi_core.config import SessionConfig, parse_session, with_overrides
from boifi_core.errors import InvalidInput
from boifi_core.executors.allowed import check_reach, parse_rules
from boifi_core.executors.config import ProbeConfig, ReceiverConfig, variable_named

SECRET_VARIABLE = re.compile(r"BOIFI_EXECUTOR_[A-Z0-9_]+")
"""The environment variables that a request may name: no others of a worker's are for its callers."""

INITIAL_POINTS = SessionConfig.model_fields["initial_points"].default


def config_of(request: BaseModel) -> SessionConfig:
    """The session that a request asks for.

    Raises:
        InvalidInput: a field breaks its rule; it is named as the request has it.
    """
    data = request.model_dump(mode="json", exclude_unset=True)
    space_name = _only_one(data, "search_space_config", "search_space")
    data["search_space"] = data.pop(space_name)
    executor = dict(data.pop("executor", None) or {})
    endpoint = data.pop("executor_endpoint", None)
    endpoint_name = "executor.endpoint" if endpoint is None else "executor_endpoint"
    if endpoint is not None and "endpoint" in executor:
        raise InvalidInput("executor.endpoint", "must not be given together with executor_endpoint")
    if endpoint is None and "endpoint" not in executor:
        raise InvalidInput("executor_endpoint", "is required")
    if endpoint is not None:
        executor["endpoint"] = endpoint
    _refuse_secrets("executor", executor)
    _refuse_secrets("observer.traces", (data.get("observer") or {}).get("traces"))
    data["executor"] = executor
    if data.get("initial_points") is None:
        data["initial_points"] = min(INITIAL_POINTS, data.get("total_trials", INITIAL_POINTS))
    try:
        return with_overrides(parse_session(data))
    except InvalidInput as error:
        raise _renamed(error, {"search_space": space_name, "executor.endpoint": endpoint_name}) from None


def check_request(config: SessionConfig, settings: Settings) -> list[str]:
    """What a session must keep that comes from elsewhere; returns warnings.

    Raises:
        InvalidInput: it may not, or cannot, run here.
    """
    if config.total_trials > settings.max_trials:
        raise InvalidInput("total_trials", f"must be at most {settings.max_trials} here", config.total_trials)
    check_reach(config, parse_rules(settings.allowed_targets))
    if isinstance(config.observer, ProbeConfig):
        _check_probe(config.observer)
    # The token is a worker's, and this process may be without it.
    without_token = config.executor.model_copy(update={"token": None})
    return check(config.model_copy(update={"executor": without_token}))[1]


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


def _only_one(data: dict[str, Any], name: str, other: str) -> str:
    given = [key for key in (name, other) if data.get(key) is not None]
    if not given:
        raise InvalidInput(name, "is required")
    if len(given) > 1:
        raise InvalidInput(other, f"must not be given together with {name}")
    data.pop(other if given == [name] else name, None)
    return given[0]


def _renamed(error: InvalidInput, names: dict[str, str]) -> InvalidInput:
    for field, name in names.items():
        if error.field == field or error.field.startswith((f"{field}.", f"{field}[")):
            return error.at(name + error.field.removeprefix(field))
    return error
