"""The session file: what a user writes, read and checked whole before anything starts."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)

from boifi_core.analyzer import AnalyzerConfig
from boifi_core.errors import InvalidInput
from boifi_core.injectors.table import AnyExecutorConfig
from boifi_core.observers.base import ObserverConfig
from boifi_core.observers.expect.config import AnyExpect
from boifi_core.observers.table import AnyObserverConfig
from boifi_core.safety.guardrails import Guardrails
from boifi_core.space import SearchSpace
from boifi_core.storage.yaml_file import read_yaml
from boifi_core.value import Value

FORMAT = 2
"""Of `session.json`; without it, the file is of 0.1.0."""

TOKEN_VARIABLE = "BOIFI_EXECUTOR_TOKEN"


def _one_of(module: str, table: str) -> AfterValidator:
    """Takes the names of a table, which is looked up when there is a name to check.

    Behind the tables are libraries that take a second to import; the facade answers before that.
    """

    def known(name: str) -> str:
        names: Mapping[str, Any] = getattr(import_module(module), table)
        if name not in names:
            raise ValueError(f"must be one of {', '.join(sorted(names))}")
        return name

    return AfterValidator(known)


_OPTIMIZER = "boifi_core.optimizer"

_LONGEST_NAME = 100

_Name = Annotated[str, Field(max_length=_LONGEST_NAME)]


class OptimizerConfig(Value):
    """How proposals are made; the names are those of the tables in `boifi_core.optimizer`.

    `objective` is what the search looks for: the worst fault (`severity`), ever other failures (`modes`), or `both` in
    turn.
    `stop_below` ends the session early, when the trials left are expected to gain less; severity points.
    """

    surrogate: Annotated[_Name, _one_of(_OPTIMIZER, "SURROGATES")] = "auto"
    acquisition: Annotated[_Name, _one_of(_OPTIMIZER, "ACQUISITIONS")] = "ei"
    selection: Annotated[_Name, _one_of(_OPTIMIZER, "SELECTIONS")] = "severity"
    objective: Annotated[_Name, _one_of("boifi_core.findings.objective", "OBJECTIVES")] = "both"
    xi: float = Field(default=0.2, ge=0, le=1_000)
    beta: float = Field(default=1.96, ge=0, le=1_000)
    stop_below: float | None = Field(default=None, gt=0, le=10)


MUST_BE_BACK = 5.0
"""A session does not go on where its target is not back at its steady state after a trial of this severity."""


class Recovery(Value):
    """After a trial at or above `after_severity`, the target must be back at its steady state within `timeout_s`.

    Without `after_severity` that is waited for after every failure, and must be so after the worst: `MUST_BE_BACK`.
    `hold_s` is how long a fault is in force at least where it is tried whether the target comes back from it, see
    `session.healing`; 0 leaves that out.
    """

    after_severity: float | None = Field(default=None, ge=0, le=10)
    timeout_s: float = Field(default=60.0, gt=0, le=86_400)
    hold_s: float = Field(default=2.0, ge=0, le=60)


class Confirm(Value):
    """At the end, the worst fault of each failure is measured again, up to `readings` times.

    `share` is that of `total_trials` which may go into it; 0 leaves it out. What it does not need is `minimise`'s.
    """

    share: float = Field(default=0.15, ge=0, le=0.9)
    readings: int = Field(default=4, ge=2, le=100)


class Minimise(Value):
    """After that, smaller faults are tried that show the same failures.

    `share` is that of `total_trials` which may go into it; 0 leaves it out. What it does not need is `confirm`'s.
    """

    share: float = Field(default=0.25, ge=0, le=0.9)


class Screen(Value):
    """Before the search each call that the space can break is broken in each way that it has, at full strength.

    `share` is that of `total_trials` which may go into it; 0 leaves it out.
    """

    share: float = Field(default=0.3, ge=0, le=0.9)


class Sample(Value):
    """Free draws: faults drawn by chance alone, spread over the search; from them follows how much is left.

    `share` is that of `total_trials` which may go into them; 0 leaves them out. They are the search's trials too.
    """

    share: float = Field(default=0.1, ge=0, le=0.9)


class StopWhen(Value):
    """What ends the search before its trials are made, beside `optimizer.stop_below`.

    `new_failure_below`: the chance that a free draw shows a failure not seen yet is below that, by its upper limit.
    """

    new_failure_below: float | None = Field(default=None, gt=0, lt=1)


_ROUNDING = 1e-9

_LONGEST_ID = 64


def _id(text: str) -> str:
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9-]{{0,{_LONGEST_ID - 1}}}", text):
        raise ValueError("must be the id of a session, or how one begins")
    return text


_Id = Annotated[str, Field(min_length=1, max_length=_LONGEST_ID), AfterValidator(_id)]


class SessionConfig(Value):
    """A session file, checked.

    `warm_start` names earlier sessions of the same data dir to learn from. `baseline_observations` are made without a
    fault before the first trial. `max_failures_in_row` trials without a score, one after the other, end the session.
    `expect` is what answers must be like to requests without an `expect` of their own. `silence` names checks of the
    first look (`boifi check`) that are not to warn.
    """

    name: str = Field(default="session", min_length=1, max_length=_LONGEST_NAME)
    executor: AnyExecutorConfig
    observer: AnyObserverConfig | None = None
    expect: AnyExpect | None = Field(default=None, exclude_if=lambda expect: expect is None)
    search_space: Annotated[
        SearchSpace, BeforeValidator(SearchSpace.parse), PlainSerializer(SearchSpace.dump, return_type=Any)
    ]
    total_trials: int = Field(default=60, ge=1, le=100_000)
    initial_points: int = Field(default=10, ge=1, le=100_000)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    optimizer: OptimizerConfig = OptimizerConfig()
    warm_start: tuple[_Id, ...] = Field(default=(), max_length=50)
    analyzer: AnalyzerConfig = AnalyzerConfig()
    recovery: Recovery = Recovery()
    guardrails: Guardrails = Guardrails()
    confirm: Confirm = Confirm()
    minimise: Minimise = Minimise()
    screen: Screen = Screen()
    sample: Sample = Sample()
    stop_when: StopWhen = Field(default=StopWhen(), exclude_if=lambda when: when == StopWhen())
    baseline_observations: int = Field(default=3, ge=1, le=1_000)
    max_failures_in_row: int = Field(default=5, ge=1, le=100_000)
    silence: tuple[Annotated[_Name, _one_of("boifi_core.session.preflight.table", "CHECKS")], ...] = Field(
        default=(), max_length=50, exclude_if=lambda silence: not silence
    )

    @property
    def is_watched(self) -> bool:
        """Whether the session is to end on what its free draws tell."""
        return self.stop_when.new_failure_below is not None

    def connects_to(self) -> Iterator[tuple[str, str]]:
        """All that the session connects to: field, and URL."""
        yield from ((f"executor.{field}", url) for field, url in self.executor.connects_to())
        yield from ((f"observer.{field}", url) for field, url in (self.observer.connects_to() if self.observer else ()))

    @property
    def watching(self) -> ObserverConfig | None:
        """The observer with what it must expect of answers; None where it is the injector's own."""
        return self.observer if self.observer is None or self.expect is None else self.observer.expecting(self.expect)

    @model_validator(mode="after")
    def _expects_of_answers(self) -> Self:
        if self.expect is not None and self.observer is None:
            raise InvalidInput("expect", "must stand beside an observer that sees answers, as probe")
        if self.observer is not None and self.expect is not None:
            self.observer.expecting(self.expect)
        return self

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise ValueError("must be one printable line")
        return name

    @model_validator(mode="after")
    def _searches_too(self) -> Self:
        share = self.confirm.share + self.minimise.share
        if share > 1:
            raise InvalidInput("minimise.share", "must be at most 1 together with confirm.share", share)
        # What the file is silent about takes no more than what it says leaves.
        for name in sorted(("sample", "screen"), key=lambda name: name not in self.model_fields_set):
            part: Sample | Screen = getattr(self, name)
            if name not in self.model_fields_set:
                part = part.model_copy(update={"share": min(part.share, max(0.0, 1 - share))})
                object.__setattr__(self, name, part)
            share += part.share
            if share > 1 + _ROUNDING:
                raise InvalidInput(f"{name}.share", "must be at most 1 together with all other shares", share)
        if self.is_watched and not self.sample.share:
            limit = self.stop_when.new_failure_below
            raise InvalidInput("stop_when.new_failure_below", "is told by free draws: needs a sample.share", limit)
        return self

    @model_validator(mode="after")
    def _initial_within_total(self) -> Self:
        if "initial_points" not in self.model_fields_set:
            object.__setattr__(self, "initial_points", min(self.initial_points, self.total_trials))
        if self.initial_points > self.total_trials:
            raise InvalidInput(
                "initial_points", f"must be at most total_trials ({self.total_trials})", self.initial_points
            )
        return self


