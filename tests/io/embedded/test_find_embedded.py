"""The door to what phone photos hold: all turns as one, damage costs nothing."""

from __future__ import annotations

import contextlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

import fixtures
import phone_files as phones
from depthmatte.errors import InputError
from depthmatte.io.embedded import heif_boxes, jpeg_segments, xmp
from depthmatte.io.photo.photo_reader import read
from fixtures import encode
from phone_files import HIGH, LOW, apple_jpeg, meters, near_to, nothing, stored

ORIENTATIONS = range(1, 9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_apple_jpeg_turns_as_one(orientation: int) -> None:
    photo = read(apple_jpeg(orientation))
    depth = stored(photo)
    assert near_to(photo.rgb, phones.photo(), 8)
    assert near_to(depth.z, meters(phones.slope()), 0.04)
    assert photo.evidence.matte is not None
    assert near_to(photo.evidence.matte, phones.slope(48, 64), 4)
    assert (depth.kind, depth.metric, depth.unit) == ("apple-disparity", True, "1/m")
    assert (depth.near, depth.far) == (HIGH, LOW)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_gdepth_turns_with_the_photo(orientation: int) -> None:
    plane = np.ascontiguousarray(fixtures.stored(phones.slope(), orientation))
    sure = np.ascontiguousarray(fixtures.stored(phones.slope()[:, ::-1], orientation))
    content = phones.gdepth(
        phones.jpeg(phones.photo(), orientation),
        encode(plane, "PNG"),
        'GDepth:Format="RangeLinear" GDepth:Near="1" GDepth:Far="3" GDepth:Units="m"',
        f'GDepth:Confidence="{phones.text(encode(sure, "PNG"))}"',
    )
    depth = stored(read(content))
    assert near_to(depth.z, 1 + phones.slope() / 255 * 2, 1e-5)
    assert depth.confidence is not None
    assert near_to(depth.confidence, phones.slope()[:, ::-1] / 255, 1e-6)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("reference", [(1, 1), (2, 2)])
def test_the_camera_turns_with_the_photo(orientation: int, reference: tuple[int, int]) -> None:
    """The principal point stays on the pixel it was on, whichever way the phone was held."""
    mark = np.zeros((96, 128), np.uint8)
    mark[20, 90] = 255
    kept = np.ascontiguousarray(fixtures.stored(mark, orientation))
    y, x = np.unravel_index(kept.argmax(), kept.shape)
    scale = reference[0]
    inside = (300.0 * scale, 310.0 * scale, (x + 0.5) * scale, (y + 0.5) * scale)
    height, width = kept.shape
    content = apple_jpeg(
        orientation, intrinsics=inside, reference=(height * scale, width * scale), focal=28
    )
    camera = read(content).camera
    assert camera is not None
    assert camera.shape == (96, 128)
    assert (camera.cx, camera.cy) == pytest.approx((90, 20))
    across, down = (300, 310) if orientation < 5 else (310, 300)
    assert (camera.fx, camera.fy) == pytest.approx((across, down))


_TURNS = {
    1: b"",
    2: phones.imir(1),
    3: phones.irot(2),
    4: phones.imir(0),
    5: phones.irot(1) + phones.imir(0),
    6: phones.irot(3),
    7: phones.irot(3) + phones.imir(0),
    8: phones.irot(1),
}
"""HEIC's own way of saying each EXIF orientation."""


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("auxiliaries_too", [False, True])
def test_heic_turns_as_one(orientation: int, auxiliaries_too: bool) -> None:
    """Whether the file turns its depth itself or leaves that to the photo's own turns."""
    plane = fixtures.stored(phones.slope(64, 96), orientation)
    about = phones.apple_xmp(
        low=LOW,
        high=HIGH,
        intrinsics=(300, 300, 70.5, 40.5),
        reference=(128, 192) if orientation < 5 else (192, 128),
    )
    matte = phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
    content = phones.heic(
        fixtures.stored(phones.photo(128, 192), orientation),
        [(plane, phones.DEPTH, about), (plane, phones.MATTE, matte)],
        _TURNS[orientation],
        auxiliaries_too,
    )
    photo = read(content)
    assert near_to(photo.rgb, phones.photo(128, 192), 12)
    assert near_to(stored(photo).z, meters(phones.slope(64, 96)), 0.04)
    assert photo.evidence.matte is not None
    assert near_to(photo.evidence.matte, phones.slope(64, 96), 4)
    mark = np.zeros((128, 192) if orientation < 5 else (192, 128), np.uint8)
    mark[40, 70] = 255
    tags = Image.Exif()
    tags[fixtures.ORIENTATION] = orientation
    turned = Image.open(BytesIO(encode(mark, "PNG", exif=tags.tobytes())))
    y, x = np.unravel_index(np.asarray(ImageOps.exif_transpose(turned)).argmax(), (128, 192))
    assert photo.camera is not None
    assert (photo.camera.cx, photo.camera.cy) == pytest.approx((x, y))


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_lens_gives_a_camera(orientation: int) -> None:
    """28 mm on a 43.27 mm diagonal; 128 x 96 pixels have a diagonal of 160."""
    camera = read(phones.jpeg(phones.photo(), orientation, 28)).camera
    assert camera is not None
    assert camera.fx == camera.fy == pytest.approx(160 * 28 / np.hypot(36, 24))
    assert (camera.cx, camera.cy) == (63.5, 47.5)
    assert camera.shape == (96, 128)


def test_no_lens_no_camera() -> None:
    assert read(phones.jpeg(phones.photo())).camera is None
    assert read(phones.jpeg(phones.photo(), 1, 0)).camera is None


def test_evidence_can_be_left_in_the_file() -> None:
    photo = read(apple_jpeg(6, focal=28), evidence=False)
    assert photo.shape == (96, 128)
    assert photo.camera is None
    assert photo.evidence.embedded_depth is None
    assert photo.evidence.matte is None


def test_every_source_brings_the_evidence(tmp_path: Path) -> None:
    content = apple_jpeg()
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(content)
    with path.open("rb") as file:
        photos = [read(path), read(file), read(content), read(bytearray(content))]
    first = stored(photos[0]).z
    assert all(np.array_equal(stored(photo).z, first) for photo in photos)


_WHOLE = {
    "apple": apple_jpeg(6, intrinsics=(300, 300, 60, 50)),
    "gdepth": phones.gdepth(phones.jpeg(phones.photo()), encode(phones.slope(), "PNG")),
    "dynamic": phones.dynamic(phones.jpeg(phones.photo()), encode(phones.slope(), "JPEG")),
    "heic": phones.heic(
        phones.photo(128, 192), [(phones.slope(64, 96), phones.DEPTH, phones.apple_xmp())]
    ),
    "mpo": phones.multi(phones.jpeg(phones.photo()), [phones.jpeg(phones.photo())]),
}


@pytest.mark.parametrize("kind", sorted(_WHOLE))
def test_whole_files_hold_something(kind: str) -> None:
    """So that the damage below has something to damage."""
    evidence = read(_WHOLE[kind]).evidence
    assert evidence.embedded_depth is not None or evidence.second_view is not None


@given(
    st.sampled_from(sorted(_WHOLE)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=10),
    st.floats(0.3, 1),
)
def test_damage_gives_a_photo_or_one_line(
    kind: str, damage: list[tuple[float, int]], kept: float
) -> None:
    content = bytearray(_WHOLE[kind])
    for place, value in damage:
        content[int(place * len(content))] = value
    with contextlib.suppress(InputError):
        read(bytes(content[: int(len(content) * kept)]), max_pixels=10**6)


@pytest.mark.parametrize("kind", ["apple", "dynamic", "mpo"])
def test_a_file_cut_behind_the_photo_is_still_a_photo(kind: str) -> None:
    content = _WHOLE[kind]
    for kept in (jpeg_segments.find_jpeg_end(content), jpeg_segments.find_jpeg_end(content) + 200):
        photo = read(content[:kept])
        assert photo.shape == (96, 128)
        assert photo.evidence.embedded_depth is None
        assert photo.evidence.second_view is None


@given(st.binary(max_size=300))
def test_random_boxes_and_segments(content: bytes) -> None:
    list(jpeg_segments.read_jpeg_segments(b"\xff\xd8" + content))
    assert jpeg_segments.find_jpeg_end(b"\xff\xd8" + content) <= len(content) + 2
    with contextlib.suppress(xmp.CorruptFileError):
        heif_boxes.read_heif_boxes(b"\0\0\0\x08ftyp" + content)
    with contextlib.suppress(xmp.CorruptFileError):
        jpeg_segments.read_mpo_directories(b"II*\0" + content)


def test_small_files_that_promise_much_stay_cheap() -> None:
    """Without limits each of these takes minutes or all memory."""
    photo = phones.jpeg(phones.photo())
    opened = b"<x:xmpmeta" * 400_000
    assert xmp.find_xmp_packets(opened).roots == ()
    crowd = phones.packet(phones.GOOGLE, children="<GDepth:a/>" * 200_000)
    with pytest.raises(xmp.CorruptFileError):
        xmp.parse_xmp(crowd)
    picture = encode(phones.photo(), "JPEG")
    listed = jpeg_segments.read_mpo_pictures(phones.multi(photo, [picture] * 40))
    assert 0 < len(listed) < 40


def test_a_plane_larger_than_phones_store_counts_as_absent() -> None:
    large = np.zeros((6000, 8000), np.uint8)
    assert nothing(phones.gdepth(phones.jpeg(phones.photo()), encode(large, "PNG")))
