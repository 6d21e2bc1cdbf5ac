"""Depth, mattes, second views and cameras inside phone photos (SPEC row B2)."""

from __future__ import annotations

import contextlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import fixtures
import phone_files as phones
from depthmatte.errors import InputError
from depthmatte.evidence import RawDepth, Reason
from depthmatte.io import gdepth, heif_boxes, jpeg_segments, ranges, stereo_file, xmp
from depthmatte.io.depth16 import depth16
from depthmatte.io.image import read
from depthmatte.io.write import write
from depthmatte.photo import Photo
from fixtures import encode

LOW, HIGH = 0.5, 2.5
ORIENTATIONS = range(1, 9)


def near_to(one: NDArray[Any], other: NDArray[Any], most: float) -> bool:
    """Equal shapes and close almost everywhere: JPEG may err in a few pixels."""
    assert one.shape == other.shape
    return bool(np.percentile(np.abs(one.astype(float) - other), 99) <= most)


def apple_jpeg(orientation: int = 1, focal: int | None = None, **about: Any) -> bytes:
    """An iPhone's portrait: disparity, matte and gain map beside an upright 128 x 96 photo."""
    plane = fixtures.stored(phones.slope(), orientation)
    matte = fixtures.stored(phones.slope(48, 64), orientation)
    return phones.multi(
        phones.jpeg(phones.photo(), orientation, focal),
        [
            phones.auxiliary(plane, phones.apple_xmp(f"{phones.GAIN}", None, None)),
            phones.auxiliary(plane, phones.apple_xmp(low=LOW, high=HIGH, **about)),
            phones.auxiliary(
                matte, phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
            ),
        ],
    )


def metres(levels: NDArray[np.uint8], low: float = LOW, high: float = HIGH) -> NDArray[Any]:
    """What Apple's disparity levels stand for."""
    return np.asarray(1 / (low + levels / 255 * (high - low)))


def stored(photo: Photo) -> RawDepth:
    assert photo.evidence.stored is not None
    return photo.evidence.stored


def nothing(content: bytes) -> bool:
    """The photo is read, and nothing comes with it."""
    photo = read(content)
    assert photo.rgb.std() > 10
    return photo.evidence.stored is None and photo.evidence.second is None


# --- orientation: photo, depth, matte and camera turn together ------------------------------


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_apple_jpeg_turns_as_one(orientation: int) -> None:
    photo = read(apple_jpeg(orientation))
    depth = stored(photo)
    assert near_to(photo.rgb, phones.photo(), 8)
    assert near_to(depth.z, metres(phones.slope()), 0.04)
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
    assert near_to(stored(photo).z, metres(phones.slope(64, 96)), 0.04)
    assert photo.evidence.matte is not None
    assert near_to(photo.evidence.matte, phones.slope(64, 96), 4)
    mark = np.zeros((128, 192) if orientation < 5 else (192, 128), np.uint8)
    mark[40, 70] = 255
    tags = Image.Exif()
    tags[fixtures.ORIENTATION] = orientation
    turned = Image.open(BytesIO(encode(mark, "PNG", exif=tags.tobytes())))
    from PIL import ImageOps

    y, x = np.unravel_index(np.asarray(ImageOps.exif_transpose(turned)).argmax(), (128, 192))
    assert photo.camera is not None
    assert (photo.camera.cx, photo.camera.cy) == pytest.approx((x, y))


# --- Apple -------------------------------------------------------------------------------


def test_apple_depth_is_not_its_matte_nor_a_gain_map() -> None:
    plane, first = phones.slope(), phones.jpeg(phones.photo())
    matte = phones.apple_xmp("depth", None, None, subtype="portraiteffectsmatte")
    for about in (matte, phones.apple_xmp(phones.GAIN, 0, 1), phones.apple_xmp("skinmatte", 0, 1)):
        photo = read(phones.multi(first, [phones.auxiliary(plane, about)]))
        assert photo.evidence.stored is None
        assert photo.evidence.second is None
        assert (photo.evidence.matte is None) == (about is not matte)


def test_apple_depth_in_metres() -> None:
    about = phones.apple_xmp("depth", 0.4, 5.4)
    photo = read(
        phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)])
    )
    depth = stored(photo)
    assert (depth.kind, depth.near, depth.far, depth.unit) == ("apple-depth", 0.4, 5.4, "m")
    assert near_to(depth.z, 0.4 + phones.slope() / 255 * 5, 0.04)


