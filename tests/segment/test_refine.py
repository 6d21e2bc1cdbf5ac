"""The detail network: certain alpha stays, tiles do not matter, hair gets better."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import depthmatte as dm
from depthmatte.errors import InputError, WeightsError
from depthmatte.networks import registry
from depthmatte.networks.network import Network
from depthmatte.segment.choose import choose_refiner
from depthmatte.segment.refine import (
    MAX_DETAIL_SCALE,
    DetailRefiner,
    cover_blocks,
    load_detail_network,
    predict_detail,
    prepare_detail,
)


@pytest.fixture(scope="module")
def network() -> Network:
    return Network(registry.network_path("shipped:detail"), threads=1)


def never() -> Network:
    raise AssertionError("no network is needed")


def hairy(height: int, width: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """A disc with strands before a smooth picture: photo, truth and a blurred alpha."""
    rng = np.random.default_rng(seed)
    alpha = np.zeros((height, width), np.uint8)
    middle, radius = (width // 2, height // 2), min(height, width) // 4
    cv2.circle(alpha, middle, radius, 255, -1, cv2.LINE_AA)
    for angle in rng.uniform(0, 2 * np.pi, 60):
        far = radius * rng.uniform(1.05, 1.25)
        end = middle[0] + far * np.cos(angle), middle[1] + far * np.sin(angle)
        cv2.line(alpha, middle, (round(end[0]), round(end[1])), 255, 1, cv2.LINE_AA)
    truth = alpha.astype(np.float32) / 255
    back = cv2.resize(rng.uniform(120, 255, (4, 5, 3)), (width, height))
    front = np.float32((60, 40, 30)) + rng.normal(0, 3, (height, width, 3))
    rgb = truth[..., None] * front + (1 - truth[..., None]) * back
    coarse = np.asarray(cv2.GaussianBlur(truth, (0, 0), 5), np.float32)
    coarse = np.clip((coarse - 0.5) * 1.2 + 0.5, 0, 1).astype(np.float32)
    return np.clip(np.rint(rgb), 0, 255).astype(np.uint8), truth, coarse


def mean_error(alpha: NDArray[Any], truth: NDArray[Any]) -> float:
    return float(np.abs(alpha - truth).mean())


@pytest.mark.parametrize("level", [0.0, 1.0, 0.01, 0.99])
def test_a_certain_alpha_runs_no_network(level: float) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (61, 83, 3), dtype=np.uint8)
    alpha = np.full((61, 83), level, np.float32)
    assert DetailRefiner(never)(rgb, alpha, 2.0) is alpha


def test_alpha_stays_where_it_is_certain(network: Network) -> None:
    rgb, _, coarse = hairy(400, 300)
    refined = DetailRefiner(lambda: network)(rgb, coarse, 2.0)
    assert np.abs(refined - coarse).max() > 0.1
    soft = ((coarse > 0.02) & (coarse < 0.98)).astype(np.uint8)
    far = cv2.dilate(soft, np.ones((41, 41), np.uint8)) == 0
    assert far.mean() > 0.2
    np.testing.assert_array_equal(refined[far], coarse[far])


def test_hair_is_nearer_to_the_truth(network: Network) -> None:
    errors = []
    for seed in range(3):
        rgb, truth, coarse = hairy(600, 500, seed)
        refined = DetailRefiner(lambda: network)(rgb, coarse, 2.0)
        errors.append((mean_error(refined, truth), mean_error(coarse, truth)))
    assert all(fine < 0.7 * rough for fine, rough in errors), errors


@pytest.mark.parametrize("factor", [1.0, 2.5])
def test_the_cover_of_the_band_does_not_matter(network: Network, factor: float) -> None:
    rgb, _, coarse = hairy(330, 290)
    seen = prepare_detail(rgb, coarse, factor)
    assert seen is not None
    one = predict_detail(network, seen, 1)
    for largest in (2, 5, 8, 64):
        np.testing.assert_allclose(predict_detail(network, seen, largest), one, atol=2e-5)


def test_a_part_of_the_photo_gives_that_part_of_the_result(network: Network) -> None:
    """What is far away does not matter, and neither does the border of the photo."""
    rgb, _, coarse = hairy(512, 512)
    whole = DetailRefiner(lambda: network)(rgb, coarse, 1.0)
    beside = np.random.default_rng(1).integers(0, 255, (512, 256, 3), dtype=np.uint8)
    wide = np.concatenate([rgb, beside], 1)
    alpha = np.concatenate([coarse, np.zeros((512, 256), np.float32)], 1)
    refined = DetailRefiner(lambda: network)(wide, alpha, 1.0)
    np.testing.assert_array_equal(refined[:, 512:], 0)
    # The continued background colors differ a little.
    assert np.abs(refined[:, :512] - whole).mean() < 1e-3


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 70), st.integers(1, 70), st.floats(1, 9), st.integers(0, 2**16),
    st.sampled_from(["noise", "step", "half"]),
)  # fmt: skip
def test_any_size_gives_a_matte(
    height: int, width: int, factor: float, seed: int, kind: str
) -> None:
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    alpha = {
        "noise": lambda: rng.random((height, width), np.float32),
        "step": lambda: np.float32(np.arange(width) > width / 2) * np.ones((height, 1), np.float32),
        "half": lambda: np.full((height, width), 0.5, np.float32),
    }[kind]()
    before = alpha.copy()
    refined = DetailRefiner(lambda: load_detail_network(None))(rgb, alpha, factor)
    np.testing.assert_array_equal(alpha, before)
    assert refined.shape == alpha.shape
    assert refined.dtype == np.float32
    assert ((refined >= 0) & (refined <= 1)).all()


def test_a_large_photo_is_seen_smaller(network: Network) -> None:
    rgb, truth, coarse = hairy(1300, 1100)
    factor = 2 * MAX_DETAIL_SCALE
    seen = prepare_detail(rgb, coarse, factor)
    assert seen is not None
    assert seen.shape == (650, 550)
    refined = DetailRefiner(lambda: network)(rgb, coarse, factor)
    assert refined.shape == truth.shape
    assert mean_error(refined, truth) < mean_error(coarse, truth)


def marked_blocks() -> Iterator[NDArray[np.bool_]]:
    rng = np.random.default_rng(5)
    for share in (0.0, 0.05, 0.3, 1.0):
        yield rng.random((19, 23)) < share


@pytest.mark.parametrize("blocks", list(marked_blocks()), ids=["none", "few", "some", "all"])
@pytest.mark.parametrize("largest", [1, 4, 8])
def test_rectangles_cover_every_block_once(blocks: NDArray[np.bool_], largest: int) -> None:
    count = np.zeros(blocks.shape, int)
    for rows, columns in cover_blocks(blocks, largest):
        assert rows.stop - rows.start <= largest
        assert columns.stop - columns.start <= largest
        count[rows, columns] += 1
    assert count.max(initial=0) <= 1
    assert (count[blocks] == 1).all()


def test_a_ring_is_covered_by_less_than_its_square() -> None:
    blocks = np.zeros((40, 40), bool)
    blocks[2:38, 2:38] = True
    blocks[4:36, 4:36] = False
    seen = sum(
        (rows.stop - rows.start + 2) * (columns.stop - columns.start + 2)
        for rows, columns in cover_blocks(blocks)
    )
    assert seen < 0.6 * blocks.size


def test_the_option_refines_every_portrait() -> None:
    photo = skimage.data.astronaut()
    with dm.Session(threads=1) as session:
        plain = session.cut(photo, refine="none", depth_source="none")
        fine = session.cut(photo, refine="detail", depth_source="none")
        assert not np.array_equal(plain.alpha, fine.alpha)
        assert plain.found
        assert fine.found
        assert np.abs(plain.alpha - fine.alpha).mean() < 0.01
        assert session.running.keys() == {"matte", "detail"}
        empty = session.cut(np.zeros((90, 70, 3), np.uint8), refine="detail", depth_source="none")
        assert empty.alpha.max() < 0.02
        again = pickle.loads(pickle.dumps(fine))
    np.testing.assert_allclose(again.alpha, fine.alpha, atol=1e-6)


def test_a_refiner_is_made_once_and_its_network_later() -> None:
    refine = choose_refiner("detail", never)
    assert isinstance(refine, DetailRefiner)
    assert choose_refiner("none") is None
    assert choose_refiner("detail") == refine


def test_wrong_inputs_are_one_line(network: Network) -> None:
    refine = DetailRefiner(lambda: network)
    rgb, alpha = np.zeros((5, 6, 3), np.uint8), np.zeros((5, 6), np.float32)
    for photo, matte in ((rgb[..., :2], alpha), (rgb.astype(float), alpha), (rgb[:0], alpha)):
        with pytest.raises(InputError, match=r"^photo: must be uint8"):
            refine(photo, matte, 1.0)
    for matte in (alpha[:4], alpha.astype(np.float64)):
        with pytest.raises(InputError, match=r"^matte: must be float32"):
            refine(rgb, matte, 1.0)
    other = Network(registry.network_path("shipped:matte"), threads=1)
    half = np.full((5, 6), 0.5, np.float32)
    with pytest.raises(WeightsError, match="made for other inputs"):
        DetailRefiner(lambda: other)(rgb, half, 2.0)


def test_the_network_is_small() -> None:
    assert registry.network_path("shipped:detail").stat().st_size < 1_000_000
