"""Colors through profiles: what is seen stays what was meant, and sRGB is never touched."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

import fixtures
import profiles
from depthmatte.canvas import prepare_canvas
from depthmatte.color.icc import (
    apply_color_mode,
    convert_color,
    convert_pixels,
    convert_to_srgb,
    is_invertible_profile,
    is_srgb_profile,
)
from depthmatte.color.linear_light import linear_to_bytes, to_linear
from depthmatte.color.tone_curves import build_matrix_profile, read_tone_curves
from depthmatte.effects import Background, Beautify, Blur, Cutout
from depthmatte.effects.picture import scale_to_cover
from depthmatte.errors import InputError
from depthmatte.io.photo.photo_reader import read
from depthmatte.io.photo.photo_writer import write
from depthmatte.photo import Meta, Photo
from depthmatte.portrait import Portrait
from fixtures import encode, scene
from paintings import ball, plain
from profiles import SPACES, by_hand, profile, seen

WIDE = sorted(SPACES)
COLORS = st.tuples(*[st.integers(28, 255)] * 3)

COARSE = {"display-p3": 2, "adobe-rgb": 2, "swapped": 2, "prophoto": 6, "linear": 16}
"""Levels by which 8 bits of a space can miss an sRGB color that is not almost black."""


def off(one: object, other: object) -> int:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())


def lattice() -> np.ndarray:
    axis = np.arange(0, 256, 15)
    return np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 18, 3).astype(np.uint8)


def skin_card() -> np.ndarray:
    """Colors that every space has: skin, gray, muted cloth."""
    tones = [(224, 178, 150), (120, 78, 58), (128, 128, 128), (60, 90, 120), (200, 190, 90)]
    return np.repeat(np.repeat(np.array([tones], np.uint8), 24, axis=0), 16, axis=1)


# --- golden: the formulas of the standards --------------------------------------------------------


@pytest.mark.parametrize("space", WIDE)
def test_pixels_look_as_the_standard_says(space: str) -> None:
    pixels = lattice()
    exact = by_hand(pixels, space)
    inside = ((exact > -0.5) & (exact < 255.5)).all(axis=-1)
    assert inside.sum() > 300
    assert np.abs(convert_to_srgb(pixels, profile(space)) - exact)[inside].max() <= 2


@pytest.mark.parametrize("space", WIDE)
@given(COLORS)
def test_a_color_is_seen_as_it_was_asked_for(space: str, color: tuple[int, int, int]) -> None:
    icc = profile(space)
    pixel = np.array([[convert_color(color, icc)]], np.uint8)
    assert off(seen(pixel, icc), [[color]]) <= COARSE[space]


def test_the_color_of_the_issue() -> None:
    for space in ("display-p3", "adobe-rgb", "prophoto", "swapped"):
        pixel = np.array([[convert_color((32, 64, 96), profile(space))]], np.uint8)
        assert off(seen(pixel, profile(space)), [[(32, 64, 96)]]) <= 2


def test_a_picture_between_two_profiles() -> None:
    card = skin_card()
    p3, adobe = profile("display-p3"), profile("adobe-rgb")
    there = convert_pixels(card, p3, adobe)
    assert off(seen(there, adobe), seen(card, p3)) <= 2
    assert off(convert_pixels(there, adobe, p3), card) <= 2


# --- sRGB is left alone ---------------------------------------------------------------------------


def srgbs() -> dict[str, bytes | None]:
    primaries, white, curve = profiles.SRGB
    cms = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return {
        "none": None,
        "lcms": cms,
        "ours": build_matrix_profile("x", np.array(primaries), white, curve),
    }


@pytest.mark.parametrize("name", list(srgbs()))
def test_srgb_is_never_converted(name: str) -> None:
    icc, pixels = srgbs()[name], lattice()
    assert is_srgb_profile(icc)
    assert convert_to_srgb(pixels, icc) is pixels
    assert convert_pixels(pixels, None, icc) is pixels
    assert convert_color((1, 2, 3), icc) == (1, 2, 3)
    assert (to_linear(pixels, icc) == to_linear(pixels)).all()


@pytest.mark.parametrize("name", list(srgbs()))
def test_a_canvas_of_srgb_is_the_pixels(name: str) -> None:
    photo = Photo(scene(480, 352), Meta(icc=srgbs()[name]))
    assert np.array_equal(
        prepare_canvas(photo).rgb, scene(480, 352).transpose(2, 0, 1)[None] * np.float32(1 / 255)
    )


def test_wide_spaces_are_no_srgb() -> None:
    assert not any(is_srgb_profile(profile(space)) for space in WIDE)


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("icc", [b"", b"x", bytes(128), bytes(16) + b"RGB " + bytes(200)])
def test_what_is_no_profile_counts_as_absent(icc: bytes) -> None:
    pixels = lattice()
    assert is_srgb_profile(icc)
    assert convert_to_srgb(pixels, icc) is pixels
    assert to_linear(pixels, icc).shape == pixels.shape


@given(st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8))
def test_a_damaged_profile_never_costs_the_photo(damage: list[tuple[float, int]]) -> None:
    icc = bytearray(profile("display-p3"))
    for place, value in damage:
        icc[int(place * len(icc))] = value
    photo = read(encode(scene(8, 8), "PNG", icc_profile=bytes(icc)))
    again = linear_to_bytes(to_linear(photo.rgb, photo.meta.icc), photo.meta.icc)
    assert again.shape == prepare_canvas(photo, (8, 8)).pixels.shape == (8, 8, 3)


# --- curves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", WIDE)
def test_linear_light_by_the_profiles_own_curve(space: str) -> None:
    every = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    light = to_linear(every, profile(space))
    assert np.abs(light - profiles.linear(every, SPACES[space][2])).max() < 2e-4
    assert (linear_to_bytes(light, profile(space)) == every).all()


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (b"curv" + bytes(8), lambda x: x),
        (b"curv" + bytes(4) + b"\0\0\0\1\2\0", lambda x: x**2),
        (b"curv" + bytes(4) + b"\0\0\0\3" + b"\0\0" + b"\x40\0" + b"\xff\xff", None),
    ],
)
def test_every_kind_of_curve(tag: bytes, expected: object) -> None:
    icc = bytearray(profile("linear"))
    count = int.from_bytes(icc[128:132], "big")
    for row in range(count):
        at = 132 + 12 * row
        if icc[at : at + 4].endswith(b"TRC"):
            icc[at + 4 : at + 12] = len(icc).to_bytes(4, "big") + len(tag).to_bytes(4, "big")
    found = read_tone_curves(bytes(icc) + tag)
    assert found is not None
    x = np.linspace(0, 1, found.shape[1])
    wanted = np.interp(x, [0, 0.5, 1], [0, 0.25, 1]) if expected is None else expected(x)  # type: ignore[operator]
    assert np.abs(found - wanted).max() < 1e-4


# --- photos ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("space", WIDE)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "HEIF", "AVIF"])
def test_a_photo_keeps_its_profile_and_pixels(space: str, form: str) -> None:
    photo = read(encode(scene(), form, icc_profile=profile(space)))
    assert photo.meta.icc == profile(space)
    assert off(photo.rgb, read(encode(scene(), form)).rgb) == 0


@pytest.mark.parametrize("space", WIDE)
def test_networks_see_srgb(space: str) -> None:
    """The canvas of a wide photo is that of the same scene as sRGB; the padding stays gray."""
    card = skin_card()[:, :60]
    wide = Photo(convert_pixels(card, None, profile(space)), Meta(icc=profile(space)))
    one, two = prepare_canvas(wide).rgb, prepare_canvas(Photo(card)).rgb
    assert np.abs(one - two).max() <= COARSE[space] / 255 + 1e-6
    outside = ~prepare_canvas(wide).fit.inside()
    assert outside.any()
    assert (one[0][:, outside] == two[0][:, outside]).all()


def test_a_profile_without_a_way_back_becomes_srgb() -> None:
    """As XYB: numbers that only the profile's table can read."""

    def light(x: np.ndarray) -> np.ndarray:
        y, red, blue = x.T
        return np.clip(np.stack([y + red - 0.5, y, y + blue - 0.5], axis=1), 0, 1) ** 2.2

    icc = profiles.table("RGB", light, 17)
    assert not is_invertible_profile(icc)
    assert all(is_invertible_profile(profile(space)) for space in WIDE)
    photo = read(encode(scene(), "PNG", icc_profile=icc))
    assert photo.meta.icc is None
    assert off(photo.rgb, seen(scene(), icc)) <= 2
    assert off(photo.rgb, scene()) > 40


