"""The studio page in a browser, and the server that it belongs to."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from browser import POLL_S, Browser

START_S = float(os.environ.get("PAGE_START", 60))
READY = "document.documentElement.dataset.ready && document.querySelector('#looks input')"
IDLE = "document.querySelector('#busy').hidden"


@contextmanager
def running_server(home: Path, *flags: str) -> Iterator[str]:
    """Run `depthmatte serve` on a free port of loopback and yield its address."""
    log = home / "serve.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "depthmatte", "serve", "--port", "0", *flags],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "DEPTHMATTE_HOME": str(home), "PYTHONUNBUFFERED": "1"},
        )
    try:
        end = time.monotonic() + START_S
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text("utf-8"))):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < end, "the server did not start"
            time.sleep(POLL_S)
        yield found[0]
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class StudioPage:
    """What a user does on the page, in words of the page."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser = browser
        self.address = address

    def visit(self) -> None:
        """Open the page anew."""
        self.browser.open(f"{self.address}/", READY)

    def idle(self) -> None:
        """Wait until the page does nothing."""
        self.browser.wait(IDLE)

    def open_photo(self, path: Path) -> None:
        """Open a photo on a new page and wait for its result."""
        self.visit()
        self.browser.give_files("#file", path)
        self.history(1)

    def history(self, count: int) -> list[str]:
        """Wait for so many entries of the history and return them, the newest first."""
        items = "document.querySelectorAll('#history li')"
        self.browser.wait(f"{items}.length === {count} && {IDLE}")
        found = self.browser.run(f"[...{items}].map((item) => item.textContent)")
        return list(found)

    def tool(self, name: str) -> None:
        """Choose a tool."""
        self.browser.click(f"label[for=tool-{name}]")
        self.idle()

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of the photo, as shares of its sides, stands in the window."""
        left, top, width, height = self.browser.run(
            "(() => { const box = document.querySelector('#frame').getBoundingClientRect();"
            "return [box.left, box.top, box.width, box.height]; })()"
        )
        return left + x * width, top + y * height

    def pixel(self, x: float, y: float) -> tuple[int, int, int, int]:
        """Red, green, blue and opacity of the picture that the stage shows, at shares of it."""
        red, green, blue, alpha = self.browser.run(
            "(async () => { const image = document.querySelector('#after'); await image.decode();"
            "const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);"
            "const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);"
            f"const x = Math.floor({x} * canvas.width), y = Math.floor({y} * canvas.height);"
            "return [...context.getImageData(x, y, 1, 1).data]; })()"
        )
        return red, green, blue, alpha

    def picture(self) -> str:
        """The address of the picture that the stage shows; each picture has another one."""
        return str(self.browser.run("document.querySelector('#after').src"))

    def after_picture(self, old: str) -> None:
        """Wait until the stage shows another picture."""
        self.browser.wait(f"document.querySelector('#after').src !== {old!r} && {IDLE}")
        self.browser.run("document.querySelector('#after').decode()")

    def downloaded(self, folder: Path, name: str) -> NDArray[np.uint8]:
        """Wait for a downloaded picture and return it as cv2 reads it."""
        path = folder / name
        self.browser.wait_for(path.is_file)
        picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert picture is not None
        return np.asarray(picture)

    def set_value(self, selector: str, value: float | str) -> None:
        """Move a slider, or choose a color."""
        self.browser.run(
            f"(() => {{ const input = document.querySelector({selector!r});"
            f"input.value = {value!r};"
            "for (const kind of ['input', 'change'])"
            " input.dispatchEvent(new Event(kind, { bubbles: true })); })()"
        )

    def choose(self, selector: str, value: str) -> None:
        """Choose an entry of a list."""
        self.browser.run(
            f"(() => {{ const list = document.querySelector({selector!r}); list.value = {value!r};"
            "list.dispatchEvent(new Event('change', { bubbles: true })); })()"
        )
