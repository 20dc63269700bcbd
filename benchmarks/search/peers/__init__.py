"""All that is compared, by name; a library is imported only when its peer is made."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.search.peers.base import Peer
from boifi_core.space import SearchSpace


@dataclass(frozen=True)
class Kind:
    """How a peer is made, and how often it can be measured.

    Attributes:
        module, factory: where its class is, in this package.
        options: beside space and seed.
        needs: the distributions that it consists of; their versions are part of a result.
        seeds: how many of the seeds 0, 1, … it is given: fewer where a trial takes long.
        is_quick: whether `--quick` measures it.
    """

    module: str
    factory: str
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    seeds: int = 10
    is_quick: bool = False

    def make(self, space: SearchSpace, seed: int) -> Peer:
        """A new search of `space`."""
        module = importlib.import_module(f"{__name__}.{self.module}")
        made: Peer = getattr(module, self.factory)(space, seed, **self.options)
        return made

    @property
    def missing(self) -> tuple[str, ...]:
        """What it needs and is not installed."""
        return tuple(name for name in self.needs if _version(name) is None)

    @property
    def versions(self) -> dict[str, str]:
        """Of what it needs, where installed."""
        return {name: found for name in self.needs if (found := _version(name)) is not None}


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


OURS: dict[str, Kind] = {
    "BOIFI": Kind("boifi", "Boifi", is_quick=True),
    "BOIFI with signals": Kind("boifi", "Boifi", {"signals": True}, is_quick=True),
    "BOIFI forest EI": Kind("boifi", "Boifi", {"surrogate": "forest", "acquisition_func": "ei"}),
    "BOIFI forest UCB": Kind("boifi", "Boifi", {"surrogate": "forest", "acquisition_func": "ucb"}),
}
"""BOIFI; the first is its default, told the score alone as all others are."""

_SKOPT = ("scikit-optimize",)
_GP_NEEDS = ("optuna", "torch")

OTHERS: dict[str, Kind] = {
    "random": Kind("random_search", "RandomSearch", is_quick=True),
    "genetic": Kind("genetic", "GeneticSearch", is_quick=True),
    "Optuna TPE": Kind("optuna_search", "OptunaSearch", {"sampler": "tpe"}, ("optuna",), is_quick=True),
    "Optuna TPE grouped": Kind("optuna_search", "OptunaSearch", {"sampler": "tpe-grouped"}, ("optuna",)),
    "skopt ET": Kind("scikit_optimize", "ScikitOptimize", {"estimator": "ET"}, _SKOPT, 3, is_quick=True),
    "skopt RF": Kind("scikit_optimize", "ScikitOptimize", {"estimator": "RF"}, _SKOPT, 3, is_quick=True),
    "SMAC3": Kind("smac3", "Smac", needs=("smac", "ConfigSpace"), seeds=1),
    "skopt GP": Kind("scikit_optimize", "ScikitOptimize", {"estimator": "GP"}, _SKOPT, seeds=1),
    "Optuna GP": Kind("optuna_search", "OptunaSearch", {"sampler": "gp"}, _GP_NEEDS, seeds=1),
    "Ax": Kind("ax_search", "AxSearch", needs=("ax-platform", "botorch", "torch"), seeds=1),
}
"""What BOIFI is compared with, the cheapest first."""

PEERS: dict[str, Kind] = {**OURS, **OTHERS}
