"""What clients do to the service during the soak: keep sessions running, and look at them. Run by locust."""

from __future__ import annotations

import itertools
import json
import os
import random

from locust import HttpUser, between, constant_pacing, task

PATH = "/v1/optimization/sessions"
CONFIGS = json.loads(os.environ["SOAK_CONFIGS"])
"""One for each target; a session of each is kept running."""

_numbers = itertools.count()


class Owner(HttpUser):
    """Has one target, and a session on it: when one has ended it reads its report, deletes it and starts the next."""

    fixed_count = len(CONFIGS)
    wait_time = constant_pacing(1.0)

    def on_start(self) -> None:
        self.config = CONFIGS[next(_numbers)]
        self.session_id: str | None = None

    @task
    def look_after_it(self) -> None:
        if self.session_id is None:
            with self.client.post(PATH, json=self.config, catch_response=True) as answer:
                if answer.ok:
                    self.session_id = answer.json()["session_id"]
            return
        with self.client.get(f"{PATH}/{self.session_id}", name=f"{PATH}/ID", catch_response=True) as answer:
            if not answer.ok:
                return
            status = answer.json()["status"]
            if status == "FAILED":
                answer.failure(f"the session failed: {answer.json()['reason']}")
        if status in ("COMPLETED", "FAILED"):
            self.client.get(f"{PATH}/{self.session_id}/report", name=f"{PATH}/ID/report")
            self.client.delete(f"{PATH}/{self.session_id}", name=f"{PATH}/ID")
            self.session_id = None


class Reader(HttpUser):
    """Looks at what there is."""

    fixed_count = 5
    wait_time = between(0.5, 1.5)

    @task(3)
    def one_of_the_list(self) -> None:
        sessions = self.client.get(PATH, params={"limit": 20}, name=PATH).json()["sessions"]
        if sessions:
            chosen = random.choice(sessions)["session_id"]
            # It may have been deleted meanwhile.
            with self.client.get(f"{PATH}/{chosen}/trials", name=f"{PATH}/ID/trials", catch_response=True) as answer:
                if answer.status_code == 404:
                    answer.success()

    @task(1)
    def how_it_goes(self) -> None:
        for path in ("/health", "/ready", "/metrics"):
            self.client.get(path)
