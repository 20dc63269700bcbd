"""Write docs/report.schema.json: what `boifi report ID --format json` gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from boifi_core.findings import Catalogue
from boifi_core.models import Residual, SessionStatus
from boifi_core.session.preflight.base import Line

_PLACE = Path(__file__).resolve().parent.parent / "docs" / "report.schema.json"

_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_FAULT: dict[str, Any] = {
    "description": "One distinct fault: all trials of it together.",
    "type": "object",
    "required": ["trial", "severity", "severities", "fault", "why", "point", "plans"],
    "properties": {
        "trial": {"type": "integer", "minimum": 1},
        "severity": {"type": "number", "minimum": 0, "maximum": 10},
        "severities": {"type": "array", "items": {"type": "number"}},
        "fault": {"type": "string"},
        "why": {"type": "string"},
        "point": {"type": "object"},
        "plans": {"type": "array", "items": {"type": "object"}},
    },
}


def schema() -> dict[str, Any]:
    """The schema; fields that it does not name may be there too."""
    catalogue = Catalogue.model_json_schema(mode="serialization")
    line = Line.model_json_schema(mode="serialization")
    left = Residual.model_json_schema(mode="serialization")
    parts = catalogue.pop("$defs") | line.pop("$defs")
    # Fields that are None are left out.
    faults = {"type": "array", "items": {"$ref": "#/$defs/Fault"}}
    properties = {
        "session_id": {"type": "string"},
        "name": {"type": "string"},
        "target": {"type": "string"},
        "seed": {"type": ["integer", "null"]},
        "status": {"enum": [status.value for status in SessionStatus]},
        "reason": _TEXT,
        "created_at": {"type": "string", "format": "date-time"},
        "duration_s": {"type": "number"},
        "total_trials": {"type": "integer"},
        "trials_by_status": {"type": "object", "additionalProperties": {"type": "integer"}},
        "baseline_severity": _NUMBER,
        "first_look": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "remarks": {"type": "array", "items": {"type": "string"}},
        "best": {"anyOf": [{"$ref": "#/$defs/Fault"}, {"type": "null"}]},
        "worst": faults,
        "left": {"anyOf": [{"$ref": "#/$defs/Residual"}, {"type": "null"}]},
        "pareto_front": faults,
        "catalogue": {"$ref": "#/$defs/Catalogue"},
        "severity_by_trial": {"type": "array", "items": {"type": "object"}},
        "dimensions": {"type": "array", "items": {"type": "object"}},
        "model": {"type": "object"},
        "steps": {"type": "array", "items": {"type": "object"}},
        "errors": {"type": "array", "items": {"type": "object"}},
        "next": {"type": "array", "items": {"type": "string"}},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A BOIFI session's report",
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "$defs": {"Fault": _FAULT, "Catalogue": catalogue, "Line": line, "Residual": left, **parts},
    }


if __name__ == "__main__":
    _PLACE.write_text(json.dumps(schema(), indent=2) + "\n")
