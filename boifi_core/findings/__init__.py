"""From trials to findings: what breaks, how, how sure that is, and the smallest fault that does it."""

from boifi_core.findings.models import (
    MINIMISE,
    SAMPLE,
    VERIFY,
    Bound,
    Catalogue,
    Confirmation,
    Fact,
    FactKind,
    FailureMode,
    FrontierPoint,
    MinimalFault,
    Reading,
    Threshold,
    Verdict,
    is_for_good,
)

__all__ = [
    "MINIMISE",
    "SAMPLE",
    "VERIFY",
    "Bound",
    "Catalogue",
    "Confirmation",
    "Fact",
    "FactKind",
    "FailureMode",
    "FrontierPoint",
    "MinimalFault",
    "Reading",
    "Threshold",
    "Verdict",
    "is_for_good",
]
