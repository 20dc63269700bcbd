"""What starts fast has little to import."""

import subprocess
import sys

import httpx
import pytest
from facades import wait_for
from loopback import free_port

from api.early_app import ALIVE

HEAVY = {"pandas", "prefect", "pyarrow", "scipy", "sklearn", "skopt"}

STARTED_FACADE = """
import asyncio, pathlib, sys
from api.app import create_app
from api.settings import Settings

async def start():
    app = create_app(Settings(data=pathlib.Path(sys.argv[1])))
    async with app.router.lifespan_context(app):
        while not app.state.parts.index.complete:
            await asyncio.sleep(0.01)
        app.openapi()

asyncio.run(start())
"""


@pytest.mark.parametrize("program", [STARTED_FACADE, "import cli.main, cli.serve"], ids=["facade", "boifi serve"])
def test_it_starts_without_the_heavy_libraries(program, environment, tmp_path):
    tell = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{tell}", str(tmp_path)],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    imported = set(done.stdout.split())
    assert "pydantic" in imported
    assert imported & HEAVY == set()


def front(environment):
    """The facade's process as the service starts it, and a client of it."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "api.early_app:create_app", "--port", str(port)]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    return process, httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False)


def answer(http, path):
    """What it answers; None while it does not listen."""
    try:
        return http.get(path)
    except httpx.ConnectError:
        return None


def test_health_is_answered_first_and_everything_else_by_the_facade(environment):
    process, http = front(environment)
    try:
        wait_for(lambda: answer(http, "/health"), timeout_s=30)
        assert http.get("/v1/optimization/sessions").json() == {"sessions": [], "total": 0, "next": None}
        health = http.get("/health")
        assert (health.status_code, health.content) == (200, ALIVE)
        assert http.get("/health?x=1").status_code == 422, "the facade answers by now"
    finally:
        process.terminate()
    assert "Finished server process" in process.communicate(timeout=30)[1]


def test_a_facade_that_cannot_be_made_ends_its_process(environment):
    process, _ = front({**environment, "BOIFI_HOST": "0.0.0.0"})
    assert "must be loopback" in process.communicate(timeout=60)[1]
