"""Compares what the program says now with what 0.1.0 said; `GOLDEN=record` in the environment writes that anew."""

from __future__ import annotations

import json
import os
import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parent / "data" / "said"

ROUNDING = 1e-6
"""By how much numbers may differ: linear algebra rounds differently from processor to processor."""

_LONG = r"-?\d+\.\d{8,}(?:e-\d+)?"


def without_code_of_addresses(report: str) -> str:
    """A report in Markdown as 0.1.0 wrote it, which let a reader make links of addresses."""
    return re.sub(r"`(https?://[^`]*)`", r"\1", report)


def same_text(name: str, now: str) -> None:
    """This text is what the file of that name holds, but for rounding in numbers of many digits."""
    if _recorded(name, now):
        return
    lines = zip_longest(now.splitlines(), (DATA / name).read_text().splitlines(), fillvalue="")
    for number, (one, other) in enumerate(lines, start=1):
        if one != other:
            where = f"{name}, line {number}"
            assert re.sub(_LONG, "NUMBER", one) == re.sub(_LONG, "NUMBER", other), where
            alike([*map(float, re.findall(_LONG, one))], [*map(float, re.findall(_LONG, other))], where)


def same_json(name: str, now: Any) -> None:
    """This value is what the file of that name holds, as JSON, but for rounding."""
    now = json.loads(json.dumps(now))
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in now) if isinstance(now, list) else ""
    text = f"[\n{lines}\n]\n" if lines else json.dumps(now, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    if _recorded(name, text):
        return
    alike(now, json.loads((DATA / name).read_text()))


def alike(now: Any, then: Any, where: str = "$", rounding: float = ROUNDING) -> None:
    """Two values of JSON are the same but for rounding."""
    if isinstance(now, dict) and isinstance(then, dict):
        assert now.keys() == then.keys(), where
        for name in then:
            alike(now[name], then[name], f"{where}.{name}", rounding)
    elif isinstance(now, list) and isinstance(then, list):
        for number, (one, other) in enumerate(zip(now, then, strict=False)):
            alike(one, other, f"{where}[{number}]", rounding)
        assert len(now) == len(then), where
    elif isinstance(now, float) and isinstance(then, float):
        assert now == pytest.approx(then, abs=rounding), where
    else:
        assert (type(now), now) == (type(then), then), where


def masked(text: str, **parts: Any) -> str:
    """The text with names in place of what differs from run to run: each part's value by the part's name."""
    for name, part in parts.items():
        text = text.replace(str(part), name.upper())
    text = re.sub(r"(?m)^(prefect +)\S+", r"\1URL", text.replace(" --out DATA", ""))
    # A trial's line tells how much time is left.
    return re.sub(r"(?m)^(.{4}/.{4}  .{8}  .{4}  ) *\d+ (?:s|min \d+ s)  ", r"\1LEFT  ", text)


def _recorded(name: str, text: str) -> bool:
    if os.environ.get("GOLDEN") != "record":
        return False
    DATA.mkdir(parents=True, exist_ok=True)
    (DATA / name).write_text(text)
    return True
