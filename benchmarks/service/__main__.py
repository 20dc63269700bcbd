"""`python -m benchmarks.service [--quick] [--write]`: measure the service, print, put it into docs/benchmarks.md."""

from __future__ import annotations

import argparse

from benchmarks import document
from benchmarks.service.measure import FULL, QUICK, measure
from benchmarks.table import show, terminal


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer starts and trials")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    given = parser.parse_args()
    console = terminal()
    measured = document.machine()
    console.print(measured)
    tables = []
    for table in measure(QUICK if given.quick else FULL):
        tables.append(table)
        show([table], console)
    if given.write:
        document.write("service", tables, measured)


if __name__ == "__main__":
    main()
