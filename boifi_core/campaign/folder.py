"""Where a campaign lies on disk: `<data dir>/campaigns/<name>`, its config and its nights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from boifi_core.campaign.config import CampaignConfig, parse_campaign
from boifi_core.campaign.night import Night
from boifi_core.errors import BoifiError
from boifi_core.filelock import is_locked, try_lock
from boifi_core.folder import write_atomically


class CampaignHeld(BoifiError):
    """Another night of this campaign runs now."""


@dataclass(frozen=True)
class CampaignFolder:
    """`campaign.json`, and for each night `nights/<night>/` with `night.json` and its report."""

    path: Path

    @classmethod
    def make(cls, data: Path, config: CampaignConfig) -> CampaignFolder:
        """Keep the campaign in the data dir; an earlier version of it is replaced, its nights stay."""
        folder = cls(data / "campaigns" / config.name)
        folder.path.mkdir(parents=True, exist_ok=True)
        text = json.dumps(config.model_dump(mode="json", exclude_none=True), indent=2, ensure_ascii=False)
        write_atomically(folder.path / "campaign.json", text)
        return folder

    @property
    def data(self) -> Path:
        """The data dir that it lies in."""
        return self.path.parent.parent

    def config(self) -> CampaignConfig:
        """What `make` was given."""
        path = self.path / "campaign.json"
        try:
            return parse_campaign(json.loads(path.read_text()))
        except (OSError, ValueError) as error:
            raise BoifiError(f"{path} cannot be read: {error}") from error

    def nights(self) -> list[Night]:
        """All nights that can be read, oldest first."""
        found = []
        for path in sorted((self.path / "nights").glob("*/night.json")):
            try:
                found.append(Night.model_validate_json(path.read_text()))
            except (OSError, ValidationError):
                continue
        return sorted(found, key=lambda night: night.began_at)

    def night_folder(self, night: str) -> Path:
        path = self.path / "nights" / night
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, night: Night) -> None:
        """Keep the night as it stands now."""
        write_atomically(self.night_folder(night.night) / "night.json", night.model_dump_json(indent=2))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the campaign for as long as a night lasts; the lock ends with its process.

        Raises:
            CampaignHeld: another night runs.
        """
        with (self.path / "lock").open("a+") as lock:
            if not try_lock(lock):
                raise CampaignHeld(f"another night of campaign {self.path.name} runs")
            yield

    def is_held(self) -> bool:
        """Whether a night runs now."""
        return is_locked(self.path / "lock")


def campaigns_in(data: Path) -> list[CampaignFolder]:
    """All campaigns of a data dir, by name."""
    return [CampaignFolder(path.parent) for path in sorted((data / "campaigns").glob("*/campaign.json"))]
