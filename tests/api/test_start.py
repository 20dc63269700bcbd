"""What starts fast has little to import."""

import subprocess
import sys

import pytest

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
