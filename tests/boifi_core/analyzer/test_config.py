import pytest
from observations import observed

from boifi_core.analyzer import AnalyzerConfig
from boifi_core.errors import InvalidInput


def test_defaults_are_the_plans():
    config = AnalyzerConfig()
    assert config.weights == {"bug": 10, "perf": 2, "struct": 5}
    assert (config.baseline_latency_ms, config.threshold_latency_ms) == (200, 1000)
    assert (config.span_increase_threshold, config.edit_distance_threshold) == (0.5, 2)


def test_weights_that_are_left_out_keep_their_default():
    assert AnalyzerConfig.read({"weights": {"perf": 7}}, "analyzer").weights == {"bug": 10, "perf": 7, "struct": 5}


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ({"weights": {"bug": 0}}, "analyzer.weights.bug: must be above 0, got 0"),
        ({"weights": {"struct": -1}}, "analyzer.weights.struct: must be above 0, got -1"),
        ({"weights": {"bug": float("inf")}}, "analyzer.weights.bug: must be a finite number, got inf"),
        ({"weights": {"bugs": 1}}, "analyzer.weights.bugs: unknown key; did you mean bug?"),
        ({"weights": 3}, "analyzer.weights: must be a mapping, got 3"),
        ({"baseline_latency_ms": 0}, "analyzer.baseline_latency_ms: must be above 0 or 'auto', got 0"),
        (
            {"baseline_latency_ms": 1000},
            "analyzer: baseline_latency_ms must be below threshold_latency_ms, got 1000 and 1000",
        ),
        ({"span_increase_threshold": -0.1}, "analyzer.span_increase_threshold: must be at least 0, got -0.1"),
        ({"edit_distance_threshold": 1.5}, "analyzer.edit_distance_threshold: must be a whole number, got 1.5"),
        ({"threshold_ms": 1}, "analyzer.threshold_ms: unknown key; did you mean threshold_latency_ms?"),
        ([1], "analyzer: must be a mapping, got [1]"),
    ],
)
def test_bad_values_are_one_line(data, line):
    with pytest.raises(InvalidInput) as caught:
        AnalyzerConfig.read(data, "analyzer")
    assert str(caught.value) == line


def at(*latencies_ms):
    return [observed(latency_ms=latency_ms) for latency_ms in latencies_ms]


@pytest.mark.parametrize(
    ("config", "fault_free", "limits_ms"),
    [
        ({}, at(40), (200, 1000)),
        ({"baseline_latency_ms": "auto"}, at(40, 60, 50), (90, 1000)),
        ({"baseline_latency_ms": "auto", "threshold_latency_ms": "auto"}, at(40, 60, None), (90, 450)),
        ({"threshold_latency_ms": "auto"}, at(40), (200, 1000)),
        ({"baseline_latency_ms": "auto", "threshold_latency_ms": "auto"}, at(None), (200, 1000)),
        ({"baseline_latency_ms": "auto", "threshold_latency_ms": "auto"}, [], (200, 1000)),
    ],
)
def test_auto_is_taken_from_the_fault_free_observations(config, fault_free, limits_ms):
    made = AnalyzerConfig.read(config, "analyzer").resolved(fault_free)
    assert (made.baseline_latency_ms, made.threshold_latency_ms) == limits_ms
    assert AnalyzerConfig.read(made.model_dump(mode="json"), "analyzer") == made


def test_a_threshold_below_what_is_normal_is_one_line():
    config = AnalyzerConfig.read({"baseline_latency_ms": "auto", "threshold_latency_ms": 100}, "analyzer")
    with pytest.raises(InvalidInput) as caught:
        config.resolved(at(80))
    assert str(caught.value) == (
        "analyzer.threshold_latency_ms: must be above what is normal by the fault-free observations, 120 ms, got 100.0"
    )
