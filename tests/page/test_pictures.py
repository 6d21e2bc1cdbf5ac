"""A photo is opened, compared with its result, seen as maps, given looks, and downloaded."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

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


@pytest.mark.parametrize("way", ["paste", "drop"])
def test_a_photo_is_pasted_or_dropped(page: StudioPage, astronaut: Path, way: str) -> None:
    page.visit()
    photo = base64.b64encode(astronaut.read_bytes()).decode()
    kind, held = {
        "paste": ("ClipboardEvent", "clipboardData"),
        "drop": ("DragEvent", "dataTransfer"),
    }[way]
    page.browser.run(
        f"(() => {{ const bytes = Uint8Array.from(atob('{photo}'), (one) => one.charCodeAt(0));"
        "const files = new DataTransfer();"
        "files.items.add(new File([bytes], 'given.jpg', { type: 'image/jpeg' }));"
        "document.body.dispatchEvent("
        f"new {kind}('{way}', {{ {held}: files, bubbles: true }})); }})()"
    )
    assert "given.jpg" in page.history(1)[0]