def test_disparity_without_a_scale_is_relative() -> None:
    about = phones.apple_xmp(low=None, high=None)
    depth = stored(
        read(phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)]))
    )
    assert not depth.metric
    assert depth.unit is None
    assert near_to(depth.z, 1 - phones.slope() / 255, 0.01)


def test_disparity_that_says_nothing_is_too_far() -> None:
    """Negative disparity, zero, and what a centimetre between lenses cannot tell."""
    values = np.float32([[-0.3, 0, 0.019, 0.021, 2, np.nan]])
    z, validity = ranges.from_disparity(values)
    assert validity.tolist() == [[Reason.TOO_FAR] * 3 + [Reason.VALID] * 2 + [Reason.MISSING]]
    assert z[0, :3].tolist() == [ranges.FARTHEST] * 3
    assert z[0, 3:].tolist() == pytest.approx([1 / 0.021, 0.5, 0])


def test_negative_limits_never_give_negative_depth() -> None:
    about = phones.apple_xmp(low=-0.5, high=1.0)
    depth = stored(
        read(phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)]))
    )
    far = depth.validity == Reason.TOO_FAR
    assert 0.2 < far.mean() < 0.8
    assert depth.z[~far].min() > 0.9
    assert (depth.z[far] == ranges.FARTHEST).all()


@pytest.mark.parametrize("limits", [("nan", 1), (0, "inf"), (2, 1), ("deep", "far")])
def test_apple_limits_that_are_none(limits: tuple[Any, Any]) -> None:
    about = phones.apple_xmp(low=limits[0], high=limits[1])
    photo = read(
        phones.multi(phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)])
    )
    depth = photo.evidence.stored
    assert depth is None or not depth.metric


def test_a_list_that_points_astray_still_finds_the_depth() -> None:
    """A program rewrote the first picture and moved everything behind it."""
    about = phones.apple_xmp(low=LOW, high=HIGH)
    content = phones.multi(
        phones.jpeg(phones.photo()), [phones.auxiliary(phones.slope(), about)], astray=99
    )
    assert near_to(stored(read(content)).z, metres(phones.slope()), 0.04)


def test_depth_of_another_shape_lies_elsewhere() -> None:
    """A photo cropped afterwards: nobody knows where the depth belongs."""
    about = phones.apple_xmp()
    cropped = phones.jpeg(phones.photo(96, 96))
    photo = read(phones.multi(cropped, [phones.auxiliary(phones.slope(), about)]))
    assert photo.evidence.stored is None


def test_heic_depth_by_the_stream_alone() -> None:
    """Without XMP and without a range only the order is known."""
    content = phones.heic(phones.photo(128, 192), [(phones.slope(64, 96), phones.DEPTH, None)])
    depth = stored(read(content))
    assert (depth.kind, depth.metric) == ("heic-depth", False)
    assert near_to(depth.z, 1 - phones.slope(64, 96) / 255, 0.02)


def test_heic_without_evidence_and_broken_boxes() -> None:
    assert nothing(phones.heic(phones.photo(128, 192), []))
    assert nothing(encode(phones.photo(), "HEIF", quality=90))
    with pytest.raises(heif_boxes.Damaged):
        heif_boxes.read(b"\0\0\0\x18ftypheic" + bytes(12) + b"\0\0\0\x02meta")


# --- GDepth ------------------------------------------------------------------------------


def test_gdepth_pieces_in_any_order() -> None:
    data = encode(phones.slope(), "PNG")
    depth = stored(
        read(
            phones.gdepth(
                phones.jpeg(phones.photo()),
                data,
                'GDepth:Format="RangeInverse" GDepth:Near="500" GDepth:Far="4000" '
                'GDepth:Units="mm"',
                backwards=True,
            )
        )
    )
    n = phones.slope() / 255
    assert near_to(depth.z, 4 * 0.5 / (4 - n * (4 - 0.5)), 1e-4)
    assert (depth.kind, depth.near, depth.far, depth.unit) == ("gdepth", 500, 4000, "mm")


def test_gdepth_as_jpeg_and_without_a_unit() -> None:
    """No unit, no metres: the ratio of distances remains, 0 near, 1 far."""
    first = phones.jpeg(phones.photo())
    depth = stored(read(phones.gdepth(first, encode(phones.slope(), "JPEG", quality=97))))
    assert not depth.metric
    assert (depth.near, depth.far, depth.unit) == (1, 8, None)
    z = 8 / (8 - phones.slope() / 255 * 7)
    assert near_to(depth.z, np.log(z) / np.log(8), 0.02)


