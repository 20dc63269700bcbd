"""Whatever a trial holds, the history gives it back equal."""

from datetime import UTC, datetime, timedelta, timezone

import pandas
from histories import Axes, Axis
from hypothesis import given, settings
from hypothesis import strategies as st

from boifi_core.faults.plan import FaultPlan
from boifi_core.history.dataset import History
from boifi_core.models import Choice, Control, Near, RawObservation, SeverityScore, StepDurations, Trial

texts = st.text(max_size=8)
finite = st.floats(allow_nan=False, allow_infinity=False)
scores = st.floats(0, 10)
moments = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2100, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
)
categories = st.lists(
    texts | st.integers() | st.booleans() | finite, min_size=1, max_size=4, unique_by=lambda value: (type(value), value)
)
axes = st.one_of(
    st.tuples(st.just("categorical"), categories),
    st.tuples(st.just("integer"), st.lists(st.integers(-(2**53), 2**53), min_size=1, max_size=3)),
    st.tuples(st.just("real"), st.lists(finite, min_size=1, max_size=3)),
)
plans = st.builds(
    FaultPlan,
    fault_type=st.just("delay"),
    target_path=st.text(min_size=1, max_size=8),
    headers=st.dictionaries(texts, texts, max_size=2),
    delay_ms=st.integers(1, 10**6),
    percentage=st.floats(0, 100),
)
observations = st.builds(
    RawObservation,
    status_code=st.none() | st.integers(100, 599),
    latency_ms=st.none() | st.floats(0, 1e12),
    error_rate=st.none() | st.floats(0, 1),
    logs=st.lists(texts, max_size=2).map(tuple),
    trace_data=st.none() | texts,
    timestamp=moments,
    traces=st.dictionaries(texts, texts, max_size=2),
    quantiles_ms=st.dictionaries(texts, finite, max_size=2),
    degraded=st.lists(texts, max_size=2).map(tuple),
)
all_scores = st.builds(
    SeverityScore,
    total_score=scores,
    bug_score=scores,
    performance_score=scores,
    structure_score=scores,
    breakdown=st.dictionaries(texts, finite, max_size=2),
    fallback=st.lists(texts, max_size=2).map(tuple),
)
choices = st.builds(
    Choice,
    reason=texts,
    promise=st.none() | finite,
    nearest=st.lists(st.builds(Near, trial=st.integers(1, 10**6), severity=finite), max_size=2).map(tuple),
)
durations = st.builds(StepDurations, **dict.fromkeys(StepDurations.model_fields, st.none() | finite))


@st.composite
def histories(draw):
    """A space, and some trials in it, each with some of its dimensions."""
    kinds = draw(st.lists(axes, max_size=4))
    dimensions = tuple(
        Axis(f"{draw(texts)}{index}", kind, tuple(values) if kind == "categorical" else ())
        for index, (kind, values) in enumerate(kinds)
    )
    trials = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        point = {
            dimension.name: draw(st.sampled_from(values))
            for dimension, (_, values) in zip(dimensions, kinds, strict=True)
            if draw(st.booleans())
        }
        trials.append(
            Trial(
                session_id=draw(texts),
                trial=number,
                status=draw(st.sampled_from(["scored", "degraded", "skipped", "failed"])),
                reason=draw(st.none() | texts),
                phase=draw(st.sampled_from(["initial", "search", "confirm", "minimise", "replay"])),
                started_at=draw(moments),
                finished_at=draw(moments),
                point=point,
                plans=draw(st.lists(plans, max_size=2).map(tuple)),
                observation=draw(st.none() | observations),
                score=draw(st.none() | all_scores),
                predicted_mean=draw(st.none() | finite),
                predicted_std=draw(st.none() | finite),
                durations=draw(durations),
                why=draw(st.none() | choices),
                control=draw(st.none() | st.builds(Control, observation=observations, severity=st.floats(0, 10))),
            )
        )
    return Axes(dimensions), trials


@given(histories())
@settings(max_examples=80, deadline=None)
def test_any_trial_comes_back_equal(tmp_path_factory, made):
    space, trials = made
    history = History(tmp_path_factory.mktemp("any") / "history", space)
    history.create()
    for trial in trials:
        history.append(trial)
    read = history.trials()
    assert read == trials
    for trial, original in zip(read, trials, strict=True):
        assert {name: type(value) for name, value in trial.point.items()} == {
            name: type(value) for name, value in original.point.items()
        }
    assert len(pandas.read_parquet(history.folder)) == len(trials)
