"""Searches on applications: what they see, what is counted, what is kept."""

import time

import pytest

from benchmarks import applications
from benchmarks.applications import kept
from benchmarks.applications.generate import application
from benchmarks.applications.graph import sound_application
from benchmarks.applications.kept import Came, Key
from benchmarks.applications.modes import modes_of
from benchmarks.applications.peers import PEERS, high_percentages
from benchmarks.applications.run import came_of, first_trials, generated, run_peer
from benchmarks.applications.session import run_session, session_config
from benchmarks.applications.target import Target
from boifi_core.models import Phase
from boifi_core.space import SearchSpace
from boifi_core.traces import parse_trace


def test_an_observation_is_as_the_probe_brings_it_with_spans_as_opentelemetry_names_them():
    made = generated(1, 12)
    seen = Target(made, 1).observe()
    assert seen.status_code == 200
    assert seen.degraded == ()
    assert set(seen.traces) == set(seen.statuses) == {kind.name for kind in made.kinds}
    assert sum(count for each in seen.statuses.values() for count in each.values()) == 100
    spans = parse_trace(seen.trace_data)
    front = made.services[0].name
    assert spans[0].service == front
    assert spans[0].kind == "server"
    callers = [span for span in spans if span.kind == "client" and span.service == front and span.status_code]
    assert callers
    for span in callers:
        assert span.peer in {service.name for service in made.services}
    assert {span.parent_id for span in spans} <= {None, *(span.id for span in spans)}


def test_without_tracing_there_is_no_trace_and_nothing_is_missing():
    seen = Target(generated(1, 6), 1, traced=False).observe()
    assert seen.trace_data is None
    assert (seen.traces, seen.degraded) == ({}, ())


def test_a_window_of_the_largest_application_takes_next_to_no_time():
    target = Target(sound_application(1, 60), 1)
    spent = []
    for _ in range(7):
        began = time.process_time()
        target.play()
        spent.append(time.process_time() - began)
    assert min(spent) < 0.05


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_is_told_what_its_last_trial_came_to(name):
    made, told = generated(2, 6), []

    def listening(space, seed):
        propose = PEERS[name](space, seed)

        def next_point(last):
            if last is not None:
                told.append((last.severity, last.observation.status_code))
            return propose(last)

        return next_point

    out = run_peer(listening, Target(made, 1), 1, 12)
    assert len(out) == 12
    assert len(told) == 11
    assert any(severity > 0.5 for severity, _ in told)
    assert set().union(*out) <= {weakness.id for weakness in made.weaknesses}


def test_high_percentages_are_high():
    space = SearchSpace.parse(generated(1, 12).space)
    propose = high_percentages(space, 1)
    assert min(propose(None)["percentage"] for _ in range(50)) >= 80


def test_boifis_own_session_runs_in_process_and_tells_its_modes_apart():
    made = generated(1, 6)
    config = session_config(made, 40, 3)
    trials, found, out = run_session(Target(made, 3), config)
    assert len(trials) == len(out) == 40
    assert {Phase.INITIAL, Phase.SEARCH, Phase.CONFIRM} <= {trial.phase for trial in trials}
    assert all(trial.reason is None for trial in trials)
    assert set().union(*out)
    told = modes_of(found, out)
    assert set(told.confirmed) <= set(told.own) <= {weakness.id for weakness in made.weaknesses}
    assert told.modes == len(found.modes)


def test_the_first_trial_that_brought_a_weakness_out_is_kept():
    assert first_trials([frozenset(), frozenset("ab"), frozenset("a"), frozenset("c")]) == {"a": 2, "b": 2, "c": 4}


@pytest.fixture
def runs(monkeypatch):
    """Runs that are not made; which were asked for."""
    made = []

    def came(key):
        made.append(key)
        first = {"x-1": 2, "y-2": 12} if key.search == "uniform" else {"x-1": 1}
        return Came(planted={"x-1": "x", "y-2": "y"}, first=first)

    monkeypatch.setattr(applications, "came_of", came)
    return made


def test_what_is_kept_is_not_measured_again_and_shares_are_by_budget(runs, tmp_path, monkeypatch):
    file = tmp_path / "kept" / "applications.jsonl"
    given = {"sizes": (5,), "applications": 2, "of_sessions": 1, "budgets": (10, 20), "file": file}
    first = applications.measure(**given)
    assert len(runs) == 2 * 2 + 3 * 2
    everywhere, same, _, kinds = first
    assert everywhere.rows == (
        ("5", "2", "4", "uniform", "50% ± 0%", "100% ± 0%"),
        ("5", "2", "4", "high percentages", "50% ± 0%", "50% ± 0%"),
    )
    assert [row[1:4] for row in same.rows] == [
        ("1", "2", search) for search in ("uniform", "high percentages", "BOIFI severity", "BOIFI modes", "BOIFI both")
    ]
    assert kinds.rows == (
        ("x", "2 of 2", "2 of 2", "1 of 1", "1 of 1", "1 of 1"),
        ("y", "2 of 2", "0 of 2", "0 of 1", "0 of 1", "0 of 1"),
    )
    lines = file.read_text()
    file.write_text(lines + lines[:40])  # broken off while it was written
    assert applications.measure(**given) == first
    assert len(runs) == 10
    of_peers = kept.code(False)
    monkeypatch.setattr(kept, "code", lambda is_session: "other" if is_session else of_peers)
    applications.measure(**given)
    assert [key.search for key in runs[10:]] == [
        f"BOIFI {objective}" for objective in ("severity", "modes", "both") for _ in range(2)
    ]


def test_a_run_knows_what_was_planted():
    came = came_of(Key(application=2, services=5, search="uniform", seed=2, trials=40))
    made = application(2, 5)
    assert came.planted == {weakness.id: weakness.kind for weakness in made.weaknesses}
    assert came.first.keys() <= came.planted.keys()
    assert came.first
