"""The flows that are deployed, by name."""

from __future__ import annotations

from typing import Any

from prefect import Flow

from flows.campaign import campaign
from flows.session import session
from flows.upkeep import upkeep

FLOWS: dict[str, Flow[..., Any]] = {flow.name: flow for flow in (session, campaign, upkeep)}
