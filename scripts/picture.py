"""Draw what a command printed as an SVG, for the README: boifi demo | python scripts/picture.py docs/demo.svg"""

import io
import re
import sys

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI
from rich.text import Text

WIDTH = 140
SHOWN_TRIALS = 14


def shortened(lines: list[str]) -> list[str]:
    """The lines without most of the trials that brought nothing new."""
    trials = [number for number, line in enumerate(lines) if re.match(r" *\d+/", line)]
    bests, best = [], -1.0
    for number in trials:
        seen = float(lines[number].split()[2])
        if seen > best:
            bests.append(number)
            best = seen
    kept = set(bests[-SHOWN_TRIALS:]) | set(trials[:3]) | set(trials[-1:])
    short: list[str] = []
    for number, line in enumerate(lines):
        if number not in trials or number in kept:
            short.append(line)
        elif short[-1] != "       …":
            short.append("       …")
    return short


def main() -> None:
    lines = shortened([line.rstrip("\n") for line in sys.stdin])
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    console.print(Text("$ make demo", style="bold"))
    for line in lines:
        style = "bold" if line.startswith(("BOIFI", "Weaknesses", "COMPLETED")) else ""
        # Where files lie is of this machine; everywhere else it is the data dir.
        console.print(
            Text(re.sub(r"/\S*/(sessions|prefect)/", r"boifi-data/\1/", line), style=style), no_wrap=True, crop=True
        )
    # Without the web font that Rich would have the reader fetch.
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console.save_svg(sys.argv[1], title="boifi", theme=DIMMED_MONOKAI, code_format=form)


if __name__ == "__main__":
    main()
