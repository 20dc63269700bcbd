"""What the command prints, whatever it is printed to: a terminal of few letters, a pipe that nobody reads any more."""

from __future__ import annotations

import contextlib
import io
import os
import sys


def take_what_cannot_be_shown() -> None:
    """Let what the terminal's encoding lacks be replaced: a quotation mark must not end a session."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def outlive_readers() -> None:
    """Let what is printed go nowhere once nobody reads it, as behind `| head`: what was begun is brought to its end."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _Outliving(stream))


class _Outliving(io.TextIOWrapper):
    """A text stream that goes on into nothing when its reader has gone."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        encoding, errors = stream.encoding, stream.errors
        line_buffering, write_through = stream.line_buffering, stream.write_through
        stream.flush()
        super().__init__(
            stream.detach(),
            encoding=encoding,
            errors=errors,
            line_buffering=line_buffering,
            write_through=write_through,
        )

    def write(self, text: str) -> int:
        """As of any stream."""
        try:
            return super().write(text)
        except BrokenPipeError:
            self._go_on()
            return len(text)

    def flush(self) -> None:
        """As of any stream."""
        try:
            super().flush()
        except BrokenPipeError:
            self._go_on()

    def _go_on(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self.fileno())  # what is buffered still goes there
            os.close(nothing)
