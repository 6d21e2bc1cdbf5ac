"""Backgrounds, placing into pictures, stickers, light and shadow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.canvas import Letterbox
from depthmatte.effects import Background, Outline, PlaceInPicture
from depthmatte.effects.contact_shadow import contact_shadow
from depthmatte.effects.picture import blur_picture, scale_to_fit
from depthmatte.effects.scene_light import match_light, measure_light
from depthmatte.errors import InputError, OptionError
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.values import Depth, Matte
from paintings import BLUE, GRAY, RED, ball, noise, plain

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 60))
PLACES = st.tuples(st.floats(0, 1), st.floats(0, 1))


def standing(shape: tuple[int, int] = (80, 60), bottom: int = 70) -> np.ndarray:
    """A person as a block from row 10 to `bottom`."""
    alpha = np.zeros(shape, np.float32)
    alpha[10:bottom, 20:40] = 1
    return alpha


# --- background ----------------------------------------------------------------------------------


@given(SIZES, SIZES, PLACES)
def test_a_contained_picture_is_seen_whole(size: Any, shape: Any, place: Any) -> None:
    picture, box = scale_to_fit(plain(size, BLUE), shape, place)
    assert picture.shape[:2] == box.shape
    assert box.inside(shape)
    assert box.height == shape[0] or box.width == shape[1]
    assert (picture == BLUE).all()
    behind = Background(color="red", picture=plain(size, BLUE), fit="contain", position=place)
    shown = behind(Portrait.from_arrays(noise(shape), np.zeros(shape, np.float32)))
    assert (shown[box.slices] == BLUE).all()
    outside = np.ones(shape, bool)
    outside[box.slices] = False
    assert (shown[outside] == (255, 0, 0)).all()


def test_a_gradient_runs_evenly_from_color_to_bottom() -> None:
    nobody = Portrait.from_arrays(noise((256, 4)), np.zeros((256, 4), np.float32))
    shown = Background(color="black", bottom="white")(nobody)
    np.testing.assert_allclose(shown[:, 0, 0], np.arange(256), atol=1)
    assert (shown == shown[:, :1]).all()
    for wrong in ({"bottom": "nocolor"}, {"color": "transparent", "bottom": "red"}):
        with pytest.raises(OptionError):
            Background(**wrong)


@pytest.mark.parametrize("radius", [0, 3, 30])
def test_a_blurred_picture_keeps_its_light(radius: float) -> None:
    even = plain((50, 70), GRAY)
    assert np.abs(blur_picture(even, radius, None).astype(int) - even).max() <= 1
    busy = noise((90, 90))
    spread = [float(blur_picture(busy, one, None).std()) for one in (0, 2, 20)]
    assert spread[0] > 2 * spread[1] > 4 * spread[2]


# --- light ---------------------------------------------------------------------------------------


def test_no_strength_or_the_same_scene_changes_no_color() -> None:
    colors, scene = noise((30, 40)), noise((50, 60))
    assert match_light(colors, scene, noise((9, 9)), None, 0) is colors
    same = match_light(colors, scene, scene, None, 1)
    assert np.abs(same.astype(int) - colors).max() <= 1


def test_a_brighter_warmer_scene_lights_brighter_and_warmer() -> None:
    old, new = plain((20, 20), (80, 80, 80)), plain((20, 20), (160, 120, 80))
    colors = plain((5, 5), (60, 60, 60))
    half, full = (match_light(colors, old, new, None, one)[0, 0].astype(int) for one in (0.5, 1))
    assert full[0] > full[1] > full[2] == 60
    assert 60 < half[0] < full[0]
    light = measure_light(plain((5, 5), tuple(full)), None) / measure_light(colors, None)
    wanted = measure_light(new, None) / measure_light(old, None)
    assert light[0] <= wanted[0]  # the shoulder gives less than the gain, and never clips
    white = match_light(plain((2, 2), (255, 255, 255)), old, new, None, 1)
    assert (white == 255).all()


def test_a_black_scene_is_bounded() -> None:
    dark = match_light(plain((3, 3), GRAY), plain((9, 9), GRAY), plain((9, 9), (0, 0, 0)), None, 1)
    assert dark.min() > 0


# --- shadow --------------------------------------------------------------------------------------


def test_a_shadow_lies_at_the_feet_and_nowhere_else() -> None:
    portrait = Portrait.from_arrays(noise((80, 60)), standing())
    light = contact_shadow(portrait, 1.0)
    assert light is not None
    row, column = np.unravel_index(int(light.argmin()), light.shape)
    assert abs(int(row) - 69) <= 1
    assert 20 <= column < 40
    assert light[:50].min() == 1
    half = contact_shadow(portrait, 0.5)
    assert half is not None
    np.testing.assert_allclose(1 - half, (1 - light) / 2, atol=1e-6)


def test_a_person_cut_by_the_edge_has_no_shadow() -> None:
    assert contact_shadow(Portrait.from_arrays(noise((80, 60)), standing(bottom=80)), 1) is None
    assert contact_shadow(Portrait.from_arrays(noise((80, 60)), standing()), 0) is None


def test_a_foot_in_the_air_casts_no_contact_shadow() -> None:
    """Two feet; below the left one the ground is as far away as the foot, below the other not."""
    alpha = standing()
    alpha[60:70, 28:32] = 0
    z = np.full(alpha.shape, 0.5, np.float32)
    z[70:, 30:] = 0.9
    photo, fit = Photo(noise(alpha.shape)), Letterbox.identity(alpha.shape)
    depth = Depth(z, np.ones_like(z))
    light = contact_shadow(Portrait(photo, Matte(alpha, alpha), depth, fit), 1)
    assert light is not None
    assert light[69, 20:28].max() < 0.8
    assert light[69, 36:40].min() > light[69, 20:28].max()


# --- place ---------------------------------------------------------------------------------------


@given(SIZES, SIZES, PLACES, st.floats(0.01, 10))
def test_any_place_and_size_gives_a_picture_of_the_scenes_size(
    shape: Any, scene: Any, at: Any, height: float
) -> None:
    alpha = np.ones(shape, np.float32)
    picture = plain(scene, BLUE)
    shown = PlaceInPicture(picture=picture, at=at, height=height)(
        Portrait.from_arrays(plain(shape, RED), alpha)
    )
    assert shown.shape == picture.shape
    assert (picture == BLUE).all()


def test_a_person_stands_where_she_is_told_to() -> None:
    person = Portrait.from_arrays(plain((80, 60), RED), standing())
    scene = plain((200, 300), BLUE)
    shown = PlaceInPicture(picture=scene, at=(0.25, 0.9), height=0.5, light=0, shadow=0)(person)
    rows, columns = np.nonzero((shown == RED).all(axis=-1))
    assert abs(int(rows.max()) + 1 - 180) <= 1
    assert abs(int(rows.max() - rows.min()) + 1 - 100) <= 2
    assert abs((int(columns.min()) + int(columns.max()) + 1) / 2 - 75) <= 1
    far = shown.copy()
    far[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4] = BLUE
    assert (far == BLUE).all()


def test_a_shadow_comes_along() -> None:
    person = Portrait.from_arrays(plain((80, 60), RED), standing())
    scene = plain((200, 300), BLUE)
    shown = PlaceInPicture(picture=scene, at=(0.25, 0.9), height=0.5, light=0, shadow=1)(person)
    ground = shown[181:186, 60:90].astype(int).sum(axis=-1)
    assert ground.min() < 0.85 * sum(BLUE)


def test_nobody_or_no_picture() -> None:
    scene = noise((20, 30))
    nobody = Portrait.from_arrays(noise((9, 9)), np.zeros((9, 9), np.float32))
    shown = PlaceInPicture(picture=scene)(nobody)
    assert (shown == scene).all()
    assert shown is not scene
    with pytest.raises(OptionError, match="picture=FILE"):
        PlaceInPicture()(nobody)
    with pytest.raises(InputError):
        PlaceInPicture(picture=np.zeros((3, 3), np.uint8))
    with pytest.raises(OptionError, match="at is"):
        PlaceInPicture(at=(2.0, 0.0))


# --- sticker -------------------------------------------------------------------------------------


@pytest.mark.parametrize("soft", [0.0, 3.0])
def test_a_sticker_has_the_person_inside_and_the_color_around(soft: float) -> None:
    shape = (100, 120)
    alpha = ball(shape, 20, soft) if soft else (ball(shape, 20) >= 0.5).astype(np.float32)
    rgb = plain(shape, BLUE)
    sticker = Outline(width=0.05, color="red")(Portrait.from_arrays(rgb, alpha))
    distance = np.hypot(*(np.mgrid[:100, :120] - np.array([49.5, 59.5])[:, None, None]))
    assert (sticker[alpha == 1] == (*BLUE, 255)).all()
    ring = (distance > 24) & (distance < 26)
    assert (sticker[ring] == (255, 0, 0, 255)).all()
    assert (sticker[distance > 32] == 0).all()


def test_a_sticker_is_cropped_to_what_is_seen() -> None:
    portrait = Portrait.from_arrays(plain((100, 120), BLUE), ball((100, 120), 20, 2))
    whole, small = Outline()(portrait), Outline(crop=True)(portrait)
    rows, columns = np.nonzero(whole[..., 3])
    assert small.shape[:2] == (np.ptp(rows) + 1, np.ptp(columns) + 1)
    nobody = Portrait.from_arrays(noise((9, 9)), np.zeros((9, 9), np.float32))
    assert (Outline()(nobody) == 0).all()


def test_portrait_place_knows_all_of_it() -> None:
    person = Portrait.from_arrays(plain((80, 60), RED), standing())
    scene = plain((40, 50), BLUE)
    assert person.place(scene).shape == (80, 60, 3)
    assert person.place(scene, at=(0.5, 1.0)).shape == (40, 50, 3)
    plainly, shaded = person.place("white"), person.place("white", shadow=1)
    assert (shaded <= plainly).all()
    assert (shaded < plainly).any()
