"""What sessions on the embedded target find, however it is traced: its weaknesses, and nothing where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from benchmarks.findings import kept
from benchmarks.findings.kept import Alarms, Kept, Key
from benchmarks.findings.sessions import TRIALS_WITHOUT, session_of, without_faults
from benchmarks.findings.told import Told, tell
from benchmarks.findings.truth import THRESHOLDS_MS, TRIGGERS
from benchmarks.objectives import DEFAULT
from benchmarks.table import Table
from boifi_core.findings import Verdict
from demo.tracing import Tracing

SEEDS = (1, 2, 3, 4, 5)
TRIALS = 150
QUICK_TRIALS = 40

_WITHIN = 0.1
"""How far what is found may stay behind what the shop's own spans let find."""

Which = tuple[str, Tracing]
"""What sessions look for, and how the shop is traced."""

Sessions = Mapping[Which, Mapping[int, Told]]


def measure(
    tracing: Sequence[Tracing] = (Tracing.OWN,),
    objectives: Sequence[str] = (DEFAULT,),
    *,
    quick: bool = False,
    file: Path = kept.FILE,
) -> list[Table]:
    """For each objective and way of tracing how its sessions told the weaknesses apart, and what was confirmed where
    there is none.

    Args:
        tracing: of the target.
        objectives: what the sessions look for.
        quick: one short session of each.
        file: what is kept of sessions, which are not made again.
    """
    seeds, trials = (SEEDS[:1], QUICK_TRIALS) if quick else (SEEDS, TRIALS)
    told: dict[Which, dict[int, Told]] = {}
    alarms: dict[Which, list[Alarms]] = {}
    for objective, each in product(objectives, tracing):
        told[objective, each] = {
            seed: _told(Key(tracing=each, seed=seed, trials=trials, objective=objective), file) for seed in seeds
        }
        alarms[objective, each] = [
            _alarms(Key(tracing=each, seed=seed, trials=TRIALS_WITHOUT, objective=objective, without=True), file)
            for seed in seeds
        ]
    return tables(told, alarms, trials)


def tables(told: Sessions, alarms: Mapping[Which, Sequence[Alarms]], trials: int) -> list[Table]:
    """The summary, one table for each objective and way of tracing, the thresholds, and the sessions without faults."""
    return [
        _summary(told),
        *(_each(which, sessions, trials) for which, sessions in told.items()),
        _thresholds(told),
        _without(alarms),
    ]


def _told(key: Key, file: Path) -> Told:
    known = kept.of(key, file)
    if known is None or known.told is None:
        print(f"  {key.objective}, tracing {key.tracing}, seed {key.seed}: {key.trials} trials", flush=True)
        told = tell(*session_of(key.tracing, key.seed, key.trials, key.objective))
        known = kept.add(Kept(code=kept.code(), key=key, told=told), file)
    assert known.told is not None
    return known.told


def _alarms(key: Key, file: Path) -> Alarms:
    known = kept.of(key, file)
    if known is None or known.alarms is None:
        print(f"  {key.objective}, tracing {key.tracing}, seed {key.seed}: without a fault", flush=True)
        found = without_faults(key.tracing, key.seed, key.objective)
        alarms = Alarms(
            modes=len(found.modes),
            confirmed=sum(mode.verdict is Verdict.CONFIRMED for mode in found.modes),
            controls=found.controls,
            false_alarms=found.false_alarms,
        )
        known = kept.add(Kept(code=kept.code(), key=key, alarms=alarms), file)
    assert known.alarms is not None
    return known.alarms


def _summary(told: Sessions) -> Table:
    rows = []
    for (objective, tracing), sessions in told.items():
        own = _share_found(told[objective, Tracing.OWN]) if (objective, Tracing.OWN) in told else None
        share, confirmed = _share_found(sessions), sum(each.confirmed for each in sessions.values())
        beside = "" if own is None or tracing is Tracing.OWN else f"{share / own:.0%}" if own else "-"
        if own and tracing not in (Tracing.OWN, Tracing.NONE) and share < (1 - _WITHIN) * own:
            beside += " missed"
        rows.append(
            (
                objective,
                tracing.value,
                f"{sum(len(each.tried) for each in sessions.values())} of {len(sessions) * len(TRIGGERS)}",
                f"{share:.0%}",
                beside,
                str(sum(len(each.split) for each in sessions.values())),
                str(sum(each.merged for each in sessions.values())),
                f"{_mean([each.astray for each in sessions.values()]):.0%}",
                str(confirmed),
                f"{sum(each.named for each in sessions.values()) / max(1, confirmed):.0%}",
                f"{_mean([each.degraded for each in sessions.values()]):.0%}",
            )
        )
    columns = ("objective", "tracing", "brought out", "a mode of their own", "of own's", "split", "modes of two")
    return Table(
        "Documented weaknesses, by what sessions look for and how the shop is traced",
        (*columns, "trials astray", "confirmed", "named by their place", "trials degraded"),
        tuple(rows),
    )


def _share_found(sessions: Mapping[int, Told]) -> float:
    tried = sum(len(each.tried) for each in sessions.values())
    return sum(len(set(each.found) & set(each.tried)) for each in sessions.values()) / max(1, tried)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _each(which: Which, sessions: Mapping[int, Told], trials: int) -> Table:
    columns = ("seed", "brought out", "a mode of their own", "with a second mode", "modes of two", "trials astray")
    return Table(
        f"Objective {which[0]}, traced as {which[1]}, {trials} trials",
        (
            *columns,
            "modes measured again",
            "confirmed",
            "with their smallest fault",
            "the same by replay",
            "only seen",
        ),
        tuple(
            (
                str(seed),
                f"{len(one.tried)} of {len(TRIGGERS)}",
                f"{len(one.found)} of {len(TRIGGERS)}",
                ", ".join(sorted(one.split)) or "none",
                str(one.merged),
                f"{one.astray:.0%}",
                str(one.examined),
                *map(str, (one.confirmed, one.whole, one.same, one.seen)),
            )
            for seed, one in sessions.items()
        ),
    )


def _thresholds(told: Sessions) -> Table:
    rows = tuple(
        (name, objective, tracing.value, str(seed), f"{one.thresholds_ms[name]:.0f}", f"{true_ms:.0f}")
        for (objective, tracing), sessions in told.items()
        for seed, one in sessions.items()
        for name, true_ms in THRESHOLDS_MS.items()
        if name in one.thresholds_ms
    )
    columns = ("weakness", "objective", "tracing", "seed", "measured, ms", "documented, ms")
    return Table("Thresholds measured", columns, rows)


def _without(alarms: Mapping[Which, Sequence[Alarms]]) -> Table:
    rows = tuple(
        (
            objective,
            tracing.value,
            str(len(sessions)),
            *(
                str(sum(getattr(each, name) for each in sessions))
                for name in ("modes", "confirmed", "controls", "false_alarms")
            ),
        )
        for (objective, tracing), sessions in alarms.items()
    )
    return Table(
        f"Sessions without a fault, {TRIALS_WITHOUT} trials each",
        ("objective", "tracing", "sessions", "modes", "confirmed", "fault-free runs", "false alarms"),
        rows,
    )
