"""What users do with a photo: compare, focus, choose, look, correct, download, go back."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from browser import CONTROL
from studio_page import StudioPage

WALL = (0.75, 0.3)  # a place in the background of the astronaut's photo, as shares of its sides
FACE = (0.44, 0.25)


def test_an_upload_shows_photo_result_and_divider(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    assert "astronaut.jpg" in page.history(1)[0]
    assert "384 x 384" in page.browser.run("document.querySelector('#info').textContent")
    assert page.browser.run("document.querySelector('#before').naturalWidth") == 384
    assert page.browser.run("document.querySelector('#status').textContent").startswith("One")

    share = "Number.parseFloat(document.querySelector('#frame').style.getPropertyValue('--divide'))"
    page.browser.drag(page.point(0.5, 0.9), page.point(0.4, 0.9), page.point(0.2, 0.9))
    assert abs(page.browser.run(share) - 20) <= 1
    assert page.browser.run("document.querySelector('#divide').value") == "20"


def test_every_view_shows_its_own_map(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    seen = {}
    for view in ("fused", "matte", "prob", "depth", "depth_prob"):
        old = page.picture()
        page.browser.click(f"label[for=view-{view}]")
        page.after_picture(old)
        assert page.browser.run("document.querySelector('#after').alt").endswith("astronaut.jpg")
        seen[view] = [page.pixel(*place)[0] for place in (FACE, WALL)]
    for view in ("fused", "matte", "prob"):
        assert seen[view][0] > 200 > 50 > seen[view][1], (view, seen)
    assert seen["depth"][0] != seen["depth"][1]


def test_sliders_come_from_the_schema_and_change_the_result(
    page: StudioPage, astronaut: Path
) -> None:
    page.open_photo(astronaut)
    told = page.browser.run("fetch('/v1/schema').then((answer) => answer.text())")
    effects = set(json.loads(told)["effects"])
    drawn = "[...document.querySelectorAll('#looks input')].map((input) => input.value)"
    assert set(page.browser.run(drawn)) == effects
    old = page.picture()
    page.set_value("#look-controls input[type=range]", 0)
    page.after_picture(old)
    row = [0.64 + 0.02 * k for k in range(18)]  # across the rocket
    sharp, old = [page.pixel(x, 0.3)[0] for x in row], page.picture()
    page.set_value("#look-controls input[type=range]", 1)
    page.after_picture(old)
    soft = [page.pixel(x, 0.3)[0] for x in row]
    assert np.abs(np.diff(soft)).max() < 0.7 * np.abs(np.diff(sharp)).max()


def test_the_background_becomes_a_color_nothing_or_a_picture(
    page: StudioPage, astronaut: Path, tmp_path: Path
) -> None:
    page.open_photo(astronaut)
    old = page.picture()
    page.browser.click("label[for=look-background]")
    page.after_picture(old)
    assert min(page.pixel(*WALL)[:3]) > 240  # white is the effect's own default
    old = page.picture()
    page.set_value("#look-controls input[type=color]", "#102080")
    page.after_picture(old)
    assert np.allclose(page.pixel(*WALL)[:3], (0x10, 0x20, 0x80), atol=12)
    old = page.picture()
    page.browser.click("#look-controls input[type=checkbox]")
    page.after_picture(old)
    assert page.pixel(*WALL)[3] < 20 < 240 < page.pixel(*FACE)[3]

    behind = tmp_path / "green.png"
    cv2.imwrite(str(behind), np.full((60, 90, 3), (40, 200, 40), np.uint8))
    old = page.picture()
    page.browser.give_files("#picture", behind)
    page.after_picture(old)
    assert np.allclose(page.pixel(*WALL)[:3], (40, 200, 40), atol=12)
    assert page.pixel(*FACE)[0] > 120


def test_a_tap_on_a_person_cuts_only_that_one(page: StudioPage, pair: Path) -> None:
    page.open_photo(pair)
    page.tool("subject")
    page.browser.wait("document.querySelectorAll('.person').length === 2")
    page.browser.click_at(*page.point(0.75, 0.7))
    page.history(2)
    assert page.browser.run("document.querySelectorAll('.person[aria-pressed=true]').length") == 1
    old = page.picture()
    page.browser.click("label[for=view-fused]")
    page.after_picture(old)
    assert page.pixel(0.26, 0.75)[0] < 30 < 220 < page.pixel(0.74, 0.75)[0]


def test_a_tap_sets_the_focus(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    page.tool("focus")
    old = page.picture()
    page.browser.click_at(*page.point(*WALL))
    page.after_picture(old)
    mark = "document.querySelector('#focus-mark')"
    assert not page.browser.run(f"{mark}.hidden")
    assert abs(page.browser.run(f"Number.parseFloat({mark}.style.left)") - 100 * WALL[0]) < 1


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


def test_every_plane_is_downloaded_whole(page: StudioPage, astronaut: Path, tmp_path: Path) -> None:
    page.open_photo(astronaut)
    page.browser.download_to(tmp_path)
    old = page.picture()
    page.browser.click("label[for=look-cutout]")
    page.after_picture(old)
    page.browser.click("#download")
    cutout = page.downloaded(tmp_path, "astronaut.cutout.png")
    assert cutout.shape == (384, 384, 4)
    assert cutout[..., 3].min() == 0
    page.browser.run("document.querySelector('#download-card').open = true")
    names = page.browser.run(
        "[...document.querySelectorAll('[data-plane]')].map((button) => button.dataset.plane)"
    )
    assert {"fused", "matte", "mask", "prob", "depth", "depth_prob"} <= set(names)
    for name in names:
        page.browser.run(f"document.querySelector('[data-plane={name}]').click()")
        plane = page.downloaded(tmp_path, f"astronaut.{name}.png")
        assert plane.shape[:2] == (384, 384), name


def test_a_depth_file_is_used_and_taken_away(
    page: StudioPage, astronaut: Path, depth_file: Path
) -> None:
    page.open_photo(astronaut)
    page.browser.give_files("#input-depth", depth_file)
    page.history(2)
    assert "sensor" in page.browser.run("document.querySelector('#info').textContent")
    old = page.picture()
    page.browser.click("label[for=view-depth]")
    page.after_picture(old)
    near, far = page.pixel(0.5, 0.8)[0], page.pixel(0.95, 0.8)[0]
    assert abs(near - far) > 40
    page.browser.run("document.querySelector('#inputs-card button').click()")
    page.history(3)
    assert "sensor" not in page.browser.run("document.querySelector('#info').textContent")


def test_fusions_are_compared_and_one_is_used(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    page.browser.click("#compare")
    page.browser.wait(
        "document.querySelectorAll('.fusion').length >= 4 && !document.querySelector('[aria-busy].fusion')"
    )
    names = page.browser.run(
        "[...document.querySelectorAll('.fusion h3')].map((title) => title.textContent)"
    )
    assert "product" in names
    at = names.index("product") + 1
    page.browser.click(f".fusion:nth-of-type({at}) button")
    assert "product" in page.history(2)[0]
    selected = "document.querySelector('#cut-controls select').value"
    assert page.browser.run(selected) == "product"


def test_history_goes_back(page: StudioPage, astronaut: Path) -> None:
    page.open_photo(astronaut)
    page.choose("#cut-controls select", "none")
    page.history(2)
    old = page.picture()
    page.browser.click("#history li:nth-child(2) button")
    page.after_picture(old)
    assert page.browser.run("document.querySelector('#cut-controls select').value") == "adaptive"
    current = "[...document.querySelectorAll('#history button')].map((one) => one.ariaCurrent)"
    assert page.browser.run(current) == [None, "true"]


def test_what_is_no_photo_is_told_and_the_open_photo_stays(
    page: StudioPage, astronaut: Path, tmp_path: Path
) -> None:
    page.open_photo(astronaut)
    wrong = tmp_path / "letter.jpg"
    wrong.write_text("Dear reader")
    page.browser.give_files("#file", wrong)
    page.browser.wait("!document.querySelector('#problem').hidden")
    assert page.browser.run("document.querySelector('#problem-text').textContent.length") > 20
    assert page.browser.run("document.querySelector('#after').alt").endswith("astronaut.jpg")
    page.browser.click("#problem-close")
    page.choose("#cut-controls select", "none")
    page.history(2)
