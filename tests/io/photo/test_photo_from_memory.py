"""Photos of what is in memory: one rule for each kind of array, Pillow as its file."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import fixtures
from depthmatte.errors import InputError
from depthmatte.io.photo.from_memory import to_photo
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo
from fixtures import encode, scene
from profiles import profile, seen


def test_rgb_is_taken_as_it_is() -> None:
    pixels = scene()
    assert to_photo(pixels).rgb is pixels
    assert to_photo(pixels).meta.name == "array"
    photo = Photo(pixels)
    assert to_photo(photo) is photo


@pytest.mark.parametrize("shape", [(48, 32), (48, 32, 1)])
def test_gray_becomes_three_channels(shape: tuple[int, ...]) -> None:
    gray = scene()[..., 0].reshape(shape)
    assert np.array_equal(to_photo(gray).rgb, np.repeat(scene()[..., :1], 3, axis=2))


@given(st.integers(0, 255), st.integers(0, 255))
def test_alpha_is_laid_on_white_as_of_a_file(level: int, alpha: int) -> None:
    rgba = np.full((2, 2, 4), level, np.uint8)
    rgba[..., 3] = alpha
    photo = to_photo(rgba)
    assert np.array_equal(photo.rgb, read(encode(rgba, "PNG")).rgb)
    assert np.abs(photo.rgb - (level * alpha + 255 * (255 - alpha)) / 255).max() <= 1


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_floats_are_shares_of_white(kind: type) -> None:
    assert np.array_equal(to_photo((scene() / 255).astype(kind)).rgb, scene())
    alpha = np.dstack([scene() / 255, np.ones((48, 32))]).astype(kind)
    assert np.array_equal(to_photo(alpha).rgb, scene())


@pytest.mark.parametrize("wrong", [1.001, -0.001, 255.0, np.nan, np.inf])
def test_floats_beyond_are_refused_never_guessed(wrong: float) -> None:
    pixels = np.zeros((4, 4, 3), np.float32)
    pixels[1, 2, 0] = wrong
    with pytest.raises(InputError, match=r"scale them to \[0, 1\]"):
        to_photo(pixels, "mine")


def test_the_high_byte_of_sixteen_bits() -> None:
    deep = np.arange(48 * 32 * 3, dtype=np.uint16).reshape(48, 32, 3) * 14
    assert np.array_equal(to_photo(deep).rgb, deep >> 8)


def test_masks_are_black_and_white() -> None:
    mask = scene()[..., 0] > 100
    assert np.array_equal(to_photo(mask).rgb[..., 1], mask * np.uint8(255))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 2), np.uint8),
        np.zeros((4, 4, 5), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((0, 4), np.float32),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 3), np.complex64),
        np.array([["a"]]),
    ],
)
def test_what_is_no_photo_is_refused_in_one_line(array: np.ndarray) -> None:
    with pytest.raises(InputError) as caught:
        to_photo(array)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("mode", ["RGB", "L", "LA", "RGBA", "P", "1", "CMYK", "I;16", "YCbCr"])
def test_a_pillow_picture_is_read_as_its_file(mode: str) -> None:
    image = (
        Image.fromarray(scene()[..., 0].astype(np.uint16) * 250)
        if mode == "I;16"
        else Image.fromarray(scene()).convert(mode)
    )
    before = image.tobytes()
    photo = to_photo(image)
    file = encode(image, "TIFF" if mode in ("CMYK", "YCbCr") else "PNG")
    assert np.abs(photo.rgb.astype(int) - read(file).rgb).max() <= (2 if mode == "YCbCr" else 0)
    assert image.tobytes() == before


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_pillow_picture_is_turned_and_keeps_its_profile(orientation: int) -> None:
    content = encode(
        fixtures.stored(scene(), orientation),
        "PNG",
        exif=fixtures.exif(orientation),
        icc_profile=profile("display-p3"),
        dpi=(300, 150),
    )
    photo, file = to_photo(Image.open(io.BytesIO(content))), read(content)
    assert np.array_equal(photo.rgb, scene())
    assert photo.meta.icc == profile("display-p3")
    assert (photo.meta.exif, photo.meta.dpi) == (file.meta.exif, file.meta.dpi)
    shown = to_photo(Image.open(io.BytesIO(content)), color="srgb")
    assert shown.meta.icc is None
    assert np.abs(shown.rgb - seen(scene(), profile("display-p3"))).max() <= 2


def test_a_pillow_picture_without_white_is_refused() -> None:
    for mode in ("F", "I"):
        with pytest.raises(InputError, match="known white"):
            to_photo(Image.new(mode, (4, 4)))


def test_a_broken_pillow_picture_is_one_line(tmp_path) -> None:
    path = tmp_path / "half.jpg"
    noise = np.random.default_rng(1).integers(0, 256, (200, 200, 3), np.uint8)
    path.write_bytes(encode(noise, "JPEG")[:-2000])
    with (
        Image.open(path) as image,
        pytest.raises(InputError, match=r"half\.jpg: cannot be decoded"),
    ):
        to_photo(image)


def test_all_else_is_read() -> None:
    content = encode(scene(), "PNG")
    for source in (content, io.BytesIO(content)):
        assert np.array_equal(to_photo(source).rgb, scene())
    with pytest.raises(InputError, match="not something to read"):
        to_photo(42)
