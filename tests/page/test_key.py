"""A server with a key: the page asks for it, and uses it for pictures and for the live view."""

from __future__ import annotations

from pathlib import Path

import pytest

from browser import Browser, find_chromium
from studio_page import IDLE, StudioPage, running_server

KEY = "correct-horse-battery"
ASKED = "document.querySelector('#key-dialog').open"


def test_the_page_asks_for_the_key_until_it_is_right(home: Path, astronaut: Path) -> None:
    program = find_chromium()
    if program is None:
        pytest.skip("needs Chromium; install it, or name it in the variable CHROMIUM")
    with running_server(home, "--api-key", KEY) as address, Browser(program) as browser:
        page = StudioPage(browser, address)
        browser.open(f"{address}/", ASKED)
        for given in ("wrong", KEY):
            browser.wait(f"{ASKED} && document.querySelector('#key').value === ''")
            browser.run("document.querySelector('#key').focus()")
            browser.send("Input.insertText", text=given)
            browser.press("Enter")
        browser.wait(f"document.querySelector('#looks input') && !{ASKED} && {IDLE}")
        browser.give_files("#file", astronaut)
        page.history(1)
        browser.click("#live")
        browser.wait("/[1-9][0-9]* ms/.test(document.querySelector('#live-rate').textContent)")
        page.visit()  # the tab remembers the key
        assert not browser.run(ASKED)
