"""Compositing as defined, and foreground colours nearer to the truth than the photo."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.effects.composite import over
from depthmatte.effects.foreground import foreground, layers
from paintings import BLUE, GREY, RED, ball, composite, gradient, noise, off, plain, strands

SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))


@given(SHAPES, st.integers(0, 99))
def test_over_is_its_definition(shape: tuple[int, int], seed: int) -> None:
    front, back = noise(shape, seed), noise(shape, seed + 1)
    alpha = np.random.default_rng(seed).random(shape, np.float32)
    assert off(over(front, alpha, back), composite(front, alpha, back)).max() <= 1
    hard = np.round(alpha)
    assert (over(front, hard, back) == composite(front, hard, back)).all()


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
