from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from boifi_core.errors import InvalidInput
from boifi_core.validation import invalid_input


class Probe(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["probe"] = "probe"
    count: int = Field(default=1, gt=0)


class Hfi(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["hfi"] = "hfi"
    timeout_s: float = Field(default=1.0, gt=0)


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1)
    total_trials: int = Field(default=1, ge=1)
    probes: list[Probe] = []
    by_name: dict[str, Probe] = {}
    executor: Annotated[Probe | Hfi, Field(discriminator="type")] = Hfi()
    share: float = Field(default=0.5, allow_inf_nan=False)

    @field_validator("name")
    @classmethod
    def _no_slash(cls, name: str) -> str:
        if "/" in name:
            raise ValueError("must not contain /")
        if name == "deep":
            raise InvalidInput("a.b[3]", "must be elsewhere", 7)
        return name


def line(data, prefix="session"):
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(data)
    return str(invalid_input(caught.value, prefix, Config, data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, "session.name: is required"),
        ({"name": "a", "total_trials": 0}, "session.total_trials: must be at least 1, got 0"),
        ({"name": "a", "total_trials": "x"}, "session.total_trials: must be a whole number, got 'x'"),
        ({"name": "a", "total_trails": 3}, "session.total_trails: unknown key; did you mean total_trials?"),
        ({"name": "a", "zzz": 3}, "session.zzz: unknown key"),
        ({"name": "a/b"}, "session.name: must not contain /, got 'a/b'"),
        ({"name": "deep"}, "a.b[3]: must be elsewhere, got 7"),
        ({"name": "a", "probes": [{}, {"count": 0}]}, "session.probes[1].count: must be above 0, got 0"),
        ({"name": "a", "probes": [{"cuont": 0}]}, "session.probes[0].cuont: unknown key; did you mean count?"),
        ({"name": "a", "by_name": {"x": {"count": -1}}}, "session.by_name.x.count: must be above 0, got -1"),
        (
            {"name": "a", "executor": {"type": "hfi", "timeout_s": 0}},
            "session.executor.timeout_s: must be above 0, got 0",
        ),
        (
            {"name": "a", "executor": {"type": "hfi", "timeuot_s": 0}},
            "session.executor.timeuot_s: unknown key; did you mean timeout_s?",
        ),
        ({"name": "a", "share": float("nan")}, "session.share: must be a finite number, got nan"),
        ({"name": "a", "probes": {}}, "session.probes: must be a list"),
        ([], "session: must be a mapping, got []"),
    ],
)
def test_one_line_names_field_rule_and_value(data, expected):
    assert line(data) == expected


def test_no_prefix_leaves_the_field_alone_and_the_whole_is_called_input():
    assert line({"name": 3}, prefix="") == "name: must be text, got 3"
    assert line("x", prefix="") == "input: must be a mapping, got 'x'"


def test_without_the_model_an_unknown_key_is_still_named():
    with pytest.raises(ValidationError) as caught:
        Config.model_validate({"name": "a", "total_trails": 3})
    assert str(invalid_input(caught.value, "session")) == "session.total_trails: unknown key"
