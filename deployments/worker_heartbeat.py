"""Whether Prefect has heard of this machine's worker lately: `python -m deployments.worker_heartbeat`, for probes.

Exit status 0 if so, 1 with a line that says why not.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
import urllib.request
from typing import Any

from boifi_core.wire.proxies import spare_loopback
from deployments.names import WORK_POOL, worker_name

TIMEOUT_S = 4.0


def is_heard(workers: list[dict[str, Any]]) -> bool:
    """Whether a worker of this machine is among those that Prefect counts as alive."""
    return any(worker["status"] == "ONLINE" and worker["name"].startswith(worker_name()) for worker in workers)


def _asked() -> list[dict[str, Any]]:
    url = os.environ["PREFECT_API_URL"].rstrip("/")
    spare_loopback([url])
    login, key = os.environ.get("PREFECT_API_AUTH_STRING"), os.environ.get("PREFECT_API_KEY")
    headers = {"Content-Type": "application/json"}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    elif key:
        headers["Authorization"] = f"Bearer {key}"
    certificates = os.environ.get("PREFECT_API_SSL_CERT_FILE")
    context = ssl.create_default_context(cafile=certificates) if url.startswith("https:") else None
    request = urllib.request.Request(f"{url}/work_pools/{WORK_POOL}/workers/filter", data=b"{}", headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


def main() -> int:
    try:
        workers = _asked()
    except (OSError, KeyError, ValueError) as error:
        print(f"Prefect cannot be asked: {error!r}")
        return 1
    if not is_heard(workers):
        print("Prefect has not heard of this machine's worker lately")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
