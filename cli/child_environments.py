"""What each process of the service gets of the environment: what it needs, and of secrets its own alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

Environment = dict[str, str]

EXECUTOR_SECRETS = "BOIFI_EXECUTOR_"
"""How the variables begin that sessions may send to their targets."""

_PREFECTS_OWN = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "DO_NOT_TRACK", "LD_LIBRARY_PATH",
    "VIRTUAL_ENV", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
})  # fmt: skip
_PREFECTS_KINDS = (
    "PREFECT_", "PYTHON", "LC_", "SSL_CERT_", "MALLOC_", "OMP_", "OPENBLAS_", "MKL_",
    "PG",  # the login of its database, where that is PostgreSQL
)  # fmt: skip


def of_prefect(environment: Mapping[str, str]) -> Environment:
    """What Prefect's server gets: what is known to concern it, so that no secret of anything else is among it."""
    return _chosen(environment, lambda name: name in _PREFECTS_OWN or name.startswith(_PREFECTS_KINDS))


def of_worker(environment: Mapping[str, str]) -> Environment:
    """What the worker and its sessions get: all but the facade's own settings and those of Prefect's server."""
    facades = _settings_of_facade()
    return _chosen(environment, lambda name: name not in facades and not name.startswith("PREFECT_SERVER_"))


def of_facade(environment: Mapping[str, str], secrets: Collection[str]) -> Environment:
    """What the facade gets: all but the worker's secrets and the settings of Prefect's server.

    Args:
        secrets: the variables that sessions may send somewhere (`secret_hosts`).
    """
    workers = (EXECUTOR_SECRETS, "PREFECT_SERVER_")
    sent = {name.upper() for name in secrets}
    return _chosen(environment, lambda name: name not in sent and not name.startswith(workers))


def _settings_of_facade() -> frozenset[str]:
    from api.settings import Settings
    from boifi_core.settings import ServiceSettings

    return frozenset(f"BOIFI_{field.upper()}" for field in Settings.model_fields.keys() - ServiceSettings.model_fields)


def _chosen(environment: Mapping[str, str], is_theirs: Callable[[str], bool]) -> Environment:
    # In capitals, since settings are found whatever the case of their names.
    return {name: value for name, value in environment.items() if is_theirs(name.upper())}
