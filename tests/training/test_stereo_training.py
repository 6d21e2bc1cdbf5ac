"""Stereo training: pairs are what their disparity says, the network's parts do what they claim."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

from depthmatte.networks.network import Network  # noqa: E402
from depthmatte.training.data.assets import Assets  # noqa: E402
from depthmatte.training.export import export_checkpoint  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.networks.stereo import (  # noqa: E402
    CORRELATION_GROUPS,
    DISPARITY_LEVELS,
    FEATURE_CHANNELS,
    MAX_DISPARITY,
    VOLUME_STRIDE,
    ConvexUpsample,
    StereoOutput,
    correlation_volume,
    soft_argmax,
)
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.scenes.stereo_pairs import (  # noqa: E402
    StereoPair,
    TexturedSheet,
    disparity_field,
    render_pair,
)
from depthmatte.training.tasks.stereo import (  # noqa: E402
    StereoSamples,
    held_out_stereo_pairs,
    stereo_loss,
)
from depthmatte.training.tasks.task import MaterialOptions  # noqa: E402
from training_data import use_small_checks  # noqa: E402

SHAPE = (96, 160)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)


def texture(seed: int) -> np.ndarray:
    """Smooth colors, opaque."""
    rough = np.random.default_rng(seed).integers(0, 255, (14, 20, 3), dtype=np.uint8)
    smooth = cv2.resize(rough, (400, 240), interpolation=cv2.INTER_CUBIC)
    return np.dstack([smooth, np.full(smooth.shape[:2], 255, np.uint8)])


def seen_from_the_left(pair: StereoPair) -> np.ndarray:
    """The left view made of the right one's pixels."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    return cv2.remap(pair.right, x - pair.disparity, y, cv2.INTER_LINEAR)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 40), st.floats(0, 0.2))
def test_the_right_view_shows_what_disparity_says(seed: int, middle: float, slant: float) -> None:
    rng = np.random.default_rng(seed)
    place = np.array([[1.0, 0, 60], [0, 1.0, 20]])
    sheet = TexturedSheet(texture(1), place, disparity_field(rng, SHAPE, middle, slant))
    pair = render_pair([sheet], SHAPE)
    difference = np.abs(seen_from_the_left(pair).astype(int) - pair.left).max(2)
    assert difference[pair.visible].mean() < 3
    # Whatever lies beyond the right view's rim is hidden; all else of one sheet is visible.
    _, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    inside = (x - pair.disparity > 1) & (x - pair.disparity < SHAPE[1] - 2)
    assert pair.visible[inside].mean() > 0.97
    assert not pair.visible[x - pair.disparity < -1].any()


def test_what_a_near_sheet_hides_is_not_visible() -> None:
    near = texture(2)
    near[..., 3] = 0
    near[60:100, 150:200, 3] = 255
    place = np.array([[1.0, 0, 100], [0, 1.0, 40]])  # the square covers x 50..100, y 20..60
    flat = [np.full(SHAPE, value, np.float32) for value in (4, 24)]
    sheets = [TexturedSheet(t, place, f) for t, f in zip((texture(1), near), flat, strict=True)]
    pair = render_pair(sheets, SHAPE)
    assert (pair.disparity[25:55, 55:95] == 24).all()
    assert pair.visible[25:55, 55:95].all()
    # In the right view the square stands at 26..76 and hides background from 30..80 of the left.
    assert not pair.visible[25:55, 32:48].any()
    assert pair.visible[25:55, 105:150].all()
    assert (pair.disparity[25:55, 105:150] == 4).all()


def test_samples_are_a_function_of_their_key(data: Path) -> None:
    made = StereoSamples.from_options(MaterialOptions(data, (96, 64)))
    one, two = (made.sample((0, True, 5)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert not np.array_equal(one["image"], made.sample((0, True, 6))["image"])
    assert one["image"].shape == (6, 64, 96)
    assert one["disparity"].shape == one["visible"].shape == (1, 64, 96)
    assert 0 <= one["disparity"].min() <= one["disparity"].max() < MAX_DISPARITY


def test_held_out_pairs_use_other_pictures(data: Path) -> None:
    train_assets, test_assets = (
        Assets.for_depth_scenes(data, split) for split in ("train", "test")
    )
    assert not set(train_assets.backgrounds) & set(test_assets.backgrounds)
    pair = next(held_out_stereo_pairs(data, 1))
    assert pair.left.shape == (64, 96, 3)


def test_correlation_peaks_at_the_shift() -> None:
    torch.manual_seed(0)
    right = torch.randn(1, FEATURE_CHANNELS, 8, 60)
    left = torch.roll(right, 7, dims=3)
    volume = correlation_volume(left, right)
    assert volume.shape == (1, CORRELATION_GROUPS, DISPARITY_LEVELS, 8, 60)
    best = volume.mean(1)[0, :, :, 40:].argmax(0)
    assert (best == 7).all()


def test_soft_argmax_is_the_mean_level() -> None:
    logits = torch.full((1, DISPARITY_LEVELS, 1, 1), -50.0)
    logits[0, 6:8] = 50
    assert soft_argmax(logits).item() == pytest.approx(6.5 * VOLUME_STRIDE)


def test_enlarging_is_a_mix_of_neighbors() -> None:
    torch.manual_seed(0)
    grow = ConvexUpsample().eval()
    coarse = torch.rand(1, 1, 4, 6) * 100
    image, features = torch.rand(1, 3, 16, 24), torch.rand(1, FEATURE_CHANNELS, 4, 6)
    large = grow(coarse, features, image)
    assert large.shape == (1, 1, 16, 24)
    assert coarse.min() <= large.min() <= large.max() <= coarse.max()
    flat = grow(torch.full_like(coarse, 7.0), features, image)
    assert torch.allclose(flat, torch.full_like(flat, 7.0), atol=1e-4)


def test_the_loss_prefers_the_truth_and_forgives_the_hidden() -> None:
    truth = torch.full((1, 1, 16, 16), 20.0)
    logits = torch.full((1, DISPARITY_LEVELS, 4, 4), -20.0)
    logits[:, 5] = 20
    sure = torch.zeros(1, 2, 4, 4)
    sure[:, 1] = 9
    right = StereoOutput(logits, sure, soft_argmax(logits), truth.clone())
    batch = {"disparity": truth, "visible": torch.ones_like(truth)}
    good = sum(stereo_loss(right, batch).values())
    assert good.item() < 0.01
    wrong = right._replace(disparity=truth + 8)
    assert stereo_loss(wrong, batch)["fine"].item() == pytest.approx(7.5)
    half = torch.ones_like(truth)
    half[..., 8:] = 0
    partly = right._replace(disparity=torch.where(half > 0, truth, truth + 8))
    assert stereo_loss(partly, batch | {"visible": half})["fine"].item() < 1.5


def test_a_run_learns_and_its_export_runs(data: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        task="stereo", data=data, out=tmp_path, epochs=2, batch_size=2, encoder="mobilenet",
        preset=(96, 64), workers=0, limit=10, threads=1, learning_rate=3e-3, landscape=1.0,
    )  # fmt: skip
    last = train(recipe, report=lambda _: None)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    shipped = tmp_path / "stereo.onnx"
    parity = export_checkpoint(last, shipped)
    network = Network(shipped).require_task("stereo")
    assert network.contract.parity == pytest.approx(parity)
    assert set(network.contract.outputs) == {"disparity", "prob"}
