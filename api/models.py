"""What is sent to the facade, and what it answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, JsonValue, create_model, model_validator

from boifi_core.models import BestResult, SessionStatus
from boifi_core.session.config import SessionConfig
from boifi_core.space.limits import MOST_DIMENSIONS
from boifi_core.value import Value
from boifi_core.wire.endpoint import LONGEST_URL

SPACE: dict[str, Any] = {
    "dimensions": [
        {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
        {"name": "target_path", "type": "categorical", "values": ["/ratings", "/reviews"]},
        {"name": "percentage", "type": "integer", "min": 10, "max": 100},
        {
            "name": "delay_ms", "type": "integer", "min": 100, "max": 8000,
            "condition": {"field": "fault_type", "operator": "equals", "value": "delay"},
        },
    ]
}  # fmt: skip
REQUEST: dict[str, Any] = {
    "name": "ratings-delay",
    "search_space_config": SPACE,
    "total_trials": 60,
    "initial_points": 10,
    "executor_endpoint": "http://mesh.example:8080",
}
ID = "9b2f6a1e-4c55-4a53-9d0e-7c1a2f3b4d5e"


MOST_VALUES = 5_000

_BLOCKS = ("search_space_config", "search_space", "executor", "observer", "expect")
"""What is not looked into before it is read as a session file is."""

_Block = Annotated[dict[str, JsonValue], Field(max_length=50)]
_Space = _Block | Annotated[list[JsonValue], Field(max_length=MOST_DIMENSIONS)] | None


class _ByName(Value):
    """What the plan's `CreateSessionRequest` names; the rest is that of a session file."""

    model_config = ConfigDict(json_schema_extra={"examples": [REQUEST]})

    search_space_config: _Space = Field(
        default=None, description="The search space, as in a session file; `search_space` is read too."
    )
    search_space: _Space = Field(default=None, description="Another name of `search_space_config`.")
    executor_endpoint: str | None = Field(
        default=None, max_length=LONGEST_URL, description="The control plane's URL; `executor.endpoint` is read too."
    )
    executor: _Block | None = Field(
        default=None,
        description="The rest of a session file's `executor`. `token` must be `${NAME}`, a variable of the workers "
        "that the service's `secret_hosts` has; files are `{provided: NAME}`, as the whole may be.",
    )
    observer: _Block | None = Field(
        default=None,
        description="Who watches, if the control plane does not, as in a session file; secrets and files as in "
        "`executor`.",
    )
    expect: _Block | Literal["learnt"] | None = Field(
        default=None,
        description="What answers to a probe's requests must be like, as in a session file; its `schema_file` is "
        "`{provided: NAME}`.",
    )
    total_trials: int = Field(default=60, ge=1, le=100_000)
    initial_points: int | None = Field(
        default=None, ge=1, le=100_000, description="10, or `total_trials` if that is less."
    )

    @model_validator(mode="before")
    @classmethod
    def _small_but_for_the_blocks(cls, data: Any) -> Any:
        """Each wrong value becomes an error of its own: of a body with a million there would be a million."""
        left = [data]
        count = 0
        while left:
            value = left.pop()
            if isinstance(value, dict):
                count += len(value)
                left += [each for name, each in value.items() if value is not data or name not in _BLOCKS]
            elif isinstance(value, list):
                count += len(value)
                left += value
            if count > MOST_VALUES:
                raise ValueError(f"must have at most {MOST_VALUES} values beside {', '.join(_BLOCKS)}")
        return data


_REST: dict[str, Any] = {
    name: (field.annotation, field)
    for name, field in SessionConfig.model_fields.items()
    if name not in _ByName.model_fields
}

CreateSessionRequest = create_model("CreateSessionRequest", __base__=_ByName, __doc__=_ByName.__doc__, **_REST)


class Links(Value):
    """Where more of a session is; `prefect` is its run in the Prefect UI, once there is one."""

    self: str
    events: str
    trials: str
    report: str
    prefect: str | None = None


class CreateSessionResponse(Value):
    """A session that was accepted; `warnings` are what the injector will drop of it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": ID, "status": "PENDING", "links": {
            "self": f"/v1/optimization/sessions/{ID}", "events": f"/v1/optimization/sessions/{ID}/events",
            "trials": f"/v1/optimization/sessions/{ID}/trials", "report": f"/v1/optimization/sessions/{ID}/report",
            "prefect": None}, "warnings": []}]}
    )  # fmt: skip

    session_id: str
    status: SessionStatus
    links: Links
    warnings: tuple[str, ...] = ()


class Progress(Value):
    """How many of its trials a session has made."""

    current_iteration: int
    total_iterations: int


class SessionSummary(Value):
    """A session in a list. `reason` says why it ended, or what it waits for."""

    session_id: str
    name: str
    status: SessionStatus
    reason: str | None = None
    target: str
    created_at: datetime
    updated_at: datetime
    created_by: str | None = None
    progress: Progress
    best_result: BestResult | None = None


class SessionStatusResponse(SessionSummary):
    """A session. `time_left_s` is told from the pace of its latest trials; None before there are some, 0 at its end."""

    time_left_s: float | None = None
    links: Links


class SessionList(Value):
    """A page of sessions, newest first; `next` is the `cursor` of the next page, None on the last."""

    sessions: tuple[SessionSummary, ...]
    total: int
    next: str | None = None


class ResumeResponse(Value):
    """A session that goes on as soon as a worker is free, from where its history stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"session_id": ID, "status": "PENDING", "links": {
            "self": f"/v1/optimization/sessions/{ID}", "events": f"/v1/optimization/sessions/{ID}/events",
            "trials": f"/v1/optimization/sessions/{ID}/trials", "report": f"/v1/optimization/sessions/{ID}/report",
            "prefect": None}}]}
    )  # fmt: skip

    session_id: str
    status: SessionStatus
    links: Links


class StopResponse(Value):
    """The running trial is finished, then the session ends."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": ID, "status": "stopping"}]})

    session_id: str
    status: Literal["stopping"] = "stopping"


class ValidationResponse(Value):
    """A request that would be accepted.

    `points` is how many there are to choose from, `faults` how many different faults these stand for; None: endlessly
    many, or too many to be counted.
    """

    valid: Literal[True] = True
    dimensions: int
    points: int | None
    faults: int | None
    warnings: tuple[str, ...] = ()


class TrialList(Value):
    """A page of trials, by number, without their traces; `next` is the `after` of the next page, None on the last."""

    trials: tuple[Any, ...]
    total: int
    next: int | None = None


class Health(Value):
    """The facade is alive."""

    status: Literal["ok"] = "ok"


class Ready(Value):
    """Sessions can be started."""

    status: Literal["ready"] = "ready"
