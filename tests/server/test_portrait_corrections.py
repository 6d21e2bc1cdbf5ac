"""Points, boxes, strokes and frames of a user reach the cut through the server."""

from __future__ import annotations

import json
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

import depthmatte as dm
from depthmatte.options import parse_crop

SIDE = 256
WALL = (slice(70, 82), slice(186, 206))  # rows and columns of a place in the background
FACE = (slice(58, 68), slice(108, 118))


def decode(content: bytes) -> np.ndarray:
    """A picture as cv2 reads it."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture)


def strokes_png(side: int = SIDE) -> bytes:
    """A green stroke on the wall and a red one on the face."""
    sheet = np.zeros((side, side, 4), np.uint8)  # blue, green, red, alpha
    sheet[WALL] = 0, 255, 0, 255
    sheet[FACE] = 0, 0, 255, 255
    return cv2.imencode(".png", sheet)[1].tobytes()


def cut(
    client: httpx.Client,
    photo: bytes,
    query: str = "",
    strokes: bytes | None = None,
    **options: Any,
) -> httpx.Response:
    """Cut the photo with strokes and options."""
    files = {"photo": ("a.jpg", photo)} | (
        {} if strokes is None else {"strokes": ("../../my strokes.png", strokes)}
    )
    return client.post(f"/v1/portraits{query}", files=files, data={"options": json.dumps(options)})


def test_strokes_are_hard_truths_as_in_the_library(client: httpx.Client, photo: bytes) -> None:
    answer = cut(client, photo, "?view=alpha", strokes_png())
    assert answer.status_code == 200, answer.text
    alpha = decode(answer.content)
    assert (alpha[WALL] == 255).all()
    assert (alpha[FACE] == 0).all()
    rgba = cv2.cvtColor(decode(strokes_png()), cv2.COLOR_BGRA2RGBA)
    expected = dm.cut(photo, strokes=rgba).alpha
    assert np.abs(alpha / 255 - expected).max() < 0.02


def test_other_options_of_a_kept_photo_keep_its_strokes(client: httpx.Client, photo: bytes) -> None:
    kept = cut(client, photo, "", strokes_png()).json()
    for changed in ({"fusion": "none"}, {"strip": "all"}):  # the second reads the files again
        again = client.post(f"/v1/portraits/{kept['id']}/options", json=changed).json()
        alpha = decode(client.get(f"/v1/portraits/{again['id']}/alpha").content)
        assert (alpha[WALL] == 255).all(), changed


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (strokes_png(128), "is 128 x 128 pixels but the upright photo 256 x 256"),
        (cv2.imencode(".png", np.zeros((SIDE, SIDE, 3), np.uint8))[1].tobytes(), "transparency"),
        (cv2.imencode(".png", np.zeros((SIDE, SIDE, 4), np.uint8))[1].tobytes(), "no strokes"),
        (cv2.imencode(".png", np.full((SIDE, SIDE, 4), 9, np.uint16))[1].tobytes(), "8 bits"),
        (strokes_png()[:300], "strokes"),
        (b"<svg/>", "strokes"),
    ],
)
def test_other_pictures_are_refused_on_one_line(
    client: httpx.Client, photo: bytes, content: bytes, problem: str
) -> None:
    answer = cut(client, photo, "", content)
    assert answer.status_code == 400
    told = answer.json()["error"]
    assert problem in told
    assert "\n" not in told
    assert "/" not in told.replace("PNG/", "")  # no folder of the server, none of the client


def test_large_strokes_are_refused_before_they_are_decoded(
    client: httpx.Client, photo: bytes
) -> None:
    sheet = np.zeros((8000, 8000, 4), np.uint8)
    answer = cut(client, photo, "", cv2.imencode(".png", sheet)[1].tobytes())
    assert answer.status_code == 400
    assert "8000 x 8000" in answer.json()["error"]


def test_points_and_boxes_of_the_options_are_those_of_the_library(
    client: httpx.Client, photo: bytes
) -> None:
    options = {"keep": [[196, 76]], "drop": [[112, 62]], "box": [20, 10, 250, 256]}
    answer = cut(client, photo, "?view=alpha", **options)
    assert answer.status_code == 200, answer.text
    expected = dm.cut(photo, **options).alpha
    assert np.abs(decode(answer.content) / 255 - expected).max() < 0.02
    plain = dm.cut(photo).alpha
    assert np.abs(plain - expected).max() > 0.5


@pytest.mark.parametrize(
    "options", [{"keep": [[9e9, 1]]}, {"box": [5, 5, 5, 9]}, {"drop": [[1]]}, {"keep": "x"}]
)
def test_wrong_places_are_refused(
    client: httpx.Client, photo: bytes, options: dict[str, Any]
) -> None:
    assert cut(client, photo, **options).status_code == 400


def test_pictures_are_cropped_to_a_frame(client: httpx.Client, photo: bytes) -> None:
    kept = cut(client, photo).json()
    assert "frame" not in kept
    place = f"/v1/portraits/{kept['id']}"
    left, top, right, bottom = client.get(place, params={"crop": "passport"}).json()["frame"]
    expected = dm.cut(photo).frame("passport")
    assert (left, top) == (expected.left, expected.top)
    assert (right - left, bottom - top) == (expected.width, expected.height)
    for view in ("cutout", "alpha", "blur"):
        picture = decode(client.get(f"{place}/{view}", params={"crop": "passport"}).content)
        assert picture.shape[:2] == expected.shape, view
    square = cut(client, photo, "?view=cutout&crop=square:margin=0.2")
    assert len(set(decode(square.content).shape[:2])) == 1
    small = client.get(f"{place}/cutout", params={"crop": "square", "width": 128})
    assert max(decode(small.content).shape[:2]) <= 128


@pytest.mark.parametrize("text", ["circle", "16:0", "square:margin=9", "square:shape=x", "../x"])
def test_other_frames_are_refused(client: httpx.Client, photo: bytes, text: str) -> None:
    answer = cut(client, photo, "?" + str(httpx.QueryParams({"view": "cutout", "crop": text})))
    assert answer.status_code == 400
    assert "crop" in answer.json()["error"]


def test_the_schema_offers_frames(client: httpx.Client) -> None:
    crop = client.get("/v1/schema").json()["crop"]["properties"]
    assert set(crop) == {"shape", "margin", "head"}
    for text in crop["shape"]["examples"]:
        assert parse_crop(text).shape == text
