"""`boifi` as a process, and what it prints."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def until_line(process, pattern):
    """Read the output up to a line that has this pattern; returns what was read."""
    read = []
    for line in process.stdout:
        read.append(line)
        if re.search(pattern, line):
            return "".join(read)
    pytest.fail(f"ended before {pattern}: {''.join(read)}")


def until_trial(process, number):
    """Read the output up to this trial's line; returns what was read."""
    return until_line(process, rf"^ *{number}/")
