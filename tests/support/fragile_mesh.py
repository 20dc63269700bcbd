"""A target that stands a fault for a while, and then stays down until somebody restarts it; loopback."""

from __future__ import annotations

import time

from lagging_mesh import LaggingMesh


class FragileMesh(LaggingMesh):
    """Stays down once a request came to it while a fault was in force for `stands_s` already."""

    def __init__(self, stands_s: float) -> None:
        super().__init__()
        self.stands_s = stands_s
        self.is_down = False

    def restart(self) -> None:
        """What an operator does."""
        self.is_down = False

    async def _target(self, path: str) -> tuple[int, str, bytes]:
        now = time.monotonic()
        in_force = [policy for policy in self._policies if policy.holds_at <= now < policy.ends_at]
        self.is_down = self.is_down or any(now - policy.holds_at >= self.stands_s for policy in in_force)
        answer = await super()._target(path)
        return (503, "text/plain", b"no worker is left") if self.is_down else answer
