"""io.image.read: every kind of photo in, every kind of bad file refused in one line."""

import contextlib
import io
import os
import struct
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.exif import stripped
from depthmatte.io.image import read, read_header
from depthmatte.photo import Meta, Photo
from fixtures import encode, scene
from phone_scenes import PAIRS, SHAPE, WITH_DEPTH, file_bytes


def refused(source: object, **options: object) -> str:
    """The one line that reading this gives."""
    with pytest.raises(InputError) as caught:
        read(source, **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    assert ": " in message
    return message


def near(photo: Photo, pixels: np.ndarray, levels: float) -> bool:
    assert photo.rgb.shape == pixels.shape
    return bool(np.abs(photo.rgb.astype(int) - pixels).mean() <= levels)


@pytest.mark.parametrize(
    ("form", "options", "levels"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("PPM", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG2000", {}, 0),
        ("JPEG", {"quality": 95}, 3),
        ("JPEG", {"quality": 95, "progressive": True}, 3),
        ("WEBP", {"quality": 95}, 3),
        ("HEIF", {"quality": 95}, 3),
        ("AVIF", {"quality": 95}, 3),
    ],
)
def test_every_format_by_content(tmp_path, form, options, levels):
    path = tmp_path / "suffix.lies"
    path.write_bytes(encode(scene(), form, **options))
    photo = read(path)
    assert near(photo, scene(), levels)
    assert photo.rgb.flags.c_contiguous
    assert photo.rgb.flags.writeable
    assert photo.meta.name == str(path)


def test_a_jpeg_called_heic(tmp_path):
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(encode(scene(), "JPEG", quality=95))
    assert near(read(path), scene(), 3)


class Pipe(io.RawIOBase):
    """Bytes that can be read once, as from a pipe."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._content.readinto(buffer)


def test_every_source_gives_the_same_photo(tmp_path):
    content = encode(scene(), "PNG")
    path = tmp_path / "photo.png"
    path.write_bytes(content)
    with path.open("rb") as file:
        from_file = read(file)
    sources = [str(path), path, content, bytearray(content), io.BytesIO(content), Pipe(content)]
    for photo in [from_file, *map(read, sources)]:
        assert np.array_equal(photo.rgb, scene())
    assert from_file.meta.name == str(path)
    assert read(content).meta.name == "bytes"
    assert read(io.BytesIO(content)).meta.name == "stream"
    assert read(content, name="upload.png").meta.name == "upload.png"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=[encode(scene(), "JPEG")])
    writer.start()
    photo = read(path)
    writer.join()
    assert photo.shape == (48, 32)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_that_nobody_writes_into_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("depthmatte.io.source.PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: is a pipe that nobody writes into; give a file"):
        read(tmp_path / "pipe")


def test_a_tall_photo_crosses_the_bands():
    tall = scene(1025, 7)
    assert np.array_equal(read(encode(tall, "PNG")).rgb, tall)


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


def test_grey_goes_through_its_own_profile():
    grey = np.full((8, 8), 64, np.uint8)
    linear = read(encode(grey, "PNG", icc_profile=fixtures.grey_icc(1.0)))
    level = 64 / 255
    expected = 255 * (1.055 * level ** (1 / 2.4) - 0.055)
    assert np.abs(linear.rgb - expected).max() <= 2
    assert linear.meta.icc is None
    assert read(encode(grey, "PNG")).rgb.max() == 64


def test_a_damaged_profile_does_not_cost_the_photo():
    broken = bytes(16) + b"GRAY" + bytes(200)
    photo = read(encode(np.full((8, 8), 64, np.uint8), "PNG", icc_profile=broken))
    assert photo.rgb.max() == 64
    assert photo.meta.icc is None


def test_cmyk_becomes_rgb_without_its_profile():
    cmyk = Image.fromarray(scene()).convert("CMYK")
    for form, options in (("JPEG", {"quality": 100}), ("TIFF", {})):
        photo = read(encode(cmyk, form, icc_profile=b"\0" * 16 + b"CMYK" + b"\0" * 108, **options))
        assert near(photo, scene(), 2)
        assert photo.meta.icc is None


def test_lab_and_ycbcr_become_rgb():
    from PIL import ImageCms

    srgb, lab = (ImageCms.createProfile(space) for space in ("sRGB", "LAB"))
    turned = ImageCms.applyTransform(
        Image.fromarray(scene()), ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    )
    assert near(read(encode(turned, "TIFF")), scene(), 3)
    assert near(read(encode(Image.fromarray(scene()).convert("YCbCr"), "TIFF")), scene(), 2)


def test_grey_and_one_bit():
    grey = scene()[..., 0]
    assert np.array_equal(read(encode(grey, "PNG")).rgb, np.repeat(grey[..., None], 3, axis=2))
    bits = grey > 128
    assert np.array_equal(read(encode(bits, "PNG")).rgb[..., 1], bits * np.uint8(255))
    assert np.array_equal(read(encode(bits, "TIFF")).rgb[..., 2], bits * np.uint8(255))


def test_palette():
    colours = scene() // 64 * 64
    indexed = Image.fromarray(colours).quantize(64)
    assert near(read(encode(indexed, "PNG")), np.asarray(indexed.convert("RGB")), 0)
    assert near(read(encode(indexed, "GIF")), np.asarray(indexed.convert("RGB")), 0)


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "HEIF"])
def test_transparency_is_laid_on_white(form):
    rgba = np.dstack([np.full((32, 32, 3), 100, np.uint8), np.zeros((32, 32), np.uint8)])
    rgba[:, 8:, 3] = 128
    rgba[:, 16:, 3] = 255
    options = {"WEBP": {"lossless": True, "exact": True}, "HEIF": {"quality": 100}}.get(form, {})
    row = read(encode(rgba, form, **options)).rgb[16, :, 0].astype(int)
    expected = np.repeat([255, 177, 100], [8, 8, 16])
    assert np.abs(row - expected)[[4, 12, 24]].max() <= (6 if form == "HEIF" else 1)


def test_grey_with_alpha_and_transparent_palette():
    grey = np.dstack([np.full((4, 4), 50, np.uint8), np.full((4, 4), 0, np.uint8)])
    assert read(encode(Image.fromarray(grey, "LA"), "PNG")).rgb.min() == 255
    indexed = Image.new("P", (4, 4), 1)
    indexed.putpalette([0, 0, 0, 200, 10, 20])
    assert read(encode(indexed, "PNG", transparency=b"\xff\x00")).rgb.min() == 255
    assert read(encode(indexed, "GIF", transparency=1)).rgb.min() == 255
    assert tuple(read(encode(indexed, "PNG", transparency=b"\x00\xff")).rgb[0, 0]) == (200, 10, 20)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_scaled_not_clipped(channels):
    deep = np.linspace(0, 65_535, 48 * 32 * channels).astype(np.uint16)
    deep = deep.reshape((48, 32) if channels == 1 else (48, 32, 3))
    expected = np.broadcast_to((deep >> 8).reshape(48, 32, channels), (48, 32, 3))
    assert np.array_equal(read(fixtures.deep_png(deep)).rgb, expected)
    if channels == 1:
        assert np.array_equal(read(fixtures.tiff(deep)).rgb, expected)
        pgm = b"P5 32 48 65535\n" + deep.astype(">u2").tobytes()
        assert np.array_equal(read(pgm).rgb, expected)


def test_sixteen_bits_with_alpha():
    deep = np.full((4, 4, 4), 25_700, np.uint16)
    deep[:2, :, 3], deep[2:, :, 3] = 0, 65_535
    assert read(fixtures.deep_png(deep)).rgb[:, 0, 0].tolist() == [255, 255, 100, 100]


def test_twelve_bit_tiff():
    values = np.array([[0, 4095], [2048, 1024]], np.uint16)
    packed = b"\x00\x0f\xff\x80\x04\x00"
    photo = read(fixtures.tiff(values, {258: (3, 12)}, raw=packed))
    assert photo.rgb[..., 0].tolist() == [[0, 255], [128, 64]]


def test_tiff_where_white_is_zero():
    deep = np.array([[0, 65_535]], np.uint16)
    assert read(fixtures.tiff(deep, {262: (3, 0)})).rgb[0, :, 0].tolist() == [255, 0]
    shallow = np.array([[0, 255]], np.uint8)
    assert read(fixtures.tiff(shallow, {262: (3, 0)})).rgb[0, :, 0].tolist() == [255, 0]


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint32])
def test_pixels_without_a_white_are_refused(kind):
    message = refused(fixtures.tiff(np.ones((4, 4), kind)), name="depth.tif")
    assert message.startswith("depth.tif: ")
    assert "8 or 16 bits" in message


def test_raw_files_are_refused_not_taken_for_their_preview():
    pixels = np.zeros((4, 4), np.uint8)
    for tags in ({254: (4, 1)}, {0xC612: (4, 1)}):
        assert "raw file" in refused(fixtures.tiff(pixels, tags))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_the_first_of_several_pictures(form):
    first, second = scene() // 64 * 64, 255 - scene()
    frames = [Image.fromarray(first), Image.fromarray(second)]
    options = {"WEBP": {"lossless": True}, "MPO": {"quality": 95}}.get(form, {})
    content = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(content)) as animated:
        assert animated.n_frames == 2
    assert near(read(content), first, 4 if form == "MPO" else 1)


def test_missing_folder_and_strange_paths(tmp_path):
    missing = tmp_path / "gone.jpg"
    assert refused(missing) == f"{missing}: there is no such file; check the path"
    assert refused(tmp_path) == f"{tmp_path}: is a folder; give a photo"
    assert "no such file" in refused(str(tmp_path / "two\nlines.jpg"))
    assert "is not a path" in refused("nul\0byte.jpg")
    assert "cannot be opened" in refused(tmp_path / ("long" * 200))
    assert "is not a file" in refused(os.devnull)
    (tmp_path / "file").write_bytes(b"x")
    assert "cannot be opened" in refused(tmp_path / "file" / "inside.jpg")


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_a_file_without_permission():
    with fixtures.public_folder() as folder:
        path = folder / "secret.png"
        path.write_bytes(encode(scene(), "PNG"))
        path.chmod(0)
        with fixtures.ordinary_user():
            message = refused(path)
    assert message.startswith(f"{path}: cannot be opened (permission denied)")


def test_things_that_are_no_source(tmp_path):
    assert "give a path" in refused(42)
    assert "give a path" in refused(None)
    assert "binary mode" in refused(io.StringIO("text"))
    closed = io.BytesIO(b"x")
    closed.close()
    assert "cannot be read" in refused(closed)


def test_empty_and_not_a_photo(tmp_path):
    path = tmp_path / "empty.jpg"
    path.touch()
    assert refused(path) == f"{path}: is empty; copy it again"
    for content in (
        b"x",
        b"hello, this is a letter",
        b"%PDF-1.7 ...",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
    ):
        assert "is not a photo" in refused(content, name="letter.txt")


def test_a_picture_without_pixels():
    for width, height in ((0, 5), (5, 0)):
        refused(fixtures.png_header(width, height))


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF", "JPEG2000", "PPM"]
)
def test_truncated_files_are_refused(form):
    noise = np.random.default_rng(1).integers(0, 256, (80, 80, 3), np.uint8)
    content = encode(noise, form)
    for part in (0.1, 0.5, 0.9):
        message = refused(content[: int(len(content) * part)], name="half.jpg")
        assert message.startswith("half.jpg: ")


def test_a_corrupt_png():
    content = bytearray(encode(scene(), "PNG"))
    middle = len(content) // 2
    content[middle : middle + 20] = b"?" * 20
    assert "cannot be decoded" in refused(bytes(content))


def test_the_pixel_cap_comes_before_decoding():
    message = refused(fixtures.png_header(60_000, 60_000), name="bomb.png")
    assert message.startswith("bomb.png: has 60000 x 60000 pixels")
    assert message.endswith("more than the 250000000 allowed; scale it down")
    assert "allowed" in refused(encode(scene(), "PNG"), max_pixels=48 * 32 - 1)
    assert read(encode(scene(), "PNG"), max_pixels=48 * 32).shape == (48, 32)


def test_the_cap_is_ours_and_pillows_own_is_left_alone(monkeypatch):
    """Pillow's limit belongs to the host: it is neither changed for a moment nor asked."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert "cannot be decoded" in refused(fixtures.png_header(10_000, 12_000))
    assert np.array_equal(read(encode(scene(), "PNG")).rgb, scene())
    assert Image.MAX_IMAGE_PIXELS == 1


def test_messages_stay_on_one_line(tmp_path):
    path = tmp_path / "two\nlines\x1b[31m.jpg"
    path.write_bytes(b"no photo")
    message = refused(path)
    assert "two?lines?[31m.jpg" in message


@given(st.binary(max_size=400))
def test_random_bytes_are_refused(content):
    refused(content)


_STARTS = {
    form: encode(scene(24, 20), form)
    for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "HEIF", "AVIF", "JPEG2000", "PPM")
} | {
    "tagged": encode(scene(24, 20), "JPEG", exif=fixtures.exif(6), icc_profile=fixtures.icc()),
    "grey": encode(scene(24, 20)[..., 0], "PNG", icc_profile=fixtures.grey_icc()),
    "deep": fixtures.tiff(scene(24, 20)[..., 0].astype(np.uint16)),
}


@given(
    st.sampled_from(sorted(_STARTS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=12),
    st.floats(0, 1),
)
def test_damaged_photos_give_a_photo_or_one_line(form, damage, kept):
    content = bytearray(_STARTS[form])
    for place, value in damage:
        content[int(place * len(content))] = value
    message = ""
    try:
        read(bytes(content[: int(len(content) * (0.5 + kept))]), max_pixels=10**6)
    except InputError as error:
        message = str(error)
    assert "\n" not in message


@given(st.integers(1, 40), st.integers(1, 600), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_any_size_and_orientation_round_trips(width, height, orientation, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    content = encode(fixtures.stored(pixels, orientation), "PNG", exif=fixtures.exif(orientation))
    assert np.array_equal(read(content).rgb, pixels)


def test_threads_read_side_by_side():
    contents = [encode(scene(60, 40), form) for form in ("PNG", "BMP", "TIFF", "PPM")]
    wrong: list[object] = []

    def work(content: bytes) -> None:
        for _ in range(20):
            if not np.array_equal(read(content).rgb, scene(60, 40)):
                wrong.append(content[:4])

    before = Image.MAX_IMAGE_PIXELS
    threads = [threading.Thread(target=work, args=[content]) for content in contents * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert before == Image.MAX_IMAGE_PIXELS


def test_importing_the_rim_imports_no_decoder():
    code = (
        "import sys, depthmatte.io.image, depthmatte.io.write, depthmatte.io.find\n"
        "print([name for name in ('PIL', 'cv2', 'pillow_heif') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", [*WITH_DEPTH, *PAIRS])
def test_phone_photos_made_by_script(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(file_bytes(name))
    photo = read(path)
    assert photo.shape == ((384, 384) if name in PAIRS else SHAPE)
    assert photo.rgb[::16, ::16].std() > 20


def test_phone_photos(shared):
    folder = shared / "data" / "phones"
    photos = [path for path in sorted(folder.iterdir()) if path.suffix not in (".txt", ".xml")]
    assert photos
    for path in photos:
        photo = read(path)
        assert photo.rgb[::16, ::16].std() > 1, path.name


# --- what travels with the photo ------------------------------------------------------------------


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
    found.load(stripped(meta, "gps").exif)
    assert 0x8825 not in found
    assert not found.get_ifd(0x8825)
    assert 0x02BC not in found
    assert found[0x0110] == "Pinhole 1"
    details = found.get_ifd(0x8769)
    assert details[0x829A] == pytest.approx(0.01)
    assert 0x927C not in details
    for place in (struct.pack(">6I", 48, 1, 51, 1, 30, 1), struct.pack("<6I", 48, 1, 51, 1, 30, 1)):
        assert place not in stripped(meta, "gps").exif


def test_stripping_all_keeps_what_is_seen():
    meta = Meta("me", fixtures.exif(1), fixtures.icc(), dpi=(300, 300))
    assert stripped(meta, "all") == Meta("me", None, fixtures.icc(), dpi=(300, 300))
    assert stripped(Meta(), "gps") == Meta()
    assert stripped(meta, "none") is meta
    assert stripped(Meta(exif=b"Exif\0\0damaged"), "gps").exif in (None, *_HARMLESS)
    with pytest.raises(InputError, match="use none, gps, all"):
        stripped(meta, "date")


_HARMLESS = [b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0", b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"]


# --- headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF", "AVIF", "BMP"])
def test_a_header_says_what_the_photo_says(form, orientation):
    options = {} if form == "BMP" else {"exif": fixtures.exif(orientation)}
    content = encode(scene(), form, **options)
    header, photo = read_header(content), read(content)
    assert header.shape == photo.shape
    assert header.meta == photo.meta
    assert header.format == form
    assert header.camera == photo.camera


@pytest.mark.parametrize("form", ["JPEG", "PNG", "BMP"])
def test_a_header_is_read_without_the_pixels(form):
    """Of a file that ends within its pixels the header is still there."""
    noise = np.random.default_rng(1).integers(0, 256, (300, 200, 3), np.uint8)
    content = encode(noise, form, **({} if form == "BMP" else {"exif": fixtures.exif(6)}))
    assert read_header(content[: len(content) // 2]).shape == (
        (300, 200) if form == "BMP" else (200, 300)
    )
    assert "cannot be decoded" in refused(content[: len(content) // 2])


def test_a_header_obeys_the_same_bounds():
    for content in (fixtures.png_header(60_000, 60_000), b"", b"no photo"):
        with pytest.raises(InputError):
            read_header(content)


def test_a_header_of_two_views_is_that_of_one():
    both = np.concatenate([scene(96, 128), scene(96, 128)], axis=1)
    assert read_header(encode(both, "PNG"), "x.left-right.png").shape == (96, 128)


# --- bounds ---------------------------------------------------------------------------------------


def test_a_small_file_may_not_cost_much_memory(capfd):
    """Seen from the header alone, in silence; a caller who asks for more may have it."""
    j2k = bytearray(encode(scene(), "JPEG2000", no_jp2=True))
    size = (15_800).to_bytes(4, "big")
    j2k[8:16] = j2k[24:32] = size * 2
    for content in (fixtures.png_header(20_000, 12_000), bytes(j2k)):
        message = refused(content, name="bomb")
        assert "more than 2 GB of memory; scale it to" in message
        assert message.startswith("bomb: has ")
    assert capfd.readouterr() == ("", "")
    assert "cannot be decoded" in refused(fixtures.png_header(20_000, 12_000), max_pixels=10**9)


@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory the Linux way")
@pytest.mark.parametrize(("orientation", "most"), [(1, 5), (6, 7)])
def test_memory_of_decoding(tmp_path, orientation, most):
    """The decoder writes where the photo lies: 4 bytes a pixel, 6 where it has to be turned."""
    path = tmp_path / "large.jpg"
    picture = Image.fromarray(scene()).resize((6000, 4000))
    path.write_bytes(encode(picture, "JPEG", quality=80, exif=fixtures.exif(orientation)))
    code = (
        "import sys\n"
        "from depthmatte.io.image import read, read_header\n"
        "def peak():\n"
        "    rows = open('/proc/self/status').read().split('VmHWM:')\n"
        "    return int(rows[1].split()[0]) * 1024\n"
        f"read({encode(scene(), 'JPEG', exif=fixtures.exif(6))!r})\n"
        "before = peak()\n"
        "read_header(sys.argv[1])\n"
        "header = peak()\n"
        "read(sys.argv[1])\n"
        "print((header - before) / 24e6, (peak() - before) / 24e6)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    header, whole = map(float, done.stdout.split())
    assert header < 0.3
    assert 3 < whole < most


# --- silence, and the right name ------------------------------------------------------------------


@pytest.mark.parametrize("compression", ["tiff_adobe_deflate", "tiff_lzw", "jpeg", "packbits"])
def test_damaged_tiffs_are_refused_in_silence(capfd, compression):
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    content = bytearray(encode(noise, "TIFF", compression=compression))
    for place in range(len(content) // 4, len(content) // 2, 7):
        content[place] ^= 0x55
    for damaged in (bytes(content), bytes(content[: len(content) * 2 // 3])):
        with contextlib.suppress(InputError):
            read(damaged)
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(os.name != "posix", reason="libtiff cannot be reached inside a DLL")
def test_libtiff_speaks_again_afterwards(capfd):
    """The handler of the process is only away while a TIFF of ours is decoded."""
    content = bytearray(encode(scene(), "TIFF", compression="tiff_adobe_deflate"))
    content[12:60] = b"?" * 48
    refused(bytes(content))
    assert capfd.readouterr().err == ""
    with pytest.raises(OSError, match="decoder error"), Image.open(io.BytesIO(content)) as image:
        image.load()
    assert "ZIPDecode" in capfd.readouterr().err


def test_reported_files_are_refused_in_silence(shared, capfd):
    for name in ("tiff_noise.tif", "j2k_one_tile_15800.j2k"):
        refused(shared / "faults" / "hostile" / name)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content",
    [
        b"FUJIFILMCCD-RAW 0201",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"IIRO\x08\0\0\0",
        b"IIU\0\x08\0\0\0",
        b"II*\0\x10\0\0\0CR\2\0",
        b"II\x1a\0\0\0HEAPCCDR",
        b"FOVb\0\0\2\0",
        b"\0MRM\0\0\0\0",
    ],
)
def test_raw_files_are_known_by_content(content):
    assert "camera's raw file; develop it" in refused(content + bytes(64), name="x.jpg")


@pytest.mark.parametrize("suffix", ["CR2", "nef", "DNG", "ARW", "RAF", "CR3", "orf", "rw2"])
def test_raw_files_are_known_by_name_where_damaged(suffix):
    for content in (b"II*\0\x08\0\0\0" + bytes(40), b"damaged", b"\xff\xd8\xff\xe0"):
        assert "camera's raw file; develop it" in refused(content, name=f"IMG_1.{suffix}")
    assert near(read(encode(scene(), "PNG"), name=f"IMG_1.{suffix}"), scene(), 0)


@pytest.mark.parametrize("tag", [{262: (3, 32_803)}, {259: (3, 34_713)}, {262: (3, 34_892)}])
def test_raw_files_that_look_like_a_tiff(tag):
    assert "raw file" in refused(fixtures.tiff(np.zeros((4, 4), np.uint8), tag))


def test_jpeg_xl_is_called_so():
    assert "is JPEG XL" in refused(b"\xff\x0a" + bytes(30))


def test_reading_registers_nothing():
    """A host's Pillow opens after us what it opened before."""
    code = (
        "from PIL import Image\n"
        "from depthmatte.io.image import read\n"
        f"read({encode(scene(), 'HEIF')!r})\n"
        "print('HEIF' in Image.OPEN, Image.MAX_IMAGE_PIXELS)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", str(Image.MAX_IMAGE_PIXELS)]
