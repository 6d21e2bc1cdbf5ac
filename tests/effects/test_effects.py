"""What effects promise: nothing at strength 0, the portrait untouched, no color led astray."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from depthmatte.canvas import Letterbox, to_canvas
from depthmatte.effects import (
    EFFECTS,
    Background,
    Beautify,
    Blur,
    Cutout,
    Effect,
    Outline,
    PlaceInPicture,
)
from depthmatte.effects.beautify import skin_likelihood
from depthmatte.effects.picture import scale_to_cover
from depthmatte.errors import InputError
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.values import PART_NAMES, Depth, Matte, PartShares
from paintings import BLUE, GRAY, RED, ball, composite, gradient, noise, off, plain, strands

STRONG: list[Effect] = [Cutout(), Blur(1.0), Background("blue"), Beautify(1.0)]
SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))


# --- all effects ---------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", STRONG)
@given(SHAPES, st.sampled_from(["nobody", "all", "ball", "half"]))
def test_any_size_and_any_alpha(effect: Effect, shape: tuple[int, int], who: str) -> None:
    alpha = {
        "nobody": np.zeros(shape, np.float32),
        "all": np.ones(shape, np.float32),
        "half": np.full(shape, 0.5, np.float32),
        "ball": ball(shape, min(shape) / 3, 4),
    }[who]
    rgb = noise(shape)
    before = rgb.copy()
    picture = effect(Portrait.from_arrays(rgb, alpha))
    assert picture.dtype == np.uint8
    assert picture.shape == (*shape, 4 if isinstance(effect, Cutout) else 3)
    assert (rgb == before).all()


@pytest.mark.parametrize("make", [Blur, Beautify])
def test_strength_0_is_the_photo(make: Callable[..., Effect]) -> None:
    rgb = noise((40, 30))
    picture = make(strength=0)(Portrait.from_arrays(rgb, ball((40, 30), 10, 3)))
    assert (picture == rgb).all()
    assert picture is not rgb


@pytest.mark.parametrize("effect", [Blur(1.0), Beautify(1.0)])
def test_without_people_the_photo_stays(effect: Effect) -> None:
    rgb = noise((40, 30))
    assert (effect(Portrait.from_arrays(rgb, np.zeros((40, 30), np.float32))) == rgb).all()


@pytest.mark.parametrize("effect", [Blur(1.0), Background("blue"), Cutout()])
def test_a_photo_full_of_portrait_stays(effect: Effect) -> None:
    rgb = noise((40, 30))
    picture = effect(Portrait.from_arrays(rgb, np.ones((40, 30), np.float32)))
    assert (picture[..., :3] == rgb).all()


@pytest.mark.parametrize("effect", [Blur(1.0), Background("blue"), Cutout()])
@given(st.tuples(st.integers(20, 80), st.integers(20, 80)))
def test_the_portrait_keeps_its_pixels(effect: Effect, shape: tuple[int, int]) -> None:
    rgb, alpha = noise(shape), ball(shape, min(shape) / 3, 3)
    picture = effect(Portrait.from_arrays(rgb, alpha))
    assert (picture[alpha == 1][:, :3] == rgb[alpha == 1]).all()


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("effect", STRONG)
def test_effects_on_a_real_canvas(effect: Effect, turned: bool) -> None:
    """Maps from a canvas, also from one on which the photo lies turned."""
    shape = (90, 150)
    rgb, alpha = noise(shape), ball(shape, 30, 3)
    fit = Letterbox.for_photo(shape, (64, 48), "rotate" if turned else "pad")
    assert fit.rotated == turned
    small = np.clip(to_canvas(alpha, fit), 0, 1)
    near = np.where(small > 0.5, np.float32(0.2), np.float32(0.8))
    depth = Depth(near.astype(np.float32), np.ones_like(small))
    picture = effect(Portrait(Photo(rgb), Matte(small, small), depth, fit))
    assert picture.shape[:2] == shape
    inside = ball(shape, 20) == 1
    if not isinstance(effect, Beautify):
        assert (picture[inside][:, :3] == rgb[inside]).all()


def test_the_table_names_every_effect() -> None:
    assert {
        "cutout": Cutout,
        "blur": Blur,
        "background": Background,
        "beautify": Beautify,
        "place": PlaceInPicture,
        "outline": Outline,
    } == EFFECTS


@pytest.mark.parametrize("name", list(EFFECTS))
def test_options_say_what_they_are(name: str) -> None:
    effect = EFFECTS[name]()
    for each in fields(effect):
        assert each.metadata["help"]
        value = getattr(effect, each.name)
        if isinstance(value, float):
            assert each.metadata["min"] <= value <= each.metadata["max"]
    with pytest.raises(FrozenInstanceError):
        setattr(effect, fields(effect)[0].name, None)


@pytest.mark.parametrize("make", [Blur, Beautify])
@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan"), "much"])
def test_a_strength_out_of_range_is_refused(make: Any, strength: Any) -> None:
    with pytest.raises(InputError, match=r"strength is .* from 0 to 1"):
        make(strength=strength)


# --- cut-out -------------------------------------------------------------------------------------


def test_cutout_over_the_known_background_is_the_photo() -> None:
    shape, alpha = (200, 200), strands((200, 200))
    back = gradient(shape, BLUE, (90, 200, 250))
    photo = composite(gradient(shape, (150, 100, 50), (190, 140, 90)), alpha, back)
    rgba = Cutout()(Portrait.from_arrays(photo, alpha))
    again = composite(rgba[..., :3], rgba[..., 3].astype(np.float32) / 255, back)
    assert off(again, photo).mean() < 1.5
    assert off(again, photo).max() <= 10  # the photo's own colors, cut out, are 40 off


def test_cutout_alpha_is_the_portraits() -> None:
    alpha = ball((50, 40), 12, 6)
    rgba = Cutout()(Portrait.from_arrays(noise((50, 40)), alpha))
    assert (rgba[..., 3] == np.rint(alpha * 255)).all()
    assert (rgba[0, 0] == 0).all()  # the hidden background cannot be brought back


def test_cutout_crop() -> None:
    alpha = np.zeros((50, 40), np.float32)
    alpha[10:30, 5:25] = 1
    rgb = noise((50, 40))
    rgba = Cutout(crop=True)(Portrait.from_arrays(rgb, alpha))
    assert rgba.shape == (20, 20, 4)
    assert (rgba[..., :3] == rgb[10:30, 5:25]).all()


def test_cropped_cutout_without_people_is_whole_and_empty() -> None:
    rgba = Cutout(crop=True)(Portrait.from_arrays(noise((50, 40)), np.zeros((50, 40), np.float32)))
    assert rgba.shape == (50, 40, 4)
    assert not rgba.any()


# --- background ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("color", "expected"),
    [("#102030", (16, 32, 48)), ("#fff", (255, 255, 255)), ("navy", (0, 0, 128))],
)
def test_background_color(color: str, expected: tuple[int, int, int]) -> None:
    shape, alpha = (80, 60), ball((80, 60), 20, 6)
    photo = composite(plain(shape, RED), alpha, plain(shape, GRAY))
    picture = Background(color)(Portrait.from_arrays(photo, alpha))
    assert off(picture, composite(plain(shape, RED), alpha, plain(shape, expected))).max() <= 4


def test_transparent_is_the_cutout() -> None:
    portrait = Portrait.from_arrays(noise((50, 40)), ball((50, 40), 12, 4))
    assert (Background("transparent")(portrait) == Cutout()(portrait)).all()


def test_no_people_on_a_color_is_the_color() -> None:
    portrait = Portrait.from_arrays(noise((50, 40)), np.zeros((50, 40), np.float32))
    assert (Background("#102030")(portrait) == (16, 32, 48)).all()


@pytest.mark.parametrize("color", ["", "#12", "no such color", "transparency"])
def test_an_unknown_color_is_refused(color: str) -> None:
    with pytest.raises(InputError, match=r"color .* is unknown; give #rrggbb"):
        Background(color)


def test_background_picture_wins_and_fits() -> None:
    shape, alpha = (60, 80), ball((60, 80), 15, 3)
    scene = noise(shape, 7)
    picture = Background("red", picture=scene)(Portrait.from_arrays(noise(shape), alpha))
    assert (picture[alpha == 0] == scene[alpha == 0]).all()


@pytest.mark.parametrize(
    "picture",
    [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), np.zeros((0, 4, 3), np.uint8)],
)
def test_a_strange_picture_is_refused(picture: Any) -> None:
    with pytest.raises(InputError, match="background picture is uint8"):
        Background(picture=picture)


@given(SHAPES, SHAPES)
def test_cover_fills_any_shape(size: tuple[int, int], shape: tuple[int, int]) -> None:
    covered = scale_to_cover(plain(size, BLUE), shape)
    assert covered.shape == (*shape, 3)
    assert (covered == BLUE).all()


def test_cover_keeps_the_center_and_stretches_nothing() -> None:
    wide = np.zeros((40, 160, 3), np.uint8)
    wide[:, 60:100] = 255  # the middle square
    assert (scale_to_cover(wide, (80, 80))[:, 2:-2] == 255).all()
    assert (scale_to_cover(wide, (20, 40))[:, :9] == 0).all()
    assert (scale_to_cover(wide, (20, 40))[:, 11:29] == 255).all()


# --- beautify ------------------------------------------------------------------------------------


def face(shape: tuple[int, int], tone: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Skin with grain, an eye, and a wall of another color around it."""
    grain = np.random.default_rng(0).normal(0, 6, shape)[..., None]
    rgb = np.where((ball(shape, 60, 1) > 0)[..., None], np.array(tone) + grain, (90, 110, 140))
    rgb[95:105, 75:90] = (25, 20, 20)
    rgb[98:102, 80:85] = (245, 245, 245)
    return np.clip(rgb, 0, 255).astype(np.uint8)


