"""The session file: read whole, or refused in one line that names the field, the rule and the value."""

import json
from datetime import UTC, datetime

import pytest
import yaml

from boifi_core.errors import InvalidInput
from boifi_core.optimizer import Balance
from boifi_core.session.budget import Budget
from boifi_core.session.check import check
from boifi_core.session.config import (
    OptimizerConfig,
    parse_session,
    read_session_file,
    read_stored_session,
    stored_session,
    with_overrides,
)
from boifi_core.storage.yaml_file import read_yaml

TEXT = """
name: ratings-delay
executor: {type: hfi, endpoint: "http://127.0.0.1:8080", timeout_s: 30}
search_space:
  dimensions:
    - {name: fault_type, type: categorical, values: [delay, abort]}
    - {name: target_path, type: categorical, values: [/ratings, /reviews, /details]}
    - {name: percentage, type: integer, min: 10, max: 100}
    - name: delay_ms
      type: integer
      bounds: [100, 8000]
      condition: {field: fault_type, operator: equals, value: delay}
    - name: abort_status_code
      type: categorical
      values: [429, 500, 503]
      condition: {field: fault_type, operator: equals, value: abort}
  fixed: {target_method: GET}
total_trials: 60
initial_points: 10
seed: 7
optimizer: {surrogate: auto, acquisition: ei}
analyzer: {baseline_latency_ms: 200, threshold_latency_ms: 1000, weights: {bug: 10, perf: 2, struct: 5}}
"""


@pytest.fixture
def data():
    return yaml.safe_load(TEXT)


def change(data, path, value):
    """`data` with the value at a dotted path replaced, or removed where `value` is None."""
    *parents, last = path.split(".")
    for part in parents:
        data = data[int(part) if part.isdigit() else part]
    key = int(last) if last.isdigit() else last
    if value is None:
        del data[key]
    else:
        data[key] = value


def test_the_documented_file_is_read(tmp_path):
    path = tmp_path / "session.yaml"
    path.write_text(TEXT)
    config = read_session_file(path)
    assert (config.name, config.total_trials, config.initial_points, config.seed) == ("ratings-delay", 60, 10, 7)
    assert [d.name for d in config.search_space.dimensions][:2] == ["fault_type", "target_path"]
    assert config.executor.endpoint == "http://127.0.0.1:8080"
    assert config.analyzer.weights == {"bug": 10, "perf": 2, "struct": 5}


def test_only_executor_and_search_space_are_required():
    config = parse_session(
        {
            "executor": {"endpoint": "http://127.0.0.1:1"},
            "search_space": [{"name": "fault_type", "type": "categorical", "values": ["abort"]}],
        }
    )
    assert (config.total_trials, config.initial_points, config.recovery.after_severity) == (60, 10, None)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("total_trials", 0, "total_trials: must be at least 1, got 0"),
        ("initial_points", 61, "initial_points: must be at most total_trials (60), got 61"),
        ("colour", "red", "colour: unknown key"),
        ("total_trails", 5, "total_trails: unknown key; did you mean total_trials?"),
        ("executor", None, "executor: is required"),
        ("executor.endpoint", "ftp://x", "executor.endpoint: must be an http:// or https:// URL"),
        ("executor.timeout_s", 0, "executor.timeout_s: must be above 0, got 0"),
        ("executor.type", "magic", "executor.type: must be one of hfi"),
        ("search_space.dimensions", [], "search_space"),
        ("search_space.dimensions.1.name", "fault_type", "search_space.dimensions[1].name"),
        ("search_space.dimensions.2.min", 100, "search_space.dimensions[2].min"),
        ("search_space.dimensions.0.values", [], "search_space.dimensions[0].values"),
        ("search_space.dimensions.3.condition.field", "nope", "search_space.dimensions[3].condition.field"),
        ("search_space.dimensions.2.max", 140, "140"),
        ("analyzer.weights.bug", 0, "analyzer.weights.bug: must be above 0, got 0"),
        ("analyzer.weights.bug", -1, "analyzer.weights.bug: must be above 0, got -1"),
        ("analyzer.baseline_latency_ms", 1000, "baseline_latency_ms must be below threshold_latency_ms"),
        ("optimizer.surrogate", 5, "optimizer.surrogate: must be text, got 5"),
        ("guardrails", {"max_percentage": 0}, "guardrails.max_percentage: must be above 0, got 0"),
        ("guardrails", {"abort_if": {"field": "mood", "operator": "equals", "value": 1}}, "guardrails.abort_if"),
        ("observer", {"type": "probe", "requests": []}, "observer.requests: must have at least 1 entries"),
        ("observer", {"type": "oracle"}, "observer.type: must be one of"),
        (
            "observer",
            {"type": "probe", "requests": [{"url": "a"}]},
            "observer.requests[0].url: must be an http:// or https:// URL with a host, got 'a'",
        ),
        (
            "observer",
            {"type": "probe", "requests": [{"url": "http://a"}], "traces": {"type": "jaeger"}},
            "observer.traces.endpoint: is required",
        ),
        ("name", "two\nlines", "name: must be one printable line"),
        ("seed", -1, "seed: must be at least 0, got -1"),
    ],
)
def test_what_cannot_work_is_one_line_naming_field_rule_and_value(data, path, value, message):
    change(data, path, value)
    with pytest.raises(InvalidInput) as caught:
        parse_session(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [None, [], "text", 5])