def test_cmyk_as_a_viewer_shows_it() -> None:
    def light(x: np.ndarray) -> np.ndarray:
        inks = np.array([[0.1, 0.5, 0.8], [0.7, 0.1, 0.4], [0.9, 0.8, 0.1], [0.1, 0.1, 0.1]])
        return np.prod(1 - x[:, :, None] * (1 - inks), axis=1)

    icc = profiles.table("CMYK", light)
    inks = np.dstack([scene(), scene()[::-1, :, 0] // 3])
    cmyk = Image.fromarray(inks, "CMYK")
    own = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    viewer = ImageCms.profileToProfile(cmyk, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    photo = read(encode(cmyk, "TIFF", icc_profile=icc))
    assert photo.meta.icc is None
    assert off(photo.rgb, np.asarray(viewer)) <= 2
    assert off(photo.rgb, np.asarray(cmyk.convert("RGB"))) > 20


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_gray_as_a_viewer_shows_it(mode: str) -> None:
    level = np.full((8, 8), 100, np.uint8)
    picture = {
        "L": Image.fromarray(level),
        "LA": Image.merge("LA", [Image.fromarray(level), Image.new("L", (8, 8), 255)]),
        "I;16": Image.fromarray(level.astype(np.uint16) * 257),
    }[mode]
    photo = read(encode(picture, "PNG", icc_profile=fixtures.gray_icc(1.0)))
    expected = 255 * (1.055 * (100 / 255) ** (1 / 2.4) - 0.055)
    assert np.abs(photo.rgb - expected).max() <= 2
    assert photo.meta.icc is None


@pytest.mark.parametrize("space", WIDE)
def test_color_srgb_converts_and_drops_the_profile(space: str) -> None:
    content = encode(scene(), "PNG", icc_profile=profile(space))
    photo = read(content, color="srgb")
    assert photo.meta.icc is None
    assert off(photo.rgb, seen(scene(), profile(space))) <= 2
    kept = read(content)
    assert apply_color_mode(kept, "keep") is kept
    assert np.array_equal(apply_color_mode(kept, "srgb").rgb, photo.rgb)
    with pytest.raises(InputError, match="use keep or srgb"):
        read(content, color="adobe")  # type: ignore[arg-type]


# --- effects --------------------------------------------------------------------------------------


def portrait(space: str | None, card: np.ndarray, alpha: np.ndarray) -> Portrait:
    """A portrait of a scene that is stored in a space."""
    icc = None if space is None else profile(space)
    photo = Photo(convert_pixels(card, None, icc), Meta(icc=icc))
    known = Portrait.from_arrays(photo.rgb, alpha)
    return Portrait(photo, known.matte, known.measured, known.fit)


@pytest.mark.parametrize("space", ["display-p3", "adobe-rgb", "prophoto", "swapped"])
def test_a_background_color_is_seen_through_the_written_profile(tmp_path, space: str) -> None:
    known = portrait(space, plain((60, 40), (200, 120, 90)), ball((60, 40), 10, 2))
    path = write(Background("#204060")(known), tmp_path / "x.png", known.photo.meta)
    with Image.open(path) as written:
        shown = seen(np.asarray(written), written.info["icc_profile"])
    assert off(shown[known.alpha == 0], [(32, 64, 96)]) <= 2
    assert off(shown[known.alpha == 1], [(200, 120, 90)]) <= 2


@pytest.mark.parametrize("space", [None, "display-p3", "prophoto"])
@pytest.mark.parametrize("behind", [None, "adobe-rgb", "display-p3"])
def test_a_background_picture_is_seen_as_itself(space: str | None, behind: str | None) -> None:
    icc = None if behind is None else profile(behind)
    picture = convert_pixels(plain((30, 30), (32, 176, 96)), None, icc)
    effect = Background(picture=Photo(picture, Meta(icc=icc)))
    known = portrait(space, plain((60, 40), (200, 120, 90)), ball((60, 40), 10, 2))
    shown = seen(effect(known), known.photo.meta.icc)
    coarse = 2 if space is None else COARSE[space]
    assert off(shown[known.alpha == 0], [(32, 176, 96)]) <= coarse


def test_pixels_as_a_background_are_srgb() -> None:
    picture, known = (
        scene(),
        portrait("display-p3", plain((60, 40), (9, 9, 9)), np.zeros((60, 40), np.float32)),
    )
    shown = seen(Background(picture=picture)(known), profile("display-p3"))
    assert off(shown, scale_to_cover(picture, (60, 40))) <= 2


@pytest.mark.parametrize(("space", "expected"), [("prophoto", 174), ("linear", 128)])
def test_blur_is_in_the_light_of_the_profile(space: str, expected: int) -> None:
    """A fine black and white grid has half the light, which each curve writes differently."""
    y, x = np.mgrid[:200, :200]
    grid = np.repeat(np.where((x + y) % 2 == 0, 0, 255)[..., None], 3, axis=2).astype(np.uint8)
    known = Portrait.from_arrays(grid, ball((200, 200), 30, 1))
    photo = Photo(grid, Meta(icc=profile(space)))
    picture = Blur(1.0)(Portrait(photo, known.matte, known.measured, known.fit))
    assert np.abs(picture[20:40, 20:40].astype(int) - expected).max() <= 4


@pytest.mark.parametrize("space", ["display-p3", "prophoto", "swapped"])
def test_skin_is_found_in_every_profile(space: str) -> None:
    shape = (120, 120)
    grain = np.random.default_rng(0).normal(0, 6, shape)[..., None]
    card = np.clip(np.array((190, 135, 105)) + grain, 0, 255).astype(np.uint8)
    alpha = ball(shape, 40, 2)
    plainly, widely = (portrait(name, card, alpha) for name in (None, space))
    changed = [
        seen(Beautify(1.0)(each), each.photo.meta.icc) - seen(each.photo.rgb, each.photo.meta.icc)
        for each in (plainly, widely)
    ]
    assert changed[0].std() > 2
    assert np.corrcoef(changed[0].ravel(), changed[1].ravel())[0, 1] > 0.9


def test_a_cutout_keeps_the_photos_own_pixels() -> None:
    known = portrait("display-p3", skin_card(), np.ones((24, 80), np.float32))
    assert np.array_equal(Cutout()(known)[..., :3], known.photo.rgb)


def test_a_background_picture_with_a_profile_is_seen_as_meant(tmp_path) -> None:
    """The file's numbers are other ones than the color that is seen."""
    icc = profile("adobe-rgb")
    pixel = convert_color((32, 176, 96), icc)
    assert off(pixel, (32, 176, 96)) > 20
    path = tmp_path / "back.png"
    path.write_bytes(encode(plain((60, 40), pixel), "PNG", icc_profile=icc))
    known = portrait(None, plain((60, 40), (200, 120, 90)), np.zeros((60, 40), np.float32))
    assert off(Background(picture=read(path))(known), [[(32, 176, 96)]]) <= 2


def test_the_reported_background_picture(shared) -> None:
    picture = read(shared / "faults" / "bg_20b060_adobergb.png")
    known = portrait(None, plain((60, 40), (200, 120, 90)), np.zeros((60, 40), np.float32))
    assert off(Background(picture=picture)(known), [[(32, 176, 96)]]) <= 2
