"""The services of a compose file brought up without an engine, each from its image, and what is asked of them."""

import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

from containers import COMPOSE
from flow_runs import until

from scripts.without_engine import Project, call

START_S = 150

UNSIGNED = (
    "Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)
"""Moto asks for a signature and looks at none."""


@contextmanager
def brought_up(services, secrets=None, stand_ins=None):
    """The project, and the containers that run by service: each started when those that it waits for are healthy.

    Args:
        services: as the file has them, with its variables put in.
        secrets: the secrets' files by name.
        stand_ins: for services whose image cannot be had: what runs in its place, a context manager of the project and
            of what the file says.
    """
    with ExitStack() as stack:
        project = Project(services, secrets)
        stack.callback(project.close)
        project.open()
        running = {}
        while waiting := [name for name in services if name not in running]:
            name = next(each for each in waiting if set(services[each].get("depends_on", ())) <= running.keys())
            if name in (stand_ins or {}):
                stack.enter_context(stand_ins[name](project, services[name]))
                running[name] = []
                continue
            replicas = int(services[name].get("deploy", {}).get("replicas", 1))
            running[name] = [project.start(name) for _ in range(replicas)]
            for container in running[name]:
                wait_until_healthy(container, project.health(name))
        yield project, running


def wait_until_healthy(container, command):
    said = []

    def healthy():
        assert container.process.poll() is None, container.log.read_text()
        done = container.run(*command)
        said[:] = [done.stdout + done.stderr]
        return done.returncode == 0

    try:
        until(healthy, START_S, f"{container.name} is healthy")
    except AssertionError as error:
        raise AssertionError(f"{error}: {said}, {container.log.read_text()[-2000:]}") from None


def asked(project, command, headers=()):
    """What a command says where localhost:8000 is the facade's published port."""
    home = project.folder / "curl"
    home.mkdir(exist_ok=True)
    address = project.addresses["facade"]
    lines = [f'connect-to = "localhost:8000:{address}:8000"', "silent", "show-error"]
    (home / ".curlrc").write_text("\n".join([*lines, *(f'header = "{each}"' for each in headers)]))
    done = subprocess.run(
        [*project.inside, "bash", "-c", command],
        env={**os.environ, "CURL_HOME": str(home)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def debians_postgres(project, told):
    """A PostgreSQL server that does with a service's environment and scripts what its image would do with them."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    folder = project.folder / "postgres"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    user = pwd.getpwnam("postgres")
    as_user = (*project.inside, "setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    password = folder / "password"
    secret = Path(told["environment"]["POSTGRES_PASSWORD_FILE"]).name
    shutil.copyfile(project.secrets[secret], password)
    shutil.chown(password, "postgres")
    data = ("-D", str(folder / "data"))
    call(*as_user, programs / "initdb", *data, "-U", told["environment"]["POSTGRES_USER"], "--no-sync",
         "--auth=scram-sha-256", f"--pwfile={password}")  # fmt: skip
    with (folder / "data" / "pg_hba.conf").open("a") as rules:  # the image lets all hosts in with a password
        rules.write("host all all all scram-sha-256\n")
    options = f"-k {folder} -c listen_addresses={project.addresses['postgres']} -c fsync=off"
    call(*as_user, programs / "pg_ctl", *data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        scripts = [volume.split(":")[0] for volume in told["volumes"] if "/docker-entrypoint-initdb.d/" in volume]
        texts = [(COMPOSE["prod"].parent / script).read_text() for script in scripts]
        for sql in (f"CREATE DATABASE {told['environment']['POSTGRES_DB']}", *texts):
            query(project, "postgres", re.sub(r"^--.*$", "", sql, flags=re.M))
        yield
    finally:
        os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)


@contextmanager
def motos_s3(project, told):
    """Moto's S3 API where the file has no service for it, with the bucket `night`."""
    address = project.addresses["storage"]
    command = [*project.inside, sys.executable, "-m", "moto.server", "-H", address, "-p", "5000"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        patient = ("curl", "-sS", "--fail", "--retry", "60", "--retry-delay", "1", "--retry-connrefused")
        call(*project.inside, *patient, "-X", "PUT", "-H", UNSIGNED, f"http://{address}:5000/night", timeout_s=90)
        yield
    finally:
        server.kill()
        server.wait()


def query(project, database, sql):
    """What a query of the stand-in for PostgreSQL brings."""
    program = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))[-1]
    password = (project.folder / "postgres" / "password").read_text().strip()
    url = f"postgresql://boifi@{project.addresses['postgres']}/{database}"
    return call(*project.inside, "env", f"PGPASSWORD={password}", program, "-X", "-v", "ON_ERROR_STOP=1", "-tA", url,
                "-c", sql)  # fmt: skip
