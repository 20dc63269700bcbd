"""`python -m benchmarks.search`: make the runs that are missing, then tell what all of them come to."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from benchmarks import document
from benchmarks.search import quick, report, run
from benchmarks.search.figures import AFTER
from benchmarks.search.held_out import HELD_OUT
from benchmarks.search.landscapes import ALL
from benchmarks.search.peers import PEERS
from benchmarks.search.report import Half, Runs
from benchmarks.search.results import FOLDER, Result, Store
from benchmarks.search.tuning import TUNING
from benchmarks.table import show, terminal

HALVES = (
    Half("Held out", {landscape.name: landscape for landscape in HELD_OUT}),
    Half("Tuning", {landscape.name: landscape for landscape in TUNING}),
)
_GROUPS = {"held-out": HALVES[0], "tuning": HALVES[1]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = _parser()
    given = parser.parse_args(arguments)
    console = terminal()
    peers, landscapes = _peers(given, parser, console), _names(given.landscapes, parser)
    if given.trials is not None and given.folder == FOLDER:
        parser.error("--trials would spoil what is kept; give another --folder")
    if given.quick:
        _quick(peers, landscapes, given, console)
        return
    store = Store(given.folder)
    if not given.report:
        _run(run.planned(peers, landscapes, given.seeds, given.trials), store, given.jobs, console)
    runs = _runs(store, peers)
    for half in HALVES:
        show(report.tables(half, runs), console)
    if given.write:
        _write(runs, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{quick.SEEDS} seeds of the quick peers, measured anew")
    parser.add_argument("--only", nargs="+", metavar="PEER", help=f"of {', '.join(PEERS)}; all by default")
    parser.add_argument("--landscapes", nargs="+", metavar="NAME", help="tuning, held-out, or names; all by default")
    parser.add_argument("--seeds", type=int, metavar="N", help="0 to N-1, instead of each peer's own number")
    parser.add_argument("--trials", type=int, metavar="N", help="a run's length, instead of each peer's own")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at once (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where results are kept (default: the repository)")
    parser.add_argument("--report", action="store_true", help="make no runs")
    parser.add_argument("--write", action="store_true", help="put tables and plot into docs/")
    return parser


def _peers(given: argparse.Namespace, parser: argparse.ArgumentParser, console: Console) -> list[str]:
    """The peers that are asked for and can be made; tells of those that cannot."""
    wanted = given.only or [name for name, kind in PEERS.items() if kind.is_quick or not given.quick]
    if unknown := sorted(set(wanted) - set(PEERS)):
        parser.error(f"--only must be of {', '.join(PEERS)}; got {', '.join(unknown)}")
    if given.report:
        return wanted
    for name in wanted:
        if missing := PEERS[name].missing:
            console.print(f"{name} is left out: {', '.join(missing)} is not installed")
    return [name for name in wanted if not PEERS[name].missing]


def _names(wanted: Sequence[str] | None, parser: argparse.ArgumentParser) -> list[str]:
    """The landscapes that are asked for."""
    known = {landscape.name: [landscape.name] for landscape in ALL}
    known |= {group: list(half.landscapes) for group, half in _GROUPS.items()}
    if unknown := sorted(set(wanted or ()) - set(known)):
        parser.error(f"--landscapes must be of {', '.join(known)}; got {', '.join(unknown)}")
    return [name for group in wanted or _GROUPS for name in known[group]]


def _run(units: Sequence[run.Unit], store: Store, jobs: int, console: Console) -> None:
    missing = run.left(units, store)
    console.print(f"{len(units) - len(missing)} of {len(units)} runs are there, {len(missing)} are to be made")

    def tell(result: Result, n_left: int) -> None:
        end = f", {result.failed}" if result.failed else ""
        console.print(
            f"{result.peer}, {result.landscape}, seed {result.seed}: {result.seconds:.0f} s{end}; {n_left} left"
        )

    if missing:
        run.run_all(missing, store, jobs, tell)


def _runs(store: Store, peers: Sequence[str]) -> Runs:
    """The kept runs, long enough to be told of, on landscapes that are still there."""
    known = {landscape.name for landscape in ALL}
    found = {
        peer: [kept for kept in store.of(peer).values() if kept.landscape in known and kept.trials >= AFTER[-1]]
        for peer in peers
    }
    return {peer: kept for peer, kept in found.items() if kept}


def _quick(peers: Sequence[str], landscapes: Sequence[str], given: argparse.Namespace, console: Console) -> None:
    kept = _runs(Store(given.folder), peers)
    with tempfile.TemporaryDirectory(prefix="boifi-search-") as folder:
        store = Store(Path(folder))
        units = quick.planned(peers, landscapes) if given.seeds is None else run.planned(peers, landscapes, given.seeds)
        _run(units, store, given.jobs, console)
        fresh = _runs(store, peers)
    for half in HALVES:
        if half.runs(fresh):
            show([*report.tables(half, fresh)[:1], quick.compared(half, fresh, kept)], console)


def _write(runs: Runs, console: Console) -> None:
    tables = [table for half in HALVES for table in report.tables(half, runs)]
    document.write("search", tables, report.measured_on(runs))
    if find_spec("matplotlib") is None:
        console.print("the plot is left out: matplotlib is not installed")
        return
    from benchmarks.search.plot import draw

    draw(HALVES, runs)


if __name__ == "__main__":
    main()
