"""What a target's traces call things, learnt from those without a fault: a call has one name however it ends."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from boifi_core.traces.folding import Folds
from boifi_core.traces.names import PLACEHOLDER, without_ids
from boifi_core.traces.peers import host_and_port, is_address, is_loopback

Words = tuple[str, str | None, str]
"""What a sender says of its call: who it is, whom it asks, and what for."""

Heard = tuple[str | None, str]
"""What the one that was asked says of it: who it is, and what it was asked."""


@dataclass(frozen=True)
class Vocabulary:
    """What was learnt of names.

    Attributes:
        folds: takes ids out of names.
        relays: the services that only pass calls on, such as a mesh's proxies: they are no callers of their own.
        shared: the services by which several proxies go, so that it is no service's name.
        answerers: by a peer's name the service that answers there.
        addresses: the IP addresses that are always the same, and so name somebody.
        ports: by a host its ports; of one that has a single port it need not be said.
        requests: by a sender's words who answers, and what that one calls it.
        choices: by words that several calls of one sender share, all of these.
    """

    folds: Folds = field(default_factory=Folds)
    relays: Set[str] = frozenset()
    shared: Set[str] = frozenset()
    answerers: Mapping[str, str] = field(default_factory=dict)
    addresses: Set[str] = frozenset()
    ports: Mapping[str, Set[str]] = field(default_factory=dict)
    requests: Mapping[Words, Heard] = field(default_factory=dict)
    choices: Mapping[Words, Set[Heard]] = field(default_factory=dict)

    def lasting(self, peer: str | None) -> str | None:
        """A peer as it is in all traces: an address that others have elsewhere is `{id}`."""
        if peer is None or not is_address(peer) or peer in self.addresses or is_loopback(peer):
            return peer
        return without_ids(f"//{peer}/")[2:-1]

    def service_at(self, peer: str | None) -> str | None:
        """The service that a peer stands for; the peer itself, without a port that tells nothing, where unknown."""
        if peer is None or peer in self.answerers:
            return None if peer is None else self.answerers[peer]
        if is_address(peer) or peer.startswith(PLACEHOLDER):
            return peer
        host, port = host_and_port(peer)
        name = self.folds.learnt(host)
        return name if not port or self.ports.get(host, {port}) == {port} else f"{name}:{port}"


class _Unfolded(Folds):
    def __call__(self, name: str) -> str:
        return name

    def learnt(self, name: str) -> str:
        return name


class _AsSaid(Vocabulary):
    def lasting(self, peer: str | None) -> str | None:
        return peer

    def service_at(self, peer: str | None) -> str | None:
        return peer


def as_said(shared: Set[str]) -> Vocabulary:
    """Leaves every name as the spans say it, so that a vocabulary which is learnt later can still be applied.

    Args:
        shared: as of `Vocabulary`.
    """
    return _AsSaid(folds=_Unfolded(), shared=shared)
