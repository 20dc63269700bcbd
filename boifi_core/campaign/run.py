"""One night of a campaign as values: what was known, what ran, and how each failure stands now."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from boifi_core.faults.plan import FaultPlan
from boifi_core.findings import Fact, is_for_good
from boifi_core.models import ENDED, Point, SessionStatus
from boifi_core.value import Value


class Known(Value):
    """A failure that an earlier night found, and the fault that shows it.

    `id` stays the same from night to night: the night that found it, and the failure's label in its session. `failure`
    is the failure's own id, the same whoever finds it; empty where an older version found it.
    """

    id: str
    failure: str = ""
    session: str
    sentence: str
    signature: tuple[Fact, ...] = ()
    plans: tuple[FaultPlan, ...]
    point: Point = Field(default_factory=dict)
    severity: float = Field(ge=0, le=10)
    since: AwareDatetime
    shown_by: str
    """The command that shows it again."""

    @property
    def stays_down(self) -> bool:
        """Whether the target does not come back from it: no night puts its fault in again by itself."""
        return is_for_good(self.signature)


class Standing(StrEnum):
    """How a failure stands against the night before; the order is that of a report."""

    NEW = "new"
    WORSE = "worse"
    STILL_THERE = "still there"
    BETTER = "better"
    NOT_MEASURED = "not measured"
    FIXED = "fixed"


class Told(Value):
    """A failure and how it stands, with the evidence.

    `before` is its severity the last time it showed, `readings` are tonight's severities under its fault, `shown` how
    many of them showed a failure, and `trials` their numbers in `session_id`.
    """

    known: Known
    standing: Standing
    before: float | None = None
    readings: tuple[float, ...] = ()
    shown: int = 0
    trials: tuple[int, ...] = ()
    session_id: str | None = None
    note: str = ""


class SessionOfNight(Value):
    """A session that the night was to run; without `session_id` it did not begin, and `reason` says why."""

    name: str
    session_id: str | None = None
    status: SessionStatus | None = None
    reason: str | None = None
    replayed: tuple[str, ...] = ()
    """The ids of the known failures that it measured again, in the order of its replays."""

    @property
    def is_over(self) -> bool:
        return self.status in ENDED


class Night(Value):
    """A night: what was known before, its sessions, and how everything stands; `problem` says why it could not run."""

    campaign: str
    night: str
    flow_run_id: str | None = None
    is_services_own: bool = Field(default=False, exclude_if=lambda own: not own)
    """Whether the service goes on with it where its flow run is lost."""
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    known: tuple[Known, ...] = ()
    sessions: tuple[SessionOfNight, ...] = ()
    told: tuple[Told, ...] = ()
    problem: str | None = None

    def of(self, *standings: Standing) -> list[Told]:
        """The failures that stand so."""
        return [told for told in self.told if told.standing in standings]

    def alarms(self, fail_on: float) -> list[Told]:
        """What was not there, or not so bad, the night before, and is this severe."""
        return [told for told in self.of(Standing.NEW, Standing.WORSE) if told.known.severity >= fail_on]

    @property
    def failed_sessions(self) -> list[SessionOfNight]:
        """Those that did not come to a good end."""
        return [session for session in self.sessions if session.status is not SessionStatus.COMPLETED]
