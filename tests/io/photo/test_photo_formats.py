"""Every kind of photo is read: formats, sources, gray, palettes, transparency, 16 bits."""

import io
import os
import threading

import numpy as np
import pytest
from PIL import Image

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.photo.photo_reader import read
from fixtures import encode, scene
from phone_scenes import PAIRS, SHAPE, WITH_DEPTH, file_bytes
from reading import near


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
def test_a_pipe_without_a_writer_times_out(tmp_path, monkeypatch):
    monkeypatch.setattr("depthmatte.io.photo.input_source._PIPE_TIMEOUT_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="pipe: is a pipe without a writer; give a file"):
        read(tmp_path / "pipe")


def test_a_tall_photo_crosses_the_bands():
    tall = scene(1025, 7)
    assert np.array_equal(read(encode(tall, "PNG")).rgb, tall)


def test_gray_goes_through_its_own_profile():
    grey = np.full((8, 8), 64, np.uint8)
    linear = read(encode(grey, "PNG", icc_profile=fixtures.gray_icc(1.0)))
    level = 64 / 255
    expected = 255 * (1.055 * level ** (1 / 2.4) - 0.055)
    assert np.abs(linear.rgb - expected).max() <= 2
    assert linear.meta.icc is None
    assert read(encode(grey, "PNG")).rgb.max() == 64


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


def test_gray_and_one_bit():
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


def test_gray_with_alpha_and_transparent_palette():
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


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_the_first_of_several_pictures(form):
    first, second = scene() // 64 * 64, 255 - scene()
    frames = [Image.fromarray(first), Image.fromarray(second)]
    options = {"WEBP": {"lossless": True}, "MPO": {"quality": 95}}.get(form, {})
    content = encode(frames[0], form, save_all=True, append_images=frames[1:], **options)
    with Image.open(io.BytesIO(content)) as animated:
        assert animated.n_frames == 2
    assert near(read(content), first, 4 if form == "MPO" else 1)


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