def test_gdepth_in_elements_instead_of_attributes() -> None:
    """RDF has two ways to write the same; both occur."""
    parts = {"Format": "RangeLinear", "Near": "1", "Far": "2", "Units": "m"}
    parts["Data"] = phones.text(encode(phones.slope(), "PNG"))
    children = "".join(f"<GDepth:{key}>{value}</GDepth:{key}>" for key, value in parts.items())
    packet = phones.packet(phones.GOOGLE, children=children)
    content = phones.inserted(phones.jpeg(phones.photo()), [phones.standard(packet)])
    assert near_to(stored(read(content)).z, 1 + phones.slope() / 255, 1e-5)


def test_gdepth_of_sixteen_bits() -> None:
    deep = phones.slope().astype(np.uint16) * 257
    properties = 'GDepth:Format="RangeLinear" GDepth:Near="0" GDepth:Far="6.5535" GDepth:Units="m"'
    content = phones.gdepth(phones.jpeg(phones.photo()), fixtures.deep_png(deep), properties)
    depth = stored(read(content))
    assert near_to(depth.z, deep / 10_000, 1e-5)


def test_the_unblurred_original_is_no_second_view() -> None:
    original = phones.text(phones.jpeg(phones.photo()))
    content = phones.gdepth(
        phones.jpeg(phones.photo()), encode(phones.slope(), "PNG"), more=f'GImage:Data="{original}"'
    )
    photo = read(content)
    assert photo.evidence.stored is not None
    assert photo.evidence.second is None


@pytest.mark.parametrize(
    "damage",
    [
        {"guid": "0" * 32},
        {"drop": 0},
        {"drop": 1},
        {"drop": -1},
        {"properties": 'GDepth:Format="RangeInverse" GDepth:Near="8" GDepth:Far="1"'},
        {"properties": 'GDepth:Format="RangeInverse" GDepth:Near="0" GDepth:Far="1"'},
        {"properties": 'GDepth:Format="RangeLinear" GDepth:Near="-1" GDepth:Far="1"'},
        {"properties": 'GDepth:Format="RangeLinear" GDepth:Near="1" GDepth:Far="inf"'},
        {"properties": 'GDepth:Format="Guess" GDepth:Near="1" GDepth:Far="2"'},
        {"properties": ""},
    ],
)
def test_damaged_gdepth_counts_as_absent(damage: dict[str, Any]) -> None:
    first, data = phones.jpeg(phones.photo()), encode(phones.slope(), "PNG")
    assert len(phones.extended(data)) >= 1
    assert stored(read(phones.gdepth(first, data))).kind == "gdepth"
    assert nothing(phones.gdepth(first, data, **damage))


@pytest.mark.parametrize("data", [b"", b"no picture", fixtures.png_header(60_000, 60_000)])
def test_gdepth_whose_picture_is_none(data: bytes) -> None:
    assert nothing(phones.gdepth(phones.jpeg(phones.photo()), data))


def test_a_packet_with_entities_is_not_opened() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + phones.packet(phones.GOOGLE)
    with pytest.raises(xmp.Damaged):
        xmp.parse(bomb)
    assert nothing(phones.inserted(phones.jpeg(phones.photo()), [phones.standard(bomb)]))


def test_an_extension_longer_than_the_file_costs_no_memory() -> None:
    piece = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + b"\xff" * 4 + bytes(4) + b"<x/>"
    main = phones.packet(phones.GOOGLE, f'xmpNote:HasExtendedXMP="{"A" * 32}"')
    assert nothing(phones.inserted(phones.jpeg(phones.photo()), [phones.standard(main), piece]))


limits = st.tuples(st.floats(0.01, 100), st.floats(1.01, 1000)).map(lambda t: (t[0], t[0] * t[1]))
levels = st.lists(st.integers(0, 255), min_size=1, max_size=8).map(
    lambda row: np.float32([row]) / np.float32(255)
)


