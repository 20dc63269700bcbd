"""Opens a session: connections to its target, to where it may connect alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext

from boifi_core.injectors.base import Injector
from boifi_core.injectors.table import open_injector
from boifi_core.observers.table import open_observer
from boifi_core.safety.allowed_targets import Rule, check_reach, connecting_only_to, parse_rules
from boifi_core.safety.secret_hosts import check_secrets
from boifi_core.session.config import SessionConfig
from boifi_core.session.folder import SessionFolder
from boifi_core.session.session import Session
from boifi_core.session.stored import stored_config
from boifi_core.settings import service_settings


def reachable_config(folder: SessionFolder) -> SessionConfig:
    """The config of a session whose target is about to be connected to.

    What was asked for through the facade is looked at again: another process, on another machine or another day, may
    reach what the facade could not, and a name may have got other addresses since.

    Raises:
        InvalidInput: something that the session would connect to is not allowed, or a secret may not be sent there.
    """
    config = _config(folder)
    if folder.is_requested:
        check_reach(config.connects_to(), _allowed())
    return config


def open_reachable(folder: SessionFolder) -> Injector:
    """The injector of a session, whose connections are checked too.

    Raises:
        InvalidInput: as `reachable_config` and `open_injector`.
    """
    config = reachable_config(folder)
    with _connections_of(folder):
        return open_injector(config.executor)


def _config(folder: SessionFolder) -> SessionConfig:
    """The config of a session that is about to be opened; its secrets may be sent where they would be."""
    config = stored_config(folder)
    if folder.is_requested:
        check_secrets(config, service_settings().secret_hosts)
    return config


def _connections_of(folder: SessionFolder) -> AbstractContextManager[None]:
    """Within it, what is opened for a session connects only where it may, whatever its names resolve to by then."""
    return connecting_only_to(_allowed()) if folder.is_requested else nullcontext()


def _allowed() -> tuple[Rule, ...]:
    return parse_rules(service_settings().allowed_targets)


@contextmanager
def open_session(folder: SessionFolder) -> Iterator[Session]:
    """Open a session from its folder alone, as its history left it; connections are closed at the end.

    Raises:
        InvalidInput: as `open_injector` and `open_observer`, or a secret may not be sent where the session would.
    """
    config = _config(folder)
    with ExitStack() as opened:
        with _connections_of(folder):
            injector = open_injector(config.executor)
            opened.callback(injector.close)
            observer = open_observer(config.executor, config.watching)
            opened.callback(observer.close)
        yield Session(folder, config, injector, observer)
