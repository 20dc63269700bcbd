"""A disk of a few megabytes, which a test can fill, free, and mount for reading alone."""

import os
import subprocess
from contextlib import contextmanager, suppress

import pytest


class SmallDisk:
    """A tmpfs at `path`."""

    def __init__(self, path):
        self.path = path
        self._filler = path / "filler"

    def fill(self):
        """Leave no room at all."""
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(65536))
        with suppress(OSError), self._filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(512))

    def free(self):
        """Make room again."""
        self._filler.unlink(missing_ok=True)

    def read_only(self, yes=True):
        """Let nothing be written, or let it again."""
        subprocess.run(["mount", "-o", f"remount,{'ro' if yes else 'rw'}", self.path], check=True, capture_output=True)


@contextmanager
def small_disk(path, size_mib=8):
    """Mounted for as long as this lasts; where this user may not mount, the test is skipped."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", path], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)
