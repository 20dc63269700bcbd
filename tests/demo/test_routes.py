"""From rules to what Envoy watches, without an Envoy."""

import json
import random
import re
import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.mesh.bootstrap import Files, Link, Mesh, bootstrap
from demo.mesh.policy import Match, Rule
from demo.mesh.routes import SLOTS, fault_filter, hex_below, route_file

GOLDEN = Path(__file__).parent / "golden"
SERVICES = ["shop", "payments"]
ANY_PATH = Match(":path", "prefix", "/")


def rule(**changes):
    fields = {"service": "payments", "matches": (ANY_PATH,), "percentage": 100}
    return Rule(**{**fields, "start_delay_ms": 0, "delay_ms": 0, "abort_status": None, **changes})


RULES = [
    rule(delay_ms=100, percentage=12, matches=(Match(":path", "prefix", "/charge"), Match(":method", "exact", "POST"))),
    rule(service=None, abort_status=503, matches=(Match(":path", "regex", "^/(stock|reserve)/"),)),
    rule(start_delay_ms=30, abort_status=500, percentage=40, matches=(Match(":path", "exact", "/a.b"),)),
    rule(start_delay_ms=5, delay_ms=20, matches=(Match("end-user", "regex", "^j"),)),
]


def test_the_route_file_is_the_golden_one():
    assert route_file("plan-7", RULES, SERVICES, "shop") == json.loads((GOLDEN / "routes.json").read_text())


def test_the_bootstrap_is_the_golden_one():
    links = [Link("shop", "payments", timeout_ms=60, tries=2), Link("payments", "shop", timeout_ms=150)]
    made = bootstrap(Files(Path("/run/boifi")), Mesh(SERVICES, links, "shop", "http://127.0.0.1:4318"))
    assert made == json.loads((GOLDEN / "envoy.json").read_text())


def test_no_rules_no_faults():
    resource = route_file("plan-0", [], SERVICES, "shop")["resources"][0]
    assert resource["typed_per_filter_config"] == {}


def shares(config):
    return [config[action]["percentage"]["numerator"] for action in ("delay", "abort") if action in config]


def test_a_single_action_leaves_the_share_to_envoy():
    assert shares(fault_filter(0, rule(delay_ms=5, percentage=30))) == [30]
    assert shares(fault_filter(0, rule(abort_status=500, percentage=30))) == [30]


@pytest.mark.parametrize("percentage", [0, 100])
def test_two_actions_that_hit_none_or_all_need_no_common_roll(percentage):
    config = fault_filter(0, rule(delay_ms=5, abort_status=500, percentage=percentage))
    assert shares(config) == [percentage, percentage]
    assert len(config["headers"]) == 1


def test_two_actions_share_one_roll():
    config = fault_filter(0, rule(delay_ms=5, abort_status=500, percentage=30))
    assert shares(config) == [100, 100]
    assert config["headers"][-1]["name"] == "x-boifi-roll"


@given(st.integers(1, 4095))
def test_the_pattern_holds_for_the_numbers_below_the_limit_and_no_others(limit):
    pattern = re.compile(hex_below(limit))
    samples = {0, limit - 1, limit, limit + 1, limit // 2, 4095, *random.Random(limit).sample(range(4096), 50)}
    for number in samples - {4096}:
        assert bool(pattern.fullmatch(f"{number:03x}")) == (number < limit)


@pytest.mark.parametrize("percentage", [1, 37, 99])
def test_every_slot_takes_its_share_of_random_ids(percentage):
    rng = random.Random(percentage)
    ids = [str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(4000)]
    for slot in range(SLOTS):
        config = fault_filter(slot, rule(delay_ms=5, abort_status=500, percentage=percentage))
        pattern = re.compile(config["headers"][-1]["string_match"]["safe_regex"]["regex"])
        hits = sum(bool(pattern.fullmatch(each)) for each in ids)
        expected, sigma = 40 * percentage, (4000 * percentage * (100 - percentage)) ** 0.5 / 100
        assert abs(hits - expected) < 6 * sigma + 2
