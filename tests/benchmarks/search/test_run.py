"""Which runs are made: those that are not there with the code of today."""

from dataclasses import replace

import pytest
from tiny_landscape import TINY, truth

from benchmarks.search import fingerprint, run
from benchmarks.search.held_out import HELD_OUT
from benchmarks.search.landscape import Reading
from benchmarks.search.results import Result, Store
from benchmarks.search.tuning import TUNING

FIRST, HELD = TUNING[0].name, HELD_OUT[0].name
UNITS = run.planned(["random"], [FIRST, TUNING[-1].name], seeds=1, trials=3)


def kept(unit, **other):
    fields = {"landscape": unit.landscape, "peer": unit.peer, "seed": unit.seed, "trials": unit.trials}
    empty = {"truth": (), "recommended": {}, "modes": {}, "propose_ms": (0.0, 0.0), "record_ms": (0.0, 0.0)}
    return Result(**{**fields, **empty, "code": unit.code, **other})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return Store(tmp_path_factory.mktemp("results"))


def test_runs_are_made_once_and_kept(store):
    told = []
    run.run_all(UNITS, store, 1, lambda result, n_left: told.append((result.landscape, n_left)))
    assert told == [(UNITS[0].landscape, 1), (UNITS[1].landscape, 0)]
    results = store.of("random")
    assert [results[unit.landscape, 0].code for unit in UNITS] == [unit.code for unit in UNITS]
    assert all(len(result.truth) == 3 and result.failed is None for result in results.values())
    assert run.left(UNITS, store) == []
    more = run.planned(["random"], [FIRST], seeds=2, trials=3)
    assert run.left(more, store) == more[1:]
    longer = run.planned(["random"], [FIRST], seeds=1, trials=4)
    assert run.left(longer, store) == longer


def test_a_longer_run_has_what_a_shorter_would_give(store):
    shorter = run.planned(["random"], [FIRST], seeds=1, trials=2)
    assert run.left(shorter, store) == []


def test_a_change_of_code_makes_results_out_of_date(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.add(kept(UNITS[0]))
    assert run.left(UNITS, store) == UNITS[1:]
    monkeypatch.setattr(fingerprint, "code_of", lambda text: "other")
    assert run.left(UNITS, store) == UNITS


def test_a_run_that_was_given_up_is_not_tried_again(tmp_path):
    store = Store(tmp_path)
    store.add(kept(UNITS[0], failed="given up"))
    assert run.left(UNITS[:1], store) == []


def test_the_last_line_of_a_run_counts_and_a_line_cut_short_does_not(tmp_path):
    store = Store(tmp_path)
    store.add(kept(UNITS[0], code="old"))
    store.add(kept(UNITS[0], code="new", recommended={10: 1.5}, modes={"slow": 2}, r2=0.5))
    path = tmp_path / "random.jsonl"
    path.write_text(path.read_text() + store.of("random")[FIRST, 0].dump()[:50])
    [result] = store.of("random").values()
    assert (result.code, result.recommended, result.modes, result.r2) == ("new", {10: 1.5}, {"slow": 2}, 0.5)
    store.tidy("random")
    assert len(path.read_text().splitlines()) == 1
    assert store.of("genetic") == {}


def test_every_peer_gets_its_own_number_of_seeds_and_one_seed_of_all_landscapes_comes_first():
    units = run.planned(["random", "Ax"], [HELD, FIRST])
    assert [(unit.landscape, unit.seed) for unit in units[:3]] == [(HELD, 0), (FIRST, 0), (HELD, 1)]
    assert len([unit for unit in units if unit.peer == "random"]) == 20
    assert {unit.trials for unit in units if unit.peer == "random"} == {150}


def test_a_slow_peer_has_shorter_runs_on_the_held_out_half_alone():
    units = run.planned(["Ax"], [HELD, FIRST])
    assert [(unit.landscape, unit.seed, unit.trials) for unit in units] == [(HELD, seed, 100) for seed in range(5)]


def test_a_hash_is_of_code_not_of_words():
    code = fingerprint.code_of('"""Words."""\nx = 1  # a comment\n\n\ndef f():\n    """More."""\n    return "#"\n')
    assert code == 'x=1deff():return"#"'


def test_a_hash_covers_the_optimizer_for_boifi_alone(monkeypatch):
    before = {peer: fingerprint.fingerprint(FIRST, peer) for peer in ("BOIFI", "random")}
    monkeypatch.setattr(fingerprint, "_OPTIMIZER", ())
    after = {peer: fingerprint.fingerprint(FIRST, peer) for peer in before}
    assert after["BOIFI"] != before["BOIFI"]
    assert after["random"] == before["random"]


def test_a_hash_of_a_session_covers_what_the_optimizers_does_not(monkeypatch):
    peers = ("BOIFI", "BOIFI both")
    before = {peer: fingerprint.fingerprint(FIRST, peer) for peer in peers}
    monkeypatch.setitem(fingerprint.PEERS, "BOIFI both", replace(fingerprint.PEERS["BOIFI both"], made_by=()))
    after = {peer: fingerprint.fingerprint(FIRST, peer) for peer in peers}
    assert [peer for peer in peers if after[peer] != before[peer]] == ["BOIFI both"]


def test_a_hash_follows_what_a_landscape_says():
    same = fingerprint.behaviour(replace(TINY, truth=lambda point: truth(point) + 0.0))
    assert fingerprint.behaviour(TINY) == same
    others = [
        replace(TINY, truth=lambda point: truth(point) + 0.1 * (point.get("delay_ms") == 2500)),
        replace(TINY, read=lambda point, rng: Reading(min(10.0, truth(point) + abs(rng.normal())))),
        replace(TINY, modes=TINY.modes[1:]),
        replace(TINY, name="other"),
    ]
    assert len({same, *map(fingerprint.behaviour, others)}) == 5


def test_a_result_survives_its_line():
    result = kept(UNITS[0], truth=(1.0, 2.5), recommended={10: 2.5}, versions={"python": "3.11"}, seconds=1.5)
    assert Result.load(result.dump()) == result
