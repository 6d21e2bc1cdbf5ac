"""Two views in one file: MPO, VR180, side by side."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

import fixtures
import phone_files as phones
from depthmatte.errors import InputError
from depthmatte.io.embedded import jpeg_segments, stereo_pair
from depthmatte.io.photo.photo_reader import read
from fixtures import encode
from phone_files import near_to, nothing, pair


def test_mpo_two_views() -> None:
    left, right = pair()
    frames = [Image.fromarray(left), Image.fromarray(right)]
    content = encode(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    view = read(content).evidence.second_view
    assert view is not None
    assert (view.kind, view.side) == ("mpo", "right")
    assert near_to(view.rgb, right, 40)


@pytest.mark.parametrize(
    ("orientation", "side"), [(1, "right"), (2, "left"), (3, "left"), (4, "right"), (6, None)]
)
def test_a_second_view_turns_with_the_photo(orientation: int, side: str | None) -> None:
    """Upside down, what was on the right is on the left; on its side, neither."""
    views = [np.ascontiguousarray(fixtures.stored(one, orientation)) for one in pair()]
    content = phones.multi(
        phones.jpeg(pair()[0], orientation),
        [encode(views[1], "JPEG", quality=95)],
        kind=jpeg_segments.MPO_DISPARITY_VIEW,
    )
    view = read(content).evidence.second_view
    assert (view and view.side) == side
    assert view is None or near_to(view.rgb, pair()[1], 40)


def test_previews_are_no_second_view() -> None:
    first, small = phones.jpeg(phones.photo()), encode(phones.photo(48, 64), "JPEG")
    same = encode(phones.photo(), "JPEG")
    assert read(phones.multi(first, [same])).evidence.second_view is not None
    assert nothing(phones.multi(first, [small]))
    assert nothing(phones.multi(first, [same], kind=0x010002))
    assert nothing(phones.multi(first, [phones.auxiliary(phones.photo(), phones.packet({}))]))


def test_vr180() -> None:
    left, right = pair(96, 96)
    properties = 'GPano:CroppedAreaLeftPixels="754"'
    eye = phones.text(encode(right, "JPEG", quality=95))
    packet = phones.packet(phones.GOOGLE, f'{properties} GImage:Data="{eye}"')
    photo = read(phones.inserted(phones.jpeg(left, 1, 28), [phones.standard(packet)]))
    view = photo.evidence.second_view
    assert view is not None
    assert (view.kind, view.side) == ("vr180", "right")
    assert near_to(view.rgb, right, 40)
    assert photo.camera is None, "a panorama is no pinhole camera's"


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("capoda.left-right.jpg", "side-by-side"),
        ("hill_lr.png", "side-by-side"),
        ("SBS.jpg", "side-by-side"),
        ("hill-sbs.jpg", "side-by-side"),
        ("hill side-by-side.jpg", "side-by-side"),
        ("hill.right-left.jpg", "crossed"),
        ("hill_rl.jpg", "crossed"),
        ("hill.jpg", None),
        ("color.jpg", None),
        ("pearl.jpg", None),
        ("lrs.jpg", None),
    ],
)
def test_names_that_say_two_views(name: str, layout: str | None) -> None:
    assert stereo_pair.layout_from_name(name) == layout


def test_side_by_side() -> None:
    left, right = pair()
    both = encode(np.hstack([left, right]), "PNG")
    photo = read(both, name="hill.left-right.png")
    assert np.array_equal(photo.rgb, left)
    view = photo.evidence.second_view
    assert view is not None
    assert (view.kind, view.side) == ("side-by-side", "right")
    assert np.array_equal(view.rgb, right)
    crossed = read(encode(np.hstack([right, left]), "PNG"), stereo="crossed")
    assert np.array_equal(crossed.rgb, right)
    assert crossed.evidence.second_view is not None
    assert crossed.evidence.second_view.side == "left"
    assert read(both).shape == (96, 256)
    assert read(both, name="hill_lr.png", stereo="none").shape == (96, 256)
    assert read(both, name="hill_lr.png", evidence=False).shape == (96, 256)


def test_a_name_alone_is_not_believed() -> None:
    """`_lr` also ends pictures from Lightroom."""
    noise = np.random.default_rng(6).integers(0, 256, (12, 48, 3)).astype(np.uint8)
    scene = cv2.resize(noise, (256, 96), interpolation=cv2.INTER_CUBIC)
    for picture in (scene, np.full((96, 256, 3), 90, np.uint8), scene[:20, :20]):
        photo = read(encode(np.ascontiguousarray(picture), "PNG"), name="holiday_lr.png")
        assert photo.shape == picture.shape[:2]


def test_side_by_side_keeps_the_size_in_exif() -> None:
    tags = fixtures.exif(1)
    content = encode(np.hstack(pair()), "JPEG", quality=95, exif=tags)
    photo = read(content, stereo="side-by-side")
    again = Image.Exif()
    again.load(photo.meta.exif)
    assert again.get_ifd(0x8769)[0xA002] == photo.shape[1] == 128


def test_unknown_layouts_are_refused() -> None:
    with pytest.raises(InputError, match=r"x\.png: stereo layout 'top' is unknown"):
        read(encode(phones.photo(), "PNG"), name="x.png", stereo="top")
    with pytest.raises(InputError, match="one pixel wide"):
        read(encode(phones.photo(4, 4)[:, :1].copy(), "PNG"), stereo="side-by-side")