@given(levels, limits)
def test_range_inverse(n: NDArray[np.float32], ends: tuple[float, float]) -> None:
    """z = far near / (far - n (far - near)), with near at 0 and far at 1."""
    near, far = ends
    exact = far * near / (far - n.astype(float) * (far - near))
    assert ranges.range_inverse(n, near, far) == pytest.approx(1 / exact, rel=2e-3)
    metric = ranges.ranged("x", n, "RangeInverse", near, far, "m")
    assert metric.z == pytest.approx(exact, rel=2e-3)
    assert (metric.validity == Reason.VALID).all()
    loose = ranges.ranged("x", n, "RangeInverse", near, far, None)
    assert loose.z == pytest.approx(np.log(exact / near) / np.log(far / near), abs=2e-2)


@given(levels, limits)
def test_range_linear(n: NDArray[np.float32], ends: tuple[float, float]) -> None:
    """z = near + n (far - near)."""
    near, far = ends
    metric = ranges.ranged("x", n, "RangeLinear", near, far, "Meters")
    assert metric.z == pytest.approx(near + n * (far - near), rel=1e-5)
    assert metric.unit == "m"


@given(levels, limits)
def test_dioptres_are_distances_turned_over(
    n: NDArray[np.float32], ends: tuple[float, float]
) -> None:
    near, far = ends
    other = ranges.ranged("x", n, "RangeInverse", 1 / near, 1 / far, "Diopters")
    assert other.z == pytest.approx(
        ranges.ranged("x", n, "RangeInverse", near, far, "m").z, rel=1e-4
    )
    assert (other.near, other.unit) == (1 / near, "1/m")


def test_an_endless_range_ends_at_the_farthest() -> None:
    n = np.float32([[0, 0.5, 1]])
    depth = ranges.ranged("x", n, "RangeInverse", 1, np.inf, "m")
    assert depth.z.tolist() == [[1, 2, ranges.FARTHEST]]
    assert depth.validity.tolist() == [[Reason.VALID, Reason.VALID, Reason.TOO_FAR]]


# --- writing GDepth ------------------------------------------------------------------------


def by_hand(content: bytes) -> tuple[dict[str, str], NDArray[np.uint8]]:
    """GDepth as its specification says, read without our parser: properties and levels."""
    main = Image.open(BytesIO(content)).info["xmp"].decode()
    found = dict(re.findall(r'GDepth:(\w+)="([^"]*)"', main))
    guid = re.search(r'HasExtendedXMP="(\w+)"', main)[1].encode()  # type: ignore[index]
    head = b"http://ns.adobe.com/xmp/extension/\0" + guid
    pieces = []
    for match in re.finditer(re.escape(head), content):
        start = match.start()
        size = int.from_bytes(content[start - 2 : start], "big") - 2
        total, offset = (
            int.from_bytes(content[match.end() + at : match.end() + at + 4], "big") for at in (0, 4)
        )
        pieces.append((offset, content[match.end() + 8 : start + size]))
    whole = b"".join(piece for _, piece in sorted(pieces))
    assert len(whole) == total
    import base64
    import hashlib

    assert hashlib.md5(whole).hexdigest().upper().encode() == guid
    data = re.search(rb'GDepth:Data="([^"]*)"', whole)[1]  # type: ignore[index]
    return found, np.asarray(Image.open(BytesIO(base64.b64decode(data))))


def test_written_depth_is_what_the_format_says(tmp_path: Path) -> None:
    """Metres through our writer, then by hand: z = far near / (far - n (far - near))."""
    z = np.random.default_rng(3).uniform(0.8, 6, (96, 128)).astype(np.float32)
    photo = read(phones.jpeg(phones.photo(), 1, 28))
    path = write(photo.rgb, tmp_path / "with.jpg", photo.meta)
    content = gdepth.embed(path.read_bytes(), z, True, 0.5, 8)
    about, n = by_hand(content)
    assert (about["Format"], about["Units"], about["Mime"]) == ("RangeInverse", "m", "image/png")
    near, far = float(about["Near"]), float(about["Far"])
    assert (near, far) == (0.5, 8)
    step = (1 / near - 1 / far) / 255
    assert np.abs((far - n / 255 * (far - near)) / (far * near) - 1 / z).max() <= step * 0.51
    again = read(content)
    assert np.array_equal(again.rgb, read(path).rgb)
    assert again.meta.exif == photo.meta.exif
    assert np.abs(1 / stored(again).z - 1 / z).max() <= step * 0.51


