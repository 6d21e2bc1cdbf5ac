"""The blurred background: light spreads as in a lens, the portrait's color does not."""

import numpy as np
import pytest

from depthmatte.effects import Blur
from depthmatte.errors import OptionError
from depthmatte.option_fields import parse_options, parse_pairs
from depthmatte.portrait import Portrait
from paintings import GRAY, RED, ball, composite, noise, off, plain


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("shape", [(120, 90), (90, 160)])
def test_no_red_on_the_gray(shape: tuple[int, int], strength: float) -> None:
    """A red portrait before gray: the blurred background stays gray everywhere."""
    alpha = ball(shape, 30, 5)
    photo = composite(plain(shape, RED), alpha, plain(shape, GRAY))
    picture = Blur(strength)(Portrait.from_arrays(photo, alpha))
    assert off(picture, plain(shape, GRAY))[alpha == 0].max() <= 1
    expected = composite(plain(shape, RED), alpha, plain(shape, GRAY))
    assert off(picture, expected).max() <= 6  # and the edge is the same clean edge


def test_a_tight_alpha_does_not_tint_the_blur() -> None:
    """A pixel of the portrait that the alpha missed does not spread into the background."""
    shape = (300, 240)
    photo = composite(plain(shape, RED), ball(shape, 71, 1), plain(shape, GRAY))
    picture = Blur(1.0)(Portrait.from_arrays(photo, ball(shape, 70, 1)))
    assert off(picture, plain(shape, GRAY))[ball(shape, 73, 1) == 0].max() <= 3


def test_blur_smooths_the_background() -> None:
    shape = (160, 120)
    rgb, alpha = noise(shape), ball(shape, 20, 2)
    weak, strong = (Blur(s)(Portrait.from_arrays(rgb, alpha)) for s in (0.3, 1.0))
    outside = ball(shape, 30, 1) == 0
    rough = [float(picture[outside].astype(float).std()) for picture in (rgb, weak, strong)]
    assert rough[0] > 2 * rough[1] > 2 * rough[2]


def test_blur_is_in_linear_light() -> None:
    """A fine black and white grid has half the light: sRGB 188, not 128."""
    shape = (200, 200)
    y, x = np.mgrid[: shape[0], : shape[1]]
    grid = np.where((x + y) % 2 == 0, 0, 255)
    rgb = np.repeat(grid[..., None], 3, axis=2).astype(np.uint8)
    picture = Blur(1.0)(Portrait.from_arrays(rgb, ball(shape, 30, 1)))
    corner = picture[20:40, 20:40].astype(int)
    assert np.abs(corner - 188).max() <= 4


def test_a_light_becomes_a_disc() -> None:
    shape = (300, 300)
    rgb = plain(shape, (0, 0, 0))
    rgb[40:43, 40:43] = 255
    picture = Blur(1.0)(Portrait.from_arrays(rgb, ball(shape, 60, 1)))[..., 0]
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
    both = Blur(0.6)(Portrait.from_arrays(rgb, alpha, depth)).astype(float)
    even = Blur(0.6)(Portrait.from_arrays(rgb, alpha)).astype(float)
    near, far = (slice(20, 180), slice(5, 50)), (slice(20, 180), slice(150, 195))
    assert both[near].std() > 1.5 * both[far].std()
    assert both[far].std() == pytest.approx(even[far].std(), rel=0.15)


def test_unmeasured_depth_changes_nothing() -> None:
    shape = (100, 80)
    rgb, alpha = noise(shape), ball(shape, 20, 2)
    depth = np.random.default_rng(0).random(shape, np.float32)
    unsure = Portrait.from_arrays(rgb, alpha, depth, np.zeros(shape, np.float32))
    assert (Blur(1.0)(unsure) == Blur(1.0)(Portrait.from_arrays(rgb, alpha))).all()


def test_no_red_on_the_gray_with_depth() -> None:
    shape = (160, 120)
    alpha = ball(shape, 30, 5)
    photo = composite(plain(shape, RED), alpha, plain(shape, GRAY))
    ramp = np.broadcast_to(np.linspace(0.9, 0.3, 160)[:, None], shape).astype(np.float32)
    depth = np.where(alpha > 0.5, np.float32(0.3), ramp)
    picture = Blur(1.0)(Portrait.from_arrays(photo, alpha, depth))
    assert off(picture, plain(shape, GRAY))[alpha == 0].max() <= 1


def scene(shape: tuple[int, int]) -> Portrait:
    """A portrait at depth 0.2 before noise: near on the left (0.4), far on the right (0.9)."""
    alpha, rgb = ball(shape, 20, 2), noise(shape)
    depth = np.where(np.arange(shape[1]) < shape[1] // 2, 0.4, 0.9).astype(np.float32)
    depth = np.where(alpha > 0, np.float32(0.2), np.broadcast_to(depth, shape)).astype(np.float32)
    return Portrait.from_arrays(rgb, alpha, depth)


def test_the_focus_makes_its_depth_sharp_and_the_rest_soft() -> None:
    shape = (160, 200)
    portrait = scene(shape)
    far = Blur(1.0, focus=(0.95, 0.1))(portrait)
    near = Blur(1.0, focus=(0.05, 0.1))(portrait)
    left, right, middle = np.s_[:, :40], np.s_[:, 160:], np.s_[70:90, 90:110]

    def rough(picture: np.ndarray, place: tuple[slice, slice]) -> float:
        return float(picture[place].astype(float).std())

    rgb = portrait.photo.rgb
    assert off(far, rgb)[right].max() <= 4
    assert off(near, rgb)[left].max() <= 4
    assert 3 * rough(far, left) < rough(rgb, left)
    assert 3 * rough(near, right) < rough(rgb, right)
    assert rough(far, middle) < rough(near, middle) < rough(rgb, middle)  # the portrait too


def test_a_focus_on_the_portrait_or_without_depth_changes_nothing() -> None:
    shape = (120, 160)
    known, plane = scene(shape), Portrait.from_arrays(noise(shape), ball(shape, 20, 2))
    assert np.array_equal(Blur(0.7, focus=(0.5, 0.5))(known), Blur(0.7)(known))
    assert np.array_equal(Blur(0.7, focus=(0.9, 0.1))(plane), Blur(0.7)(plane))


@pytest.mark.parametrize("place", [(-0.1, 0.5), (0.5, 1.1), (0.5,), "middle", (float("nan"), 0)])
def test_a_focus_outside_the_photo_is_refused(place: object) -> None:
    with pytest.raises(OptionError, match="focus"):
        Blur(focus=place)  # type: ignore[arg-type]


def test_a_focus_is_read_from_text() -> None:
    blur = parse_options(Blur, parse_pairs("strength=0.4,focus=(0.25,0.75)"))
    assert blur == Blur(0.4, (0.25, 0.75))
