"""The user corrects a cut with points, a box and strokes, and crops downloads to a frame."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from browser import CONTROL, SHIFT
from studio_page import StudioPage

WALL = (0.75, 0.3)  # a place in the background of the astronaut's photo, as shares of its sides
FACE = (0.44, 0.25)
SIDE = 384  # of that photo, in pixels
ROWS = "[...document.querySelectorAll('#marks-list .what')].map((row) => row.textContent)"
DRAWN = "[...document.querySelector('#marks').children].map((mark) => mark.dataset.kind)"
LAST_ROW_BUTTON = "#marks-list li:last-child button"


def last_options(page: StudioPage) -> dict[str, Any]:
    """The options with which the portrait was cut that the page asked for last."""
    found = [re.search(r"/v1/portraits/([\w-]+)/blur", url) for url in page.browser.requests()]
    last = [match[1] for match in found if match][-1]
    told = page.browser.run(f"fetch('/v1/portraits/{last}').then((answer) => answer.json())")
    return dict(told["options"])


def test_points_and_a_box_are_drawn_listed_undone_and_removed(
    page: StudioPage, astronaut: Path, pair: Path
) -> None:
    page.open_photo(astronaut)
    page.tool("mark")
    page.browser.click_at(*page.point(*WALL))
    page.history(2)
    assert page.browser.run(DRAWN) == ["keep"]
    [[x, y]] = last_options(page)["keep"]
    assert abs(x - WALL[0] * SIDE) < 2
    assert abs(y - WALL[1] * SIDE) < 2

    page.browser.click("label[for=mark-mode-drop]")
    page.browser.click_at(*page.point(*FACE))
    page.history(3)
    assert [row.split()[0] for row in page.browser.run(ROWS)] == ["Keep", "Drop"]
    page.browser.press("z", CONTROL)
    page.history(4)
    assert set(last_options(page)) == {"keep"}
    page.browser.press("y", CONTROL)
    page.history(5)
    assert set(last_options(page)) == {"keep", "drop"}

    page.browser.click("label[for=mark-mode-box]")
    page.browser.drag(page.point(0.2, 0.1), page.point(0.4, 0.4), page.point(0.9, 0.95))
    page.history(6)
    assert last_options(page)["box"] == pytest.approx(
        [0.2 * SIDE, 0.1 * SIDE, 0.9 * SIDE, 0.95 * SIDE], abs=2
    )
    assert page.browser.run(DRAWN) == ["keep", "drop", "box"]
    places = (  # each row's dot stands in its row
        "[...document.querySelectorAll('#marks-list li')].map((row) => row.contains("
        "document.elementFromPoint(...(({ x, y }) => [x + 4, y + 4])("
        "row.querySelector('.dot').getBoundingClientRect()))))"
    )
    page.browser.run("document.querySelector('#marks-list').scrollIntoView()")
    assert page.browser.run(places) == [True, True, True]
    page.browser.click(LAST_ROW_BUTTON)
    page.history(7)
    assert set(last_options(page)) == {"keep", "drop"}
    page.browser.click("#marks-clear")
    page.history(8)
    assert last_options(page) == {}
    assert page.browser.run(DRAWN) == page.browser.run(ROWS) == []

    assert not page.browser.run("document.querySelector('#marks-undo').disabled")
    page.browser.give_files("#file", pair)  # another photo has other places
    page.history(1)
    assert page.browser.run("document.querySelector('#marks-undo').disabled")


def test_marks_are_set_and_removed_with_the_keyboard_alone(
    page: StudioPage, astronaut: Path
) -> None:
    page.open_photo(astronaut)
    page.browser.press("5")
    page.browser.run("document.querySelector('#stage').focus()")
    for _ in range(3):
        page.browser.press("ArrowRight", SHIFT)
    page.browser.press("Enter")
    page.history(2)
    [[x, y]] = last_options(page)["keep"]
    assert (x, y) == pytest.approx((0.74 * SIDE, 0.5 * SIDE), abs=2)

    page.browser.run("document.querySelector('#mark-mode-keep').focus()")
    for _ in range(2):
        page.browser.press("ArrowRight")
    assert page.browser.run("document.querySelector('#mark-mode-box').checked")
    page.browser.run("document.querySelector('#stage').focus()")
    for corner in (0, 5):  # a corner, and the opposite one
        for _ in range(corner):
            page.browser.press("ArrowLeft", SHIFT)
            page.browser.press("ArrowUp", SHIFT)
        page.browser.press("Enter")
    page.history(3)
    assert last_options(page)["box"] == pytest.approx(
        [0.34 * SIDE, 0.1 * SIDE, 0.74 * SIDE, 0.5 * SIDE], abs=2
    )
    page.browser.run(f"document.querySelector('{LAST_ROW_BUTTON}').focus()")
    page.browser.press("Enter")
    page.history(4)
    assert set(last_options(page)) == {"keep"}
    assert page.browser.run("document.activeElement.closest('#marks-list') !== null")


def test_a_refused_mark_is_told_and_taken_back(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    page.tool("mark")
    page.browser.run(
        "window.fetched = window.fetch;"
        "const elsewhere = (body) => body.replace(/\\[\\[.*?\\]\\]/, '[[9e9,1]]');"
        "window.fetch = (path, { body, ...rest } = {}) => window.fetched(path,"
        " body ? { ...rest, body: elsewhere(body) } : rest); 0"
    )
    page.browser.click_at(*page.point(*WALL))
    page.browser.wait("!document.querySelector('#problem').hidden")
    assert "outside" in page.browser.run("document.querySelector('#problem-text').textContent")
    assert page.browser.run(ROWS) == []


def test_strokes_are_certain_and_the_rest_is_found(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    page.tool("brush")
    page.browser.wait("!document.querySelector('#paint').hidden")
    page.set_value("#brush-size", 20)
    page.browser.drag(page.point(0.7, 0.3), page.point(*WALL), page.point(0.8, 0.3))
    page.browser.click("label[for=brush-mode-remove]")
    page.browser.drag(page.point(*FACE), page.point(FACE[0] + 0.02, FACE[1]))
    page.browser.click("#brush-spread")
    page.history(2)
    old = page.picture()
    page.browser.click("label[for=view-fused]")
    page.after_picture(old)
    assert page.pixel(*WALL)[0] > 240 > 20 > page.pixel(*FACE)[0]
    assert page.browser.run(ROWS) == ["Strokes"]

    # Strokes of a second turn are added to those of the first.
    page.tool("brush")
    page.browser.wait("!document.querySelector('#paint').hidden")
    page.browser.click("label[for=brush-mode-remove]")
    page.browser.drag(page.point(0.5, 0.6), page.point(0.52, 0.6))
    page.browser.click("#brush-spread")
    page.history(3)
    assert page.pixel(*WALL)[0] > 240 > 20 > page.pixel(0.51, 0.6)[0]
    old = page.picture()
    page.browser.run(f"document.querySelector('{LAST_ROW_BUTTON}').click()")
    page.after_picture(old)
    page.history(4)
    assert page.pixel(*WALL)[0] < 20
    assert page.browser.run(ROWS) == []


def test_downloads_are_cropped_to_the_frame_that_is_shown(
    page: StudioPage, astronaut: Path, tmp_path: Path
) -> None:
    page.open_photo(astronaut)
    frame = "document.querySelector('#crop-frame')"
    choices = "[...document.querySelectorAll('#crop select option')].map((one) => one.value)"
    assert {"none", "subject", "square", "passport", "16:9"} <= set(page.browser.run(choices))
    assert page.browser.run(f"{frame}.hidden")
    page.choose("#crop select", "passport")
    page.browser.wait(f"!{frame}.hidden")
    high = page.browser.run(f"parseFloat({frame}.style.height)")
    old = page.browser.run(f"{frame}.style.height")
    page.set_value("#crop input[id*=head]", 0.5)
    page.browser.wait(f"{frame}.style.height !== {old!r}")
    shown = page.browser.run(f"parseFloat({frame}.style.height)")
    assert shown > high
    page.browser.download_to(tmp_path)
    page.browser.run("document.querySelector('#download').click()")
    picture = page.downloaded(tmp_path, "astronaut.blur.png")
    assert picture.shape[0] == pytest.approx(shown / 100 * SIDE, abs=1)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(35 / 45, abs=0.01)
    page.choose("#crop select", "none")
    page.browser.wait(f"{frame}.hidden")
