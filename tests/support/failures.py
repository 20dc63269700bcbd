"""Trials that failed in known ways, and their catalogue."""

from histories import Axis, trial_of
from meshes import page, unanswered, window

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import VERIFY
from boifi_core.findings.catalogue import catalogue
from boifi_core.findings.evidence import Evidence
from boifi_core.models import Choice, Control, Near, Phase

ID = "3f2a9c1e-0000-4000-8000-000000000000"
DIMENSIONS = (
    Axis("fault_type", values=("delay", "abort")),
    Axis("target_service", values=("reviews", "stock")),
    Axis("percentage", "integer", low=10, high=100),
    Axis("delay_ms", "integer", low=10, high=500),
)
HEALTHY = window(latency_ms=40)
NO_REVIEWS = window(
    page(reviews=unanswered("r", "g", "reviews", "GET /reviews/1", 41, 0), code=502),
    error_rate=0.4,
    logs=("This page is not available.",),
)
LATE = window(page(ms=400), latency_ms=400)


def tried(number, observation=NO_REVIEWS, severity=6.0, service="reviews", delay_ms=100, **fields):
    point = {"fault_type": "delay", "target_service": service, "percentage": 60, "delay_ms": delay_ms}
    return trial_of(number, severity, point=point, plans=(FaultPlan(**point),), observation=observation, **fields)


def verifying(number, of=1, control=0.0, **fields):
    why = Choice(reason=VERIFY, nearest=(Near(trial=of, severity=6.0),))
    return tried(number, phase=Phase.CONFIRM, why=why, control=Control(observation=HEALTHY, severity=control), **fields)


def found(*trials):
    return catalogue(trials, Evidence((HEALTHY,)), session_id=ID, dimensions=DIMENSIONS)
