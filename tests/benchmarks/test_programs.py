"""Each benchmark runs, in the small, and measures what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import demo, hostile, optimizer, overhead, scoring
from benchmarks.memory import children_of, memory_of
from benchmarks.spaces import severity, space_of
from boifi_core.analyzer import AnalyzerService

ROOT = Path(__file__).resolve().parent.parent.parent


def figures(cell):
    """The median and the 95th percentile that a cell tells."""
    found = re.fullmatch(r"(\d+\.\d) / (\d+\.\d)( missed)?", cell)
    assert found, cell
    return float(found[1]), float(found[2])


def test_the_optimizer_is_timed_beside_scikit_optimize():
    [table] = optimizer.measure(dimensions=(5,), trials=(12,), repeats=1)
    assert [row[:3] for row in table.rows] == [("5", "12", name) for name in ("BOIFI", "skopt RF", "skopt ET")]
    ours, *theirs = table.rows
    assert ours[-1] == ""
    for row in table.rows:
        for cell in row[3:7]:
            median, p95 = figures(cell)
            assert 0 < median <= p95
    for row in theirs:
        assert float(row[-1]) == pytest.approx(figures(row[6])[0] / figures(ours[6])[0], rel=0.05, abs=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_hostile_traces_are_measured_one_by_one(monkeypatch):
    monkeypatch.setattr(hostile, "HOSTILE", {"two spans": lambda: '{"spans": [{}, {}]}', "none": lambda: "[" * 100_000})
    [table] = hostile.measure()
    assert [(row[0], row[3]) for row in table.rows] == [
        ("two spans", "read"),
        ("none", "trace_data: must be JSON: nested too deep"),
    ]
    assert all(0 <= float(row[1]) < 2 and 0 <= float(row[2]) < 200 for row in table.rows)


def test_spaces_have_as_many_dimensions_as_asked_for_and_scores_that_differ():
    rng = np.random.default_rng(1)
    for dimensions in (5, 20):
        space = space_of(dimensions)
        assert len(space.dimensions) == dimensions
        scores = [severity(point) for point in space.sample(rng, 200)]
        assert 0 <= min(scores) < max(scores) <= 10
    with pytest.raises(ValueError, match="multiple of 5, got 7"):
        space_of(7)


def test_scores_are_timed_by_number_of_spans():
    [table] = scoring.measure(spans=(10, 1000), repeats=3)
    (few, few_ms, few_aim), (many, many_ms, many_aim) = table.rows
    assert (few, few_aim, many, many_aim) == ("10", "< 5", "1000", "")
    assert figures(few_ms)[0] < figures(many_ms)[0]


def test_what_is_scored_differs_from_its_baseline_in_every_respect():
    score = AnalyzerService().calculate_severity(
        scoring._observed(100, fault=True), scoring._observed(100, fault=False)
    )
    assert min(score.bug_score, score.performance_score, score.structure_score) > 0


def test_a_trials_overhead_is_measured_with_prefect_and_without():
    before = set(children_of(os.getpid()))
    times, memory = overhead.measure(trials=3)
    ways = ("with Prefect", "with a stock Prefect server", "without")
    assert [row[:2] for row in times.rows] == [(way, "3") for way in ways]
    for _, _, over, of_optimizer, _ in times.rows:
        assert figures(over)[0] > figures(of_optimizer)[0]
    assert [row[0] for row in memory.rows] == ["session, with Prefect", "Prefect server", "session, without"]
    for _, pss, rss, peak, _ in memory.rows:
        pss_mb, rss_mb, peak_mb = (float(cell.removesuffix(" missed")) for cell in (pss, rss, peak))
        assert 50 < pss_mb <= rss_mb <= peak_mb
    assert set(children_of(os.getpid())) <= before


def test_a_session_and_random_search_find_something_in_the_shop():
    assert demo.best_severity(1, 3, random=False) > 0
    assert demo.best_severity(1, 3, random=True) > 0


def test_searches_are_compared_by_how_many_seeds_come_near_the_highest():
    best = {"BOIFI": {1: 9.0, 2: 8.9}, "random search": {1: 3.0, 2: 10.0, 3: 4.0}}
    summary, each = demo.tables(best, highest=10.0, trials=7)
    assert [row[:4] for row in summary.rows] == [("BOIFI", "2", "1", "8.95"), ("random search", "3", "1", "4.00")]
    assert each.rows[1] == ("BOIFI", "2", "8.90", "89%")
    assert len(each.rows) == 5


def test_a_processs_memory_is_told_as_linux_tells_it():
    ballast = b"x" * 30_000_000
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in children_of(os.getpid())
        ours, theirs = memory_of(os.getpid()), memory_of(child.pid)
    finally:
        child.communicate(b"\n")
    assert 0 < theirs.pss_mb <= theirs.rss_mb <= theirs.peak_mb < ours.rss_mb
    assert ours.pss_mb > len(ballast) / 1_000_000


def test_an_unknown_name_is_refused_before_anything_is_measured():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "scoring", "speed"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "demo, findings, applications, got speed" in done.stderr
    assert "measuring" not in done.stdout


def test_options_of_one_benchmark_are_refused_for_others():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "scoring", "--tracing", "otel"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--tracing, --objective and --quick are for findings alone" in done.stderr