def roughness(picture: NDArray[np.uint8]) -> float:
    """Standard deviation within a channel, the mean of the channels."""
    return float(picture.astype(float).std(axis=(0, 1)).mean())


@pytest.mark.parametrize("tone", [(224, 178, 150), (190, 135, 105), (120, 78, 58), (75, 46, 34)])
def test_beautify_evens_out_every_skin(tone: tuple[int, int, int]) -> None:
    shape = (200, 200)
    rgb, alpha = face(shape, tone), ball(shape, 60, 2)
    weak, strong = (Beautify(s)(Portrait.from_arrays(rgb, alpha)) for s in (0.4, 1.0))
    cheek = (slice(115, 135), slice(90, 120))
    rough = [roughness(picture[cheek]) for picture in (rgb, weak, strong)]
    assert rough[2] < 0.75 * rough[0]  # pores stay
    assert rough[2] < rough[1] < rough[0]
    assert 0 < strong[cheek].mean() - rgb[cheek].mean() < 20


def test_beautify_leaves_the_rest_alone() -> None:
    shape = (200, 200)
    rgb, alpha = face(shape, (224, 178, 150)), ball(shape, 60, 2)
    picture = Beautify(1.0)(Portrait.from_arrays(rgb, alpha))
    assert (picture[alpha == 0] == rgb[alpha == 0]).all()
    eye = (slice(97, 103), slice(78, 87))
    assert off(picture[eye], rgb[eye]).max() <= 6


