import pytest
from observations import observed, span, trace

from boifi_core.analyzer import AnalyzerConfig, AnalyzerService, explain

SHOP = [
    span("r", "GET /checkout", service="gateway", ms=30),
    span("o", "place", "r", service="orders", ms=20),
    span("p", "charge", "o", service="payments"),
]
BASELINE = observed(latency_ms=35, traces={"checkout": trace(*SHOP)})


def why(observation, baseline=BASELINE, config=None):
    return explain(AnalyzerService(config).calculate_severity(observation, baseline), observation, baseline, config)


def failing(*more):
    return trace(SHOP[0] | {"status": "error"}, SHOP[1] | {"status": "error"}, SHOP[2] | {"status": "error"}, *more)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "nothing unusual"),
        ({"status_code": 503, "error_rate": 0.9}, "most requests got 503"),
        ({"error_rate": 0.37}, "37 % of the requests failed"),
        ({"error_rate": 0.001}, "under 1 % of the requests failed"),
        ({"logs": ("fine", "a\nFATAL  flaw")}, "logged “a FATAL flaw”"),
        ({"latency_ms": 412}, "latency 412 ms (baseline 35)"),
        ({"latency_ms": 412, "quantiles_ms": {"p95": 412}}, "p95 latency 412 ms (baseline 35)"),
        ({"traces": {"checkout": failing()}}, "on checkout: failing: charge (orders→payments)"),
        ({"traces": {"checkout": trace(*SHOP[:2])}}, "nothing unusual"),
        (
            {"traces": {"checkout": failing(*(SHOP[2] | {"id": f"p{i}"} for i in range(3)))}},
            "on checkout: 6 spans instead of 3; failing: charge (orders→payments)",
        ),
        (
            {"traces": {"checkout": trace(*SHOP[:2], SHOP[2] | {"duration_ms": 800})}},
            "on checkout: charge (payments) took 800 ms instead of 10 ms",
        ),
        (
            {"traces": {"checkout": trace(*(span(str(i), "other") for i in range(3)))}},
            "on checkout: 3 calls differ from the baseline",
        ),
    ],
)
def test_one_plain_sentence(fields, sentence):
    assert why(observed(**fields)) == sentence


def test_all_that_happened_is_joined():
    observation = observed(status_code=500, latency_ms=2000, traces={"checkout": failing()})
    assert why(observation) == (
        "most requests got 500; latency 2000 ms (baseline 35); on checkout: failing: charge (orders→payments)"
    )


def test_many_failing_calls_are_counted():
    spans = [span("r", "root"), *(span(str(i), f"s{i}", "r", status="error") for i in range(6))]
    assert why(observed(trace_data=trace(*spans)), None) == "failing: root→s0, root→s1, root→s2, 3 more"


def test_the_configs_thresholds_choose_the_kind():
    config = AnalyzerConfig(edit_distance_threshold=0)
    observation = observed(traces={"checkout": trace(*SHOP[:2])})
    assert why(observation, config=config) == "on checkout: 2 spans instead of 3"


def test_a_score_that_fell_back_is_named():
    score = AnalyzerService().calculate_severity(observed()).model_copy(update={"fallback": ("struct",)})
    assert explain(score, observed()) == "the structure score could not be computed, 5 stands for it"


def test_f12_the_line_that_is_told_of_is_none_that_is_usual():
    usual = observed(logs=("errors=0 done",))
    seen = observed(logs=("errors=0 done", "ERROR lost"))
    assert "logged “ERROR lost”" in why(seen, usual)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"status_code": 302}, "most requests got 302 instead of 200"),
        ({"status_code": 503, "error_rate": 0.34}, "34 % of the requests failed, most of them with 503"),
        ({"status_code": 503, "error_rate": 0.62}, "most requests got 503"),
    ],
)
def test_f10_p27_most_is_of_all_requests(fields, says):
    assert why(observed(**fields), observed()).startswith(says)
