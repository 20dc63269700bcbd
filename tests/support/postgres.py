"""A real PostgreSQL of our own, from Debian's package, on a free port of loopback."""

import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

from loopback import free_port


class Postgres:
    """Its server; it can be stopped and started again, and has as many databases as are asked for."""

    def __init__(self, place, user):
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        assert found, "scripts/system-tools.sh installs Debian's postgresql"
        self._programs, self._place, self._user = found[-1].parent, place, user
        self.port = free_port()
        self._run("initdb", "-D", place / "data", "-U", "boifi", "-A", "trust", "--no-sync")

    def start(self):
        options = f"-p {self.port} -k {self._place} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        self._run("pg_ctl", "-D", self._place / "data", "-w", "-l", self._place / "log", "-o", options, "start")

    def stop(self, how="fast"):
        """End it: `fast` cuts its clients off, `immediate` is a crash."""
        self._run("pg_ctl", "-D", self._place / "data", "-w", "-m", how, "stop")

    def database(self, name, driver="postgresql"):
        """The URL of a new database."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "boifi"]
        self._run("createdb", *address, name)
        return f"{driver}://boifi@127.0.0.1:{self.port}/{name}"

    def _run(self, program, *arguments):
        # Root may not run it.
        as_user = {"user": self._user, "group": pwd.getpwnam(self._user).pw_gid} if os.getuid() == 0 else {}
        command = [self._programs / program, *arguments]
        # What it leaves running must not hold our pipes open.
        with (self._place / "said").open("wb") as said:
            done = subprocess.run(
                command, stdout=said, stderr=said, timeout=60, cwd=self._place, check=False, **as_user
            )
        assert done.returncode == 0, (program, (self._place / "said").read_text())


@contextmanager
def running_postgres():
    """One that runs until the block ends."""
    user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
    place = Path(tempfile.mkdtemp(prefix="boifi-pg-"))
    shutil.chown(place, user)
    try:
        server = Postgres(place, user)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")
    finally:
        shutil.rmtree(place)