def read_session_file(path: Path) -> SessionConfig:
    """Read a session file.

    Raises:
        InvalidInput: no such file, no YAML, or a field that breaks its rule; one line.
    """
    return parse_session(read_yaml(path))


def parse_session(data: Any) -> SessionConfig:
    """A session from the value of its file, or from `session.json`."""
    if not isinstance(data, dict):
        raise InvalidInput("session file", "must be a mapping of settings", data)
    refuse_beyond_json(data)
    return SessionConfig.read(data)


def refuse_beyond_json(data: Mapping[Any, Any]) -> None:
    """Once for all fields: YAML has dates, bytes and keys that JSON has not, and both have numbers of any size.

    Raises:
        InvalidInput: there is one of these.
    """
    left: list[tuple[_Place | None, Any]] = [(None, data)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            if odd := next((key for key in value if not isinstance(key, str)), None):
                raise InvalidInput(_path(place), "must have keys that are text; put them in quotes", odd)
            left += [((place, f".{key}"), each) for key, each in value.items()]
        elif isinstance(value, list):
            left += [((place, number), each) for number, each in enumerate(value)]
        elif isinstance(value, int) and abs(value) > sys.float_info.max:
            raise InvalidInput(_path(place), f"must be within {sys.float_info.max:.0e} of zero", value)
        elif isinstance(value, (date, time)):
            rule = "must be text, a number, true, false or null; put a date in quotes"
            raise InvalidInput(_path(place), rule, value)
        elif isinstance(value, (bytes, set)):
            raise InvalidInput(_path(place), "must be text, a number, true, false, null, a list or a mapping", value)


_Place = tuple[Any, str | int]
"""Where a value stands: the place of what holds it, and its own name there; written out only to be shown."""


def _path(place: _Place | None) -> str:
    parts: list[str] = []
    while place is not None:
        place, name = place
        parts.append(f"[{name}]" if isinstance(name, int) else name)
    return "".join(reversed(parts)).removeprefix(".") or "input"


def with_overrides(config: SessionConfig, *, trials: int | None = None, seed: int | None = None) -> SessionConfig:
    """The session with another number of trials, another seed; fewer trials than initial points lower those too.

    A session that names no seed gets one, so that it can be resumed and repeated.
    """
    data = config.model_dump(exclude={"search_space"})
    data["search_space"] = config.search_space
    data["executor"] = config.executor
    data["observer"] = config.observer
    if trials is not None:
        if trials < 1:
            raise InvalidInput("total_trials", "must be at least 1", trials)
        data["total_trials"] = trials
        if "initial_points" in config.model_fields_set:
            data["initial_points"] = min(config.initial_points, trials)
        else:
            del data["initial_points"]
    if seed is not None:
        if seed < 0:
            raise InvalidInput("seed", "must be at least 0", seed)
        data["seed"] = seed
    if data["seed"] is None:
        data["seed"] = secrets.randbelow(2**31)
    return parse_session(data)


def stored_session(config: SessionConfig, session_id: str, created_at: datetime) -> dict[str, Any]:
    """What `session.json` holds: the config, whole, but for a literal token, which is kept out of every file.

    Where the session file has a literal token, this has `${BOIFI_EXECUTOR_TOKEN}`: whoever resumes sets that variable,
    or names the session file again.
    """
    return {
        "format": FORMAT,
        "session_id": session_id,
        "created_at": created_at.isoformat(),
        "config": stored_config_of(config),
    }


def read_stored_session(stored: Mapping[str, Any]) -> SessionConfig:
    """The config that `session.json` holds; what one of 0.1.0 is silent about was not there then.

    Raises:
        InvalidInput: it is of a format that is not known here, or is no session.
    """
    made_in = stored.get("format", 1)
    if made_in not in range(1, FORMAT + 1):
        raise InvalidInput("session.json", f"must be of format {FORMAT} at most: a later BOIFI has made it", made_in)
    config = stored["config"]
    if made_in == 1:
        optimizer = {"objective": "severity", **config.get("optimizer", {})}
        recovery = {"hold_s": 0, **config.get("recovery", {})}
        config = {
            "screen": {"share": 0},
            "sample": {"share": 0},
            **config,
            "optimizer": optimizer,
            "recovery": recovery,
        }
    return parse_session(config)


def stored_config_of(config: SessionConfig) -> dict[str, Any]:
    """A session's config as it is kept in files, without a literal token."""
    data = config.model_dump(mode="json", exclude_none=True)
    if config.executor.token is not None:
        data["executor"]["token"] = config.executor.token_by_name(TOKEN_VARIABLE)
    return data
