"""Sessions to report on."""

import random
from typing import Any

from histories import Axis, trial_of
from observations import NOON, observed, span, trace

from boifi_core.analyzer import AnalyzerService
from boifi_core.faults.plan import FaultPlan
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.evidence import Evidence
from boifi_core.models import Trial
from boifi_core.report import ReportInput

EVIL = '<img src=x onerror=alert(1)> | `*_[x](javascript:alert(1))\n# no "heading" ]]> \x00\x1b'

PATHS = ("/ratings", "/reviews", "/details")
DIMENSIONS = (
    Axis("fault_type", values=("delay", "abort")),
    Axis("target_path", values=(*PATHS, "/never")),
    Axis("percentage", "integer", low=10, high=100),
    Axis("delay_ms", "integer", low=100, high=8000),
    Axis("abort_status_code", values=(429, 503)),
)
BASELINE = observed(latency_ms=35, trace_data=trace(span("r", "GET /", service="gateway"), span("a", "get", "r")))
SHOP = (span("r", "GET /", service="gateway"), span("a", "get", "r", service="ratings", status="error"))


def session(n: int = 40, seed: int = 1) -> tuple[Trial, ...]:
    """Trials of a target that answers 503 when most requests to /ratings are aborted, and is slow when delayed."""
    chance = random.Random(seed)
    analyzer = AnalyzerService()
    trials = []
    for number in range(1, n + 1):
        point: dict[str, Any] = {
            "fault_type": chance.choice(["delay", "abort"]),
            "target_path": chance.choice(PATHS),
            "percentage": chance.randint(10, 100),
        }
        if point["fault_type"] == "delay":
            point["delay_ms"] = chance.randint(100, 8000)
        else:
            point["abort_status_code"] = chance.choice([429, 503])
        if number % 13 == 0:
            why = "no observation newer than the policy within 30 s"
            trials.append(trial_of(number, None, status="skipped", reason=why, point=point))
            continue
        observation = _observe(point)
        score = analyzer.calculate_severity(observation, BASELINE)
        plans = (FaultPlan(**point),)
        trials.append(trial_of(number, 0.0, point=point, plans=plans, observation=observation, score=score))
    return tuple(trials)


def _observe(point: dict[str, Any]) -> Any:
    if point["fault_type"] == "delay":
        return observed(latency_ms=35 + point["delay_ms"] * point["percentage"] / 100)
    share = point["percentage"] / 100
    if point["target_path"] == "/ratings" and share > 0.5:
        return observed(status_code=503, error_rate=share, trace_data=trace(*SHOP))
    return observed(error_rate=share / 2)


def evil_session(evil: str = EVIL, **fields: Any) -> ReportInput:
    """A target whose every text is hostile."""
    point = {"fault_type": evil, "target_path": evil, "percentage": 50}
    data = trace(
        span("1", evil, service=evil, status="error"), span("2", evil, "1", service="b" + evil, status="error")
    )
    observation = observed(status_code=503, logs=("ERROR " + evil,), trace_data=data, degraded=(evil,))
    plans = (FaultPlan(fault_type="abort", target_path=evil, error_message=evil, headers={evil: evil}),)
    score = AnalyzerService().calculate_severity(observation)
    trial = trial_of(1, 9.0, point=point, plans=plans, observation=observation, score=score, status="degraded")
    trials = (trial, trial_of(2, None, reason=evil))
    return report_of(trials, **{"name": evil, "target": evil, "reason": evil, "status": "FAILED", **fields})


def report_of(trials: tuple[Trial, ...], **fields: Any) -> ReportInput:
    """The report on these trials."""
    whole = {
        "session_id": "3f2a9c1e-0000-4000-8000-000000000000",
        "name": "ratings-delay",
        "target": "HFI at http://127.0.0.1:8080",
        "seed": 7,
        "created_at": NOON,
        "status": "COMPLETED",
        "reason": None,
        "total_trials": max(len(trials), 1),
        "baseline": BASELINE,
        "baseline_severity": 0.0,
        "trials": trials,
        "dimensions": DIMENSIONS,
    }
    whole |= fields
    normal = () if whole["baseline"] is None else (whole["baseline"],)
    evidence = Evidence(normal, whole["baseline_severity"] or 0.0)
    found = catalogue(trials, evidence, session_id=whole["session_id"], dimensions=whole["dimensions"])
    return ReportInput(**({"catalogue": found} | whole))
