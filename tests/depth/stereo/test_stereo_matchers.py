"""The matchers: semi-global matching, and the network that runs in bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from depthmatte.depth.stereo.disparity import match_right, occlusion_mask
from depthmatte.depth.stereo.matching import match_pair
from depthmatte.depth.stereo.network_matcher import (
    _BAND_OVERLAP_PX,
    _MAX_NETWORK_DISPARITY_PX,
    create_network_matcher,
)
from depthmatte.depth.stereo.second_view import create_matcher
from depthmatte.depth.stereo.sgbm import match_sgbm
from depthmatte.errors import InputError, WeightsError
from depthmatte.networks.network import Network
from stereo_pairs import made, wrong
from tinynets import model


def test_sgbm_finds_both_views_disparities() -> None:
    left, right, truth, other = made()
    found = match_sgbm(left, right)
    assert wrong(found, truth) < 0.02
    assert (found.prob > 0).mean() > 0.85
    back = match_right(match_sgbm, left, right)
    assert wrong(back, other) < 0.02
    assert (back.prob > 0).mean() > 0.85


def test_sgbm_knows_what_it_cannot_see() -> None:
    left, right, truth, _ = made()
    found = match_sgbm(left, right)
    unseen = occlusion_mask(truth.astype(np.float32))
    assert (found.prob[unseen] == 0).mean() > 0.8
    assert np.isfinite(found.pixels).all()


def test_sgbm_claims_nothing_about_blank_parts() -> None:
    left, right, _, _ = (part.copy() for part in made())
    left[:80], right[:80] = 255, 255
    found = match_sgbm(left, right)
    assert not found.prob[:70].any()
    assert (found.prob[90:] > 0).mean() > 0.8


def test_sgbm_matches_other_exposures() -> None:
    left, right, truth, _ = made()
    darker = np.clip(right * 0.8 - 6, 0, 255).astype(np.uint8)
    found = match_sgbm(left, darker)
    assert wrong(found, truth) < 0.02
    assert (found.prob > 0).mean() > 0.8


def test_large_pairs_are_matched_smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right, truth, _ = made()
    monkeypatch.setattr("depthmatte.depth.stereo.sgbm._MAX_COST_VOLUME_CELLS", 2**19)
    assert wrong(match_sgbm(left, right), truth) < 0.06


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 900), (33, 7)])
def test_any_shape_is_matched(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 256, (2, *shape, 3), np.uint8)
    for matching in (match_sgbm, create_network_matcher(tiny())):
        for original in ("left", "right"):
            found = match_pair(left, right, matching, original)  # type: ignore[arg-type]
            assert found.disparity.shape == shape


def tiny() -> Network:
    """A "stereo" network whose disparity is 100 times the right view's blue, I2 the left red."""
    return Network(model("stereo"), threads=1)


def test_the_runner_scales_disparity_back() -> None:
    left, right = np.zeros((50, 100, 3), np.uint8), np.zeros((50, 100, 3), np.uint8)
    left[..., 0] = 204
    right[..., 2] = 51
    found = create_network_matcher(tiny(), side=200)(left, right)
    np.testing.assert_allclose(found.pixels, 10, rtol=1e-4)
    np.testing.assert_allclose(found.prob, 0.8, rtol=1e-4)


def test_the_runner_looks_again_where_the_first_look_points() -> None:
    """The first look, at half the size, says 100: that is 200, in the band from 96 on."""
    left, right = np.zeros((300, 768, 3), np.uint8), np.zeros((300, 768, 3), np.uint8)
    left[..., 0] = right[..., 2] = 255
    found = create_network_matcher(tiny())(left, right)
    np.testing.assert_allclose(found.pixels, _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX + 100)
    assert found.prob.min() == 1
    near = create_network_matcher(tiny())(
        left, right, max_disparity=50
    )  # then only the band from 0 on is asked
    np.testing.assert_allclose(near.pixels, 100)


def test_the_runner_takes_the_surer_of_two_bands() -> None:
    """Left half: near 20, so the band from 0 on; right half: near 200, so the one from 96 on."""
    left, right = np.full((320, 768, 3), 255, np.uint8), np.zeros((320, 768, 3), np.uint8)
    right[:, :384, 2] = 26
    right[:, 384:, 2] = 255
    found = create_network_matcher(tiny())(left, right)
    np.testing.assert_allclose(found.pixels[:, 20:360], 26 / 2.55, rtol=1e-3)
    np.testing.assert_allclose(
        found.pixels[:, 620:], _MAX_NETWORK_DISPARITY_PX - _BAND_OVERLAP_PX + 100
    )


def test_the_runner_keeps_its_grid() -> None:
    """A column in the right view stays where it is, through scaling and padding."""
    left, right = np.zeros((90, 130, 3), np.uint8), np.zeros((90, 130, 3), np.uint8)
    right[:, 60:70, 2] = 255
    found = create_network_matcher(tiny(), side=520)(left, right)
    center = (found.pixels * np.arange(130)).sum() / found.pixels.sum()
    assert center == pytest.approx(64.5, abs=0.05)


def test_the_runner_lets_no_nan_out() -> None:
    network = tiny()
    bad = np.full((1, 1, 32, 64), np.nan, np.float32)
    network.run = lambda image: {"disparity": bad, "prob": bad}  # type: ignore[method-assign]
    blank = np.zeros((16, 32, 3), np.uint8)
    found = create_network_matcher(network, side=64)(blank, blank)
    assert not found.prob.any()


def test_only_stereo_networks_are_taken() -> None:
    with pytest.raises(WeightsError, match="stereo network is needed"):
        create_network_matcher(Network(model("depth"), threads=1))


def test_matchers_by_name(tmp_path: Path) -> None:
    assert create_matcher("sgbm") is match_sgbm
    file = tmp_path / "tiny.onnx"
    file.write_bytes(model("stereo"))
    blank = np.zeros((32, 32, 3), np.uint8)
    assert create_matcher(file, 1)(blank, blank).shape == (32, 32)
    with pytest.raises(InputError, match="unknown network"):
        create_matcher("best")
