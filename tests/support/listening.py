"""Which TCP ports processes listen at, from /proc alone."""

from contextlib import suppress
from pathlib import Path

LISTEN = "0A"


def tree(pid):
    """A process and all that descend from it."""
    found = [pid]
    with suppress(FileNotFoundError, ProcessLookupError):
        for each in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in each.read_text().split():
                found += tree(int(child))
    return found


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()


def environment(pid):
    text = Path(f"/proc/{pid}/environ").read_text()
    return dict(part.split("=", 1) for part in text.split("\0") if "=" in part)


def listening(pids):
    """`(address, port)` to the processes that listen there."""
    inodes = {}
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTEN:
                address, _, port = fields[1].rpartition(":")
                inodes[f"socket:[{fields[9]}]"] = (address, int(port, 16))
    found = {}
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            for each in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(FileNotFoundError):
                    if (where := inodes.get(str(each.readlink()))) is not None:
                        found.setdefault(where, set()).add(pid)
    return found
