"""Compositing as defined, and foreground colors nearer to the truth than the photo."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from depthmatte.canvas import resize, scale_shape
from depthmatte.effects.composite import composite_over
from depthmatte.effects.foreground import (
    _LAYER_SIDE_PX,
    MIN_VISIBLE_ALPHA,
    _estimate_layers,
    estimate_foreground,
    layer_certainty,
)
from depthmatte.filters import fill_pull_push
from depthmatte.portrait import Portrait
from depthmatte.types import RGB, Float
from paintings import BLUE, GRAY, RED, ball, composite, gradient, noise, off, plain, strands

SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))


@given(SHAPES, st.integers(0, 99))
def test_over_is_its_definition(shape: tuple[int, int], seed: int) -> None:
    front, back = noise(shape, seed), noise(shape, seed + 1)
    alpha = np.random.default_rng(seed).random(shape, np.float32)
    assert off(composite_over(front, alpha, back), composite(front, alpha, back)).max() <= 1
    hard = np.round(alpha)
    assert (composite_over(front, hard, back) == composite(front, hard, back)).all()


def test_foreground_of_a_known_composite() -> None:
    shape = (200, 200)
    front, alpha = gradient(shape, (150, 100, 50), (190, 140, 90)), strands(shape)
    photo = composite(front, alpha, gradient(shape, BLUE, (90, 200, 250)))
    band = (alpha > 0.05) & (alpha < 0.95)
    colors = estimate_foreground(photo, alpha)
    assert off(colors, front)[band].mean() < 0.15 * off(photo, front)[band].mean()
    assert (colors[alpha == 1] == photo[alpha == 1]).all()


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
    assert (off(estimate_foreground(photo, alpha), front)[band] * weighed).sum() < 0.4 * raw


def test_foreground_far_from_the_portrait_is_the_photo() -> None:
    rgb, alpha = noise((60, 90)), ball((60, 90), 10, 3)
    far = ball((60, 90), 16, 1) == 0
    assert (estimate_foreground(rgb, alpha)[far] == rgb[far]).all()


def test_foreground_without_any_solid_pixel() -> None:
    """A veil: no pixel is certain, and still nothing turns black."""
    shape = (64, 64)
    alpha = 0.6 * ball(shape, 25, 8)
    photo = composite(plain(shape, RED), alpha, plain(shape, GRAY))
    colors = estimate_foreground(photo, alpha.astype(np.float32))
    inside = alpha > 0.3
    assert (
        off(colors, plain(shape, RED))[inside].mean() < off(photo, plain(shape, RED))[inside].mean()
    )


def test_layers_of_a_flat_scene_are_its_two_colors() -> None:
    shape, alpha = (80, 120), ball((80, 120), 25, 6)
    photo = composite(plain(shape, RED), alpha, plain(shape, GRAY))
    front, back = _estimate_layers(photo, alpha)  # at most SIDE: not reduced
    assert off(front, plain(shape, RED)).max() <= 4
    assert off(back, plain(shape, GRAY)).max() <= 4


def plain_layers(rgb: RGB, alpha: Float) -> tuple[RGB, RGB]:
    """The two layers as they are written down, on whole arrays."""

    def unmixed(share: Float, other: Float) -> Float:
        rest = color - (1 - share)[..., None] * other
        return np.clip(rest / np.maximum(share, 0.5)[..., None], 0, 255)

    shape = alpha.shape[0], alpha.shape[1]
    small = scale_shape(shape, min(1.0, _LAYER_SIDE_PX / max(shape)))
    color, cover = resize(rgb, small).astype(np.float32), resize(alpha, small)
    free = 1 - cover
    front, back = (
        fill_pull_push(color, layer_certainty(cover)),
        fill_pull_push(color, layer_certainty(free)),
    )
    purer = fill_pull_push(unmixed(cover, back), layer_certainty(cover))
    back = fill_pull_push(unmixed(free, front), layer_certainty(free))
    whole = [np.rint(np.clip(layer, 0, 255)).astype(np.uint8) for layer in (purer, back)]
    return resize(whole[0], shape), resize(whole[1], shape)


def plain_cutout(rgb: RGB, alpha: Float) -> tuple[RGB, NDArray[np.uint8]]:
    """Foreground colors and cut-out, every pixel of them computed."""
    near = cv2.dilate(
        (alpha > MIN_VISIBLE_ALPHA).astype(np.uint8), np.ones((5, 5), np.uint8)
    ).astype(bool)
    band = near & (alpha < 1 - MIN_VISIBLE_ALPHA)
    front, back = (layer.astype(np.float32) for layer in plain_layers(rgb, alpha))
    share = alpha[..., None]
    missing = rgb - share * front - (1 - share) * back
    pure = np.rint(np.clip(front + share * missing, 0, 255)).astype(np.uint8)
    colors = np.where(band[..., None], pure, rgb)
    seen = np.where(near[..., None], colors, 0)
    return colors, np.dstack([seen, np.rint(alpha * np.float32(255))]).astype(np.uint8)


@given(st.tuples(st.integers(1, 300), st.integers(1, 90)), st.integers(0, 99))
def test_what_is_skipped_changes_no_byte(shape: tuple[int, int], seed: int) -> None:
    """Only the transition band is computed, a strip at a time; nothing shows it."""
    draw = np.random.default_rng(seed)
    rgb = noise(shape, seed)
    alpha = np.clip(ball(shape, 0.3 * shape[seed % 2], 1 + seed % 7), 0, 1).astype(np.float32)
    alpha[draw.random(shape) < 0.01 * (seed % 3)] = draw.random()
    colors, cutout = plain_cutout(rgb, alpha)
    np.testing.assert_array_equal(estimate_foreground(rgb, alpha), colors)
    np.testing.assert_array_equal(Portrait.from_arrays(rgb, alpha).cutout(), cutout)


def test_memory_of_a_large_cutout_is_bounded() -> None:
    """The cut-out, one layer at full size, and little else: 8 bytes a pixel with the result."""
    tracemalloc = pytest.importorskip("tracemalloc")
    shape = (3000, 4000)
    rgb, alpha = np.zeros((*shape, 3), np.uint8), ball(shape, 900, 20).astype(np.float32)
    portrait = Portrait.from_arrays(rgb, np.clip(alpha, 0, 1))
    assert portrait.alpha.shape == shape
    tracemalloc.start()
    try:
        portrait.cutout()
        assert tracemalloc.get_traced_memory()[1] < 5.5 * shape[0] * shape[1]
    finally:
        tracemalloc.stop()
