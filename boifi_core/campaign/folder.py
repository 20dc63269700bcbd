"""Where a campaign lies on disk: `<data dir>/campaigns/<name>`, its config and its nights."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from boifi_core.campaign.config import CampaignConfig, parse_campaign
from boifi_core.campaign.run import Night
from boifi_core.errors import BoifiError
from boifi_core.storage import Folder, Held, Place, open_folder

CAMPAIGN = "campaign.json"

_NIGHT, _LOCK = "night.json", "lock"


class CampaignHeld(BoifiError):
    """Another night of this campaign runs now."""


@dataclass(frozen=True)
class CampaignFolder:
    """`campaign.json`, and for each night `nights/<night>/` with `night.json` and its report."""

    path: Place

    @classmethod
    def make(cls, data: Place, config: CampaignConfig) -> CampaignFolder:
        """Keep the campaign in the data dir; an earlier version of it is replaced, its nights stay."""
        folder = cls(data / "campaigns" / config.name)
        text = json.dumps(config.model_dump(mode="json", exclude_none=True), indent=2, ensure_ascii=False)
        folder.files.make_ready()
        folder.files.write(CAMPAIGN, text.encode())
        return folder

    @property
    def files(self) -> Folder:
        """What reads and writes the files in it."""
        return open_folder(self.path)

    @property
    def is_made(self) -> bool:
        """Whether there is a campaign in it."""
        return self.files.exists(CAMPAIGN)

    @property
    def data(self) -> Place:
        """The data dir that it lies in."""
        return self.path.parent.parent

    def config(self) -> CampaignConfig:
        """What `make` was given."""
        try:
            return parse_campaign(json.loads(self.files.read(CAMPAIGN)))
        except (OSError, ValueError) as error:
            raise BoifiError(f"{self.path / CAMPAIGN} cannot be read: {error}") from error

    def nights(self, last: int = 0) -> list[Night]:
        """All nights that can be read, or the `last` few, oldest first."""
        found = []
        nights = open_folder(self.path / "nights")
        for text in nights.read_all([f"{name}/{_NIGHT}" for name in nights.names()[-last:]]):
            with contextlib.suppress(ValidationError):
                found.append(Night.model_validate_json(text or ""))
        return sorted(found, key=lambda night: night.began_at)

    def night_place(self, night: str) -> Place:
        """Where the night and its reports lie."""
        return self.path / "nights" / night

    def write(self, night: Night) -> None:
        """Keep the night as it stands now."""
        self.keep(night, _NIGHT, night.model_dump_json(indent=2))

    def keep(self, night: Night, name: str, text: str) -> None:
        """Keep a file beside the night."""
        files = open_folder(self.night_place(night.night))
        files.make_ready()
        files.write(name, text.encode())

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the campaign for as long as a night lasts; the lock ends with its process.

        Raises:
            CampaignHeld: another night runs.
        """
        try:
            with self.files.held(_LOCK):
                yield
        except Held as error:
            raise CampaignHeld(f"another night of campaign {self.path.name} runs") from error

    def is_held(self) -> bool:
        """Whether a night runs now."""
        return self.files.is_held(_LOCK)

    def changed_ns(self) -> int:
        """When `make` last kept it."""
        return self.files.modified_ns(CAMPAIGN)


def campaigns_in(data: Place) -> list[CampaignFolder]:
    """All campaigns of a data dir, by name."""
    names = open_folder(data / "campaigns").names()
    return [place for name in names if (place := CampaignFolder(data / "campaigns" / name)).is_made]
