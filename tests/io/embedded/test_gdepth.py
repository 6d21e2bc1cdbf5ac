"""GDepth read and written, and the formulas of its ranges."""

from __future__ import annotations

import base64
import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import fixtures
import phone_files as phones
from depthmatte.errors import InputError
from depthmatte.evidence import DepthStatus
from depthmatte.io.embedded import depth_encoding, gdepth, xmp
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import write
from fixtures import encode
from phone_files import near_to, nothing, stored


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
    """No unit, no meters: the ratio of distances remains, 0 near, 1 far."""
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
    assert photo.evidence.embedded_depth is not None
    assert photo.evidence.second_view is None


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
    with pytest.raises(xmp.CorruptFileError):
        xmp.parse_xmp(bomb)
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
    assert depth_encoding._range_inverse(n, near, far) == pytest.approx(1 / exact, rel=2e-3)
    metric = depth_encoding.range_levels_to_depth("x", n, "RangeInverse", near, far, "m")
    assert metric.z == pytest.approx(exact, rel=2e-3)
    assert (metric.validity == DepthStatus.VALID).all()
    loose = depth_encoding.range_levels_to_depth("x", n, "RangeInverse", near, far, None)
    assert loose.z == pytest.approx(np.log(exact / near) / np.log(far / near), abs=2e-2)


@given(levels, limits)
def test_range_linear(n: NDArray[np.float32], ends: tuple[float, float]) -> None:
    """z = near + n (far - near)."""
    near, far = ends
    metric = depth_encoding.range_levels_to_depth("x", n, "RangeLinear", near, far, "Meters")
    assert metric.z == pytest.approx(near + n * (far - near), rel=1e-5)
    assert metric.unit == "m"


@given(levels, limits)
def test_dioptres_are_distances_turned_over(
    n: NDArray[np.float32], ends: tuple[float, float]
) -> None:
    near, far = ends
    other = depth_encoding.range_levels_to_depth(
        "x", n, "RangeInverse", 1 / near, 1 / far, "Diopters"
    )
    assert other.z == pytest.approx(
        depth_encoding.range_levels_to_depth("x", n, "RangeInverse", near, far, "m").z, rel=1e-4
    )
    assert (other.near, other.unit) == (1 / near, "1/m")


def test_an_endless_range_ends_at_the_farthest() -> None:
    n = np.float32([[0, 0.5, 1]])
    depth = depth_encoding.range_levels_to_depth("x", n, "RangeInverse", 1, np.inf, "m")
    assert depth.z.tolist() == [[1, 2, depth_encoding._MAX_PHONE_METERS]]
    assert depth.validity.tolist() == [[DepthStatus.VALID, DepthStatus.VALID, DepthStatus.TOO_FAR]]


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
    assert hashlib.md5(whole).hexdigest().upper().encode() == guid
    data = re.search(rb'GDepth:Data="([^"]*)"', whole)[1]  # type: ignore[index]
    return found, np.asarray(Image.open(BytesIO(base64.b64decode(data))))


def test_written_depth_is_what_the_format_says(tmp_path: Path) -> None:
    """Meters through our writer, then by hand: z = far near / (far - n (far - near))."""
    z = np.random.default_rng(3).uniform(0.8, 6, (96, 128)).astype(np.float32)
    photo = read(phones.jpeg(phones.photo(), 1, 28))
    path = write(photo.rgb, tmp_path / "with.jpg", photo.meta)
    content = gdepth.embed_gdepth(path.read_bytes(), z, True, 0.5, 8)
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
    content = gdepth.embed_gdepth(phones.jpeg(phones.photo(240, 320)), d, False)
    assert len(phones.extended(content, size=65_000)) > 1
    depth = stored(read(content))
    assert not depth.metric
    assert np.abs(depth.z - d).max() <= 1 / 255
    assert depth.z[0, :2].tolist() == [0, 1]


def test_depth_written_twice_is_the_last() -> None:
    first = phones.jpeg(phones.photo(), 1)
    once = gdepth.embed_gdepth(first, np.full((96, 128), 2, np.float32), True)
    twice = gdepth.embed_gdepth(once, np.full((96, 128), 3, np.float32), True)
    assert stored(read(twice)).z == pytest.approx(3, rel=1e-3)
    assert twice.count(xmp.XMP_HEADER) == 1


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
        gdepth.embed_gdepth(content or phones.jpeg(phones.photo()), depth, True, **options)
    assert "\n" not in str(caught.value)
