"""A screen of a target whose windows somebody makes up."""

from datetime import UTC, datetime

from boifi_core.analyzer.normal import Normal
from boifi_core.injectors.hfi.injector import HfiInjector
from boifi_core.models import Choice, Phase, RawObservation, SeenCall, Trial, TrialStatus
from boifi_core.session.screen.leads import Leads

NOW = datetime(2026, 11, 30, tzinfo=UTC)
SENDING = HfiInjector.capabilities.sending


def call(caller, callee, operation, share=1.0, **more):
    """A call that is made in this share of thirty requests."""
    return SeenCall(
        caller=caller, callee=callee, operation=operation, seen=max(1, round(30 * share)), share=share, **more
    )


FRONT = call("client", "shop", "GET /")
USUAL = (
    FRONT,
    call("shop", "cart", "GET /cart", 0.9),
    call("shop", "reviews", "GET /reviews/{id}", 0.3),
    call("shop", "ads", "GET /ads", 0.01),
)


def window(*calls):
    """What is seen while these calls are made."""
    return RawObservation(
        status_code=200, latency_ms=50, error_rate=0, timestamp=NOW, calls=calls, traces_seen=30, requests=30
    )


class Screening:
    """A screen, trial by trial.

    Args:
        usual: the target's calls without a fault.
        seen: those with these faults.
    """

    def __init__(self, space, usual=USUAL, seen=lambda _plans: USUAL):
        self.space, self.seen = space, seen
        self.leads = Leads(space, Normal((window(*usual),) if usual else ()))
        self.trials = []

    @property
    def lines(self):
        """All faults so far, in order."""
        return [" + ".join(map(str, trial.plans)) for trial in self.trials]

    def go(self, n):
        """Make so many trials, or as many as there are; returns all faults so far."""
        for _ in range(n):
            lead = self.leads.best(self.trials)
            if lead is None:
                break
            plans = self.space.plans(lead.point)
            self.trials.append(
                Trial(
                    session_id="s",
                    trial=len(self.trials) + 1,
                    phase=Phase.SCREEN,
                    point=lead.point,
                    plans=plans,
                    started_at=NOW,
                    finished_at=NOW,
                    status=TrialStatus.SCORED,
                    observation=window(*self.seen(plans)),
                    why=Choice(reason=lead.reason),
                )
            )
        return self.lines
