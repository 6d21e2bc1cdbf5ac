"""What effects promise: nothing at strength 0, the portrait untouched, no colour led astray."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from depthmatte.canvas import Fit, lay
from depthmatte.effects import EFFECTS, Background, Beautify, Blur, Cutout, Effect
from depthmatte.effects.background import cover
from depthmatte.effects.beautify import skin
from depthmatte.effects.composite import over
from depthmatte.effects.foreground import foreground, layers
from depthmatte.errors import InputError
from depthmatte.maps import Depth, Matte, Portrait
from depthmatte.photo import Photo

RED, GREY, BLUE = (200, 30, 30), (128, 128, 128), (20, 60, 200)
STRONG: list[Effect] = [Cutout(), Blur(1.0), Background("blue"), Beautify(1.0)]
SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))


def plain(shape: tuple[int, int], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    return np.full((*shape, 3), color, np.uint8)


def noise(shape: tuple[int, int], seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def ball(shape: tuple[int, int], radius: float, soft: float = 1.0) -> NDArray[np.float32]:
    """Alpha of a ball in the middle whose edge is `soft` pixels wide."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    away = np.hypot(x - (shape[1] - 1) / 2, y - (shape[0] - 1) / 2)
    return np.clip((radius - away) / soft + 0.5, 0, 1).astype(np.float32)


def composite(front: Any, alpha: NDArray[np.float32], back: Any) -> NDArray[np.uint8]:
    """The definition, in float64 and rounded once."""
    share = alpha[..., None].astype(float)
    return np.rint(share * np.asarray(front) + (1 - share) * np.asarray(back)).astype(np.uint8)


