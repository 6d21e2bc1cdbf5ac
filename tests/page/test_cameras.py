"""The camera, with the device that Chromium fakes: one photo, and the live view."""

from __future__ import annotations

from studio_page import IDLE, StudioPage

RATE = "document.querySelector('#live-rate').textContent"
PICTURE = "document.querySelector('#live-picture')"


def wait_until_stream_is_over(page: StudioPage, selector: str) -> None:
    """The camera is let go by the event that follows the closing of a dialog."""
    page.browser.wait(f"document.querySelector({selector!r}).srcObject === null")


def test_a_photo_is_taken_with_the_camera(page: StudioPage) -> None:
    page.visit()
    page.browser.click("#start-camera")
    page.browser.wait("document.querySelector('#viewfinder').videoWidth > 0")
    page.browser.click("#shoot")
    assert "camera.jpg" in page.history(1)[0]
    wide = page.browser.run("document.querySelector('#before').naturalWidth")
    assert wide >= 320
    assert str(wide) in page.browser.run("document.querySelector('#info').textContent")
    wait_until_stream_is_over(page, "#viewfinder")


def test_a_closed_camera_takes_nothing(page: StudioPage) -> None:
    page.visit()
    page.browser.click("#camera")
    page.browser.wait("document.querySelector('#viewfinder').videoWidth > 0")
    page.browser.press("Escape")
    page.browser.wait("!document.querySelector('#camera-dialog').open")
    wait_until_stream_is_over(page, "#viewfinder")
    assert not page.browser.run("document.querySelector('#start').hidden")


def test_live_pictures_follow_the_look_and_one_is_kept(page: StudioPage) -> None:
    page.visit()
    page.browser.click("#live")
    page.browser.wait(f"/[1-9][0-9]* ms/.test({RATE})")
    size = page.browser.run(f"[{PICTURE}.width, {PICTURE}.height]")
    assert max(size) == 640

    page.browser.click("label[for=live-look-background]")
    page.browser.run(
        "(() => { const color = document.querySelector('#live-controls input[type=color]');"
        "color.value = '#102080'; color.dispatchEvent(new Event('input', { bubbles: true })); })()"
    )
    # Nobody is in front of the fake camera: the new background is the whole picture.
    corner = f"[...{PICTURE}.getContext('2d').getImageData(4, 4, 1, 1).data]"
    page.browser.wait(f"(([r, g, b]) => r < 40 && g < 60 && b > 90)({corner})")

    page.browser.click("#live-keep")
    page.browser.wait(f"document.querySelectorAll('#history li').length === 1 && {IDLE}")
    assert not page.browser.run("document.querySelector('#live-dialog').open")


def test_stopping_ends_the_live_view(page: StudioPage) -> None:
    page.visit()
    page.browser.click("#live")
    page.browser.wait("document.querySelector('#live-dialog').open")
    page.browser.click("#live-stop")
    page.browser.wait("!document.querySelector('#live-dialog').open")
    assert page.browser.run("document.querySelector('#problem').hidden")