def known_parts(rgb: NDArray[np.uint8], alpha: NDArray[np.float32], top: str) -> Portrait:
    """A portrait whose upper half is one part, and whose lower half is clothes."""
    maps = np.zeros((len(PART_NAMES), *alpha.shape), np.float32)
    half = len(alpha) // 2
    maps[PART_NAMES.index(top), :half] = 1
    maps[PART_NAMES.index("clothes"), half:] = 1
    fit = Letterbox.identity(alpha.shape)
    colors = np.ascontiguousarray(rgb.transpose(2, 0, 1)).astype(np.float32) / 255
    made = Portrait.from_arrays(rgb, alpha)
    return replace(made, find_parts=lambda photo, seen: PartShares(maps, fit, colors))


@pytest.mark.parametrize("tone", [(224, 178, 150), (190, 135, 105), (120, 78, 58), (75, 46, 34)])
@pytest.mark.parametrize("part", ["face_skin", "body_skin"])
def test_a_shirt_in_the_color_of_skin_stays(tone: tuple[int, int, int], part: str) -> None:
    shape = (200, 160)
    grain = np.random.default_rng(3).normal(0, 6, shape)[..., None]
    rgb = np.clip(np.array(tone) + grain, 0, 255).astype(np.uint8)
    alpha = np.ones(shape, np.float32)
    by_color = Beautify(1.0)(Portrait.from_arrays(rgb, alpha))
    by_parts = Beautify(1.0)(known_parts(rgb, alpha, part))
    assert off(by_color[120:], rgb[120:]).max() > 3
    assert (by_parts[120:] == rgb[120:]).all()
    assert roughness(by_parts[20:80]) < 0.75 * roughness(rgb[20:80])
    assert (Beautify(1.0)(known_parts(rgb, alpha, "hair")) == rgb).all()


def test_lips_and_teeth_in_a_face_stay() -> None:
    shape = (300, 240)
    rgb = plain(shape, (205, 150, 120))
    rgb[80:104, 90:150] = (170, 60, 70)
    rgb[88:96, 100:140] = (240, 238, 230)
    rgb[36:44, 90:150] = (216, 142, 117)  # a blotch on the forehead
    picture = Beautify(1.0)(known_parts(rgb, np.ones(shape, np.float32), "face_skin"))
    assert off(picture[82:102, 94:146], rgb[82:102, 94:146]).max() <= 6
    before, after = (
        float(np.abs(one[36:44, 100:140].astype(float) - one[60:64, 100:140].mean((0, 1))).mean())
        for one in (rgb, picture)
    )
    assert after < before


def test_full_strength_keeps_pores() -> None:
    """Blotches go further than grain: skin without grain looks like plastic."""
    shape = (800, 600)
    rng = np.random.default_rng(5)
    grain = rng.normal(0, 5, shape)
    blotches = cv2.GaussianBlur(rng.normal(0, 40, shape), (0, 0), 5)
    kept = []
    for pattern in (grain, blotches):
        rgb = np.clip(np.array((190, 140, 112)) + pattern[..., None], 0, 255).astype(np.uint8)
        picture = Beautify(1.0)(known_parts(rgb, np.ones(shape, np.float32), "face_skin"))
        inside = (slice(60, 340), slice(60, 540))
        kept.append(roughness(picture[inside]) / roughness(rgb[inside]))
    assert kept[0] > 0.5
    assert kept[1] < kept[0]


@pytest.mark.parametrize("color", [(40, 90, 200), (60, 160, 60), (128, 128, 128), (10, 10, 10)])
def test_cloth_is_not_skin(color: tuple[int, int, int]) -> None:
    assert skin_likelihood(np.full((4, 4, 3), color, np.float32) / 255).max() == 0
