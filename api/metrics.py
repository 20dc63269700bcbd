"""What Prometheus is told."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from boifi_core.models import Trial, TrialStatus
from boifi_core.session.events import Event, Recorded

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All metrics of one facade.

    Trials are counted once, by the facade that saw them first: of several, the sum is right.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._sessions = Gauge("boifi_sessions", "Sessions, by status.", ["status"], registry=self.registry)
        self._waiting = Gauge(
            "boifi_sessions_waiting", "Unfinished sessions that wait for their target.", registry=self.registry
        )
        self._trials = Counter("boifi_trials", "Trials, by status.", ["status"], registry=self.registry)
        self._errors = Counter(
            "boifi_executor_errors", "Trials that the executor kept from a score, by status.", ["status"],
            registry=self.registry,
        )  # fmt: skip
        self._retries = Counter(
            "boifi_executor_retries", "Calls of trials that the executor was asked again for.", registry=self.registry
        )
        self._severity = Histogram(
            "boifi_trial_severity", "Severity of scored trials.", buckets=range(1, 11), registry=self.registry
        )
        self._steps = Histogram(
            "boifi_step_seconds", "How long the steps of trials took.", ["step"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.requests = Histogram(
            "boifi_api_request_seconds", "How long requests took.", ["method", "route", "status"], buckets=_SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.streams = Gauge("boifi_api_event_streams", "Open event streams.", registry=self.registry)
        for status in TrialStatus:
            self._trials.labels(status.value)

    def __call__(self, event: Event) -> None:
        """Count a trial where one was recorded."""
        if isinstance(event, Recorded):
            self._count(event.trial)

    def _count(self, trial: Trial) -> None:
        self._trials.labels(trial.status.value).inc()
        if trial.severity is not None:
            self._severity.observe(trial.severity)
        if trial.status in (TrialStatus.SKIPPED, TrialStatus.FAILED):
            self._errors.labels(trial.status.value).inc()
        self._retries.inc(trial.retries)
        for step, took_ms in trial.durations.model_dump(exclude_none=True).items():
            self._steps.labels(step.removesuffix("_ms")).observe(took_ms / 1000)

    def text(self, sessions: dict[str, int], waiting: int) -> bytes:
        """Everything, in Prometheus's text format."""
        for status, number in sessions.items():
            self._sessions.labels(status).set(number)
        self._waiting.set(waiting)
        return generate_latest(self.registry)
