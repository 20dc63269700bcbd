"""What flow runs may be asked to do here.

Their parameters come from whoever can write to Prefect: each is looked at before anything that it names is touched. All
that they may name lies in this process's own data dir.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from prefect.runtime import deployment

from boifi_core.campaign import CampaignFolder
from boifi_core.errors import InvalidInput
from boifi_core.session.folder import SessionFolder
from boifi_core.settings import service_settings
from boifi_core.storage import Place

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def own_session(asked: object, data: Place) -> SessionFolder:
    """The session whose folder is asked for.

    Raises:
        InvalidInput: it is none of this data dir.
    """
    folder = SessionFolder(_own(asked, data, "sessions"))
    if not folder.is_made:
        raise InvalidInput("folder", "must be that of a session", asked)
    return folder


def own_campaign(asked: object, data: Place) -> CampaignFolder:
    """The campaign whose folder is asked for; errors as of `own_session`."""
    folder = CampaignFolder(_own(asked, data, "campaigns"))
    if not folder.is_made:
        raise InvalidInput("folder", "must be that of a campaign", asked)
    return folder


def _own(asked: object, data: Place, kind: str) -> Place:
    name = asked.rpartition("/")[2] if isinstance(asked, str) else ""
    place = data / kind / name
    if not _NAME.fullmatch(name) or asked != str(place):
        raise InvalidInput("folder", f"must lie in {data / kind}, and nowhere below", asked)
    if isinstance(place, Path) and (place.is_symlink() or place.parent.is_symlink()):
        raise InvalidInput("folder", "must be no symbolic link", asked)
    return place


def _own_data(asked: object, data: Place) -> None:
    if asked != str(data):
        raise InvalidInput("data", f"must be {data}", asked)


def _set_life(asked: object, _data: Place) -> None:
    life_s = service_settings().session_life_s
    if isinstance(asked, bool) or asked != life_s:
        raise InvalidInput("life_s", f"must be the setting session_life_s, {life_s:g}", asked)


def _number(asked: object, _data: Place) -> None:
    if isinstance(asked, bool) or not isinstance(asked, int):
        raise InvalidInput("trial", "must be a trial's number", asked)


_RULES: Mapping[str, Mapping[str, Callable[[object, Place], object]]] = MappingProxyType({
    "session": {"folder": own_session},
    "campaign": {"folder": own_campaign},
    "replay": {"folder": own_session, "trial": _number},
    "upkeep": {"data": _own_data, "life_s": _set_life},
})  # fmt: skip
"""By flow and parameter: what refuses a value."""


def check(flow_name: str, parameters: Mapping[str, object], data: Place) -> None:
    """See that a flow run of this flow with these parameters may be carried out by a process with this data dir.

    Raises:
        InvalidInput: it may not, and why.
    """
    rules = _RULES.get(flow_name)
    if rules is None:
        raise InvalidInput("flow", f"must be one of {', '.join(_RULES)}", flow_name)
    if parameters.keys() != rules.keys():
        raise InvalidInput("parameters", f"must be {', '.join(rules)}", ", ".join(sorted(map(str, parameters))))
    for name, refuse in rules.items():
        refuse(parameters[name], data)


def check_here(flow_name: str, **parameters: object) -> None:
    """The same of the flow run that runs in this process, if it is a deployment's: then Prefect said what to do.

    Raises:
        InvalidInput: as of `check`.
    """
    if deployment.id is not None:
        check(flow_name, parameters, service_settings().data)
