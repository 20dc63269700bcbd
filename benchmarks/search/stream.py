"""Random numbers by name: fresh ones for a reading, the same ones every time for the truth."""

from __future__ import annotations

import zlib
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class Stream(Protocol):
    """Where a simulation takes its chance from."""

    def uniform(self, key: str) -> Numbers:
        """One number in 0..1 for each request, for the event named `key`."""

    def normal(self, key: str) -> Numbers:
        """One standard normal number for each request."""


class Fresh:
    """Numbers drawn when they are first asked for; the passes over one window share them."""

    def __init__(self, rng: np.random.Generator, n: int) -> None:
        self._rng = rng
        self._n = n
        self._known: dict[str, Numbers] = {}

    def uniform(self, key: str) -> Numbers:
        if (numbers := self._known.get(key)) is None:
            numbers = self._known[key] = self._rng.random(self._n)
        return numbers

    def normal(self, key: str) -> Numbers:
        if (numbers := self._known.get(f"~{key}")) is None:
            numbers = self._known[f"~{key}"] = self._rng.standard_normal(self._n)
        return numbers


class Fixed:
    """The same numbers for the same key, so that two points differ by their faults alone."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._known: dict[str, Numbers] = {}

    def uniform(self, key: str) -> Numbers:
        if (numbers := self._known.get(key)) is None:
            numbers = self._known[key] = np.random.default_rng(zlib.crc32(key.encode())).random(self._n)
        return numbers

    def normal(self, key: str) -> Numbers:
        if (numbers := self._known.get(f"~{key}")) is None:
            rng = np.random.default_rng(zlib.crc32(key.encode()))
            numbers = self._known[f"~{key}"] = rng.standard_normal(self._n)
        return numbers
