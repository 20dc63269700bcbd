"""`baseline.json`: the target without a fault, as its session last saw it, and what that makes of the thresholds."""

from __future__ import annotations

import json
from typing import Any

from boifi_core.analyzer import AnalyzerConfig
from boifi_core.findings.evidence import Evidence
from boifi_core.models import RawObservation
from boifi_core.session.folder import SessionFolder

FILE = "baseline.json"


def keep_baseline(folder: SessionFolder, typical: RawObservation, evidence: Evidence, analyzer: AnalyzerConfig) -> None:
    """Write the fault-free observations, the one that stands for them, and the thresholds that they were scored by."""
    data = {
        "severity": evidence.baseline_severity,
        "observation": typical.model_dump(mode="json"),
        "observations": [each.model_dump(mode="json") for each in evidence.fault_free],
        "analyzer": analyzer.model_dump(mode="json"),
    }
    folder.files.write(FILE, json.dumps(data, indent=2, ensure_ascii=False).encode())


def stored_baseline(folder: SessionFolder) -> tuple[RawObservation | None, float | None]:
    """The target without a fault, and its severity; None where it was not observed."""
    data = _read(folder)
    return (None, None) if data is None else (RawObservation.model_validate(data["observation"]), data["severity"])


def stored_evidence(folder: SessionFolder) -> Evidence:
    """What tells this session's failures from what its target does anyway."""
    data = _read(folder)
    if data is None:
        return Evidence()
    # Sessions from before all of them were kept have the one that stands for them.
    kept = data.get("observations") or [data["observation"]]
    return Evidence(tuple(RawObservation.model_validate(each) for each in kept), data["severity"] or 0.0)


def stored_thresholds(folder: SessionFolder) -> AnalyzerConfig | None:
    """The analyzer's config with the thresholds that the session's trials were scored by; None where none is kept."""
    data = _read(folder) or {}
    return AnalyzerConfig.read(data["analyzer"], "analyzer") if "analyzer" in data else None


def _read(folder: SessionFolder) -> dict[str, Any] | None:
    """What `keep_baseline` wrote; None where it is not there, or damaged: then the next run of the session sees anew.

    What was normal when the session's first trials were made is lost then, so its failures are told by what is now.
    """
    try:
        data: dict[str, Any] = json.loads(folder.files.read(FILE))
        for each in (data["observation"], *(data.get("observations") or ())):
            RawObservation.model_validate(each)
        if "analyzer" in data:
            AnalyzerConfig.read(data["analyzer"], "analyzer")
        float(data["severity"] or 0.0)
    except FileNotFoundError:
        return None
    except (IsADirectoryError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return data
