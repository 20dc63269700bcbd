"""Figures and tests of made-up runs, worked out by hand."""

import math
from dataclasses import replace

import pytest
from tiny_landscape import TINY

from benchmarks.search import quick, ranks, report
from benchmarks.search.figures import (
    Mean,
    figures_of,
    mean_of,
    modes_by_landscape,
    over_landscapes,
    regret,
    trials_to_near,
)
from benchmarks.search.results import Result

LANDSCAPES = {"a": replace(TINY, name="a", optimum=10.0), "b": replace(TINY, name="b", optimum=8.0, smooth=False)}
HALF = report.Half("Tuning", LANDSCAPES)


def made(landscape, seed, recommended, truth=(), **other):
    """A run; `recommended` are the truths after 30, 60 and 100 trials."""
    after = dict(zip((30, 60, 100), recommended, strict=True))
    fields = {"peer": "p", "trials": 100, "code": "c", "modes": {}, "propose_ms": (1.0, 2.0), "record_ms": (3.0, 4.0)}
    return Result(landscape=landscape, seed=seed, recommended=after, truth=tuple(truth), **{**fields, **other})


RUNS = [
    made("a", 0, (5, 8, 10), (5, 9.5), r2=0.9, modes={"slow": 1, "never": 2}),
    made("a", 1, (3, 6, 9.4), (9.4, 0), r2=0.7),
    made("b", 0, (8, 8, 7.6), (0, 0, 0, 7.6), r2=0.1, propose_ms=(2.0, 9.0)),
    made("b", 1, (0, 0, 0), (0,), failed="given up", propose_ms=(3.0, 9.0)),
]


def test_figures_worked_out_by_hand():
    found = figures_of(RUNS, LANDSCAPES)
    # On a: 5 and 7, 2 and 4, 0 and 0.6; on b: 0 and 8, 0 and 8, 0.4 and 8.
    assert [mean.value for mean in found.regret.values()] == pytest.approx([5.0, 3.5, 2.25])
    # Standard errors at 30: 1 on a, 4 on b, so half of the root of 17.
    assert found.regret[30].error == pytest.approx(math.sqrt(17) / 2)
    assert found.median_trials == math.inf
    assert (found.met, found.named) == (0.5, 0.5)
    assert found.propose_ms == (1.5, 5.5)
    assert found.record_ms == (3.0, 4.0)
    assert found.r2 == pytest.approx((0.8, 0.1))


def test_trials_to_a_point_near_the_optimum():
    assert [trials_to_near(run, LANDSCAPES[run.landscape].optimum) for run in RUNS] == [2, math.inf, 4, math.inf]


def test_what_a_longer_run_met_later_does_not_count():
    late = made("a", 0, (5, 8, 10), (*([0.0] * 110), 10.0), trials=150)
    assert trials_to_near(late, 10.0) == math.inf


def test_distinct_failures_are_counted_within_the_budget_by_runs_that_are_long_enough():
    runs = [made("a", seed, (0, 0, 0), modes={"early": 30, "late": 31 + seed}, trials=150) for seed in (0, 100)]
    runs += [made("b", 0, (0, 0, 0), modes={"early": 1})]
    found = {after: modes_by_landscape(runs, LANDSCAPES, after) for after in (30, 60, 150)}
    assert {name: mean.value for name, mean in found[30].items()} == {"a": 1.0, "b": 1.0}
    assert found[60]["a"].value == 1.5
    assert {name: mean.value for name, mean in found[150].items()} == {"a": 2.0}


def test_tables_tell_the_failures_met_beside_chance_and_whether_that_is_luck():
    def runs(by_trial):
        return [
            made(name, seed, (0, 0, 0), modes={str(n): n for n in by_trial}, trials=150)
            for name in LANDSCAPES
            for seed in range(5)
        ]

    told = report.tables(HALF, {"BOIFI both": runs((3, 40, 70)), "random": runs((25, 90))})
    means, tests = told[1:3]
    assert means.rows[0][2:] == (
        "1.00 ± 0.00", "2.00 ± 0.00", "3.00 ± 0.00", "3.00 ± 0.00", "1.00", "2.00", "1.50", "1.50",
    )  # fmt: skip
    assert tests.title == "Tuning: distinct failures that BOIFI both met, less each peer's (Wilcoxon, Holm)"
    random, *cells = tests.rows[0]
    assert (random, cells[:2]) == ("random", ["+0.00", "0 / 0 of 10"])
    assert cells[3:5] == ["+1.00", "10 / 0 of 10"]
    assert float(cells[5]) < 0.01


def test_a_peer_with_short_runs_has_no_figure_for_the_longest_budget():
    runs = {"BOIFI": [made(name, 0, (0, 0, 0), trials=150) for name in LANDSCAPES], "random": RUNS[:3]}
    means = report.tables(HALF, runs)[1]
    assert [row[5] for row in means.rows] == ["0.00", "–"]


def test_regret_of_a_run_that_ended_early_is_that_of_its_last_recommendation():
    short = replace(RUNS[0], recommended={10: 2.0, 20: 4.0})
    assert regret(short, 10.0, 100) == 6.0
    assert regret(short, 10.0, 5) == 10.0


def test_a_single_run_has_no_standard_error():
    assert math.isnan(mean_of([2.0]).error)
    assert mean_of([1.0, 3.0]) == Mean(2.0, 1.0, 2)
    assert over_landscapes({"a": Mean(1.0, 3.0, 5), "b": Mean(2.0, 4.0, 5)}) == Mean(1.5, 2.5, 10)


