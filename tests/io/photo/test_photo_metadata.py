"""What travels with a photo: orientation, EXIF, profiles, pixels per inch; headers alone."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.photo import exif
from depthmatte.io.photo.exif import strip_metadata
from depthmatte.io.photo.photo_reader import read, read_photo_header
from depthmatte.photo import Meta
from fixtures import encode, scene
from reading import near, refused


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_exif_orientation_is_obeyed_and_reset(orientation, form):
    lossless = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(form, {})
    pixels = fixtures.stored(scene(), orientation)
    photo = read(encode(pixels, form, exif=fixtures.exif(orientation), **lossless))
    assert near(photo, scene(), 3 if form == "JPEG" else 0)
    assert photo.rgb.flags.c_contiguous
    tags = Image.Exif()
    tags.load(photo.meta.exif)
    assert tags[fixtures.ORIENTATION] == 1
    assert tags[0x0110] == "Pinhole 1"
    details = tags.get_ifd(0x8769)
    assert details[0x829A] == pytest.approx(0.01)
    assert details[0x927C] == b"maker's own"
    assert (details[0xA002], details[0xA003]) == (32, 48)
    assert tags.get_ifd(0x8825)[2] == (48.0, 51.0, 30.0)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_agrees_with_pillow(orientation):
    content = encode(scene(), "PNG", exif=fixtures.exif(orientation))
    theirs = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
    assert np.array_equal(read(content).rgb, np.asarray(theirs))


def test_heic_is_turned_once():
    content = encode(fixtures.stored(scene(64, 96), 6), "HEIF", exif=fixtures.exif(6), quality=95)
    photo = read(content)
    assert near(photo, scene(64, 96), 4)
    tags = Image.Exif()
    tags.load(photo.meta.exif)
    assert tags[fixtures.ORIENTATION] == 1


@pytest.mark.parametrize("value", [0, 9, 65_535])
def test_a_nonsense_orientation_counts_as_upright(value):
    content = encode(scene(), "JPEG", quality=95, exif=fixtures.exif(value))
    assert near(read(content), scene(), 3)


def test_the_thumbnail_of_the_old_picture_is_left_behind():
    # a camera's EXIF: one tag, then a second directory that points at a small JPEG
    thumbnail = encode(scene(16, 16), "JPEG")
    tags = (
        b"II*\x00\x08\x00\x00\x00"
        + b"\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"
        + b"\x1a\x00\x00\x00"
        + b"\x02\x00\x01\x02\x04\x00\x01\x00\x00\x00\x38\x00\x00\x00"
        + b"\x02\x02\x04\x00\x01\x00\x00\x00"
        + len(thumbnail).to_bytes(4, "little")
        + bytes(4)
    )
    content = encode(scene(), "JPEG", exif=b"Exif\x00\x00" + tags + thumbnail)
    assert thumbnail in content
    photo = read(content)
    assert photo.shape == (32, 48)
    assert photo.meta.exif is not None
    assert b"\xff\xd8" not in photo.meta.exif


def test_a_tiff_hands_on_what_describes_the_photo_not_its_own_layout():
    tags = Image.Exif()
    tags[0x0110] = "Pinhole 1"
    tags[0x8769] = {0x829A: 0.01, 0xA005: {1: "R98"}}
    tags[34377] = b"layers"
    photo = read(encode(scene(), "TIFF", exif=tags.tobytes()))
    found = Image.Exif()
    found.load(photo.meta.exif)
    assert set(found) == {0x0110, fixtures.ORIENTATION, 0x8769}
    assert set(found.get_ifd(0x8769)) == {0x829A}


def test_damaged_exif_does_not_cost_the_photo():
    broken = b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x09" + b"\xff" * 40
    photo = read(encode(scene(), "JPEG", quality=95, exif=broken))
    assert near(photo, scene(), 3)


def test_no_exif_stays_none():
    assert read(encode(scene(), "PNG")).meta.exif is None
    assert read(encode(scene(), "JPEG")).meta.exif is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "HEIF"])
def test_an_rgb_profile_travels_and_pixels_stay(form):
    exact = {"WEBP": {"lossless": True}}.get(form, {})
    plain = read(encode(scene(), form, **exact))
    tagged = read(encode(scene(), form, icc_profile=fixtures.icc(), **exact))
    assert tagged.meta.icc == fixtures.icc()
    assert np.array_equal(tagged.rgb, plain.rgb)
    assert plain.meta.icc is None


def test_a_damaged_profile_does_not_cost_the_photo():
    broken = bytes(16) + b"GRAY" + bytes(200)
    photo = read(encode(np.full((8, 8), 64, np.uint8), "PNG", icc_profile=broken))
    assert photo.rgb.max() == 64
    assert photo.meta.icc is None


@given(st.integers(1, 40), st.integers(1, 600), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_any_size_and_orientation_round_trips(width, height, orientation, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    content = encode(fixtures.stored(pixels, orientation), "PNG", exif=fixtures.exif(orientation))
    assert np.array_equal(read(content).rgb, pixels)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "BMP"])
def test_pixels_per_inch_are_kept(form):
    photo = read(encode(scene(), form, dpi=(300, 150)))
    assert photo.meta.dpi == pytest.approx((300, 150), abs=0.05)
    assert read(encode(scene(), "WEBP")).meta.dpi is None


def test_pixels_per_inch_turn_with_the_photo():
    content = encode(fixtures.stored(scene(), 6), "JPEG", dpi=(300, 150), exif=fixtures.exif(6))
    assert read(content).meta.dpi == (150, 300)


def test_pixels_per_inch_that_make_no_sense_are_absent():
    assert read(encode(scene(), "PNG", dpi=(1e-9, 300))).meta.dpi is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_stripping_the_place_keeps_the_rest(form):
    tags = Image.Exif()
    tags.load(fixtures.exif(1))
    tags[0x02BC] = b"<x:xmpmeta>exif:GPSLatitude 48,51.5N</x:xmpmeta>"
    meta = read(encode(scene(), form, exif=tags.tobytes(), dpi=(300, 300))).meta
    assert b"N\0" in meta.exif
    found = Image.Exif()
    found.load(strip_metadata(meta, "gps").exif)
    assert 0x8825 not in found
    assert not found.get_ifd(0x8825)
    assert 0x02BC not in found
    assert found[0x0110] == "Pinhole 1"
    details = found.get_ifd(0x8769)
    assert details[0x829A] == pytest.approx(0.01)
    assert 0x927C not in details
    for place in (struct.pack(">6I", 48, 1, 51, 1, 30, 1), struct.pack("<6I", 48, 1, 51, 1, 30, 1)):
        assert place not in strip_metadata(meta, "gps").exif


def test_stripping_all_keeps_what_is_seen():
    meta = Meta("me", fixtures.exif(1), fixtures.icc(), dpi=(300, 300))
    assert strip_metadata(meta, "all") == Meta("me", None, fixtures.icc(), dpi=(300, 300))
    assert strip_metadata(Meta(), "gps") == Meta()
    assert strip_metadata(meta, "none") is meta
    assert strip_metadata(Meta(exif=b"Exif\0\0damaged"), "gps").exif in (None, *_HARMLESS)
    with pytest.raises(InputError, match="use none, gps, all"):
        strip_metadata(meta, "date")


_HARMLESS = [b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"]


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF", "BMP"])
def test_a_header_says_what_the_photo_says(form, orientation):
    options = {} if form == "BMP" else {"exif": fixtures.exif(orientation)}
    content = encode(scene(), form, **options)
    header, photo = read_photo_header(content), read(content)
    assert header.shape == photo.shape
    assert header.meta == photo.meta
    assert header.format == form
    assert header.camera == photo.camera


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
def test_a_header_is_read_without_the_pixels(form):
    """Of a file that ends within its pixels the header is still there."""
    noise = np.random.default_rng(1).integers(0, 256, (300, 200, 3), np.uint8)
    content = encode(noise, form, **({} if form == "BMP" else {"exif": fixtures.exif(6)}))
    assert read_photo_header(content[: len(content) // 2]).shape == (
        (300, 200) if form == "BMP" else (200, 300)
    )
    assert "cannot be decoded" in refused(content[: len(content) // 2])


def test_a_header_obeys_the_same_bounds():
    for content in (fixtures.png_header(60_000, 60_000), b"", b"no photo"):
        with pytest.raises(InputError):
            read_photo_header(content)


def test_a_header_of_two_views_is_that_of_one():
    both = np.concatenate([scene(96, 128), scene(96, 128)], axis=1)
    assert read_photo_header(encode(both, "PNG"), "x.left-right.png").shape == (96, 128)


@given(
    st.lists(st.tuples(st.integers(6, 10_000), st.integers(0, 255)), max_size=6),
    st.sampled_from(["JPEG", "TIFF"]),
)
def test_damaged_exif_costs_nothing(damage: list[tuple[int, int]], form: str) -> None:
    """Pillow raises many kinds of errors on damaged tags; none of them gets out."""
    tags = Image.Exif()
    tags.update({0x0112: 6, 0x010E: "text", 282: 72.0, 306: "2020:01:01 00:00:00", 700: b"xmp"})
    tags.get_ifd(0x8769).update({0xA002: 64, 0xA003: 48, 0xA405: 28, 0x927C: b"maker" * 4})
    tags.get_ifd(0x8825).update({1: "N", 2: (1.0, 2.0, 3.0)})
    content = bytearray(tags.tobytes())
    for place, value in damage:
        content[6 + place % (len(content) - 6)] = value
    image = Image.new("RGB", (8, 8))
    image.format, image.info["exif"] = form, bytes(content)
    found = exif.read_exif(image)
    assert 1 <= exif.read_orientation(found) <= 8
    exif.copy_exif(found)
    exif.camera_from_exif(found, (8, 8))
    exif.encode_upright_exif(found, image, (4, 5))
    strip_metadata(Meta(exif=bytes(content)), "gps")
