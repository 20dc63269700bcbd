"""Chooses the next experiment from those that were made."""

from boifi_core.optimizer.acquisition import ACQUISITIONS, Balance
from boifi_core.optimizer.core import OptimizerCore
from boifi_core.optimizer.design import DESIGNS
from boifi_core.optimizer.importance import Importance
from boifi_core.optimizer.proposal import BestPoint, Tried, Why
from boifi_core.optimizer.selection import SELECTIONS
from boifi_core.optimizer.surrogate import NotFitted
from boifi_core.optimizer.surrogates import SURROGATES

__all__ = [
    "ACQUISITIONS",
    "DESIGNS",
    "SELECTIONS",
    "SURROGATES",
    "Balance",
    "BestPoint",
    "Importance",
    "NotFitted",
    "OptimizerCore",
    "Tried",
    "Why",
]
