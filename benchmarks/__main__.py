"""`python -m benchmarks [name…] [--write]`: measure, print, and put the figures into docs/benchmarks.md.

`python -m benchmarks findings [--tracing KIND…] [--objective NAME…] [--quick]`: of the shop in all ways of tracing, or
in these, by sessions of each objective, or of these; what was measured by the same code is not measured again. Without
a name it is that of the shop's own spans and of the objective `both` alone.
"""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from benchmarks import document
from benchmarks.objectives import SHARES
from benchmarks.table import show, terminal
from demo.tracing import Tracing

NAMES = ("optimizer", "scoring", "hostile", "checks", "overhead", "demo", "findings", "applications")
"""Modules of this package, each with `measure() -> list[Table]`."""


def main() -> None:
    """Run the benchmarks that are named, all of them if none is."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(NAMES)}; all of them by default")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    parser.add_argument(
        "--tracing",
        action="append",
        type=Tracing,
        choices=list(Tracing),
        help="findings: of this alone; more than once",
    )
    parser.add_argument(
        "--objective", action="append", choices=list(SHARES), help="findings: of this alone; more than once"
    )
    parser.add_argument("--quick", action="store_true", help="findings: one short session of each")
    parser.add_argument("--first", type=int, metavar="SEED", help="applications: from this seed on (1)")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(NAMES))
    if unknown:
        parser.error(f"name must be one of {', '.join(NAMES)}, got {', '.join(unknown)}")
    if (given.tracing or given.objective or given.quick) and given.names != ["findings"]:
        parser.error("--tracing, --objective and --quick are for findings alone")
    if given.first is not None and given.names != ["applications"]:
        parser.error("--first is for applications alone")
    options: dict[str, dict[str, Any]] = {}
    if given.names:
        options["findings"] = {
            "tracing": given.tracing or list(Tracing),
            "objectives": given.objective or list(SHARES),
            "quick": given.quick,
        }
    if given.first is not None:
        options["applications"] = {"first": given.first}
    console = terminal()
    measured = document.machine()
    console.print(measured)
    for name in given.names or NAMES:
        console.print(f"\nmeasuring: {name}")
        tables = importlib.import_module(f"benchmarks.{name}").measure(**options.get(name, {}))
        show(tables, console)
        if given.write:
            document.write(name, tables, measured)


if __name__ == "__main__":
    main()
