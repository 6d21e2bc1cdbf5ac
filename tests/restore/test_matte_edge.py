"""Shifting, softening and hardening the edge of a matte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte import EdgeOptions, OptionError, Portrait
from depthmatte.matte_edge import edit_edge
from paintings import ball, noise

RADIUS = 30.0
DISC = ball((128, 128), RADIUS, 2)


def radius_of(alpha: np.ndarray) -> float:
    """Radius of a disc with this area."""
    return float(np.sqrt(alpha.sum() / np.pi))


@pytest.mark.parametrize("shift", [-12.5, -3, -0.5, 0.5, 1, 2.25, 15])
def test_the_edge_moves_by_the_pixels(shift: float) -> None:
    moved = radius_of(edit_edge(DISC, EdgeOptions(shift=shift))) - radius_of(DISC)
    assert abs(moved - shift) <= 0.06 * abs(shift) + 0.15


def test_no_option_changes_nothing() -> None:
    assert edit_edge(DISC, EdgeOptions()) is DISC


@given(st.floats(-9, 9), st.floats(0, 9), st.none() | st.floats(0.001, 1))
def test_alpha_stays_alpha(shift: float, feather: float, threshold: float | None) -> None:
    alpha = noise((17, 23))[..., 0].astype(np.float32) / 255
    before = alpha.copy()
    edited = edit_edge(alpha, EdgeOptions(threshold, shift, feather))
    assert edited.dtype == np.float32
    assert edited.shape == alpha.shape
    assert edited.min() >= 0
    assert edited.max() <= 1
    assert (alpha == before).all()


def test_a_threshold_hardens_and_a_feather_softens() -> None:
    hard = edit_edge(DISC, EdgeOptions(threshold=0.5))
    assert set(np.unique(hard)) == {0.0, 1.0}
    soft = edit_edge(DISC, EdgeOptions(feather=4))
    band = [int(((one > 0.05) & (one < 0.95)).sum()) for one in (hard, DISC, soft)]
    assert band[0] < band[1] < band[2]
    assert abs(float(soft.sum()) - float(DISC.sum())) < 1e-3 * float(DISC.sum())


def test_a_portrait_applies_it_to_alpha_and_mask_once() -> None:
    plain = Portrait.from_arrays(noise((128, 128)), DISC)
    edited = Portrait(
        plain.photo, plain.matte, plain.measured, plain.fit, edge=EdgeOptions(shift=-5)
    )
    assert (edited.alpha == edit_edge(DISC, EdgeOptions(shift=-5))).all()
    assert edited.mask.sum() < plain.mask.sum()
    assert (edited.trimap[edited.alpha == 1] >= 128).all()


def test_a_trimap_is_certain_where_alpha_is() -> None:
    portrait = Portrait.from_arrays(noise((128, 128)), DISC)
    trimap = portrait.trimap
    assert set(np.unique(trimap)) == {0, 128, 255}
    levels = np.rint(DISC * 255)
    assert (trimap[(levels > 0) & (levels < 255)] == 128).all()
    assert (portrait.alpha[trimap == 255] > 0.99).all()
    assert (portrait.alpha[trimap == 0] < 0.01).all()


@pytest.mark.parametrize("wrong", [{"shift": 300}, {"feather": -1}, {"threshold": 2.0}])
def test_values_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(OptionError):
        EdgeOptions(**wrong)
