"""A headless Chromium, spoken to in the DevTools protocol: https://chromedevtools.github.io/devtools-protocol/."""

import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

START_TIMEOUT_S = 60.0
QUIET_S = 0.2


class Tab:
    """One page, and all that it complained of or asked the network for."""

    def __init__(self, socket: Any, session: str) -> None:
        self._socket, self._session, self._number = socket, session, 0
        self.complaints: list[str] = []
        self._asked: dict[str, str] = {}
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command, and its answer."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, "sessionId": self._session}
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv(timeout=START_TIMEOUT_S))
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        method, said = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self._asked[said["requestId"]] = said["request"]["url"]
        elif method == "Network.loadingFailed" and said.get("blockedReason") == "csp":
            del self._asked[said["requestId"]]
        elif method == "Log.entryAdded":
            self.complaints.append(said["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(said["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and said["type"] in ("error", "warning"):
            self.complaints.append(json.dumps(said["args"]))

    @property
    def requests(self) -> list[str]:
        """The addresses that were asked; what the page's own policy stopped was not."""
        return list(self._asked.values())

    def open(self, page: Path | str, width: int = 1400, dark: bool = False, scripts: bool = True) -> None:
        """Show a file, or what lies at an address, as a window of this width in a light or dark system has it."""
        address = page if isinstance(page, str) else page.as_uri()
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.do("Emulation.setEmulatedMedia", features=scheme)
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.do("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.complaints.clear()
        self._asked.clear()
        self.do("Page.navigate", url=address)
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.ask("document.readyState + location.href") != f"complete{address}":
            assert time.monotonic() < deadline, "the page was not loaded"
            time.sleep(0.05)
        time.sleep(QUIET_S)

    def ask(self, expression: str) -> Any:
        """The value of some JavaScript in the page; DevTools may run it where the page itself must not."""
        answer = self.do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        for kind in ("keyDown", "keyUp"):
            self.do(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode={"Tab": 9}.get(key, 0)
            )

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        shot = self.do("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def chromium(profile: Path) -> Iterator[Tab]:
    """A tab of a browser of its own, which ends with the block."""
    command = [
        shutil.which("chromium") or "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank",
    ]  # fmt: skip
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with connect(_address(profile, browser), max_size=None, proxy=None) as socket:
            target = _ask(socket, "Target.createTarget", url="about:blank")["targetId"]
            session = _ask(socket, "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            yield Tab(socket, session)
    finally:
        browser.terminate()
        browser.wait(timeout=20)


def _address(profile: Path, browser: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and browser.poll() is None:
        lines = (
            (profile / "DevToolsActivePort").read_text().split() if (profile / "DevToolsActivePort").exists() else []
        )
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise RuntimeError("Chromium did not start")


def _ask(socket: Any, method: str, **parameters: Any) -> dict[str, Any]:
    socket.send(json.dumps({"id": 1, "method": method, "params": parameters}))
    while True:
        answer = json.loads(socket.recv(timeout=START_TIMEOUT_S))
        if answer.get("id") == 1:
            return answer["result"]
