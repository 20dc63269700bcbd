"""Valid rows next to a given one."""

from __future__ import annotations

import numpy as np

from boifi_core.space.layout import Layout
from boifi_core.space.rows import Column, Mask, Rows
from boifi_core.space.sampling import settle

_STEPS = (0.02, 0.08, 0.25)
"""Standard deviations of a numeric step, as shares of the whole range: near, middling, far."""

_TWO_CHANGES = 0.25
"""How often a second dimension changes along."""


def neighbour_rows(layout: Layout, rows: Rows, rng: np.random.Generator) -> Rows:
    """One neighbour for each of `rows`; fewer where a change led to nothing valid or nothing new.

    One or two dimensions change: a category to another one, a number by a step of a random scale. Dimensions that come
    into being thereby are drawn.
    """
    n = len(rows)
    drawn = np.where(np.isnan(rows), layout.draw(rng, n), rows)
    changes = _which_change(layout, rows, rng)
    for index, column in enumerate(layout.columns):
        mine = np.flatnonzero(changes[:, index])
        drawn[mine, index] = _changed(column, drawn[mine, index], rng)
    settled = settle(layout, rng, drawn)
    same: Mask = ((settled == rows) | (np.isnan(settled) & np.isnan(rows))).all(axis=1)
    found: Rows = settled[layout.valid(settled) & ~same]
    return found


def _which_change(layout: Layout, rows: Rows, rng: np.random.Generator) -> Mask:
    """Shape like `rows`: one or two true entries in each, among the present dimensions that have a choice."""
    n, width = rows.shape
    has_choice = np.array([column.high > column.low for column in layout.columns])
    ranks = np.where(~np.isnan(rows) & has_choice, rng.random((n, width)), np.inf)
    order = np.argsort(ranks, axis=1)
    changes = np.zeros((n, width), bool)
    changes[np.arange(n), order[:, 0]] = True
    if width > 1:
        twice = np.flatnonzero(rng.random(n) < _TWO_CHANGES)
        changes[twice, order[twice, 1]] = True
    return changes & np.isfinite(ranks)


def _changed(column: Column, entries: Rows, rng: np.random.Generator) -> Rows:
    n = len(entries)
    if column.is_categorical:
        return (entries + rng.integers(1, max(2, len(column.values)), n)) % len(column.values)
    unit = column.to_unit(entries) + rng.choice(_STEPS, n) * rng.standard_normal(n)
    # Reflected, not clipped: clipping would pile half of the neighbours of an edge onto the edge itself.
    moved = column.nearest(1 - np.abs(1 - np.abs(unit) % 2))
    if not column.grain:
        return moved
    one = np.where(rng.random(n) < 0.5, -column.grain, column.grain)
    one[entries == column.low], one[entries == column.high] = column.grain, -column.grain
    return np.where(moved == entries, column.taken(entries + one, np.round), moved)