def test_relative_depth_round_trips_within_a_level() -> None:
    d = np.random.default_rng(4).uniform(0, 1, (240, 320)).astype(np.float32)
    d[0, :2] = 0, 1
    content = gdepth.embed(phones.jpeg(phones.photo(240, 320)), d, False)
    assert len(phones.extended(content, size=65_000)) > 1
    depth = stored(read(content))
    assert not depth.metric
    assert np.abs(depth.z - d).max() <= 1 / 255
    assert depth.z[0, :2].tolist() == [0, 1]


def test_depth_written_twice_is_the_last() -> None:
    first = phones.jpeg(phones.photo(), 1)
    once = gdepth.embed(first, np.full((96, 128), 2, np.float32), True)
    twice = gdepth.embed(once, np.full((96, 128), 3, np.float32), True)
    assert stored(read(twice)).z == pytest.approx(3, rel=1e-3)
    assert twice.count(xmp.STANDARD) == 1


@pytest.mark.parametrize(
    ("content", "depth", "options"),
    [
        (b"\x89PNG", np.ones((2, 2), np.float32), {}),
        (None, np.ones((2, 2, 1), np.float32), {}),
        (None, np.float32([[1, np.nan]]), {}),
        (None, np.float32([[1, -1]]), {}),
        (None, np.zeros((2, 2), np.float32), {}),
        (None, np.ones((2, 2), np.float32), {"near": 2.0, "far": 1.0}),
        (None, np.ones((2, 2), np.float32), {"near": 0.0, "far": 1.0}),
    ],
)
def test_what_cannot_be_stored(content: bytes | None, depth: Any, options: Any) -> None:
    with pytest.raises(InputError) as caught:
        gdepth.embed(content or phones.jpeg(phones.photo()), depth, True, **options)
    assert "\n" not in str(caught.value)


# --- Dynamic Depth and DEPTH16 --------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("by_uri", [True, False])
@pytest.mark.parametrize(("padding", "trailing"), [(0, b""), (3, b""), (0, b"a video behind")])
def test_dynamic_depth(orientation: int, by_uri: bool, padding: int, trailing: bytes) -> None:
    plane = np.ascontiguousarray(fixtures.stored(phones.slope(), orientation))
    sure = np.ascontiguousarray(fixtures.stored(phones.slope()[::-1], orientation))
    content = phones.dynamic(
        phones.jpeg(phones.photo(), orientation),
        encode(plane, "JPEG", quality=97),
        encode(sure, "PNG"),
        by_uri=by_uri,
        padding=padding,
        trailing=trailing,
    )
    depth = stored(read(content))
    assert (depth.kind, depth.near, depth.far, depth.unit) == ("dynamic-depth", 0.5, 4.5, "m")
    assert near_to(depth.z, 0.5 + phones.slope() / 255 * 4, 0.05)
    assert depth.confidence is not None
    assert near_to(depth.confidence, phones.slope()[::-1] / 255, 1e-6)


def test_dynamic_depth_brings_its_camera() -> None:
    model = (
        '<Camera:ImagingModel ImagingModel:FocalLengthX="200" ImagingModel:FocalLengthY="220" '
        'ImagingModel:PrincipalPointX="128.5" ImagingModel:PrincipalPointY="96.5" '
        'ImagingModel:ImageWidth="256" ImagingModel:ImageHeight="192"/>'
    )
    data = encode(phones.slope(), "JPEG")
    camera = read(phones.dynamic(phones.jpeg(phones.photo(), 1, 30), data, model=model)).camera
    assert camera is not None
    assert (camera.fx, camera.fy) == (100, 110)
    assert (camera.cx, camera.cy) == pytest.approx((63.75, 47.75))


@pytest.mark.parametrize(
    "damage",
    [
        {"length": 10**9},
        {"length": 12},
        {"length": 0},
        {"depth": b"\xff\xd8\xff no picture"},
        {"about": 'DepthMap:Near="1" DepthMap:Far="2"'},
        {"about": 'DepthMap:Format="RangeLinear" DepthMap:ItemSemantic="Segmentation"'},
    ],
)
def test_damaged_dynamic_depth_counts_as_absent(damage: dict[str, Any]) -> None:
    about = {"depth": encode(phones.slope(), "JPEG")} | damage
    assert nothing(phones.dynamic(phones.jpeg(phones.photo()), **about))


