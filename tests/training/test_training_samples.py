"""Training samples: geometry and color, shares, scenes, labels of teachers."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train")


pytest.importorskip("onnx", reason="needs the extra train")


from depthmatte.canvas import to_canvas  # noqa: E402
from depthmatte.training.augment.color import random_color  # noqa: E402
from depthmatte.training.augment.geometry import (  # noqa: E402
    Stack,
    random_crop,
    random_geometry,
)
from depthmatte.training.data.assets import Assets  # noqa: E402
from depthmatte.training.data.sampler import (  # noqa: E402
    EpochBatches,
)
from depthmatte.training.data.splits import (  # noqa: E402
    HOLD_OUT_EVERY,
    Split,
    list_backgrounds,
    list_matte_photos,
)
from depthmatte.training.data.teacher_band import refine_outline  # noqa: E402
from depthmatte.training.scenes.compositor import Composite  # noqa: E402
from depthmatte.training.scenes.depth_scenes import draw_depth_scene  # noqa: E402
from depthmatte.training.scenes.layer import Layer  # noqa: E402
from depthmatte.training.scenes.options import DEFAULT_DEPTH_SCENE  # noqa: E402
from depthmatte.training.tasks.augmentation import TeacherMatte  # noqa: E402
from depthmatte.training.tasks.depth import (  # noqa: E402
    MAX_POINT_PAIRS,
    DepthSamples,
    scene_pairs,
)
from depthmatte.training.tasks.matte import MatteSamples  # noqa: E402
from depthmatte.training.tasks.task import MaterialOptions, to_network_input  # noqa: E402
from training_data import person, use_small_checks  # noqa: E402

PRESET = (64, 64)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.integers(40, 120), st.integers(40, 120))
def test_geometry_moves_photo_and_truth_together(
    seed: int, landscape: bool, rows: int, columns: int
) -> None:
    rgb, mask = person(rows, columns)
    stack = random_geometry(np.random.default_rng(seed), Stack(rgb, (mask,)), landscape)
    moved = stack.truths[0]
    assert moved.shape == stack.rgb.shape[:2]
    red = stack.rgb[..., 0].astype(int) - stack.rgb[..., 1] > 95
    # Pixels of the outline mix; off the outline color and mask must agree.
    sure = (moved == 255) | (moved == 0)
    inner = cv2.erode(sure.astype(np.uint8), np.ones((3, 3))) > 0
    assume(inner.any())
    assert (red == (moved > 127))[inner].mean() > 0.98


@pytest.mark.parametrize("landscape", [False, True])
def test_window_has_the_wanted_orientation(landscape: bool) -> None:
    rgb, mask = person(200, 180)
    for seed in range(30):
        stack = random_crop(np.random.default_rng(seed), Stack(rgb, (mask,)), landscape)
        height, width = stack.rgb.shape[:2]
        assert (width > height) == landscape or abs(width - height) <= 1


def test_color_never_moves_pixels() -> None:
    rgb, mask = person(90, 70)
    for seed in range(30):
        out = random_color(np.random.default_rng(seed), rgb)
        assert out.shape == rgb.shape
        assert out.dtype == np.uint8
        # Red and background stay apart in the red channel wherever light is left.
        light = out[..., 0].astype(float)
        assert light[mask > 0].mean() > light[mask == 0].mean()


def test_matte_samples_are_a_function_of_their_key(data: Path) -> None:
    made = MatteSamples.from_options(MaterialOptions(data, PRESET))
    one, two = (made.sample((1, False, 7)) for _ in range(2))
    other = made.sample((1, False, 8))
    assert np.array_equal(one["image"], two["image"])
    assert not np.array_equal(one["image"], other["image"])
    assert one["image"].shape == (3, *PRESET)
    assert one["alpha"].shape == (1, *PRESET)
    assert 0 <= one["alpha"].min() <= one["alpha"].max() <= 1


def test_evaluation_and_held_out_files_stay_out(data: Path) -> None:
    items, shares, validation = list_matte_photos(data)
    assert len(items) == len(shares)
    used = {item.photo for item in items}
    assert not used & {item.photo for item in validation}
    assert not used & set(list_backgrounds(data, "test"))
    everything = sorted((data / "backgrounds").iterdir())
    assert list_backgrounds(data, "test") == everything[::HOLD_OUT_EVERY]
    assert not any("eval" in path.parts for path in used)


def test_batches_draw_shares_and_resume_alike() -> None:
    batches = EpochBatches([1.0, 2.0, 0.5] * 40, 8, seed=3, epoch=1)
    keys = [key for batch in batches for key in batch]
    assert keys == [key for batch in EpochBatches([1.0, 2.0, 0.5] * 40, 8, 3, 1) for key in batch]
    counts = np.bincount([key[0] for key in keys], minlength=120)
    assert counts[1::3].sum() > 1.7 * counts[0::3].sum()
    assert counts[2::3].sum() < 0.8 * counts[0::3].sum()
    assert all(len({key[1] for key in batch}) == 1 for batch in batches)


@pytest.mark.parametrize("split", ["train", "test"])
def test_scene_truth_is_what_was_painted(data: Path, split: Split) -> None:
    assets = Assets.for_depth_scenes(data, split)
    seen = 0
    for seed in range(12):
        scene = draw_depth_scene(np.random.default_rng(seed), assets, (96, 80))
        assert scene.rgb.shape == (96, 80, 3)
        assert np.isfinite(scene.meters).all()
        assert scene.meters.min() > 0
        assert 0 <= scene.d.min() <= scene.d.max() <= 1
        for mask, meters in scene.people:
            assert np.allclose(scene.meters[mask], meters)
            assert scene.is_exact[mask].all()
            seen += 1
        walls = [float(np.median(scene.meters[poster])) for poster in scene.posters]
        assert all(wall == pytest.approx(scene.meters.max(), rel=1e-3) for wall in walls)
        near, far = scene_pairs(np.random.default_rng(seed), scene)
        assert (scene.meters[tuple(near.T)] < scene.meters[tuple(far.T)]).all()
    assert seen


def test_a_nearer_person_hides_a_farther_one() -> None:
    canvas = Composite.of_backdrop(
        np.zeros((40, 30, 3), np.float32), np.full((40, 30), 9, np.float32)
    )
    solid = np.full((20, 20, 4), 255, np.uint8)
    assert canvas.paint(0, Layer.flat("person", solid, (0, 0), 5.0)) == 400
    assert canvas.paint(1, Layer.flat("person", solid, (10, 10), 2.0)) == 400
    assert canvas.paint(2, Layer.flat("person", solid, (-15, 25), 2.0)) == 25
    assert canvas.paint(3, Layer.flat("person", solid, (50, 0), 1.0)) == 0
    assert canvas.meters[5, 5] == 5
    assert canvas.meters[15, 15] == 2
    assert canvas.meters[35, 2] == 9
    assert [canvas.owner[at] for at in ((5, 5), (15, 15), (35, 2))] == [0, 1, -1]


def test_depth_samples_have_truth_order_and_weak_labels(data: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels"
    labels.mkdir()
    for path in list_backgrounds(data, "train"):
        far = np.tile(np.linspace(0, 1, 12, dtype=np.float16), (8, 1))
        np.save(labels / f"backgrounds_{path.stem}.npy", far)
    made = DepthSamples.from_options(MaterialOptions(data, PRESET, labels))
    scene = made.sample((len(made.items), False, 1))
    photo = made.sample((0, False, 1))
    place = made.sample((len(made.items) - 1, True, 1))
    for sample in (scene, photo, place):
        assert sample["image"].shape[0] == 3
        assert sample["pairs"].shape == (MAX_POINT_PAIRS, 5)
        assert all(np.isfinite(value).all() for value in sample.values())
    assert scene["weight"].max() in (1, DEFAULT_DEPTH_SCENE.poster_weight)
    assert scene["teacher_weight"].max() == 0
    assert photo["pairs"][:, 4].sum() > 0
    assert photo["weight"].max() == 0
    assert place["teacher_weight"].max() == 1
    assert place["pairs"][:, 4].sum() == 0


def test_truth_through_the_same_fit(data: Path) -> None:
    item = list_matte_photos(data)[0][0]
    rgb, mask = item.read()
    fit, image = to_network_input(rgb, PRESET)
    truth = to_canvas(mask, fit) > 200
    red = (image[0] - image[1]) > 0.4
    assert (red == truth)[fit.content_slices].mean() > 0.97


def test_a_teacher_is_believed_only_where_it_agrees() -> None:
    _, mask = person(90, 70)
    soft = cv2.GaussianBlur(mask, (0, 0), 2)
    everywhere = TeacherMatte(weight=0.75, band=0)
    mixed = refine_outline(mask, soft, everywhere)
    assert mixed.max() == 255
    assert np.abs(mixed.astype(int) - (mask.astype(int) + 3 * soft.astype(int)) / 4).max() <= 1
    for teacher in (everywhere, TeacherMatte(weight=1, band=0.03)):
        assert np.array_equal(refine_outline(mask, 255 - mask, teacher), mask)
        assert np.array_equal(refine_outline(mask, None, teacher), mask)


def test_a_teacher_decides_in_a_band_and_not_around_its_errors() -> None:
    _, mask = person(180, 140)
    soft = cv2.GaussianBlur(mask, (0, 0), 2)
    soft[100:112, :20] = 255  # something beside the person that the mask leaves out
    rows = np.indices(mask.shape)[0]
    made = refine_outline(mask, soft, TeacherMatte(weight=1, band=0.03))
    edge = cv2.morphologyEx((mask > 127).astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3)))
    assert np.array_equal(made[edge > 0], soft[edge > 0])
    far = cv2.dilate(edge, np.ones((15, 15), np.uint8)) == 0
    assert np.array_equal(made[far], mask[far])
    assert (made[100:112, :20] == 0).all()
    assert not np.array_equal(made, mask)
    assert ((made != mask) & (rows < 100)).any()
