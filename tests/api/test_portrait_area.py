"""Pictures made with the products of the patent description show the portrait area."""

from __future__ import annotations

import numpy as np
import pytest

import depthmatte as dm
from depthmatte.canvas import Canvas
from depthmatte.fusion import FUSIONS
from depthmatte.values import Depth, Matte

SHAPE = (96, 96)


def cut(fusion: str) -> tuple[dm.Portrait, Matte, Depth]:
    """A person at depth 0.4, whose lower half the depth does not know, and somebody far away."""
    alpha = np.zeros(SHAPE, np.float32)
    alpha[10:90, 20:50] = 0.9
    alpha[10:90, 60:80] = 0.9
    z = np.full(SHAPE, 1.0, np.float32)
    z[:, 15:55] = 0.4
    prob = np.full(SHAPE, 0.8, np.float32)
    prob[60:] = 0
    matte, depth = Matte(alpha, alpha), Depth(z, prob, source="sensor")

    def segment(canvas: Canvas) -> Matte:
        return Matte(alpha, alpha, canvas.rgb[0])

    pipeline = dm.Pipeline(
        segment, lambda photo, canvas: depth, FUSIONS[fusion], SHAPE,
        fused_threshold=FUSIONS[fusion].threshold, second_look=False,
    )  # fmt: skip
    photo = dm.Photo(np.full((*SHAPE, 3), 120, np.uint8))
    return pipeline(photo), matte, depth


@pytest.mark.parametrize("fusion", ["product", "normalized"])
def test_alpha_is_the_formula_and_pictures_show_the_area(fusion: str) -> None:
    portrait, matte, depth = cut(fusion)
    expected = FUSIONS[fusion](matte, depth).alpha
    np.testing.assert_allclose(portrait.matte.alpha, expected)
    inside, unknown, far = np.s_[14:56, 24:46], np.s_[64:86, 24:46], np.s_[14:86, 64:76]
    np.testing.assert_allclose(portrait.alpha[inside], expected[inside], atol=1e-3)
    shown = portrait.cutout()[..., 3]
    assert (shown[inside] == round(0.9 * 255)).all()
    assert not shown[unknown].any()
    assert not shown[far].any()
    np.testing.assert_array_equal(shown > 0, portrait.mask & (portrait.opacity > 0))
    placed = portrait.place("white")
    assert (placed[far] == 255).all()
    assert (placed[inside] < 160).all()


@pytest.mark.parametrize("fusion", ["none", "adaptive"])
def test_alpha_of_other_fusions_is_what_pictures_show(fusion: str) -> None:
    portrait, *_ = cut(fusion)
    assert portrait.matte.opacity is None
    np.testing.assert_array_equal(portrait.opacity, portrait.alpha)


def test_an_empty_area_shows_nobody() -> None:
    alpha = np.ones((32, 32), np.float32)
    flat = Depth(np.ones_like(alpha), np.ones_like(alpha), source="sensor")
    fused = FUSIONS["product"](Matte(alpha, alpha), flat)
    portrait = dm.Portrait(
        dm.Photo(np.zeros((32, 32, 3), np.uint8)), fused, flat,
        dm.Portrait.from_arrays(np.zeros((32, 32, 3), np.uint8), alpha).fit, 0.01,
    )  # fmt: skip
    assert not portrait.found
    assert not portrait.cutout()[..., 3].any()
