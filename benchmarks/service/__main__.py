"""`python -m benchmarks.service [--quick] [--write]`: measure the service, print, put it into docs/benchmarks.md."""

from __future__ import annotations

import argparse

from rich.console import Console

from benchmarks import document
from benchmarks.__main__ import PLAIN_WIDTH
from benchmarks.service.measure import FULL, QUICK, measure


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer starts and trials")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    given = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    measured = document.machine()
    console.print(measured)
    tables = []
    for table in measure(QUICK if given.quick else FULL):
        tables.append(table)
        console.print(f"\n{table.title}", table.rich(), sep="\n")
    if given.write:
        document.write("service", tables, measured)


if __name__ == "__main__":
    main()
