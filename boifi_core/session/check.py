"""What a session's config must keep beyond the rules of its fields, checked without asking its target anything."""

from __future__ import annotations

from boifi_core.errors import hint
from boifi_core.injectors.table import open_injector
from boifi_core.session.config import SessionConfig
from boifi_core.session.expressible import check_expressible, target_services
from boifi_core.session.learning import make_optimizer


def check(config: SessionConfig) -> tuple[SessionConfig, list[str]]:
    """The config as it is, and warnings, one line each.

    Raises:
        InvalidInput: the injector cannot express the space, the guardrails leave nothing of it, a token's variable is
            not set here, or `ca_file` holds no certificates.
    """
    injector = open_injector(config.executor)
    try:
        warnings = check_expressible(config.search_space, injector.capabilities)
    finally:
        injector.close()
    make_optimizer(config)
    return config, [*warnings, *_unknown_services(config)]


def _unknown_services(config: SessionConfig) -> list[str]:
    """Protected services that no fault could strike anyway: more often misspelt than meant."""
    known = sorted({str(value) for value in target_services(config.search_space)})
    among = set(known)
    protected = enumerate(config.guardrails.protected_services) if known else ()
    unknown = [(number, service) for number, service in protected if service not in among]
    told = [
        f"guardrails.protected_services[{number}]: {service} is no target_service of the search space"
        f"{hint(service, known) if place < _MOST_HINTS else ''}"
        for place, (number, service) in enumerate(unknown[:_MOST_TOLD])
    ]
    more = len(unknown) - len(told)
    return [*told, *([f"guardrails.protected_services: nor are {more} more of them"] if more else [])]


_MOST_TOLD, _MOST_HINTS = 20, 5
