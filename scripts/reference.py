"""Write what is made from the code: config/default.yaml, docs/configuration.md, the routes of docs/api-reference.md."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from api.app import create_app
from api.reference import reference
from api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
API_REFERENCE = ROOT / "docs" / "api-reference.md"

FROM_HERE = "<!-- From here on made by `make docs`. -->\n"

CONFIGURATION = """\
# Settings

Every setting of the service is a key of a YAML file, and `BOIFI_…` in the environment, which goes before the files. The
file that `BOIFI_CONFIG` names goes before `config/default.yaml`, which holds every setting as it is where nothing else
is said. What breaks its rule, and a key that is none of these, is refused when the service starts. Lists are separated
by commas in the environment; `BOIFI_API_KEYS` and `BOIFI_SECRET_HOSTS` are JSON there.

`boifi serve --host --port --prefect-port --out` go before `host`, `port`, `prefect_port` and `data`. Facade and
workers read the same settings: where they run on several machines, each needs them. Prefect's own settings, such as
`PREFECT_API_URL` and `PREFECT_SERVER_DATABASE_CONNECTION_URL`, are taken from the environment as they are. Each process
of the service gets of the environment [what concerns it](security.md).

<!-- Made by `make docs` from boifi_core/settings.py and api/settings.py. -->

| setting | environment | meaning | default |
| --- | --- | --- | --- |
"""

DEFAULTS = """\
# Every setting of the service as it is where nothing else is said. Made by `make docs`; what each means stands in
# docs/configuration.md too. Settings of your own belong into a file that BOIFI_CONFIG names, or into BOIFI_….
"""


def configuration() -> str:
    """`docs/configuration.md`."""
    return CONFIGURATION + "".join(
        f"| `{name}` | `BOIFI_{name.upper()}` | {field.description} | {_shown(_default(field.default))} |\n"
        for name, field in Settings.model_fields.items()
    )


def defaults() -> str:
    """`config/default.yaml`."""
    return DEFAULTS + "".join(
        f"\n{_comment(field.description or '')}\n{name}: {json.dumps(_default(field.default))}\n"
        for name, field in Settings.model_fields.items()
    )


def api_reference() -> str:
    """`docs/api-reference.md`: what is written by hand, and after it what the OpenAPI document says."""
    by_hand = API_REFERENCE.read_text().partition(FROM_HERE)[0]
    return by_hand + FROM_HERE + "\n" + reference(create_app(Settings()).openapi())


def _comment(text: str) -> str:
    return textwrap.fill(text, 120, initial_indent="# ", subsequent_indent="# ", break_long_words=False)


def _default(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value


def _shown(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"`{text}`" if text else ""


def made() -> dict[Path, str]:
    """All that is made, by where it lies."""
    return {
        ROOT / "config" / "default.yaml": defaults(),
        ROOT / "docs" / "configuration.md": configuration(),
        API_REFERENCE: api_reference(),
    }


if __name__ == "__main__":
    for path, text in made().items():
        path.write_text(text)
