"""The applications that are made: the same from the same seed, and with weaknesses that are there and can be found."""

import json
import os
import subprocess
import sys
from itertools import permutations
from random import Random

import numpy as np
import pytest

from benchmarks.applications.generate import application, planted
from benchmarks.applications.graph import reached_calls, sound_application, typical_ms
from benchmarks.applications.play import Player
from benchmarks.applications.run import generated
from benchmarks.applications.space import space_for
from benchmarks.applications.truth import brought_out, holds, triggers
from benchmarks.applications.weaknesses import KINDS
from boifi_core.faults.plan import FaultPlan
from boifi_core.space import SearchSpace

DRAWN = [(seed, services) for services in (3, 6, 12) for seed in (1, 2, 3)] + [(1, 25)]


@pytest.fixture(params=DRAWN, ids=str)
def made(request):
    return generated(*request.param)


def test_the_same_seed_gives_the_same_application_byte_for_byte_in_another_process():
    code = "from benchmarks.applications.generate import application; print(application(5, 9).text())"
    other = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    text = application(5, 9).text()
    assert other.stdout.strip() == text
    assert application(6, 9).text() != text


def test_every_weakness_is_brought_out_by_its_own_point_of_the_space(made):
    space = SearchSpace.parse(made.space)
    for weakness in made.weaknesses:
        plans = space.plans(weakness.point)
        windows = [Player(made, seed).window(plans, 100) for seed in (11, 12, 13)]
        shown = sum(weakness.id in brought_out(made, plans, window) for window in windows)
        assert shown >= 2, (weakness, shown)


def test_no_weakness_is_brought_out_without_its_faults(made):
    player = Player(made, 21)
    space = SearchSpace.parse(made.space)
    for _ in range(5):
        window = player.window((), 100)
        assert brought_out(made, (), window) == frozenset()
        for weakness in made.weaknesses:  # nor does chance show what somebody else's fault could be taken for
            assert weakness.id not in brought_out(made, space.plans(weakness.point), window)


def test_without_a_fault_customers_are_served_and_no_two_windows_are_the_same(made):
    player = Player(made, 22)
    windows = [player.window((), 100) for _ in range(5)]
    failed = [sum(played.status >= 400 for played in window.requests) for window in windows]
    assert sum(failed) <= 0.02 * 500
    assert len({tuple(played.latency_ms for played in window.requests) for window in windows}) == 5


def test_a_window_is_the_same_when_it_is_played_again(made):
    plans = SearchSpace.parse(made.space).plans(made.weaknesses[0].point)
    first, again = (Player(made, 31).window(plans, 60).requests for _ in range(2))
    assert first == again


def test_each_weakness_sits_at_a_call_of_its_own(made):
    assert len({weakness.id for weakness in made.weaknesses}) == len(made.weaknesses) >= 2
    for first, second in permutations(made.weaknesses, 2):
        assert not set(first.touches) & set(second.touches)


def test_uniform_draws_of_the_space_meet_only_services_that_are_there(made):
    space = SearchSpace.parse(made.space)
    names = {service.name for service in made.services[1:]}
    plans = [plan for point in space.sample(np.random.default_rng(1), 100) for plan in space.plans(point)]
    assert {plan.target_service for plan in plans if plan.target_service} <= names


@pytest.mark.parametrize(("seed", "services"), [(seed, services) for seed in range(20) for services in (3, 15, 60)])
def test_graphs_are_like_trees_and_no_caller_gives_up_before_its_callees(seed, services):
    sound = sound_application(seed, services)
    calls = reached_calls(sound)
    usual = typical_ms(sound)
    assert len(sound.services) == len({service.name for service in sound.services}) == services
    assert {0} | {sound.operations[call.callee].service for call in calls} == set(range(services))
    for call in calls:
        assert call.timeout_ms > usual[call.callee]
        for number in sound.operations[call.callee].calls:
            below = sound.calls[number]
            assert below.is_message or call.timeout_ms > below.tries * below.timeout_ms
    assert len(calls) < 4 * services + 12


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_planted_somewhere(kind):
    for seed in range(1, 40):
        made, random = sound_application(seed, 14), Random(seed)
        made.space = space_for(made, random)
        changed = planted(made, kind, random, SearchSpace.parse(made.space))
        if changed is not None:
            break
    assert changed is not None
    [weakness] = changed.weaknesses
    assert weakness.kind == kind
    assert weakness.shown >= 5
    assert made.weaknesses == []


@pytest.mark.parametrize("services", [2, 61])
def test_too_few_and_too_many_services_are_refused(services):
    with pytest.raises(ValueError, match=f"services must be 3..60, got {services}"):
        application(1, services)


def test_a_cause_is_held_against_what_is_hit_and_how_hard():
    weakness = next(each for each in generated(1, 12).weaknesses if each.kind == "missing_fallback")
    [cause] = weakness.causes
    right = {"target_service": cause.service, "target_method": cause.method, "percentage": 100}
    status = cause.statuses[0]
    fault = FaultPlan(fault_type="abort", abort_status_code=status, **right)
    assert holds(cause, fault)
    assert triggers(weakness, [FaultPlan(fault_type="delay", delay_ms=10, target_service="elsewhere"), fault])
    assert not holds(cause, FaultPlan(fault_type="abort", abort_status_code=418, **right))
    assert not holds(cause, FaultPlan(fault_type="delay", delay_ms=5, **right))
    assert not holds(cause, fault.model_copy(update={"target_service": "elsewhere"}))
    assert not triggers(weakness, [])


def test_an_application_is_json():
    assert json.loads(generated(1, 6).text())["seed"] == 1
