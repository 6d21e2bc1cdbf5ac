"""A Portrait is a value: it compares, travels, shows itself, and nobody can change it."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import depthmatte as dm
from depthmatte.canvas import Letterbox, prepare_canvas
from depthmatte.photo import Meta, Photo
from depthmatte.portrait.portrait import Portrait
from depthmatte.portrait.preview import _PREVIEW_SIDE
from depthmatte.values import Depth, Matte

SHAPE = (90, 60)


def portrait(red: int = 255) -> Portrait:
    """A red block on blue, on a canvas half as large as the photo."""
    rgb = np.zeros((*SHAPE, 3), np.uint8)
    rgb[..., 2] = 200
    rgb[20:70, 15:45] = (red, 40, 0)
    photo = Photo(rgb)
    canvas = prepare_canvas(photo, (64, 64))
    alpha = np.ascontiguousarray(canvas.rgb[0, 0] * canvas.fit.inside())
    depth = np.ascontiguousarray(canvas.rgb[0, 2])
    measured = Depth(depth, np.ones_like(depth), source="blue")
    return Portrait(photo, Matte(alpha, alpha), measured, canvas.fit, timings={"fuse": 1.0})


def test_equal_portraits_are_equal() -> None:
    one, other = portrait(), portrait()
    assert one == other
    assert one.matte == other.matte
    assert one.measured == other.measured
    assert one.photo == other.photo
    _ = one.alpha  # a restored map is no part of the value
    assert one == other
    assert one != portrait(red=254)
    assert one != "a portrait"
    assert (one == None) is False  # noqa: E711  # the answer itself is tested


def test_what_cannot_be_hashed_says_so() -> None:
    for value in (portrait(), portrait().matte, portrait().photo):
        with pytest.raises(TypeError, match="unhashable"):
            hash(value)


@pytest.mark.parametrize("name", ["alpha", "mask", "prob", "depth", "depth_prob", "validity"])
def test_maps_cannot_be_changed(name: str) -> None:
    values = getattr(portrait(), name)
    with pytest.raises(ValueError, match="read-only"):
        values[0, 0] = 1


def test_it_travels_without_its_restored_maps() -> None:
    here = portrait()
    small = len(pickle.dumps(here))
    _ = here.alpha, here.depth, here.mask, here.prob
    packed = pickle.dumps(here)
    assert len(packed) == small
    there = pickle.loads(packed)
    assert there == here
    np.testing.assert_array_equal(there.alpha, here.alpha)
    with pytest.raises(ValueError, match="read-only"):
        there.alpha[0, 0] = 1


def test_printed_it_is_one_short_line() -> None:
    for value in (portrait(), portrait().matte, portrait().measured, portrait().photo):
        assert len(repr(value)) < 120
        assert "\n" not in repr(value)
    assert "60 x 90" in repr(portrait())


def test_a_map_that_is_not_there_is_an_attribute_that_is_not_there() -> None:
    assert not hasattr(portrait(), "meters")
    with pytest.raises(dm.InputError, match="its depth is relative"):
        _ = portrait().meters


def test_a_notebook_shows_the_cutout() -> None:
    with Image.open(io.BytesIO(portrait()._repr_png_())) as shown:
        assert shown.size == SHAPE[::-1]
        np.testing.assert_array_equal(np.asarray(shown)[..., 3] > 127, portrait().mask)
    large = Portrait.from_arrays(
        np.zeros((1200, 600, 3), np.uint8), np.ones((1200, 600), np.float32)
    )
    with Image.open(io.BytesIO(large._repr_png_())) as shown:
        assert shown.size == (_PREVIEW_SIDE // 2, _PREVIEW_SIDE)


def test_saved_to_an_open_file_it_is_the_same(tmp_path: Path) -> None:
    path = portrait().save(tmp_path / "a.png")
    file = io.BytesIO()
    assert portrait().save(file) is file
    assert file.getvalue() == path.read_bytes()
    webp = io.BytesIO()
    portrait().save(webp, format="webp")
    assert webp.getvalue()[8:12] == b"WEBP"


def test_its_own_photo_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "me.png"
    Image.fromarray(portrait().photo.rgb).save(path)
    before = path.read_bytes()
    mine = Portrait(
        dm.read(path), portrait().matte, portrait().measured, portrait().fit, timings={}
    )
    with pytest.raises(dm.InputError, match="is an input and is not overwritten"):
        mine.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("background", "shown"),
    [
        ((9, 8, 7), (9, 8, 7)),
        ([0, 0, 0], (0, 0, 0)),
        ("#090807", (9, 8, 7)),
        (Image.new("RGB", (5, 4), (9, 8, 7)), (9, 8, 7)),
        (Photo(np.full((4, 5, 3), 9, np.uint8)), (9, 9, 9)),
        (np.full((4, 5, 3), 9, np.uint8), (9, 9, 9)),
    ],
)
def test_any_background_will_do(background: object, shown: tuple[int, ...]) -> None:
    assert tuple(portrait().place(background)[0, 0].tolist()) == shown


@pytest.mark.parametrize("background", [(1, 2), (1, 2, 300), (0.5, 0.5, 0.5), "reddish", 7])
def test_what_is_no_background_is_refused(background: object) -> None:
    with pytest.raises(dm.InputError):
        portrait().place(background)


def test_a_fit_that_does_not_match_is_refused() -> None:
    whole = portrait()
    with pytest.raises(dm.InputError, match="does not match"):
        Portrait(Photo(np.zeros((9, 9, 3), np.uint8)), whole.matte, whole.measured, whole.fit)
    with pytest.raises(dm.InputError, match="does not match the canvas"):
        Portrait(whole.photo, whole.matte, whole.measured, Letterbox.identity(whole.photo.shape))


def test_the_name_of_an_array_is_array() -> None:
    assert portrait().photo.meta == Meta()
