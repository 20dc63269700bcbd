"""Whatever a caller can make long has a limit, real work is far below it, and what is beyond is refused in one line."""

import time

import pytest
from unlimited import unlimited

from boifi_core.campaign.config import CampaignConfig
from boifi_core.errors import InvalidInput
from boifi_core.injectors.table import INJECTORS
from boifi_core.observers.table import OBSERVERS
from boifi_core.observers.trace_sources.table import SOURCES
from boifi_core.session.check import check
from boifi_core.session.config import SessionConfig, parse_session, with_overrides
from boifi_core.space import limits

DELAY = [
    {"name": "fault_type", "type": "categorical", "values": ["delay", "abort"]},
    {"name": "delay_ms", "type": "integer", "min": 10, "max": 2000},
]
PATH = "/" + "p" * 5_000
TEXT = "x" * (limits.LONGEST_TEXT + 1)
NAME = "n" * (limits.LONGEST_NAME + 1)


def data(dimensions=(), *, constraints=(), fixed=None, **rest):
    space = {"dimensions": [*DELAY, *dimensions], "constraints": [*constraints], "fixed": fixed or {}}
    return {"executor": {"endpoint": "http://127.0.0.1:8080"}, "search_space": space, **rest}


def services(n, name="target_service"):
    return {"name": name, "type": "categorical", "values": [f"service-{number}" for number in range(n)]}


def statement(value="delay", operator="equals", field="fault_type"):
    return {"field": field, "operator": operator, "value": value}


def probe(**request):
    return {"type": "probe", "requests": [{"url": "http://127.0.0.1/", **request}]}


# What a schema cannot say, and what refuses it instead.
OTHERWISE = {
    ".executor.type": data(executor={"type": "t" * 200, "endpoint": "http://127.0.0.1"}),
    ".executor.ca_file": data(executor={"endpoint": "http://127.0.0.1", "ca_file": PATH}),
    **{
        f".executor.{name}": data(executor={"endpoint": "http://127.0.0.1", name: PATH})
        for name in ("client_cert_file", "client_key_file")
    },
    ".observer.type": data(observer={"type": "t" * 200}),
    ".observer.requests[].body": data(observer=probe(body={"text": "b" * 200_000})),
    ".observer.traces.type": data(observer={**probe(), "traces": {"type": "t" * 200}}),
    ".observer.traces.ca_file": data(
        observer={**probe(), "traces": {"type": "jaeger", "endpoint": "http://127.0.0.1", "ca_file": PATH}}
    ),
    ".expect.schema_file": data(observer=probe(), expect={"schema_file": PATH}),
    ".expect.json[].value": data(
        observer=probe(), expect={"json": [statement([*range(limits.MOST_VALUES + 1)], "in", "$.a")]}
    ),
    ".guardrails.abort_if.value": data(
        guardrails={"abort_if": statement([*range(limits.MOST_VALUES + 1)], "in", "latency_ms")}
    ),
}

SPACES = {
    "dimensions": data([services(1, f"f{number}.target_service") for number in range(limits.MOST_DIMENSIONS)]),
    "values": data([services(limits.MOST_VALUES + 1)]),
    "values in all": data([services(limits.MOST_VALUES, f"f{number}.target_service") for number in range(11)]),
    "faults": data([services(2, f"f{number}.target_service") for number in range(limits.MOST_FAULTS + 1)]),
    "name": data([services(2, NAME)]),
    "description": data([{**services(2), "description": TEXT}]),
    "text": data([{**services(2), "values": [TEXT]}]),
    "fixed": data(fixed={f"x{number}": 1 for number in range(limits.MOST_FIXED + 1)}),
    "fixed name": data(fixed={NAME: 1}),
    "fixed value": data(fixed={"parameters": {"text": "x" * limits.LONGEST_FIXED}}),
    "constraints": data(constraints=[statement()] * (limits.MOST_CONSTRAINTS + 1)),
    "statements": data(constraints=[{"then": [statement()] * 6}] * limits.MOST_CONSTRAINTS),
    "statement's text": data(constraints=[statement(TEXT)]),
    "statement's values": data(constraints=[statement(["delay"] * (limits.MOST_VALUES + 1), "in")]),
    "statements' values": data(constraints=[statement(["delay"] * limits.MOST_VALUES, "in")] * 11),
    "statement's field": data(constraints=[statement(field=NAME)]),
    "condition": data([{**services(2), "condition": statement(TEXT)}]),
}