def off(picture: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    return np.abs(picture.astype(float) - truth).max(axis=-1)


# --- all effects ---------------------------------------------------------------------------


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
    picture = effect(Portrait.of(rgb, alpha))
    assert picture.dtype == np.uint8
    assert picture.shape == (*shape, 4 if isinstance(effect, Cutout) else 3)
    assert (rgb == before).all()


@pytest.mark.parametrize("make", [Blur, Beautify])
def test_strength_0_is_the_photo(make: Callable[..., Effect]) -> None:
    rgb = noise((40, 30))
    picture = make(strength=0)(Portrait.of(rgb, ball((40, 30), 10, 3)))
    assert (picture == rgb).all()
    assert picture is not rgb


@pytest.mark.parametrize("effect", [Blur(1.0), Beautify(1.0)])
def test_nobody_leaves_the_photo_alone(effect: Effect) -> None:
    rgb = noise((40, 30))
    assert (effect(Portrait.of(rgb, np.zeros((40, 30), np.float32))) == rgb).all()


@pytest.mark.parametrize("effect", [Blur(1.0), Background("blue"), Cutout()])
def test_a_photo_full_of_portrait_stays(effect: Effect) -> None:
    rgb = noise((40, 30))
    picture = effect(Portrait.of(rgb, np.ones((40, 30), np.float32)))
    assert (picture[..., :3] == rgb).all()


@pytest.mark.parametrize("effect", [Blur(1.0), Background("blue"), Cutout()])
@given(st.tuples(st.integers(20, 80), st.integers(20, 80)))
def test_the_portrait_keeps_its_pixels(effect: Effect, shape: tuple[int, int]) -> None:
    rgb, alpha = noise(shape), ball(shape, min(shape) / 3, 3)
    picture = effect(Portrait.of(rgb, alpha))
    assert (picture[alpha == 1][:, :3] == rgb[alpha == 1]).all()


@pytest.mark.parametrize("turned", [True, False])
@pytest.mark.parametrize("effect", STRONG)
def test_effects_on_a_real_canvas(effect: Effect, turned: bool) -> None:
    """Maps from a canvas, also from one on which the photo lies turned."""
    shape = (90, 150)
    rgb, alpha = noise(shape), ball(shape, 30, 3)
    fit = Fit.of(shape, (64, 48), "rotate" if turned else "pad")
    assert fit.turned == turned
    small = np.clip(lay(alpha, fit), 0, 1)
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


# --- composite and foreground --------------------------------------------------------------


@given(SHAPES, st.integers(0, 99))
def test_over_is_its_definition(shape: tuple[int, int], seed: int) -> None:
    front, back = noise(shape, seed), noise(shape, seed + 1)
    alpha = np.random.default_rng(seed).random(shape, np.float32)
    assert off(over(front, alpha, back), composite(front, alpha, back)).max() <= 1
    hard = np.round(alpha)
    assert (over(front, hard, back) == composite(front, hard, back)).all()


def gradient(shape: tuple[int, int], left: Any, right: Any) -> NDArray[np.uint8]:
    share = np.linspace(0, 1, shape[1])[None, :, None]
    mix = (1 - share) * np.array(left) + share * np.array(right)
    return np.rint(np.broadcast_to(mix, (*shape, 3))).astype(np.uint8)


def strands(shape: tuple[int, int]) -> NDArray[np.float32]:
    """A ball with hair: its soft rim is cut into strands."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    turn = np.arctan2(y - shape[0] / 2, x - shape[1] / 2)
    hair = 0.35 + 0.3 * np.sin(40 * turn)
    return np.maximum(ball(shape, 50, 4), ball(shape, 75, 20) * hair).astype(np.float32)


def test_foreground_of_a_known_composite() -> None:
    shape = (200, 200)
    front, alpha = gradient(shape, (150, 100, 50), (190, 140, 90)), strands(shape)
    photo = composite(front, alpha, gradient(shape, BLUE, (90, 200, 250)))
    band = (alpha > 0.05) & (alpha < 0.95)
    colours = foreground(photo, alpha)
    assert off(colours, front)[band].mean() < 0.15 * off(photo, front)[band].mean()
    assert (colours[alpha == 1] == photo[alpha == 1]).all()


def test_foreground_of_textures_is_nearer_than_the_photo() -> None:
    """Grain on both layers: what cannot be smooth is still mostly undone."""
    shape = (200, 200)
    rng = np.random.default_rng(3)
    grain = rng.normal(0, 15, (2, *shape, 3))
    front = np.clip(gradient(shape, (90, 50, 20), (220, 160, 90)) + grain[0], 0, 255)
    back = np.clip(gradient(shape, BLUE, (90, 200, 250)) + grain[1], 0, 255)
    alpha = strands(shape)
    photo = composite(front, alpha, back)
    band = (alpha > 0.05) & (alpha < 0.95)
    weighed = alpha[band]
    raw = (off(photo, front)[band] * weighed).sum()
    assert (off(foreground(photo, alpha), front)[band] * weighed).sum() < 0.4 * raw


def test_foreground_far_from_the_portrait_is_the_photo() -> None:
    rgb, alpha = noise((60, 90)), ball((60, 90), 10, 3)
    far = ball((60, 90), 16, 1) == 0
    assert (foreground(rgb, alpha)[far] == rgb[far]).all()


def test_foreground_without_any_solid_pixel() -> None:
    """A veil: no pixel is certain, and still nothing turns black."""
    shape = (64, 64)
    alpha = 0.6 * ball(shape, 25, 8)
    photo = composite(plain(shape, RED), alpha, plain(shape, GREY))
    colours = foreground(photo, alpha.astype(np.float32))
    inside = alpha > 0.3
    assert (
        off(colours, plain(shape, RED))[inside].mean()
        < off(photo, plain(shape, RED))[inside].mean()
    )


def test_layers_of_a_flat_scene_are_its_two_colours() -> None:
    shape, alpha = (80, 120), ball((80, 120), 25, 6)
    photo = composite(plain(shape, RED), alpha, plain(shape, GREY))
    front, back = layers(photo, alpha)
    assert off(front, plain(shape, RED)).max() <= 4
    assert off(back, plain(shape, GREY)).max() <= 4


# --- cut-out -------------------------------------------------------------------------------


def test_cutout_over_the_known_background_is_the_photo() -> None:
    shape, alpha = (200, 200), strands((200, 200))
    back = gradient(shape, BLUE, (90, 200, 250))
    photo = composite(gradient(shape, (150, 100, 50), (190, 140, 90)), alpha, back)
    rgba = Cutout()(Portrait.of(photo, alpha))
    again = composite(rgba[..., :3], rgba[..., 3].astype(np.float32) / 255, back)
    assert off(again, photo).mean() < 1.5
    assert off(again, photo).max() <= 10  # the photo's own colours, cut out, are 40 off


def test_cutout_alpha_is_the_portraits() -> None:
    alpha = ball((50, 40), 12, 6)
    rgba = Cutout()(Portrait.of(noise((50, 40)), alpha))
    assert (rgba[..., 3] == np.rint(alpha * 255)).all()
    assert (rgba[0, 0] == 0).all()  # the hidden background cannot be brought back


def test_cutout_crop() -> None:
    alpha = np.zeros((50, 40), np.float32)
    alpha[10:30, 5:25] = 1
    rgb = noise((50, 40))
    rgba = Cutout(crop=True)(Portrait.of(rgb, alpha))
    assert rgba.shape == (20, 20, 4)
    assert (rgba[..., :3] == rgb[10:30, 5:25]).all()


def test_cutout_crop_of_nobody_is_whole_and_empty() -> None:
    rgba = Cutout(crop=True)(Portrait.of(noise((50, 40)), np.zeros((50, 40), np.float32)))
    assert rgba.shape == (50, 40, 4)
    assert not rgba.any()


# --- blur ----------------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(120, 90), (90, 160)])
def test_no_red_on_the_grey(shape: tuple[int, int], strength: float) -> None:
    """A red portrait before grey: the blurred background stays grey everywhere."""
    alpha = ball(shape, 30, 5)
    photo = composite(plain(shape, RED), alpha, plain(shape, GREY))
    picture = Blur(strength)(Portrait.of(photo, alpha))
    assert off(picture, plain(shape, GREY))[alpha == 0].max() <= 1
    expected = composite(plain(shape, RED), alpha, plain(shape, GREY))
    assert off(picture, expected).max() <= 6  # and the edge is the same clean edge


def test_a_tight_alpha_does_not_tint_the_blur() -> None:
    """A pixel of the portrait that the alpha missed does not spread into the background."""
    shape = (300, 240)
    photo = composite(plain(shape, RED), ball(shape, 71, 1), plain(shape, GREY))
    picture = Blur(1.0)(Portrait.of(photo, ball(shape, 70, 1)))
    assert off(picture, plain(shape, GREY))[ball(shape, 73, 1) == 0].max() <= 3


def test_blur_smooths_the_background() -> None:
    shape = (160, 120)
    rgb, alpha = noise(shape), ball(shape, 20, 2)
    weak, strong = (Blur(s)(Portrait.of(rgb, alpha)) for s in (0.3, 1.0))
    outside = ball(shape, 30, 1) == 0
    rough = [float(picture[outside].astype(float).std()) for picture in (rgb, weak, strong)]
    assert rough[0] > 2 * rough[1] > 2 * rough[2]


def test_blur_is_in_linear_light() -> None:
    """A fine black and white grid has half the light: sRGB 188, not 128."""
    shape = (200, 200)
    y, x = np.mgrid[: shape[0], : shape[1]]
    grid = np.where((x + y) % 2 == 0, 0, 255)
    rgb = np.repeat(grid[..., None], 3, axis=2).astype(np.uint8)
    picture = Blur(1.0)(Portrait.of(rgb, ball(shape, 30, 1)))
    corner = picture[20:40, 20:40].astype(int)
    assert np.abs(corner - 188).max() <= 4


def test_a_light_becomes_a_disc() -> None:
    shape = (300, 300)
    rgb = plain(shape, (0, 0, 0))
    rgb[40:43, 40:43] = 255
    picture = Blur(1.0)(Portrait.of(rgb, ball(shape, 60, 1)))[..., 0]
    radius = 0.03 * np.hypot(*shape)
    spot = picture[20:62, 20:62]
    area = (spot > spot.max() / 2).sum()
    assert area == pytest.approx(np.pi * radius**2, rel=0.25)


def test_blur_grows_with_depth() -> None:
    """Left background right behind the portrait, right background far away."""
    shape = (200, 200)
    rgb, alpha = noise(shape), ball(shape, 30, 1)
    depth = np.full(shape, 0.3, np.float32)
    depth[:, 100:] = 0.9
    depth[alpha > 0] = 0.3
    both = Blur(0.6)(Portrait.of(rgb, alpha, depth)).astype(float)
    even = Blur(0.6)(Portrait.of(rgb, alpha)).astype(float)
    near, far = (slice(20, 180), slice(5, 50)), (slice(20, 180), slice(150, 195))
    assert both[near].std() > 1.5 * both[far].std()
    assert both[far].std() == pytest.approx(even[far].std(), rel=0.15)


def test_depth_nobody_measured_changes_nothing() -> None:
    shape = (100, 80)
    rgb, alpha = noise(shape), ball(shape, 20, 2)
    depth = np.random.default_rng(0).random(shape, np.float32)
    unsure = Portrait.of(rgb, alpha, depth, np.zeros(shape, np.float32))
    assert (Blur(1.0)(unsure) == Blur(1.0)(Portrait.of(rgb, alpha))).all()


def test_no_red_on_the_grey_with_depth() -> None:
    shape = (160, 120)
    alpha = ball(shape, 30, 5)
    photo = composite(plain(shape, RED), alpha, plain(shape, GREY))
    ramp = np.broadcast_to(np.linspace(0.9, 0.3, 160)[:, None], shape).astype(np.float32)
    depth = np.where(alpha > 0.5, np.float32(0.3), ramp)
    picture = Blur(1.0)(Portrait.of(photo, alpha, depth))
    assert off(picture, plain(shape, GREY))[alpha == 0].max() <= 1


# --- background ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("color", "expected"),
    [("#102030", (16, 32, 48)), ("#fff", (255, 255, 255)), ("navy", (0, 0, 128))],
)
def test_background_colour(color: str, expected: tuple[int, int, int]) -> None:
    shape, alpha = (80, 60), ball((80, 60), 20, 6)
    photo = composite(plain(shape, RED), alpha, plain(shape, GREY))
    picture = Background(color)(Portrait.of(photo, alpha))
    assert off(picture, composite(plain(shape, RED), alpha, plain(shape, expected))).max() <= 4


def test_transparent_is_the_cutout() -> None:
    portrait = Portrait.of(noise((50, 40)), ball((50, 40), 12, 4))
    assert (Background("transparent")(portrait) == Cutout()(portrait)).all()


def test_nobody_on_a_colour_is_the_colour() -> None:
    portrait = Portrait.of(noise((50, 40)), np.zeros((50, 40), np.float32))
    assert (Background("#102030")(portrait) == (16, 32, 48)).all()


@pytest.mark.parametrize("color", ["", "#12", "no such colour", "transparency"])
def test_an_unknown_colour_is_refused(color: str) -> None:
    with pytest.raises(InputError, match=r"color .* is unknown; give #rrggbb"):
        Background(color)


def test_background_picture_wins_and_fits() -> None:
    shape, alpha = (60, 80), ball((60, 80), 15, 3)
    scene = noise(shape, 7)
    picture = Background("red", picture=scene)(Portrait.of(noise(shape), alpha))
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
    covered = cover(plain(size, BLUE), shape)
    assert covered.shape == (*shape, 3)
    assert (covered == BLUE).all()


def test_cover_keeps_the_centre_and_stretches_nothing() -> None:
    wide = np.zeros((40, 160, 3), np.uint8)
    wide[:, 60:100] = 255  # the middle square
    assert (cover(wide, (80, 80))[:, 2:-2] == 255).all()
    assert (cover(wide, (20, 40))[:, :9] == 0).all()
    assert (cover(wide, (20, 40))[:, 11:29] == 255).all()


# --- beautify ------------------------------------------------------------------------------


def face(shape: tuple[int, int], tone: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Skin with grain, an eye, and a wall of another colour around it."""
    grain = np.random.default_rng(0).normal(0, 6, shape)[..., None]
    rgb = np.where((ball(shape, 60, 1) > 0)[..., None], np.array(tone) + grain, (90, 110, 140))
    rgb[95:105, 75:90] = (25, 20, 20)
    rgb[98:102, 80:85] = (245, 245, 245)
    return np.clip(rgb, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("tone", [(224, 178, 150), (190, 135, 105), (120, 78, 58), (75, 46, 34)])
def test_beautify_evens_out_every_skin(tone: tuple[int, int, int]) -> None:
    shape = (200, 200)
    rgb, alpha = face(shape, tone), ball(shape, 60, 2)
    weak, strong = (Beautify(s)(Portrait.of(rgb, alpha)) for s in (0.4, 1.0))
    cheek = (slice(115, 135), slice(90, 120))
    rough = [
        float(picture[cheek].astype(float).std(axis=(0, 1)).mean())
        for picture in (rgb, weak, strong)
    ]
    assert rough[2] < 0.65 * rough[0]
    assert rough[2] < rough[1] < rough[0]
    assert 0 < strong[cheek].mean() - rgb[cheek].mean() < 20


def test_beautify_leaves_the_rest_alone() -> None:
    shape = (200, 200)
    rgb, alpha = face(shape, (224, 178, 150)), ball(shape, 60, 2)
    picture = Beautify(1.0)(Portrait.of(rgb, alpha))
    assert (picture[alpha == 0] == rgb[alpha == 0]).all()
    eye = (slice(97, 103), slice(78, 87))
    assert off(picture[eye], rgb[eye]).max() <= 6


@pytest.mark.parametrize("color", [(40, 90, 200), (60, 160, 60), (128, 128, 128), (10, 10, 10)])
def test_cloth_is_not_skin(color: tuple[int, int, int]) -> None:
    assert skin(np.full((4, 4, 3), color, np.float32) / 255).max() == 0