@given(st.integers(0, 8191), st.integers(0, 7))
def test_depth16(millimetres: int, code: int) -> None:
    """Thirteen bits of millimetres, three of confidence, of which 0 means certain."""
    depth = depth16(np.uint16([[code << 13 | millimetres]]))
    assert depth.z[0, 0] == pytest.approx(millimetres / 1000, abs=1e-6)
    assert depth.confidence is not None
    assert depth.confidence[0, 0] == pytest.approx(1 if code == 0 else (code - 1) / 7)
    assert depth.validity[0, 0] == (Reason.VALID if millimetres else Reason.MISSING)


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 2), np.int32), np.zeros(4, np.uint16), np.zeros((0, 4), np.uint16)]
)
def test_depth16_refuses_other_arrays(samples: NDArray[Any]) -> None:
    with pytest.raises(InputError):
        depth16(samples)


# --- two views ---------------------------------------------------------------------------


def pair(height: int = 96, width: int = 128) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A left and a right view: what the right one shows lies 6 pixels to the left."""
    noise = np.random.default_rng(5).integers(0, 256, (12, 18, 3)).astype(np.uint8)
    wide = cv2.resize(noise, (width + 6, height), interpolation=cv2.INTER_CUBIC)
    return wide[:, :width].copy(), wide[:, 6:].copy()


def test_mpo_two_views() -> None:
    left, right = pair()
    frames = [Image.fromarray(left), Image.fromarray(right)]
    content = encode(frames[0], "MPO", save_all=True, append_images=frames[1:], quality=95)
    view = read(content).evidence.second
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
        kind=jpeg_segments.DISPARITY,
    )
    view = read(content).evidence.second
    assert (view and view.side) == side
    assert view is None or near_to(view.rgb, pair()[1], 40)


def test_previews_are_no_second_view() -> None:
    first, small = phones.jpeg(phones.photo()), encode(phones.photo(48, 64), "JPEG")
    same = encode(phones.photo(), "JPEG")
    assert read(phones.multi(first, [same])).evidence.second is not None
    assert nothing(phones.multi(first, [small]))
    assert nothing(phones.multi(first, [same], kind=0x010002))
    assert nothing(phones.multi(first, [phones.auxiliary(phones.photo(), phones.packet({}))]))


def test_vr180() -> None:
    left, right = pair(96, 96)
    properties = 'GPano:CroppedAreaLeftPixels="754"'
    eye = phones.text(encode(right, "JPEG", quality=95))
    packet = phones.packet(phones.GOOGLE, f'{properties} GImage:Data="{eye}"')
    photo = read(phones.inserted(phones.jpeg(left, 1, 28), [phones.standard(packet)]))
    view = photo.evidence.second
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
    assert stereo_file.layout(name) == layout


def test_side_by_side() -> None:
    left, right = pair()
    both = encode(np.hstack([left, right]), "PNG")
    photo = read(both, name="hill.left-right.png")
    assert np.array_equal(photo.rgb, left)
    view = photo.evidence.second
    assert view is not None
    assert (view.kind, view.side) == ("side-by-side", "right")
    assert np.array_equal(view.rgb, right)
    crossed = read(encode(np.hstack([right, left]), "PNG"), stereo="crossed")
    assert np.array_equal(crossed.rgb, right)
    assert crossed.evidence.second is not None
    assert crossed.evidence.second.side == "left"
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


# --- cameras, switches, damage ---------------------------------------------------------------


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
    assert photo.evidence.stored is None
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
    assert evidence.stored is not None or evidence.second is not None


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
    for kept in (jpeg_segments.end(content), jpeg_segments.end(content) + 200):
        photo = read(content[:kept])
        assert photo.shape == (96, 128)
        assert photo.evidence.stored is None
        assert photo.evidence.second is None


@given(st.binary(max_size=300))
def test_random_boxes_and_segments(content: bytes) -> None:
    list(jpeg_segments.segments(b"\xff\xd8" + content))
    assert jpeg_segments.end(b"\xff\xd8" + content) <= len(content) + 2
    with contextlib.suppress(xmp.Damaged):
        heif_boxes.read(b"\0\0\0\x08ftyp" + content)
    with contextlib.suppress(xmp.Damaged):
        jpeg_segments.directories(b"II*\0" + content)


# --- real files --------------------------------------------------------------------------

REAL = {
    "idm_test00.jpg": ("apple-disparity", (768, 576), 1.735352, 0.787109, "1/m", None),
    "ids_image-with-matte.jpg": (
        ("apple-disparity", (768, 576), 1.366211, 0.864746, "1/m", (2016, 1512))
    ),
    "jx_iphone_portrait_ORIGINAL.jpg": (
        ("apple-disparity", (768, 576), 3.162109, 0.910156, "1/m", None)
    ),
    "jx_iphone_portrait_bike_isJPEG.HEIC": (
        ("apple-disparity", (576, 768), 1.161133, 0.672852, "1/m", None)
    ),
    "ly_test.jpeg": ("apple-disparity", (576, 768), 4.835938, 0.229614, "1/m", None),
    "photopop_PHOTO.HEIC": (
        ("apple-disparity", (576, 768), 2.322266, 1.189453, "1/m", (1512, 2016))
    ),
    "pillowheif_pug.heic": ("apple-disparity", (576, 768), 4.382812, 1.498047, "1/m", None),
    "exifr_xmp_depth_map.jpg": ("gdepth", (2048, 1536), 18.849539, 633.323486, None, None),
    "exiv2-bug922.jpg": ("gdepth", (2048, 1536), 10.917768, 38.583176, None, None),
    "spite_table.jpg": ("gdepth", (1024, 768), 12.423588, 390.539307, None, None),
}
"""What every real file with depth holds: kind, plane, near, far, unit, matte."""

NEAR_AND_FAR = {
    "idm_test00.jpg": ((0.88, 0.4), (0.1, 0.8)),  # car, sky
    "ids_image-with-matte.jpg": ((0.5, 0.55), (0.15, 0.3)),  # shirt, lamps' wall
    "jx_iphone_portrait_ORIGINAL.jpg": ((0.85, 0.5), (0.3, 0.4)),  # glass, street
    "jx_iphone_portrait_bike_isJPEG.HEIC": ((0.6, 0.45), (0.05, 0.5)),  # rider, sky
    "ly_test.jpeg": ((0.55, 0.55), (0.8, 0.55)),  # cup, room
    "photopop_PHOTO.HEIC": ((0.35, 0.75), (0.15, 0.4)),  # boy, shelves
    "pillowheif_pug.heic": ((0.75, 0.4), (0.2, 0.5)),  # pug, wall
    "exifr_xmp_depth_map.jpg": ((0.55, 0.3), (0.03, 0.5)),  # flower, bushes
    "exiv2-bug922.jpg": ((0.42, 0.48), (0.9, 0.2)),  # leaf, leaves below
    "spite_table.jpg": ((0.6, 0.5), (0.3, 0.5)),  # chair, trees
}
"""Two places (y, x) of each photo, as fractions, seen to be near and far by eye."""


def phone(shared: Path, name: str) -> Photo:
    return read(shared / "data" / "phones" / name)


@pytest.fixture(scope="module", params=sorted(REAL))
def real(request: pytest.FixtureRequest, shared: Path) -> tuple[str, Photo]:
    """One real photo, read once for all that is asked of it."""
    return request.param, phone(shared, request.param)


def test_real_depth(real: tuple[str, Photo]) -> None:
    name, photo = real
    kind, shape, near, far, unit, matte = REAL[name]
    depth = stored(photo)
    assert (depth.kind, depth.shape, depth.unit) == (kind, shape, unit)
    assert depth.metric == (unit is not None)
    assert (depth.near, depth.far) == pytest.approx((near, far))
    found = photo.evidence.matte
    assert (None if found is None else found.shape) == matte
    assert photo.evidence.second is None
    if kind == "apple-disparity":
        assert depth.z.min() == pytest.approx(1 / near, rel=0.05)
        assert depth.z.max() == pytest.approx(1 / far, rel=0.15)
        assert photo.camera is not None
        assert 3000 < photo.camera.fx < 7000


def test_real_depth_is_upright_and_near_is_near(real: tuple[str, Photo]) -> None:
    name, photo = real
    z = stored(photo).z
    close, distant = (z[int(y * z.shape[0]), int(x * z.shape[1])] for y, x in NEAR_AND_FAR[name])
    assert distant > close * 1.1


def test_real_depth_lies_on_the_photo(real: tuple[str, Photo]) -> None:
    """Steps in depth lie on edges of the photo more than those of the depth turned or moved."""
    photo = real[1]
    z = stored(photo).z
    small = cv2.resize(photo.rgb, z.shape[::-1], interpolation=cv2.INTER_AREA)
    edges = _steps(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32))

    def agreement(depth: NDArray[np.float32]) -> float:
        return float(np.corrcoef(np.sqrt(_steps(np.log(depth + 0.1))).ravel(), edges.ravel())[0, 1])

    wrong = [z[::-1], z[:, ::-1], z[::-1, ::-1], np.roll(z, z.shape[1] // 8, 1)]
    assert agreement(z) > max(map(agreement, wrong)) + 0.02


def _steps(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    picture = cv2.GaussianBlur(picture, (0, 0), 2)
    return np.hypot(cv2.Sobel(picture, -1, 1, 0), cv2.Sobel(picture, -1, 0, 1))


def test_real_mattes_lie_on_the_near_people(shared: Path) -> None:
    for name in ("ids_image-with-matte.jpg", "photopop_PHOTO.HEIC"):
        photo = phone(shared, name)
        assert photo.evidence.matte is not None
        z = stored(photo).z
        inside = cv2.resize(photo.evidence.matte, z.shape[::-1], interpolation=cv2.INTER_AREA) > 127
        assert 0.2 < inside.mean() < 0.6
        assert np.median(z[inside]) < np.median(z[~inside]) * 0.85


@pytest.mark.parametrize(
    ("name", "kind", "size", "baseline"),
    [
        ("Panasonic-DMC-GX8.mpo", "mpo", (1368, 1824), None),
        ("vision-pro_spatial.HEIC", "spatial-heic", (2560, 2560), 0.063774),
        ("lenovo_mirage_vr180.jpg", "vr180", (3016, 3016), None),
        ("capoda.left-right.jpg", "side-by-side", (4096, 4096), None),
    ],
)
def test_real_pairs(
    shared: Path, name: str, kind: str, size: tuple[int, int], baseline: float | None
) -> None:
    """From the right, near things shift left against far ones."""
    photo = phone(shared, name)
    view = photo.evidence.second
    assert view is not None
    assert (view.kind, view.side, photo.shape, view.rgb.shape[:2]) == (kind, "right", size, size)
    assert photo.evidence.stored is None
    if baseline is None:
        assert view.camera is None
    else:
        assert view.camera is not None
        assert view.camera.translation.tolist() == [-baseline, 0, 0]
    shift, low = _shifts(photo.rgb, view.rgb)
    # In these scenes the ground at the bottom is nearer than what stands above it; the
    # rendered hedgehog alone is all at one distance, and plainly shifted.
    if name == "capoda.left-right.jpg":
        assert np.percentile(shift, 5) > 20
    else:
        assert np.median(shift[low]) > np.median(shift[~low]) + 1


def _shifts(one: NDArray[Any], other: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """x in the first minus x in the second of matched points, and which lie in the lower third."""
    scale = 1600 / one.shape[1]
    grey = [
        cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None, fx=scale, fy=scale)
        for rgb in (one, other)
    ]
    finder = cv2.SIFT_create(2000)
    (first, about), (second, around) = (finder.detectAndCompute(rgb, None) for rgb in grey)
    pairs = cv2.BFMatcher().knnMatch(about, around, k=2)
    good = [m for m, n in pairs if m.distance < 0.7 * n.distance]
    here = np.array([first[m.queryIdx].pt for m in good])
    moved = here - [second[m.trainIdx].pt for m in good]
    level = np.abs(moved[:, 1]) < 20
    return moved[level, 0], here[level, 1] > grey[0].shape[0] * 0.72


def test_real_files_without_evidence(shared: Path) -> None:
    photo = phone(shared, "huawei_example-1.JPG")
    assert photo.evidence.stored is None
    assert photo.evidence.second is None
    assert photo.camera is not None
    assert photo.camera.fx == pytest.approx(27 * np.hypot(3968, 2976) / np.hypot(36, 24))


def test_a_real_dynamic_depth_packet(shared: Path) -> None:
    """A front camera's segmentation: listed like depth, and not taken for it."""
    from depthmatte.io import dynamic_depth

    content = (shared / "data/phones/exifr_xmp-gcam-portrait.xml").read_bytes()
    about = xmp.packets(content)
    assert about.text(xmp.NOTE, "HasExtendedXMP") == "979057752e0037ac7836c599dc5e004a"
    listed = dynamic_depth.items(about)
    assert [item.length for item in listed] == [0, 2420326, 135047, 96395]
    assert "android/depthmap" in listed[2].names
    assert dynamic_depth.depth(about, content) is None
    camera = dynamic_depth.camera(about)
    assert camera is not None
    assert camera.shape == (2448, 3264)
    assert (camera.fx, camera.cx) == pytest.approx((1812.5, 1642.792236))
