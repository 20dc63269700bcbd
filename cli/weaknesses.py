"""What a session found, as a list for the terminal: the surest first, a few lines each."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten

from rich.console import Console
from rich.table import Table
from rich.text import Text

from boifi_core.errors import counted
from boifi_core.findings import Catalogue, FailureMode, Verdict
from boifi_core.report.facts import fault_text
from boifi_core.report.failures import ONLY_SEEN, beside, by_itself, how_many, replay_trial
from boifi_core.report.smallest import smallest_text

SHOWN, SHOWN_ONLY_SEEN = 10, 5
"""How many failures the closing output has; the report has them all."""

_OF_SENTENCE, _OF_FAULT = 2, 3
"""Lines at most."""

_MARGIN = 12
"""Characters before the text of a failure."""


def weaknesses(console: Console, found: Catalogue) -> None:
    """The list, with what casts doubt on it before it, and what was only seen after it."""
    console.print(Text(f"Weaknesses: {how_many(found)}.", style="bold"), soft_wrap=True)
    doubt = by_itself(found)
    if doubt is not None:
        console.print(Text(doubt, style="bold red"))
    console.print(_listed(found.surest_first[:SHOWN], console.width - _MARGIN))
    _rest(console, len(found.surest_first) - SHOWN)
    console.print(Text(beside(found)))
    if found.only_seen:
        console.print(Text(f"{ONLY_SEEN}:"), soft_wrap=True)
        for mode in found.only_seen[:SHOWN_ONLY_SEEN]:
            line = f"{mode.severity:>5.1f}  {mode.label:<4} {fault_text(mode.worst_plans)}: {mode.sentence}"
            console.print(Text(line), no_wrap=True, overflow="ellipsis")
        _rest(console, len(found.only_seen) - SHOWN_ONLY_SEEN)


def _rest(console: Console, n: int) -> None:
    if n > 0:
        console.print(f"{'':{_MARGIN}}and {n} more, which {'is' if n == 1 else 'are'} in the report")


def _listed(modes: Sequence[FailureMode], room: int) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 1, 0))
    table.add_column(justify="right", min_width=5, no_wrap=True)
    table.add_column(min_width=3, no_wrap=True)
    table.add_column(ratio=1)
    for mode in modes:
        told = Text("\n").join([
            Text(_short(mode.sentence, _OF_SENTENCE * room)),
            Text(_short(_fault(mode), _OF_FAULT * room)),
            Text(f"{how_sure(mode)}; {counted(len(mode.trials), 'trial')}; replay {replay_trial(mode)}", style="dim"),
        ])  # fmt: skip
        table.add_row(Text(f"{mode.severity:.1f}", style="bold"), Text(mode.label), told)
    return table


def _fault(mode: FailureMode) -> str:
    text = smallest_text(mode)
    return text if mode.minimal is None else f"smallest: {text}"


def _short(text: str, room: int) -> str:
    return shorten(text, max(room, 40), placeholder=" …")


def how_sure(mode: FailureMode) -> str:
    """`confirmed, 4 of 4 again`."""
    sure = mode.confirmation
    if mode.stays_down:
        return Verdict.STAYS_DOWN.value
    if sure is None:
        return "not measured again"
    return f"{sure.verdict.value}, {sure.shown} of {len(sure.readings)} again"
