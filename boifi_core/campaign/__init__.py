"""Campaigns: the same sessions night after night, and what changed since the night before."""

from boifi_core.campaign.config import CampaignConfig, Schedule, read_campaign_file
from boifi_core.campaign.folder import CampaignFolder, campaigns_in
from boifi_core.campaign.run import Known, Night, SessionOfNight, Standing, Told

__all__ = [
    "CampaignConfig",
    "CampaignFolder",
    "Known",
    "Night",
    "Schedule",
    "SessionOfNight",
    "Standing",
    "Told",
    "campaigns_in",
    "read_campaign_file",
]
