"""Fewer faults."""

from __future__ import annotations

from boifi_core.findings.passes.base import Base


def fewer(base: Base) -> None:
    """Leave out one fault after the other: what is left needs each of its faults (1-minimal).

    Source: Zeller & Hildebrandt (2002), Simplifying and isolating failure-inducing input, IEEE Trans. Software
    Engineering 28, 183-200; with the two or three faults of a trial, halves are single faults.
    """
    index = 0
    while len(base.plans) > 1 and index < len(base.plans):
        without = base.plans[:index] + base.plans[index + 1 :]
        if base.shows(without):
            base.dropped.append(str(base.plans[index]))
            base.plans = without
        else:
            index += 1
