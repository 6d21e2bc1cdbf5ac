"""The user chooses focus, person, depth and fusion, and goes back in the history."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from studio_page import StudioPage

WALL = (0.75, 0.3)  # a place in the background of the astronaut's photo, as shares of its sides


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
    column = [0.5 + 0.02 * k for k in range(20)]  # down the person's arm
    old, sharp = page.picture(), [page.pixel(0.3, y)[:3] for y in column]
    page.browser.click_at(*page.point(*WALL))
    page.after_picture(old)
    soft = [page.pixel(0.3, y)[:3] for y in column]  # what is sharp lies behind the person
    assert np.abs(np.diff(soft, axis=0)).sum() < 0.8 * np.abs(np.diff(sharp, axis=0)).sum()
    mark = "document.querySelector('#focus-mark')"
    assert not page.browser.run(f"{mark}.hidden")
    assert abs(page.browser.run(f"Number.parseFloat({mark}.style.left)") - 100 * WALL[0]) < 1


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
        "document.querySelectorAll('.fusion').length >= 4"
        " && !document.querySelector('.fusion[aria-busy]')"
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


def test_what_the_server_forgot_is_made_again(page: StudioPage, astronaut: Path) -> None:
    page.browser.events.clear()
    page.open_photo(astronaut)
    page.tool("brush")
    page.browser.wait("!document.querySelector('#paint').hidden")
    page.browser.drag(page.point(0.7, 0.3), page.point(*WALL), page.point(0.8, 0.3))
    page.browser.click("#brush-apply")
    page.history(2)
    gone = [url.split("/")[5] for url in page.browser.requests() if "/v1/portraits/" in url]
    for id in set(gone):
        page.browser.run(f"fetch('/v1/portraits/{id}', {{ method: 'DELETE' }})")
    old = page.picture()
    page.browser.click("label[for=look-cutout]")
    page.after_picture(old)
    assert page.pixel(*WALL)[3] > 240  # with the corrected matte
    assert page.browser.run("document.querySelector('#problem').hidden")
