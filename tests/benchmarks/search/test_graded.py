"""What the graded profile makes of simulated windows."""

import pytest

from benchmarks.search import graded
from benchmarks.search.landscape import Reading


def reading(**signals):
    healthy = {"bug_score": 0.0, "performance_score": 0.0, "structure_score": 0.0, "latency_ms": 10, "error_rate": 0.0}
    return Reading(0.0, healthy | signals)


def test_few_failures_differ_from_many_though_the_plan_scores_them_alike():
    few, many = (graded.regraded(reading(bug_score=3.0, error_rate=share), (50, 500)) for share in (0.05, 0.4))
    assert 1 < few.severity < many.severity - 2
    assert few.signals["error_rate"] == 0.05
    assert few.severity == pytest.approx(10 * few.signals["bug_score"] / 17)


def test_a_line_in_the_log_and_a_slow_answer_count():
    assert graded.regraded(reading(bug_score=6.0), (50, 500)).signals["bug_score"] == 1.5
    assert graded.regraded(reading(latency_ms=950), (50, 500)).signals["performance_score"] == 9.5


def test_there_is_a_row_for_each_profile():
    (table,) = graded.measure(seeds=1, landscapes=graded.MESHES[:1], trials=30)
    name = graded.MESHES[0].name
    plan, graded_, difference, *rest = table.rows
    assert [row[:2] for row in (plan, graded_, *rest)] == [(n, how) for n in ("all", name) for how in graded.PROFILES]
    assert difference[:2] == ("all", "graded less plan")
    assert [float(cell.split(" ± ")[0]) for cell in difference[2:]] == pytest.approx(
        [float(other) - float(one) for one, other in zip(plan[2:], graded_[2:], strict=True)], abs=0.011
    )
    assert table.columns == ("landscape", "profile", "regret after 30", "failures after 30")
    assert all(float(cell) >= -0.01 for row in (plan, graded_, *rest) for cell in row[2:])
