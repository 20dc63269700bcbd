"""Regret over trials as a picture, one panel a half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.search.figures import AFTER, over_landscapes, regret_by_landscape
from benchmarks.search.peers import OURS
from benchmarks.search.report import Half, Runs
from benchmarks.search.trials import EVERY

PICTURE = Path(__file__).resolve().parent.parent.parent / "docs" / "search.svg"

_COLOURS = mpl.colormaps["tab10"].colors


def draw(halves: Sequence[Half], runs: Runs, path: Path = PICTURE) -> None:
    """Write the mean regret of the recommended point after 10, 20, … trials."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    panels = figure.subplots(1, len(halves), sharey=True, squeeze=False)[0]
    others = [peer for peer in runs if peer not in OURS]
    for half, panel in zip(halves, panels, strict=True):
        for peer, of in half.runs(runs).items():
            trials = list(range(EVERY, AFTER[-1] + 1, EVERY))
            means = [over_landscapes(regret_by_landscape(of, half.landscapes, after)).value for after in trials]
            if peer in OURS:
                style = {"color": "black", "linewidth": 2, "linestyle": ("-", "--", ":", "-.")[list(OURS).index(peer)]}
            else:
                style = {"color": _COLOURS[others.index(peer) % len(_COLOURS)], "linewidth": 1}
            panel.plot(trials, means, label=peer, **style)
        panel.set(title=half.title, xlabel="trials", ylim=(0, None))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("regret of the recommended point")
    lines = {line.get_label(): line for panel in panels for line in panel.get_lines()}
    figure.legend(handles=[lines[peer] for peer in runs if peer in lines], loc="outside right center", fontsize="small")
    with mpl.rc_context({"svg.hashsalt": "boifi", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None, "Creator": None})