def test_a_file_that_is_no_mapping_is_refused(value):
    with pytest.raises(InvalidInput, match="session file: must be a mapping"):
        parse_session(value)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"name: [", "must be YAML"),
        (b"a: 1\na: 2\n", "the key 'a' stands twice, line 2"),
        (b"\xff\xfe\x00", "must be YAML"),
        (b"a: !!python/object:os.system {}", "must be YAML"),
        (b"x" * 1_000_001, "must be at most"),
        (b"[" * 5000, "must be nested at most 100 deep"),
    ],
)
def test_what_is_no_yaml_is_refused_with_the_files_name(tmp_path, raw, message):
    path = tmp_path / "session.yaml"
    path.write_bytes(raw)
    with pytest.raises(InvalidInput) as caught:
        read_session_file(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"none\.yaml: no such file"):
        read_session_file(tmp_path / "none.yaml")
    with pytest.raises(InvalidInput, match="must be a file that can be read"):
        read_session_file(tmp_path)


@pytest.mark.parametrize(
    ("written", "codes"), [("[0500, 429]", [500, 429]), ("[0x1F4, 0503]", [500, 503]), ("[0429]", [429])]
)
def test_f34_codes_are_sent_as_they_are_written(tmp_path, written, codes):
    path = tmp_path / "session.yaml"
    path.write_text(TEXT.replace("[429, 500, 503]", written))
    space = read_session_file(path).search_space
    point = dict.fromkeys(["target_path"], "/ratings") | {"fault_type": "abort", "percentage": 50}
    sent = [space.plans({**point, "abort_status_code": code})[0].abort_status_code for code in codes]
    assert sent == codes


@pytest.mark.parametrize(
    ("path", "written", "message"),
    [
        ("executor.settle_s", "off", "executor.settle_s: must be "),
        ("seed", "no", "seed: must be a whole number, got false"),
        ("executor.timeout_s", "on", "executor.timeout_s: must be a number, got true"),
        ("optimizer.xi", "off", "optimizer.xi: must be a number, got false"),
        ("search_space.dimensions.3.bounds", "[1:30, 8000]", "search_space.dimensions[3].bounds[0]: must be a number"),
        (
            "search_space.dimensions.4.values",
            "[yes]",
            "search_space.dimensions[4].values[0]: abort_status_code must be",
        ),
        (
            "search_space.dimensions.1.values",
            "[no]",
            "search_space.dimensions[1].values[0]: target_path must be a prefix",
        ),
        ("search_space.fixed.target_service", "1.10", "search_space.fixed.target_service: target_service must be text"),
        (
            "name",
            "2026-01-01",
            "name: must be text, a number, true, false or null; put a date in quotes, got 2026-01-01",
        ),
        ("name", "on", "name: must be text, got true"),
    ],
)
def test_f34_what_yaml_takes_for_something_else_is_named(tmp_path, data, path, written, message):
    (tmp_path / "value.yaml").write_text(f"value: {written}")
    change(data, path, read_yaml(tmp_path / "value.yaml")["value"])
    with pytest.raises(InvalidInput) as refused:
        parse_session(data)
    assert str(refused.value).startswith(message)


def test_a_whole_number_that_no_float_holds_is_one_line_wherever_it_stands(data):
    data["search_space"]["dimensions"][0]["values"] = ["delay", 10**400]
    with pytest.raises(
        InvalidInput, match=r"^search_space\.dimensions\[0\]\.values\[1\]: must be within 2e\+308 of zero"
    ):
        parse_session(data)


def test_initial_points_that_nobody_set_are_at_most_all_trials(data):
    del data["initial_points"]
    few = parse_session({**data, "total_trials": 3})
    assert few.initial_points == 3
    assert with_overrides(few, trials=60).initial_points == 10
    assert with_overrides(few).initial_points == 3


def test_overrides_lower_the_initial_points_too_and_every_session_gets_a_seed(data):
    del data["seed"]
    config = with_overrides(parse_session(data), trials=4)
    assert (config.total_trials, config.initial_points) == (4, 4)
    assert config.seed is not None
    assert with_overrides(parse_session(data), seed=3).seed == 3
    for bad in ({"trials": 0}, {"seed": -1}):
        with pytest.raises(InvalidInput):
            with_overrides(parse_session(data), **bad)


