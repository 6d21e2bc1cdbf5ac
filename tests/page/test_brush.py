"""The matte is corrected with the brush, and stored as a training sample."""

from __future__ import annotations

from pathlib import Path

import cv2

from browser import CONTROL
from studio_page import StudioPage

WALL = (0.75, 0.3)  # a place in the background of the astronaut's photo, as shares of its sides
FACE = (0.44, 0.25)


def painted(page: StudioPage, x: float, y: float) -> int:
    """How red the brush's sheet is at a place: 0 on the person."""
    return int(
        page.browser.run(
            "(() => { const sheet = document.querySelector('#paint');"
            "const context = sheet.getContext('2d');"
            f"const data = context.getImageData({x} * sheet.width, {y} * sheet.height, 1, 1).data;"
            "return data[3]; })()"
        )
    )


def test_strokes_are_undone_redone_applied_and_stored(
    page: StudioPage, astronaut: Path, home: Path
) -> None:
    page.open_photo(astronaut)
    page.tool("brush")
    page.browser.wait("!document.querySelector('#paint').hidden")
    page.browser.run("new Promise(requestAnimationFrame)")
    assert painted(page, *WALL) > 100 > 20 > painted(page, *FACE)

    page.browser.drag(page.point(0.7, 0.3), page.point(*WALL), page.point(0.8, 0.3))
    page.browser.wait("!document.querySelector('#undo').disabled")
    page.browser.run("new Promise(requestAnimationFrame)")
    assert painted(page, *WALL) < 10
    page.browser.press("z", CONTROL)
    page.browser.run("new Promise(requestAnimationFrame)")
    assert painted(page, *WALL) > 100
    page.browser.press("y", CONTROL)
    page.browser.run("new Promise(requestAnimationFrame)")
    assert painted(page, *WALL) < 10

    page.browser.click("label[for=brush-mode-remove]")
    page.browser.drag(page.point(*FACE), page.point(FACE[0] + 0.02, FACE[1]))
    page.browser.run("new Promise(requestAnimationFrame)")
    assert painted(page, *FACE) > 100
    page.browser.click("label[for=brush-mode-soften]")
    page.browser.drag(page.point(0.45, 0.6), page.point(0.46, 0.6))

    page.browser.click("#brush-save")
    page.history(2)
    old = page.picture()
    page.browser.click("label[for=view-fused]")
    page.after_picture(old)
    assert page.pixel(*WALL)[0] > 240 > 20 > page.pixel(*FACE)[0]
    [mask] = (home / "feedback" / "masks").iterdir()
    levels = cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    assert levels is not None
    assert levels.shape == (384, 384)
    assert levels[int(384 * WALL[1]), int(384 * WALL[0])] > 240
    assert levels[int(384 * FACE[1]), int(384 * FACE[0])] < 20
