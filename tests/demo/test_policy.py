"""The target must refuse what the real control plane refuses."""

import contextlib
import copy

import pytest
from documents import changed
from hypothesis import given
from hypothesis import strategies as st

from demo.mesh.policy import Match, Policy, PolicyRefused, Rule, parse_policy

SOUND = {
    "metadata": {"name": "boifi-3f2a9c1e-0007", "version": "1.0.0"},
    "spec": {
        "selector": {"service": "payments", "namespace": "*"},
        "rules": [
            {
                "match": {
                    "method": {"exact": "GET"},
                    "path": {"prefix": "/charges"},
                    "headers": [{"name": "End-User", "exact": "jason"}],
                },
                "fault": {
                    "percentage": 50,
                    "start_delay_ms": 7,
                    "duration_seconds": 60,
                    "delay": {"fixed_delay": "1.5s", "fixed_delay_ms": 500},
                    "abort": {"httpStatus": 503},
                },
            }
        ],
    },
}
RULE = ("spec", "rules", 0)
FAULT = (*RULE, "fault")


def test_a_sound_policy_is_read_whole():
    matches = (Match(":method", "exact", "GET"), Match(":path", "prefix", "/charges"))
    rule = Rule("payments", (*matches, Match("end-user", "exact", "jason")), 50, 7, 500, 503)
    assert parse_policy(SOUND) == Policy("boifi-3f2a9c1e-0007", (rule,), 60)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("metadata",), ...),
        (("metadata", "name"), "ab"),
        (("metadata", "name"), "-abc"),
        (("metadata", "name"), "abc-"),
        (("metadata", "name"), "a b c"),
        (("metadata", "name"), "abc\n"),
        (("metadata", "name"), "a" * 64),
        (("metadata", "name"), 1234),
        (("metadata", "version"), ...),
        (("metadata", "version"), "1.0"),
        (("spec",), []),
        (("spec", "selector"), "payments"),
        (("spec", "selector", "service"), 5),
        (("spec", "rules"), ...),
        (("spec", "rules"), []),
        (("spec", "rules"), SOUND["spec"]["rules"] * 9),
        ((*RULE, "match"), ...),
        ((*RULE, "match"), {}),
        ((*RULE, "match"), {"headers": []}),
        ((*RULE, "match", "path"), {}),
        ((*RULE, "match", "path"), {"prefix": ""}),
        ((*RULE, "match", "path"), {"regex": "("}),
        ((*RULE, "match", "headers"), {"name": "a"}),
        ((*RULE, "match", "headers", 0), {"exact": "jason"}),
        (FAULT, ...),
        (FAULT, {"percentage": 50}),
        ((*FAULT, "percentage"), 50.0),
        ((*FAULT, "percentage"), 50.5),
        ((*FAULT, "percentage"), True),
        ((*FAULT, "percentage"), "50"),
        ((*FAULT, "percentage"), 101),
        ((*FAULT, "percentage"), -1),
        ((*FAULT, "start_delay_ms"), 1.0),
        ((*FAULT, "start_delay_ms"), -1),
        ((*FAULT, "duration_seconds"), 60.0),
        ((*FAULT, "duration_seconds"), -1),
        ((*FAULT, "delay"), {}),
        ((*FAULT, "delay"), "500ms"),
        ((*FAULT, "delay"), {"fixed_delay": "500"}),
        ((*FAULT, "delay"), {"fixed_delay": "-500ms"}),
        ((*FAULT, "delay"), {"fixed_delay": "5 s"}),
        ((*FAULT, "delay"), {"fixed_delay": 500}),
        ((*FAULT, "delay", "fixed_delay_ms"), 500.0),
        ((*FAULT, "delay", "fixed_delay_ms"), -1),
        ((*FAULT, "abort"), {}),
        ((*FAULT, "abort", "httpStatus"), 503.0),
        ((*FAULT, "abort", "httpStatus"), 700),
        ((*FAULT, "abort", "httpStatus"), 199),
    ],
)
def test_what_the_wire_forbids_is_refused(path, value):
    with pytest.raises(PolicyRefused):
        parse_policy(changed(SOUND, path, value))


@pytest.mark.parametrize(
    ("path", "value", "field", "read"),
    [
        ((*FAULT, "delay"), {"fixed_delay": "500ms"}, "delay_ms", 500),
        ((*FAULT, "delay"), {"fixed_delay": "1.5s"}, "delay_ms", 1500),
        ((*FAULT, "delay"), {"fixed_delay": "1m0.25s"}, "delay_ms", 30_000),
        ((*FAULT, "delay"), {"fixed_delay": "0"}, "delay_ms", 0),
        ((*FAULT, "delay"), {"fixed_delay_ms": 40_000}, "delay_ms", 30_000),
        ((*FAULT, "delay"), ..., "delay_ms", 0),
        ((*FAULT, "abort"), ..., "abort_status", None),
        ((*FAULT, "percentage"), 0, "percentage", 0),
        ((*FAULT, "percentage"), ..., "percentage", 100),
        (("spec", "selector", "service"), "*", "service", None),
        (("spec", "selector", "service"), "", "service", None),
        (("spec", "selector"), ..., "service", None),
        ((*FAULT, "unknown"), {"x": 1.5}, "percentage", 50),
    ],
)
def test_what_the_wire_allows_is_read(path, value, field, read):
    assert getattr(parse_policy(changed(SOUND, path, value)).rules[0], field) == read


def test_the_rule_that_ends_first_ends_the_policy():
    policy = changed(SOUND, ("spec", "rules"), SOUND["spec"]["rules"] * 2)
    policy["spec"]["rules"][1] = copy.deepcopy(policy["spec"]["rules"][1])
    policy["spec"]["rules"][1]["fault"]["duration_seconds"] = 5
    assert parse_policy(policy).duration_s == 5


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
places = [("metadata",), ("spec",), ("spec", "selector"), ("spec", "rules"), RULE, FAULT]
places += [(*FAULT, name) for name in ("delay", "abort", "percentage", "duration_seconds")]
places += [(*RULE, "match"), (*RULE, "match", "path"), (*RULE, "match", "headers")]


@given(st.sampled_from(places), json_values)
def test_nothing_but_a_policy_or_a_refusal(place, value):
    with contextlib.suppress(PolicyRefused):
        assert parse_policy(changed(SOUND, place, value)).rules
