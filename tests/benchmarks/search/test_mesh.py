"""The simulated mesh does what each of its guards is for."""

import pytest

from benchmarks.search.mesh import Call, Mesh, Noise, Operation, Pool, Route
from benchmarks.search.window import Laboratory
from boifi_core.faults.plan import FaultPlan

EDGE = "a GET /x > b GET /x"


def mesh_of(call, **more):
    """Service a calls b; c can stand in."""
    operations = {"a GET /x": Operation(10, ((call,),)), "b GET /x": Operation(10), "c GET /x": Operation(5)}
    route = Route(Call("a GET /x"), 1.0)
    return Mesh(operations, (route,), baseline_ms=100, threshold_ms=1000, **{"noise": Noise(jitter=0.1), **more})


def delay(ms, percentage=100, **more):
    return FaultPlan(fault_type="delay", target_service="b", delay_ms=ms, percentage=percentage, **more)


def abort(status=503, percentage=100, **more):
    return FaultPlan(fault_type="abort", target_service="b", abort_status_code=status, percentage=percentage, **more)


def truth(mesh, *plans):
    return Laboratory(mesh).truth(plans)


def test_without_a_fault_nothing_is_severe():
    assert truth(mesh_of(Call("b GET /x"))).severity == 0


def test_latency_grows_with_the_delay():
    mesh = mesh_of(Call("b GET /x"))
    assert truth(mesh, delay(300)).latency_ms == pytest.approx(322, abs=5)
    assert truth(mesh, delay(600)).severity > truth(mesh, delay(300)).severity


def test_errors_grow_with_the_percentage():
    rates = [truth(mesh_of(Call("b GET /x")), abort(percentage=share)).error_rate for share in (20, 50, 80)]
    assert rates == pytest.approx([0.2, 0.5, 0.8], abs=0.04)


def test_a_delay_above_the_time_out_fails_the_call():
    mesh = mesh_of(Call("b GET /x", timeout_ms=400))
    assert truth(mesh, delay(350)).error_rate == 0
    late = truth(mesh, delay(450))
    assert late.error_rate == 1
    assert late.share(f"timed out {EDGE}") == 1
    assert late.latency_ms == pytest.approx(410, abs=5)


def test_retries_back_off_and_save_some():
    mesh = mesh_of(Call("b GET /x", retries=2, backoff_ms=100))
    assert truth(mesh, abort(percentage=50)).error_rate == pytest.approx(0.125, abs=0.03)
    assert truth(mesh, abort()).latency_ms == pytest.approx(313, abs=5)
    assert truth(mesh, abort(429)).share(f"retried {EDGE}") == 0


def test_a_fallback_answers_instead():
    seen = truth(mesh_of(Call("b GET /x", fallback="c GET /x")), abort())
    assert seen.error_rate == 0
    assert seen.share(f"fell back {EDGE}") == 1


def test_a_swallowed_error_is_a_200_with_a_log_line_and_an_ignored_one_is_not_even_that():
    swallowed = Laboratory(mesh_of(Call("b GET /x", on_failure="swallow"))).truth([abort()])
    ignored = Laboratory(mesh_of(Call("b GET /x", on_failure="ignore"))).truth([abort()])
    assert swallowed.error_rate == ignored.error_rate == 0
    assert swallowed.severity == pytest.approx(ignored.severity + 60 / 17)


def test_a_lenient_caller_takes_a_404_for_an_answer():
    mesh = mesh_of(Call("b GET /x", lenient=frozenset({404})))
    assert truth(mesh, abort(404)).error_rate == 0
    assert truth(mesh, abort(500)).error_rate == 1


def test_a_breaker_opens_above_its_share():
    mesh = mesh_of(Call("b GET /x", timeout_ms=400, breaker=0.5, fallback="c GET /x"))
    assert truth(mesh, delay(450, 20)).share(f"refused {EDGE}") < 0.02
    assert truth(mesh, delay(450)).share(f"refused {EDGE}") == pytest.approx(26 / 30)


def test_a_pool_fills_up_as_littles_law_says():
    mesh = mesh_of(Call("b GET /x"), pools={"b": Pool(size=4, queue_ms=500)}, load_rps=10)
    assert truth(mesh, delay(200)).latency_ms < 300
    full = truth(mesh, delay(790))
    assert full.share("no room b") == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(
    ("plan", "hit"),
    [
        (abort(target_method="GET"), 1),
        (abort(target_method="POST"), 0),
        (abort(target_path="/x"), 1),
        (abort(target_path="/y"), 0),
        (abort(parameters={"tier": "paid"}), 0.25),
    ],
)
def test_a_fault_hits_what_it_is_aimed_at(plan, hit):
    mesh = mesh_of(Call("b GET /x"), tiers={"free": 0.75, "paid": 0.25})
    assert truth(mesh, plan).error_rate == pytest.approx(hit, abs=0.04)


def test_parallel_calls_wait_for_the_slowest_and_others_for_each():
    slow, slower = Operation(100), Operation(200)
    one, other = Call("b GET /x"), Call("c GET /x")
    for stages, expected in ((((one, other),), 210), (((one,), (other,)), 310)):
        operations = {"a GET /x": Operation(10, stages), "b GET /x": slow, "c GET /x": slower}
        mesh = Mesh(operations, (Route(Call("a GET /x"), 1.0),), 100, 1000, noise=Noise(jitter=0.0))
        assert truth(mesh).latency_ms == pytest.approx(expected)


def test_a_storm_of_retries_scores_all_of_structure():
    mesh = mesh_of(Call("b GET /x", timeout_ms=400, retries=3))
    assert truth(mesh, delay(450)).severity == pytest.approx(10)