def test_a_stored_session_reads_back_equal_and_holds_no_literal_token(data):
    data["executor"]["token"] = "s3cret"
    config = with_overrides(parse_session(data))
    assert config.executor.token.get_secret_value() == "s3cret"
    text = json.dumps(stored_session(config, "id", datetime.now(UTC)))
    assert "s3cret" not in text
    again = parse_session(json.loads(text)["config"])
    assert again.model_copy(update={"executor": config.executor}) == config
    assert again.executor.token.get_secret_value() == "${BOIFI_EXECUTOR_TOKEN}"


def test_a_token_that_names_a_variable_is_stored_as_it_is(data):
    data["executor"]["token"] = "${HFI_TOKEN}"
    stored = stored_session(parse_session(data), "id", datetime.now(UTC))
    assert stored["config"]["executor"]["token"] == "${HFI_TOKEN}"


@pytest.mark.parametrize(
    ("changes", "budgets"),
    [
        ({"total_trials": 100, "initial_points": 10}, (15, 25)),
        ({"total_trials": 100, "initial_points": 70}, (15, 15)),
        ({"total_trials": 8, "initial_points": 8}, (0, 0)),
        ({"total_trials": 100, "confirm": {"share": 0}, "minimise": {"share": 0.5}}, (0, 50)),
    ],
)
def test_the_shares_leave_room_for_the_initial_points(session_data, changes, budgets):
    data = {**session_data("http://127.0.0.1:1"), "confirm": {}, "minimise": {}, **changes}
    budget = Budget.of(parse_session(data), ())
    assert (budget.confirm, budget.minimise) == budgets


def test_shares_of_more_than_all_are_refused(session_data):
    data = session_data("http://127.0.0.1:1", confirm={"share": 0.6}, minimise={"share": 0.6})
    with pytest.raises(InvalidInput, match=r"minimise.share: must be at most 1 together with confirm.share, got 1.2"):
        parse_session(data)


def test_the_balance_is_the_optimizers_own_where_none_is_given():
    assert Balance(OptimizerConfig().xi, OptimizerConfig().beta) == Balance()


def test_a_protected_service_that_no_fault_names_is_a_warning(session_data):
    data = session_data("http://127.0.0.1:8080", guardrails={"protected_services": ["payments", "payment"]})
    services = {"name": "target_service", "type": "categorical", "values": ["cart", "payments"]}
    space = {"dimensions": [*data["search_space"]["dimensions"], services]}
    _, warnings = check(parse_session({**data, "search_space": space}))
    assert warnings == [
        "guardrails.protected_services[1]: payment is no target_service of the search space; did you mean payments?"
    ]


class TestStored:
    """`session.json`: what it is silent about is as it was when it was written."""

    def kept(self, **changes):
        data = yaml.safe_load(TEXT) | changes
        return json.loads(json.dumps(stored_session(with_overrides(parse_session(data)), "id", datetime.now(UTC))))

    def test_all_of_it_is_written_and_read_again(self):
        kept = self.kept()
        config = read_stored_session(kept)
        assert kept["format"] == 2
        assert (config.screen.share, config.sample.share, config.optimizer.objective) == (0.3, 0.1, "both")
        assert stored_session(config, "id", datetime.now(UTC))["config"] == kept["config"]

    def test_one_of_0_1_0_has_neither_screen_nor_free_draws_and_looks_for_the_worst(self):
        config = read_stored_session({"config": yaml.safe_load(TEXT)})
        assert (config.screen.share, config.sample.share, config.optimizer.objective) == (0, 0, "severity")

    def test_one_that_later_versions_made_is_refused(self):
        with pytest.raises(InvalidInput, match=r"session\.json: must be of format 2 at most.*got 3"):
            read_stored_session(self.kept() | {"format": 3})

    @pytest.mark.parametrize(
        ("said", "left"),
        [
            ({"confirm": {"share": 0.5}, "minimise": {"share": 0.4}}, (0.0, 0.1)),
            ({"confirm": {"share": 0.5}, "minimise": {"share": 0.25}}, (0.15, 0.1)),
            ({"screen": {"share": 0.6}}, (0.6, 0.0)),
        ],
    )
    def test_what_a_file_is_silent_about_makes_room_for_what_it_says(self, said, left):
        config = parse_session(yaml.safe_load(TEXT) | said)
        assert (config.screen.share, config.sample.share) == pytest.approx(left)
        with_overrides(config)

    def test_what_it_says_must_fit(self):
        data = yaml.safe_load(TEXT) | {"screen": {"share": 0.5}, "sample": {"share": 0.2}}
        with pytest.raises(InvalidInput, match=r"screen\.share: must be at most 1 together with all other shares"):
            parse_session(data)
