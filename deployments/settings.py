"""The settings of a process that is started by itself: what is wrong with them is one line, and its end."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from pydantic import ValidationError
from pydantic_settings import SettingsError

from boifi_core.errors import InvalidInput
from boifi_core.safety.allowed_targets import parse_rules
from boifi_core.settings import ServiceSettings
from boifi_core.storage import Place, place_of
from boifi_core.validation import invalid_input
from boifi_core.wire.proxies import check_proxies, spare_loopback


def settings_or_exit() -> ServiceSettings:
    """The settings, seen whole: also those that only a session would use, and the proxies that the environment names.

    From here on, loopback is reached without these.

    Raises:
        SystemExit: one breaks its rule; standard error says which.
    """
    try:
        settings = ServiceSettings()
        parse_rules(settings.allowed_targets)
        spare_loopback([os.environ.get("PREFECT_API_URL", "")])
        check_proxies()
    except ValidationError as error:
        _end(str(invalid_input(error, "", ServiceSettings)))
    except SettingsError as error:
        _end(f"settings: {error}")
    except InvalidInput as error:
        _end(str(error))
    return settings


def place_or_exit(text: str) -> Place:
    """The data dir that an argument names.

    Raises:
        SystemExit: it names none; standard error says why.
    """
    try:
        return place_of(text)
    except InvalidInput as error:
        _end(str(error))


def _end(said: str) -> NoReturn:
    print(f"error: {said}", file=sys.stderr, flush=True)
    sys.exit(2)
