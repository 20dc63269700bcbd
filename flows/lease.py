"""One trial at a time on one target, among all machines that share a Prefect server.

Who has the target has a Prefect variable of its name: the server lets one of many make it. It is kept alive while it is
held, and one that nobody has kept alive for `LEASE_S` is deleted, by its id, by whoever waits: the server lets one of
many do that too. No two clocks are compared: who waits counts from when it first saw the variable as it is.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client

from boifi_core.safety.pauses import awake_s
from boifi_core.safety.target_lock import ALONE, WaitGivenUp, target_name

LEASE_S = 60.0
"""How long a lease lasts that nobody keeps alive, seconds."""

KEEP_ALIVE_S = 15.0
POLL_S = 0.5
RELEASE_TIMEOUT_S = 15.0
RETRY_S = 0.05
"""How soon a server is asked again that says 503, seconds."""

log = logging.getLogger("boifi.lease")


@contextmanager
def target_lease(
    endpoint: str, holder: str, *, on_wait: Callable[[str], None], give_up: Callable[[], bool]
) -> Iterator[None]:
    """Hold the target for as long as this lasts; wait while another holds it, in turn.

    Args:
        endpoint: the target's control plane; one lease each.
        holder: who we are, for those who wait; no two processes at once may have the same.
        on_wait: called once, with the present holder's name, when it has to be waited for or is dead.
        give_up: asked while waiting; True ends it.

    Raises:
        WaitGivenUp: `give_up` said so.

    A holder that is found to have lost its lease gets SIGTERM: its trial is broken off, its session is resumable.
    """
    if os.environ.get(ALONE):
        yield
        return
    name = f"boifi-target-{target_name(endpoint)}"
    with get_client(sync_client=True) as client:
        target, turn = _Lease(client, name, endpoint, holder), _Lease(client, f"{name}-next", endpoint, holder)
        try:
            # Who goes before those that wait would go before them for ever.
            if turn.holder() is not None or not target.take():
                _wait(turn, lambda: target.holder() or turn.holder(), on_wait, give_up)
                _wait(target, target.holder, on_wait, give_up)
                turn.release()
            yield
        finally:
            turn.release()
            target.release()


def _wait(
    lease: _Lease, present: Callable[[], str | None], on_wait: Callable[[str], None], give_up: Callable[[], bool]
) -> None:
    told = None
    while not lease.take():
        if give_up():
            raise WaitGivenUp(f"{lease.endpoint} is held by another session")
        if told is None and (told := present()) is not None:
            on_wait(told)
        time.sleep(POLL_S)


class _Lease:
    """One variable: ours, another's, or nobody's."""

    def __init__(self, client: SyncPrefectClient, name: str, endpoint: str, holder: str) -> None:
        self.endpoint = endpoint
        self._client = client
        self._name = name
        self._holder = holder
        self._id: str | None = None
        self._seen: tuple[Any, float] = (None, 0.0)
        self._is_cut_off = False
        self._released = threading.Event()

    def take(self) -> bool:
        """Take it if nobody has it, or if whoever had it is dead; whether it is ours now."""
        try:
            made = self._call("POST", "/variables/", json={"name": self._name, "value": self._value()})
            found = made if made is not None else self._read()
            if found is not None and self._holder_of(found) == self._holder:  # made just now, or by our own dead past
                self._keep(found["id"])
                return True
            if found is not None and self._is_dead(found):
                self._call("DELETE", f"/variables/{found['id']}")
        except (httpx.HTTPError, ConnectionError) as error:
            # While nobody can keep anything alive, nobody is dead.
            self._seen = (None, 0.0)
            if not self._is_cut_off:
                log.warning("Prefect's API does not answer (%s): the next trial waits for it", type(error).__name__)
            self._is_cut_off = True
        else:
            self._is_cut_off = False
        return False

    def holder(self) -> str | None:
        """Who has it; None if nobody, or if that cannot be known now."""
        try:
            found = self._read()
        except (httpx.HTTPError, ConnectionError):
            return None
        return None if found is None else self._holder_of(found)

    def release(self) -> None:
        """Give it back; where that cannot be done now, it ends by itself."""
        if self._id is None:
            return
        self._released.set()
        deadline = time.monotonic() + RELEASE_TIMEOUT_S
        while True:
            try:
                self._call("DELETE", f"/variables/{self._id}")
            except (httpx.HTTPError, ConnectionError) as error:
                if time.monotonic() < deadline:
                    time.sleep(POLL_S)
                    continue
                log.warning("the lease %s is left to end by itself: %s", self._name, error)
            self._id = None
            return

    def _keep(self, variable_id: str) -> None:
        self._id = variable_id
        self._released = threading.Event()
        keeper = threading.Thread(
            target=_keep_alive, args=(variable_id, self._name, self._value(), self._released), daemon=True
        )
        keeper.start()

    def _is_dead(self, found: dict[str, Any]) -> bool:
        beat = (found["id"], found["updated"])
        if self._seen[0] != beat:
            self._seen = (beat, awake_s())
        # A pause of ours between looking and counting makes nobody dead.
        return awake_s() - self._seen[1] > LEASE_S

    def _read(self) -> dict[str, Any] | None:
        return self._call("GET", f"/variables/name/{self._name}")

    def _call(self, method: str, path: str, **named: Any) -> dict[str, Any] | None:
        return _call(self._client, method, path, **named)

    def _value(self) -> dict[str, str]:
        return {"holder": self._holder, "target": self.endpoint}

    @staticmethod
    def _holder_of(found: dict[str, Any]) -> str:
        value = found["value"]
        return str(value.get("holder")) if isinstance(value, dict) else str(value)


def _keep_alive(variable_id: str, name: str, value: dict[str, str], released: threading.Event) -> None:
    if released.wait(KEEP_ALIVE_S):
        return
    with get_client(sync_client=True) as client:
        while True:
            try:
                kept = _call(client, "PATCH", f"/variables/{variable_id}", json={"value": value})
            except (httpx.HTTPError, ConnectionError) as error:
                # Nobody can take it from us while nobody can reach the server.
                log.info("the lease %s cannot be kept alive now: %s", name, type(error).__name__)
            else:
                if kept is None and not released.is_set():
                    log.error("the lease %s was lost: it was not kept alive in time", name)
                    os.kill(os.getpid(), signal.SIGTERM)
                    return
            if released.wait(KEEP_ALIVE_S):
                return


@contextmanager
def _asking_again_soon(http: httpx.Client) -> Iterator[httpx.Client]:
    """Where the server says 503, Prefect's client asks again at once, rather than after 2 s, then 4, then 8."""
    before = http.event_hooks
    http.event_hooks = {**before, "response": [*before["response"], _come_back_soon]}
    try:
        yield http
    finally:
        http.event_hooks = before  # all else may wait long for a server that starts again


def _come_back_soon(answer: httpx.Response) -> None:
    # A stock server on SQLite deletes in a transaction that reads first: it fails at once where an event of a task run
    # was written in between, which is after most trials.
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        answer.headers.setdefault("Retry-After", str(RETRY_S))


def _call(client: SyncPrefectClient, method: str, path: str, **named: Any) -> dict[str, Any] | None:
    """The answer, empty where there is none to read; None if there is no such variable (404), or one already (409)."""
    try:
        # By id, so that nobody touches a lease that another has taken meanwhile; Prefect's own methods go by name.
        with _asking_again_soon(client._client) as http:
            answer = http.send(http.build_request(method, path, **named))
    except httpx.HTTPStatusError as error:
        if error.response.status_code in (httpx.codes.NOT_FOUND, httpx.codes.CONFLICT):
            return None
        raise
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found
