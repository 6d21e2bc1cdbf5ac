"""Fields of remove.bg requests: what they do to the picture, and which are refused."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte import Portrait
from depthmatte.photo import Photo
from depthmatte.server.compatible.removal_fields import parse_removal_fields
from depthmatte.server.compatible.removal_picture import limit_to_region, make_removal
from depthmatte.server.http_errors import RequestError

HEIGHT, WIDTH = 80, 120
PERSON = np.s_[30:70, 20:50]
"""Rows and columns of a red person before blue."""


def portrait() -> Portrait:
    rgb, alpha = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), np.float32)
    rgb[..., 2], rgb[PERSON], alpha[PERSON] = 255, (255, 0, 0), 1
    return Portrait.from_arrays(rgb, alpha)


def made(behind: Photo | None = None, **fields: Any) -> np.ndarray:
    """The picture of a request, as cv2 reads it: BGR or BGRA."""
    wish = parse_removal_fields(fields)
    content = make_removal(limit_to_region(portrait(), wish), wish, behind).content
    return np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))


def box(alpha: np.ndarray) -> tuple[int, int, int, int]:
    left, top, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    return left, top, width, height


@given(scale=st.integers(10, 100), across=st.integers(0, 100), down=st.integers(0, 100))
def test_scale_and_position_place_the_person(scale: int, across: int, down: int) -> None:
    alpha = made(scale=f"{scale}%", position=f"{across}% {down}%")[..., 3]
    assert alpha.shape == (HEIGHT, WIDTH)
    left, top, width, height = box(alpha)
    assert max(width / WIDTH, height / HEIGHT) == pytest.approx(scale / 100, abs=0.02)
    assert left == pytest.approx(across / 100 * (WIDTH - width), abs=1.5)
    assert top == pytest.approx(down / 100 * (HEIGHT - height), abs=1.5)


def test_scaled_people_are_centered_and_keep_their_colors() -> None:
    picture = made(scale="60%")
    left, top, width, height = box(picture[..., 3])
    assert (2 * left + width, 2 * top + height) == pytest.approx((WIDTH, HEIGHT), abs=1)
    assert (picture[picture[..., 3] > 0, :3] == (0, 0, 255)).all()
    assert (made(position="original") == made()).all()


@given(
    st.tuples(*[st.tuples(st.integers(0, 60), st.sampled_from(["px", "%", ""]))] * 4),
    st.sampled_from([1, 2, 4]),
)
def test_margins_are_those_of_css(given_margins: tuple[Any, ...], count: int) -> None:
    text = " ".join(f"{min(size, 50)}{unit}" for size, unit in given_margins[:count])
    picture = made(crop=True, crop_margin=text)
    sides = [(40, 30, 40, 30)[k] for k in range(4)]
    order = {1: (0, 0, 0, 0), 2: (0, 1, 0, 1), 4: (0, 1, 2, 3)}[count]
    wanted = []
    for k, side in zip(order, sides, strict=True):
        size, unit = min(given_margins[k][0], 50), given_margins[k][1]
        wanted.append(round(size / 100 * side) if unit == "%" else size)
    room = (30, WIDTH - 50, HEIGHT - 70, 20)
    top, right, bottom, left = (min(one, most) for one, most in zip(wanted, room, strict=True))
    assert picture.shape[:2] == (40 + top + bottom, 30 + left + right)


def test_a_region_keeps_what_is_inside() -> None:
    alpha = made(roi="0% 0% 30px 50%")[..., 3]
    assert (alpha[30:40, 20:30] == 255).all()
    assert alpha.sum() == 10 * 10 * 255
    wish = parse_removal_fields({"roi": "60px 0px 120px 80px"})
    assert not limit_to_region(portrait(), wish).found


@pytest.mark.parametrize(
    ("fields", "outside"),
    [
        ({"bg_color": "0f0", "format": "png"}, [0, 255, 0]),
        ({"bg_color": "#00ff0080"}, [0, 255, 0, 128]),
        ({"bg_color": "lime", "format": "png"}, [0, 255, 0]),
        ({}, [0, 0, 0, 0]),
    ],
)
def test_colors_fill_the_background(fields: dict[str, str], outside: list[int]) -> None:
    picture = made(**fields)
    assert picture[0, 0].tolist() == outside
    assert picture[50, 35, :3].tolist() == [0, 0, 255]


def test_pictures_fill_the_background() -> None:
    behind = Photo(np.full((10, 10, 3), (9, 200, 30), np.uint8))
    content = io.BytesIO()
    wish = parse_removal_fields({"bg_image_url": "http://example.com/", "format": "png"})
    content.write(make_removal(portrait(), wish, behind).content)
    picture = cv2.imdecode(np.frombuffer(content.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert picture[0, 0].tolist() == [30, 200, 9]


@pytest.mark.parametrize(
    ("fields", "format"),
    [
        ({}, "png"),
        ({"bg_color": "red"}, "jpg"),
        ({"bg_color": "ff000080"}, "png"),
        ({"bg_color": "red", "channels": "alpha"}, "png"),
        ({"format": "webp"}, "webp"),
        ({"format": "jpg"}, "jpg"),
        ({"format": "zip"}, "zip"),
    ],
)
def test_auto_is_jpeg_where_nothing_is_transparent(fields: dict[str, str], format: str) -> None:
    found = make_removal(portrait(), parse_removal_fields(fields), None)
    assert found.format == format
    starts = {"png": b"\x89PNG", "jpg": b"\xff\xd8", "webp": b"RIFF", "zip": b"PK"}
    assert found.content.startswith(starts[format])


def test_the_zip_holds_colors_and_matte() -> None:
    wish = parse_removal_fields({"format": "zip", "crop": "true"})
    archive = zipfile.ZipFile(io.BytesIO(make_removal(portrait(), wish, None).content))
    assert archive.namelist() == ["color.jpg", "alpha.png"]
    for name in archive.namelist():
        plane = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_UNCHANGED)
        assert plane.shape[:2] == (40, 30)


def test_sizes_bound_the_pixels() -> None:
    large = Portrait.from_arrays(
        np.zeros((1000, 800, 3), np.uint8), np.ones((1000, 800), np.float32)
    )
    height, width = make_removal(large, parse_removal_fields({"size": "preview"}), None).shape
    assert 0.24e6 < height * width <= 0.25e6
    assert height / width == pytest.approx(1.25, abs=0.01)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "car"},
        {"add_shadow": "true"},
        {"shadow_type": "3D"},
        {"crop": "true", "scale": "50%"},
        {"bg_color": "red", "bg_image_url": "http://a"},
        {"roi": "50% 0% 10% 100%"},
        {"scale": "5%"},
    ],
)
def test_what_cannot_be_done_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(RequestError) as refused:
        parse_removal_fields(fields)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "person"},
        {"semitransparency": False},
        {"add_shadow": False},
        {"type_level": "none"},
        {"shadow_type": "none"},
    ],
)
def test_what_changes_nothing_is_taken(fields: dict[str, Any]) -> None:
    assert (made(**fields) == made()).all()
