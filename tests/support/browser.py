"""A real Chromium for tests of pages, driven over its DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--hide-scrollbars",
    "--lang=en",
    "--remote-debugging-port=0",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
START_S = 30.0
WAIT_S = float(os.environ.get("PAGE_WAIT", 30))
POLL_S = 0.03

KEY_CODES = {
    "Enter": 13, "Escape": 27, "Tab": 9, " ": 32,
    "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
}  # fmt: skip
TYPED = {"Enter": "\r", " ": " "}
CONTROL, SHIFT = 2, 8


def find_chromium() -> str | None:
    """The path of a Chromium, `CHROMIUM` first; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One headless Chromium with one tab; a context manager."""

    def __init__(self, program: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="depthmatte-browser-"))
        root = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
        self.process = subprocess.Popen(
            [program, *ARGUMENTS, *root, f"--user-data-dir={self.folder / 'profile'}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self.resources = ExitStack()
            self.socket = self.resources.enter_context(connect(self._address(), max_size=None))
        except BaseException:
            self._end()
            raise
        self.numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self.session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "DOM", "Log", "Network"):
            self.send(f"{domain}.enable")

    def _address(self) -> str:
        """Wait for the file in which the browser tells where it listens."""
        file, end = self.folder / "profile" / "DevToolsActivePort", time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            lines = file.read_text().split() if file.exists() else []
            if len(lines) == 2:
                return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
            time.sleep(POLL_S)
        raise RuntimeError("chromium did not start")

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.session = None
            self.send("Browser.close")
            self.resources.close()
        finally:
            self._end()

    def _end(self) -> None:
        try:
            self.process.terminate()
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def send(self, method: str, **params: Any) -> Any:
        """Send a command and return its result; events that come meanwhile are kept."""
        number = next(self.numbers)
        held = {"sessionId": self.session} if self.session else {}
        self.socket.send(json.dumps({"id": number, "method": method, "params": params, **held}))
        while True:
            told = json.loads(self.socket.recv(WAIT_S))
            if told.get("id") == number:
                assert "error" not in told, (method, told["error"])
                return told["result"]
            self.events.append(told)

    def open(self, url: str, ready: str = "document.readyState === 'complete'") -> None:
        """Open an address and wait until `ready` is true there."""
        self.send("Page.navigate", url=url)
        self.wait(f"location.href.startsWith({url!r}) && ({ready})")

    def run(self, script: str) -> Any:
        """Return the value of an expression; a promise is awaited."""
        told = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    def wait(self, script: str, seconds: float = WAIT_S) -> Any:
        """Return the value of an expression as soon as it is true."""
        end, reason = time.monotonic() + seconds, ""
        while time.monotonic() < end:
            try:
                if self.run(f"Boolean({script})"):
                    return self.run(script)
            except AssertionError as error:  # what it asks for is not there yet
                reason = str(error)
            time.sleep(POLL_S)
        raise AssertionError(f"never true: {script} {reason}")

    def wait_for(self, ready: Callable[[], Any], seconds: float = WAIT_S) -> Any:
        """Return what a function gives as soon as that is true; for what is no script."""
        end = time.monotonic() + seconds
        while not (value := ready()):
            assert time.monotonic() < end, "never true"
            time.sleep(POLL_S)
        return value

    def resize(self, width: int, height: int, phone: bool = False) -> None:
        """Set the size of the window; a phone has touch and a finer screen."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        self.send("Emulation.setTouchEmulationEnabled", enabled=phone)

    def use_colors(self, scheme: str) -> None:
        """Prefer "dark" or "light"."""
        self.send(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def center(self, selector: str) -> tuple[float, float]:
        """The middle of an element, scrolled into view, in pixels of the window."""
        x, y = self.run(
            f"(() => {{ const node = document.querySelector({selector!r});"
            "node.scrollIntoView({block: 'nearest'}); const box = node.getBoundingClientRect();"
            "return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        return x, y

    def mouse(self, kind: str, x: float, y: float, buttons: int = 0) -> None:
        self.send(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="none" if kind == "mouseMoved" else "left",
            buttons=buttons,
            clickCount=0 if kind == "mouseMoved" else 1,
        )

    def click(self, selector: str) -> None:
        """Click the middle of an element."""
        self.click_at(*self.center(selector))

    def click_at(self, x: float, y: float) -> None:
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, 1)
        self.mouse("mouseReleased", x, y)

    def drag(self, *points: tuple[float, float]) -> None:
        """Press at the first point, move over the others and let go at the last."""
        self.mouse("mouseMoved", *points[0])
        self.mouse("mousePressed", *points[0], 1)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, 1)
        self.mouse("mouseReleased", *points[-1])

    def tap(self, x: float, y: float) -> None:
        """Touch a point of the window with a finger."""
        self.send("Input.dispatchTouchEvent", type="touchStart", touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str, modifiers: int = 0) -> None:
        """Press a key and let it go."""
        code = KEY_CODES.get(key, ord(key[0].upper()))
        known = {"key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers}
        typed = "" if modifiers & CONTROL else TYPED.get(key, key if len(key) == 1 else "")
        down = {"type": "keyDown", "text": typed} if typed else {"type": "rawKeyDown"}
        self.send("Input.dispatchKeyEvent", **known, **down)
        self.send("Input.dispatchKeyEvent", **known, type="keyUp")

    def give_files(self, selector: str, *paths: Path) -> None:
        """Choose files in a file input."""
        root = self.send("DOM.getDocument")["root"]["nodeId"]
        node = self.send("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])

    def download_to(self, folder: Path) -> None:
        """Save downloads into a folder."""
        self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))

    def screenshot(self, path: Path) -> None:
        """Save what the window shows as PNG."""
        path.write_bytes(
            base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"])
        )

    def complaints(self) -> list[str]:
        """Errors that the page threw or logged so far, such as those of its security policy."""
        self.run("0")  # events before this answer have come
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"].get("exception", params)))
            if event.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(params["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """Addresses that the page asked for so far."""
        self.run("0")
        wanted = "Network.requestWillBeSent"
        sent = [event for event in self.events if event.get("method") == wanted]
        return [event["params"]["request"]["url"] for event in sent]