NUMBERS = [
    {"seed": 10**300},
    {"seed": 2**63},
    {"executor": {"endpoint": "http://127.0.0.1", "timeout_s": 1e9}},
    {"recovery": {"timeout_s": 1e9}},
    {"guardrails": {"max_duration_s": 1e12}},
    {"baseline_observations": 10**6},
    {"warm_start": ["../../../etc/passwd"]},
    {"warm_start": ["x" * 65]},
    {"warm_start": ["an-id"] * 51},
    {"guardrails": {"protected_services": ["a"] * 1_001}},
    {"guardrails": {"protected_paths": ["/" + TEXT]}},
    {"observer": probe(headers={f"x-{number}": "1" for number in range(101)})},
]


def test_a_schema_without_limits_is_seen():
    block = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"$ref": "#/$defs/b"}}}
    several = {"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "null"}]}
    assert unlimited({**block, "$defs": {"b": several}}) == [".a", ".b", ".b[]"]


@pytest.mark.parametrize(
    "model",
    [
        SessionConfig,
        CampaignConfig,
        *(kind.config for table in (INJECTORS, OBSERVERS, SOURCES) for kind in table.values()),
    ],
    ids=lambda model: model.__name__,
)
def test_a_new_key_wants_a_limit(model):
    otherwise = tuple(place.rpartition(".")[2] for place in OTHERWISE)
    left = [
        place
        for place in unlimited(model.model_json_schema())
        # The schema of the search space is not that of what is written: its own limits are tried below.
        if ".search_space." not in place and not place.endswith(otherwise)
    ]
    assert left == []


@pytest.mark.parametrize("case", [*OTHERWISE.values(), *SPACES.values()], ids=[*OTHERWISE, *SPACES])
def test_what_is_beyond_is_refused_in_one_line(case):
    with pytest.raises(InvalidInput) as refused:
        parse_session(case)
    said = str(refused.value)
    assert "\n" not in said
    assert len(said) < 3_000
    assert said.startswith(f"{refused.value.field}: ")


@pytest.mark.parametrize("rest", NUMBERS, ids=str)
def test_so_are_numbers_and_ids_that_nobody_means(rest):
    with pytest.raises(InvalidInput) as refused:
        parse_session(data(**rest))
    assert refused.value.field.split(".")[0].split("[")[0] == next(iter(rest))


LARGE = {
    "1,000 services": data([services(1_000)]),
    "2,000 values": data([{"name": "target_path", "type": "categorical", "values": [f"/{n}" for n in range(2_000)]}]),
    "20 faults": {
        **data(),
        "search_space": [
            {**each, "name": f"f{number}.{each['name']}"} for number in range(20) for each in (*DELAY, services(1_000))
        ],
    },
    "all at once": data(
        [services(1_000)],
        constraints=[
            {"if": statement(f"service-{n}", field="target_service"), "then": statement("delay")} for n in range(200)
        ],
        guardrails={"protected_services": [f"service-{n}" for n in range(999)], "max_delay_ms": 1_000},
    ),
}


@pytest.mark.parametrize("case", LARGE.values(), ids=LARGE)
def test_real_work_is_far_below(case):
    began = time.process_time()
    config, _ = check(with_overrides(parse_session(case)))
    assert config.search_space.n_points > 1_000
    assert time.process_time() - began < 2, "the promise is two seconds, and this is the processor's time alone"


def test_a_long_key_over_many_values_costs_no_more_than_they():
    long = {"k" * 400_000: [1] * 200_000}
    began = time.process_time()
    with pytest.raises(InvalidInput) as refused:
        parse_session({**data(), **long})
    assert len(str(refused.value)) < 1_000
    assert time.process_time() - began < 5
