"""All that is compared, by name; a library is imported only when its peer is made."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.objectives import SHARES
from benchmarks.search.peers.base import Peer
from boifi_core.space import SearchSpace

LONG, SHORT = 150, 100
"""Trials of a run, and of one where a trial takes long."""


@dataclass(frozen=True)
class Kind:
    """How a peer is made, and how often it can be measured.

    Attributes:
        module, factory: where its class is, in this package.
        options: beside space and seed.
        needs: the distributions that it consists of; their versions are part of a result.
        seeds: how many of the seeds 0, 1, … it is given: fewer where a trial takes long.
        trials: how long a run is: shorter where a trial takes long.
        is_tuned: whether it is measured on the tuning half too.
        made_by: folders of the product, beside the optimizer and the space, whose code its runs depend on.
        is_quick: whether `--quick` measures it.
    """

    module: str
    factory: str
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    seeds: int = 10
    trials: int = LONG
    is_tuned: bool = True
    made_by: tuple[str, ...] = ()
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


_SESSION = ("boifi_core/findings", "boifi_core/session")


def _session(objective: str) -> Kind:
    screen, sample = SHARES[objective]
    options = {"objective": objective, "screen": screen, "sample": sample}
    return Kind("boifi_session", "BoifiSession", options, made_by=_SESSION)


OURS: dict[str, Kind] = {
    "BOIFI": Kind("boifi", "Boifi", is_quick=True),
    "BOIFI with signals": Kind("boifi", "Boifi", {"signals": True}, is_quick=True),
    "BOIFI modes": _session("modes"),
    "BOIFI both": _session("both"),
    "BOIFI forest EI": Kind("boifi", "Boifi", {"surrogate": "forest", "acquisition_func": "ei"}),
    "BOIFI forest UCB": Kind("boifi", "Boifi", {"surrogate": "forest", "acquisition_func": "ucb"}),
}
"""BOIFI; the first is its optimizer alone, told the score alone as all others are."""

BY_OBJECTIVE = ("BOIFI", "BOIFI modes", "BOIFI both")
"""Those of them that look for other things: the worst fault, ever other failures, both in turn."""

_SKOPT = ("scikit-optimize",)
_GP_NEEDS = ("optuna", "torch")
_HEBO = ("HEBO", "torch", "pymoo", "gpytorch")
_SLOW: Mapping[str, Any] = {"seeds": 5, "trials": SHORT, "is_tuned": False}

OTHERS: dict[str, Kind] = {
    "random": Kind("random_search", "RandomSearch", is_quick=True),
    "high percentages": Kind("high_percentage", "HighPercentages", is_quick=True),
    "pair cover": Kind("pair_cover", "PairCover", is_quick=True),
    "genetic": Kind("genetic", "GeneticSearch", is_quick=True),
    "MAP-Elites": Kind("map_elites", "MapElites", needs=("ribs",), is_quick=True),
    "CatCMA": Kind("cat_cma", "CatCma", needs=("cmaes",), is_quick=True),
    "Optuna TPE": Kind("optuna_search", "OptunaSearch", {"sampler": "tpe"}, ("optuna",), is_quick=True),
    "Optuna TPE grouped": Kind("optuna_search", "OptunaSearch", {"sampler": "tpe-grouped"}, ("optuna",)),
    "skopt ET": Kind("scikit_optimize", "ScikitOptimize", {"estimator": "ET"}, _SKOPT, 3, SHORT, is_quick=True),
    "skopt RF": Kind("scikit_optimize", "ScikitOptimize", {"estimator": "RF"}, _SKOPT, 3, SHORT, is_quick=True),
    "skopt GP": Kind("scikit_optimize", "ScikitOptimize", {"estimator": "GP"}, _SKOPT, 1, SHORT),
    "SMAC3": Kind("smac3", "Smac", needs=("smac", "ConfigSpace"), **_SLOW),
    "Optuna GP": Kind("optuna_search", "OptunaSearch", {"sampler": "gp"}, _GP_NEEDS, **_SLOW),
    "Ax": Kind("ax_search", "AxSearch", needs=("ax-platform", "botorch", "torch"), **_SLOW),
    "HEBO": Kind("hebo_search", "Hebo", needs=_HEBO, **_SLOW),
}
"""What BOIFI is compared with, the cheapest first."""

PEERS: dict[str, Kind] = {**OURS, **OTHERS}
