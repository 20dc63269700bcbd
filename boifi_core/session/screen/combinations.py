"""Combinations of categories: all of them, or some of too many."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from itertools import islice, product

import numpy as np

from boifi_core.faults.plan import FaultPlan
from boifi_core.models import SeenCall
from boifi_core.session.screen.strikes import strikes
from boifi_core.space.plans import Source
from boifi_core.space.rows import Column

_MOST = 4_000
"""Of more combinations of categories, so many are drawn, beside as many of those that strike known calls."""

_ANY = {"fault_type": "abort"}


def combinations(
    codes: Sequence[Sequence[int]], columns: Sequence[tuple[Source, Column]], calls: Sequence[SeenCall]
) -> list[tuple[int, ...]]:
    """Combinations of the categories of some columns.

    Args:
        codes: which categories, of each column.
        columns: what each fills of a fault.
        calls: of more combinations than can be looked at, those that strike these are not left out.
    """
    if math.prod(map(len, codes)) <= _MOST:
        return [*product(*codes)]
    said = [_Said(*column) for column in columns]
    return _some(codes, [[each.strikes(call) for each in said] for call in calls])


def _some(codes: Sequence[Sequence[int]], striking: Sequence[Sequence[Set[int]]]) -> list[tuple[int, ...]]:
    """Some combinations of too many: those that strike known calls, and as many in which each category is as often."""
    found: list[tuple[int, ...]] = []
    for call in striking:
        mine = [[code for code in each if code in told] for each, told in zip(codes, call, strict=True)]
        is_few = math.prod(map(len, mine)) <= _MOST
        found += islice(product(*mine) if is_few else _drawn(mine, _MOST), _MOST // len(striking))
    return [*dict.fromkeys([*found, *_drawn(codes, _MOST)])]


def _drawn(codes: Sequence[Sequence[int]], n: int) -> list[tuple[int, ...]]:
    """So many combinations, in which each category is as often as others of its dimension."""
    rng = np.random.default_rng(0)
    return [*zip(*(rng.permutation(np.resize(mine, n)).tolist() for mine in codes), strict=True)]


class _Said:
    """What the categories of one dimension say of where a fault strikes."""

    def __init__(self, source: Source, column: Column) -> None:
        is_place = source.field in ("target_service", "target_path", "target_method")
        told = column.values if is_place else ()
        self._n = len(column.values)
        self._plans = [FaultPlan.read({**_ANY, source.field: value}) if value else None for value in told]

    def strikes(self, call: SeenCall) -> Set[int]:
        """The categories that do not keep a fault from striking this call."""
        kept_out = {code for code, plan in enumerate(self._plans) if plan is not None and not strikes(plan, call)}
        return {*range(self._n)} - kept_out
