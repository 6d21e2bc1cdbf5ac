"""Spectral matting: components of known colors come back, and always sum to 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import depthmatte as dm
from depthmatte.canvas import Canvas, prepare_canvas
from depthmatte.errors import InputError
from depthmatte.photo import Photo
from depthmatte.values import Matte

pytest.importorskip("scipy", reason="needs the extra refine")

from depthmatte.segment.spectral import MattingComponents, find_components
from depthmatte.segment.spectral_segmenter import create_spectral_segmenter

COLORS = np.uint8([(220, 30, 20), (20, 180, 40), (30, 40, 210), (230, 220, 30)])


def quarters(height: int = 40, width: int = 60) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Four colors in the four quarters, and the number of each pixel's quarter."""
    part = np.add.outer(
        2 * (np.arange(height) >= height // 2), 1 * (np.arange(width) >= width // 2)
    )
    return COLORS[part], part


def person(height: int = 96, width: int = 72) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A red person of one color, softly, on blue."""
    y, x = np.mgrid[:height, :width]
    head = np.hypot(y - 26, x - 36) - 14
    body = np.maximum(np.abs(x - 36) - 22, 42 - y)
    alpha = np.clip(0.5 - np.minimum(head, body) / 2, 0, 1).astype(np.float32)[..., None]
    rgb = np.rint(alpha * np.float32((220, 60, 40)) + (1 - alpha) * np.float32((30, 60, 190)))
    return rgb.astype(np.uint8), alpha[..., 0]


def test_components_of_known_colors_come_back() -> None:
    rgb, part = quarters()
    components = find_components(rgb, count=4)
    found = {tuple(np.unique(part[alpha > 0.99])) for alpha in components.alphas}
    assert found == {(0,), (1,), (2,), (3,)}
    assert [(alpha > 0.99).sum() for alpha in components.alphas] == [600] * 4
    cost = components.costs.sum()
    assert abs(cost) < 1e-6  # everything together is constant, and costs nothing


def test_a_soft_edge_stays_soft() -> None:
    """Two colors: the component is the exact alpha, also between 0 and 1."""
    rgb, alpha = person()
    components = find_components(rgb, count=2)
    matte = components.matte(components.group_by_mask((alpha > 0.5).astype(np.float32)))
    assert np.abs(matte - alpha).mean() < 0.005
    assert np.abs(matte - alpha).max() < 0.1


def test_a_mask_groups_components() -> None:
    rgb, part = quarters()
    components = find_components(rgb, count=4)
    rough = np.zeros((20, 30), np.float32)  # of another size, and only roughly right
    rough[1:19, 1:14] = 1
    matte = components.matte(components.group_by_mask(rough))
    assert np.abs(matte - (part % 2 == 0)).max() < 0.02


def test_clicks_group_components() -> None:
    rgb, part = quarters()
    components = find_components(rgb, count=4)
    chosen, share = components.group_by_clicks(
        keep=[(0.1, 0.1), (0.9, 0.9)], drop=[(0.9, 0.1), (0.1, 0.9)]
    )
    assert np.abs(components.matte(chosen) - np.isin(part, (0, 3))).max() < 0.02
    assert (share == chosen).all()  # only one group is left
    chosen, share = components.group_by_clicks(keep=[(0.1, 0.1)])
    assert components.matte(chosen)[2, 2] > 0.98
    assert ((share >= 0) & (share <= 1)).all()
    assert share[components.alphas[:, 2, 2].argmax()] == pytest.approx(1)


def test_the_clicked_group_is_no_speck() -> None:
    """A speck is the cheapest group of all; the group with the click must be larger."""
    rgb, alpha = person()
    rgb[3:7, 3:7] = (255, 255, 0)
    components = find_components(rgb, count=3)
    chosen, _ = components.group_by_clicks(keep=[(0.5, 0.7)])
    matte = components.matte(chosen)
    assert matte[alpha == 1].mean() > 0.9
    assert matte[alpha == 0].mean() < 0.1


@given(st.integers(1, 20), st.integers(1, 20), st.integers(2, 6), st.integers(0, 1 << 20))
@settings(max_examples=25, deadline=None)
def test_components_are_a_partition(height: int, width: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    levels = random.integers(1, 257)
    rgb = random.integers(0, levels, (height, width, 3)).astype(np.uint8)
    components = find_components(rgb, count, eigenvectors=12)
    alphas = components.alphas
    assert 1 <= len(alphas) <= count
    assert ((alphas >= 0) & (alphas <= 1 + 1e-6)).all()
    assert np.allclose(alphas.sum(axis=0), 1, atol=1e-5)
    assert np.allclose(components.costs, components.costs.T, atol=1e-9)
    again = find_components(rgb, count, eigenvectors=12)
    assert (again.alphas == alphas).all()
    chosen = components.group_by_mask(random.random((height, width), np.float32))
    assert chosen.shape == (len(alphas),)


@pytest.mark.parametrize("shape", [(300, 900), (1, 30_000), (4000, 3)])
def test_the_size_of_the_work_is_bounded(shape: tuple[int, int]) -> None:
    rgb = np.zeros((*shape, 3), np.uint8)
    rgb[shape[0] // 2 :] = 200
    rgb[:, shape[1] // 2 :, 1] = 90
    _, height, width = find_components(rgb, 2, 4).alphas.shape
    assert height >= 3
    assert width >= 3
    assert height * width <= 13_000


def test_what_cannot_be_used_says_so_in_one_line() -> None:
    rgb, _ = quarters()
    components = find_components(rgb, 4, 8)
    many = MattingComponents(np.full((13, 4, 4), 1 / 13, np.float32), np.zeros((13, 13)))
    for call, says in (
        (lambda: find_components(rgb[..., 0]), "picture: must be uint8"),
        (lambda: find_components(rgb[:0]), "picture: must be uint8"),
        (lambda: find_components(rgb / 255), "picture: must be uint8"),
        (lambda: find_components(rgb, 1), "from 2 to 24"),
        (lambda: find_components(rgb, 25), "from 2 to 24"),
        (lambda: find_components(rgb, 9, 8), "from 9 to 100"),
        (lambda: components.group_by_clicks([(0.1, 1.1)]), "outside the picture"),
        (lambda: components.group_by_clicks([(0.1, np.nan)]), "outside the picture"),
        (lambda: components.group_by_clicks([(0.1, 0.1)], [(0.1, 0.2)]), "in one component"),
        (lambda: many.group_by_clicks([(0.1, 0.1)]), "find at most 12"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            call()
        assert "\n" not in str(caught.value)


def reddish(canvas: Canvas) -> Matte:
    """A rough matte: half of the person, with a low opinion of it."""
    red = (canvas.rgb[0, 0] > 0.5) & canvas.fit.inside()
    red[: red.shape[0] // 4] = False
    return Matte(red.astype(np.float32), red.astype(np.float32) * np.float32(0.9))


@pytest.mark.parametrize("shape", [(96, 72), (72, 97)])
def test_a_canvas_is_segmented_by_a_rough_matte_or_a_click(shape: tuple[int, int]) -> None:
    canvas = prepare_canvas(Photo(person(*shape)[0]), (64, 64))
    inside = canvas.fit.inside()
    for by in (reddish, (36.0, 60.0)):
        matte = create_spectral_segmenter(by)(canvas)  # type: ignore[arg-type]
        assert matte.alpha.shape == (64, 64)
        assert (matte.alpha[~inside] == 0).all()
        assert (matte.prob[~inside] == 0).all()
        solid = canvas.rgb[0, 0] > 0.8
        assert matte.alpha[solid & inside].mean() > 0.95
        assert matte.alpha[(canvas.rgb[0, 2] > 0.7) & inside].mean() < 0.05
        assert matte.is_likely(0.5)


def test_a_rough_matte_without_a_person_gives_none() -> None:
    canvas = prepare_canvas(Photo(person()[0]), (96, 72))
    matte = create_spectral_segmenter(lambda canvas: Matte.empty(canvas.fit.canvas))(canvas)
    assert matte == Matte.empty((96, 72))


def test_a_cut_uses_it() -> None:
    rgb, alpha = person(240, 180)
    with dm.Session(device="cpu", threads=1) as session:
        portrait = session.cut(rgb, segmenter="spectral", subject=(36, 70), fusion="none")
    assert portrait.found
    assert portrait.mask[alpha == 1].mean() > 0.95
    assert portrait.mask[alpha == 0].mean() < 0.02