def test_ranks_are_of_blocks_that_all_have():
    regrets = {
        "x": {("a", 0): 1.0, ("a", 1): 1.0, ("a", 2): 0.0},
        "y": {("a", 0): 2.0, ("a", 1): 1.0004},
        "z": {("a", 0): 3.0, ("a", 1): 0.5, ("b", 0): 0.0},
    }
    found = ranks.ranking(regrets)
    assert found.blocks == 2
    assert found.mean_rank == {"x": 1.75, "y": 2.25, "z": 2.0}
    assert 0 < found.friedman_p <= 1


def test_friedmans_p_of_a_clear_order():
    # Three peers in the same order in all of 4 blocks: chi-squared is 8 with 2 degrees of freedom, p = exp(-4).
    regrets = {name: {("a", seed): value for seed in range(4)} for name, value in (("x", 1.0), ("y", 2.0), ("z", 3.0))}
    assert ranks.ranking(regrets).friedman_p == pytest.approx(math.exp(-4))


def test_holm_counts_the_smallest_most():
    assert ranks.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert ranks.holm([0.5, 0.9]) == [1.0, 1.0]
    assert ranks.holm([]) == []


def test_duels_tell_differences_wins_and_losses():
    ours = {("a", seed): float(seed) for seed in range(10)}
    regrets = {
        "us": ours,
        "worse": {block: value + 1 + 0.1 * value for block, value in ours.items()},
        "same": dict(ours),
        "apart": {("c", 0): 1.0},
    }
    found = ranks.duels(regrets, "us")
    assert list(found) == ["worse", "same"]
    worse = found["worse"]
    assert (worse.blocks, worse.wins, worse.losses) == (10, 10, 0)
    assert worse.difference == pytest.approx(-1.45)
    # All ten of one sign: z = 27.5 / sqrt(10 · 11 · 21 / 24).
    assert worse.p == pytest.approx(math.erfc(27.5 / math.sqrt(96.25) / math.sqrt(2)))
    assert worse.holm_p == pytest.approx(2 * worse.p)
    assert found["same"].p == found["same"].holm_p == 1.0


def test_tables_tell_wins_and_losses_alike():
    good = [made("a", seed, (9, 9, 9 + 0.2 * seed)) for seed in range(4)]
    good += [made("b", seed, (1, 1, 1 + 0.2 * seed)) for seed in range(4)]
    bad = [made("a", seed, (2, 2, 2 + 0.2 * seed)) for seed in range(4)]
    bad += [made("b", seed, (7, 7, 7 + 0.2 * seed)) for seed in range(4)]
    runs = {"BOIFI": good, "BOIFI forest EI": good, "random": bad, "genetic": bad[:4]}
    means, _modes, _tests, rank, by_landscape, best, tests = report.tables(HALF, runs)
    assert [row[0] for row in means.rows] == list(runs)
    assert [row[1] for row in means.rows] == ["8", "8", "8", "4, on 1 landscapes only"]
    assert means.rows[0][1:5] == ("8", "4.00 ± 0.00", "4.00 ± 0.00", "3.70 ± 0.09")
    assert "BOIFI forest EI" not in [row[0] for row in rank.rows]
    assert by_landscape.rows[2] == ("random", "8.0 / 8.0 / 7.7", "1.0 / 1.0 / 0.7")
    assert by_landscape.rows[3] == ("genetic", "8.0 / 8.0 / 7.7", "–")
    assert best.rows[0][4:] == ("0.70", "random 7.70", "-7.00 ± 0.18 better")
    assert best.rows[1][4:] == ("6.70", "random 0.70", "+6.00 ± 0.18 worse")
    assert tests.rows[0][:3] == ("random", "-0.50", "4 / 4 of 8")
    assert tests.rows[1][:3] == ("genetic", "-7.00", "4 / 0 of 4")


def test_a_half_without_runs_tells_nothing():
    assert report.tables(HALF, {"random": [made("elsewhere", 0, (1, 1, 1))]}) == []


def test_runs_that_ended_early_are_counted():
    [means, *_] = report.tables(HALF, {"random": RUNS})
    assert means.rows[0][1] == "4, 1 ended early"


def test_the_report_says_who_got_fewer_seeds():
    line = report.measured_on({"BOIFI": [replace(run, versions={"numpy": "2"}) for run in RUNS], "Ax": RUNS[:1]})
    assert line == "in 5 runs of 100 trials; 2 seeds (slow ones fewer: Ax 1); numpy 2"


def test_a_slow_peer_gets_half_the_seeds_of_a_quick_run():
    units = quick.planned(["random", "skopt RF"], ["lure"])
    assert [(unit.peer, unit.seed) for unit in units] == [("random", 0), ("random", 1), ("skopt RF", 0)]


def test_quick_runs_agree_with_those_that_are_kept_or_do_not():
    runs = {"random": [made(name, seed, (5, 5, 5 + seed)) for name in LANDSCAPES for seed in range(3)]}
    near = {"random": [made(name, 0, (5, 5.5, 6.5)) for name in LANDSCAPES]}
    far = {"random": [made(name, 0, (5, 5, 0)) for name in LANDSCAPES]}
    assert quick.compared(HALF, near, runs).rows[0][5:] == ("2.50", "3.00 agrees")
    assert quick.compared(HALF, far, runs).rows[0][5:] == ("9.00", "3.00 differs")
    assert quick.compared(HALF, near, {}).rows[0][5:] == ("2.50", "not kept")
