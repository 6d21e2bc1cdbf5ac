"""Fusion training: maps keep what the networks said, lies teach to do nothing, soft edges stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnx", reason="needs the extra train")

from depthmatte.canvas import prepare_canvas  # noqa: E402
from depthmatte.errors import InputError  # noqa: E402
from depthmatte.evidence import DepthStatus  # noqa: E402
from depthmatte.filters import fill_nearest  # noqa: E402
from depthmatte.fusion import region_decision  # noqa: E402
from depthmatte.fusion.adaptive import _predict_foreground  # noqa: E402
from depthmatte.fusion.inputs import _FUSION_CHANNELS, FUSION_INPUTS, pool_blocks  # noqa: E402
from depthmatte.networks.network import Network  # noqa: E402
from depthmatte.photo import Photo  # noqa: E402
from depthmatte.training.augment.corruptions import (  # noqa: E402
    _limbs,
    add_false_positives,
    crop_field_of_view,
    misplace_depth,
)
from depthmatte.training.export import export_checkpoint  # noqa: E402
from depthmatte.training.loop import train  # noqa: E402
from depthmatte.training.networks.fusion import (  # noqa: E402
    FusionNetwork,
    FusionOutput,
    apply_verdict,
    pool_features,
)
from depthmatte.training.networks.matte import upsample_like  # noqa: E402
from depthmatte.training.recipe import Recipe  # noqa: E402
from depthmatte.training.tasks.fusion import (  # noqa: E402
    FusionSamples,
    fusion_loss,
    read_fusion_maps,
    subject_depth,
)
from depthmatte.training.tasks.fusion_maps import (  # noqa: E402
    GROUP_SETS,
    _similar_heights,
    list_composites,
    list_photos,
    write_fusion_maps,
)
from depthmatte.training.tasks.task import MaterialOptions  # noqa: E402
from depthmatte.values import Depth, Matte  # noqa: E402
from training_data import use_small_checks  # noqa: E402

SHAPE = (96, 64)


@pytest.fixture(autouse=True)
def _small_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    use_small_checks(monkeypatch)


def picture(seed: int) -> tuple[Photo, np.ndarray]:
    """Somebody in red, left or right of the middle, and the truth."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 60, (*SHAPE, 3), dtype=np.uint8)
    truth = np.zeros(SHAPE, np.float32)
    left = int(rng.integers(4, 30))
    truth[20:, left : left + 25] = 1
    rgb[truth > 0] = (250, 20, 20)
    return Photo(rgb), truth


def red(canvas: object) -> Matte:
    """Red is portrait; a blot somewhere else is taken for it too."""
    alpha = np.clip(canvas.rgb[0, 0], 0, 1)  # type: ignore[attr-defined]
    alpha = np.where(alpha > 0.5, alpha, 0).astype(np.float32)
    alpha[4:14, 4:20] = 1
    return Matte(alpha, alpha)


def near_is_red(photo: Photo, canvas: object) -> Depth:
    d = np.where(canvas.rgb[0, 0] > 0.5, 0.2, 0.9).astype(np.float32)  # type: ignore[attr-defined]
    return Depth(d, np.full_like(d, 0.9), source="mono")


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("maps")
    for split, count in (("train", 8), ("test", 2)):
        for index in range(count):
            photo, truth = picture(index + 100 * (split == "test"))
            path = folder / f"{split}_{index}.npz"
            sources = {"mono": near_is_red, "stereo": lambda *_: Depth.none(SHAPE)}
            write_fusion_maps(path, photo, truth, red, sources, SHAPE)
    return folder


def test_maps_are_what_the_networks_said(maps: Path) -> None:
    photo, truth = picture(0)
    material = read_fusion_maps(maps / "train_0.npz")
    canvas = prepare_canvas(photo, SHAPE)
    np.testing.assert_allclose(material.matte.alpha, red(canvas).alpha, atol=1 / 255)
    np.testing.assert_array_equal(material.truth, truth)
    assert material.matte.rgb is not None
    assert np.abs(material.matte.rgb - canvas.rgb[0]).mean() < 0.05
    assert set(material.depths) == {"mono"}  # a source without an answer is not there
    d, prob = material.depths["mono"]
    assert subject_depth(d, prob, truth, material.matte.alpha) == pytest.approx(0.2, abs=1e-3)
    assert subject_depth(d, prob * 0, truth, material.matte.alpha) is None


def test_what_nobody_measured_stays_unmeasured_in_the_maps(tmp_path: Path) -> None:
    """A matcher guesses there and says so in `validity`: the network must not see the guess."""
    photo, truth = picture(0)

    def half(photo: Photo, canvas: object) -> Depth:
        depth = near_is_red(photo, canvas)
        validity = np.full(depth.z.shape, DepthStatus.VALID, np.uint8)
        validity[:, :20] = DepthStatus.OCCLUDED
        prob = depth.prob.copy()
        prob[:, 40:] = 1e-4  # measured, if hardly believed
        return replace(depth, source="stereo", validity=validity, prob=prob)

    path = tmp_path / "train_0.npz"
    write_fusion_maps(path, photo, truth, red, {"stereo": half}, SHAPE)
    _, prob = read_fusion_maps(path).depths["stereo"]
    assert (prob[:, :20] == 0).all()
    assert (prob[:, 20:] > 0).all()


def test_samples_are_a_function_of_their_key(maps: Path) -> None:
    made = FusionSamples.from_options(MaterialOptions(maps, SHAPE, maps))
    one, two = (made.sample((1, False, 7)) for _ in range(2))
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert one["image"].shape == (_FUSION_CHANNELS, *SHAPE)
    assert one["alpha"].shape == (1, *SHAPE)
    for seed in range(40):
        sample = made.sample((seed % 8, bool(seed % 2), seed))
        assert 0 <= sample["image"].min() <= sample["image"].max() <= 1
        assert 0 <= sample["alpha"].min() <= sample["alpha"].max() <= 1


def test_strays_lie_outside_the_person_and_only_add() -> None:
    rng = np.random.default_rng(0)
    truth = picture(1)[1]
    some = 0.5 * truth
    added = 0
    for _ in range(60):
        alpha, prob = add_false_positives(rng, some, some, truth)
        assert (alpha >= some).all()
        assert (prob >= some).all()
        np.testing.assert_array_equal(alpha[truth == 1], some[truth == 1])
        added += bool((alpha > some).any())
    assert 0 < added < 60


def test_a_misplaced_part_lies_between_the_subject_and_what_is_behind() -> None:
    rng = np.random.default_rng(0)
    truth = picture(1)[1]
    d = np.where(truth > 0, 0.2, 0.9).astype(np.float32)
    sure = np.full_like(d, 0.8)
    moved = 0
    for _ in range(40):
        wrong, prob = misplace_depth(rng, d, sure, truth)
        moved += bool((wrong - d)[truth > 0].max() > 0.2)
        assert wrong.max() <= 0.9 + 1e-6
        assert wrong.min() >= 0.2 - 1e-6
        assert (prob <= sure).all()
    assert 10 < moved < 30  # an oval has no limbs
    nobody = np.zeros_like(truth)
    assert misplace_depth(rng, d, sure, nobody)[0] is d


def test_limbs_are_where_people_are_narrow_and_take_the_depth_beside_them() -> None:
    truth = np.zeros((96, 96), np.float32)
    truth[20:90, 36:60] = 1
    truth[30:36, 60:90] = 1  # an arm, stretched out
    d = np.tile(np.linspace(0.5, 0.9, 96, dtype=np.float32), (96, 1))
    d[truth > 0] = 0.2
    beside = fill_nearest(d, truth < 0.05)
    np.testing.assert_array_equal(beside[truth == 0], d[truth == 0])
    assert 0.7 < beside[30:36, 62:90].min() < beside[30:36, 62:90].max() <= 0.9
    rng, arms = np.random.default_rng(0), 0
    for _ in range(20):
        limbs = _limbs(rng, truth, float(np.sqrt(truth.sum())))
        assert not limbs[42:80, 38:58].any()
        arms += bool(limbs[30:36, 70:88].all())
    assert 0 < arms < 20


def test_a_narrow_camera_sees_a_rectangle_and_never_nothing() -> None:
    rng, whole = np.random.default_rng(0), 0
    prob = np.full((48, 40), 0.7, np.float32)
    for _ in range(100):
        seen = crop_field_of_view(rng, prob)
        rows, columns = np.nonzero(seen)
        box = seen[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert (box == np.float32(0.7)).all()
        assert box.shape[0] >= 4
        assert box.shape[1] >= 4
        whole += box.size == prob.size
    assert 0 < whole < 20


def test_composites_have_a_person_and_are_a_function_of_their_seed(data: Path) -> None:
    for split in ("train", "test"):
        made = [
            [picture() for _, picture in list_composites(data, split, 3, seed)]  # type: ignore[arg-type]
            for seed in (5, 5, 6)
        ]
        for photo, truth in made[0]:
            assert truth.shape == photo.shape
            assert (truth > 0.5).any()
        assert all(np.array_equal(a[0].rgb, b[0].rgb) for a, b in zip(*made[:2], strict=True))
        assert not all(np.array_equal(a[0].rgb, b[0].rgb) for a, b in zip(*made[1:], strict=True))


def test_a_group_is_abreast_if_nobody_is_much_lower_than_another() -> None:
    def mask(*heights: int) -> np.ndarray:
        drawn = np.zeros((100, 100), np.uint8)
        for index, height in enumerate(heights):
            drawn[90 - height : 90, 10 + 20 * index :][:, :12] = 255
        return drawn

    assert _similar_heights(mask(50))
    assert _similar_heights(mask(50, 40, 35))
    assert _similar_heights(mask(80, 3))  # a speck is nobody
    assert not _similar_heights(mask(80, 40))
    assert not _similar_heights(mask())


def test_groups_join_in_and_some_are_held_out(data: Path) -> None:
    names = {split: [name for name, _ in list_photos(data, split)] for split in ("train", "test")}
    for split, listed in names.items():
        assert all(name.startswith(f"{split}_") for name in listed)
        assert {name.split("_")[1] for name in listed} >= set(GROUP_SETS)
    shown = [{name.split("_", 1)[1] for name in listed} for listed in names.values()]
    assert not shown[0] & shown[1]


def test_no_maps_is_one_clear_line(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        with pytest.raises(InputError, match="make them with depthmatte train maps"):
            FusionSamples.from_options(MaterialOptions(tmp_path, SHAPE, folder))
    (tmp_path / "train_0.npz").write_bytes(b"no maps")
    with pytest.raises(InputError, match="holds no maps"):
        FusionSamples.from_options(MaterialOptions(tmp_path, SHAPE, tmp_path)).sample((0, False, 0))


def test_agreement_and_missing_depth_leave_alpha_exactly() -> None:
    torch.manual_seed(0)
    alpha = torch.rand(1, 1, 128, 128)
    smooth = torch.nn.functional.interpolate(torch.rand(1, 1, 4, 4), (128, 128), mode="bicubic")
    smooth = smooth.clamp(0, 1)
    seen = torch.ones_like(alpha)
    verdict = torch.nn.functional.avg_pool2d(smooth, 4).clamp(1e-4, 1 - 1e-4).logit()
    assert torch.equal(apply_verdict(smooth, verdict, seen), smooth)
    wild = torch.randn(1, 1, 32, 32) * 9
    assert torch.equal(apply_verdict(alpha, wild, torch.zeros_like(alpha)), alpha)
    far = torch.zeros_like(alpha)
    far[..., :4, :4] = 1
    changed = (apply_verdict(alpha, wild, far) != alpha)[0, 0]
    assert changed[:20, :20].any()
    assert not changed[100:, 100:].any()


def test_a_clear_verdict_is_carried_out() -> None:
    alpha = torch.zeros(1, 1, 32, 32)
    alpha[..., :16] = 1
    logits = torch.full((1, 1, 8, 8), -9.0)
    logits[..., :4, :] = 9.0  # the upper half belongs, whatever the matte said
    fused = apply_verdict(alpha, logits, torch.ones_like(alpha))[0, 0]
    assert fused[4:12].min() > 0.9
    assert fused[20:28].max() < 0.1


def test_blocks_are_those_the_network_learned_from() -> None:
    stack = np.random.default_rng(2).random((_FUSION_CHANNELS, *SHAPE), np.float32)
    learned = pool_features(torch.from_numpy(stack)[None])[0].numpy()
    assert learned.shape == (FUSION_INPUTS, SHAPE[0] // 4, SHAPE[1] // 4)
    np.testing.assert_allclose(pool_blocks(stack), learned, atol=1e-6)
    np.testing.assert_allclose(pool_blocks(list(stack)), learned, atol=1e-6)


def test_the_loss_prefers_the_truth() -> None:
    truth = torch.zeros(1, 1, 32, 32)
    truth[..., 8:24] = 1
    coarse = (torch.nn.functional.avg_pool2d(truth, 4) - 0.5) * 40
    good = fusion_loss(FusionOutput(coarse, truth), truth)
    bad = fusion_loss(FusionOutput(-coarse, 1 - truth), truth)
    assert sum(good.values()).item() < 0.01
    assert all(bad[name] > good[name] + 0.1 for name in good)


def test_a_run_learns_and_its_export_equals_torch(maps: Path, tmp_path: Path) -> None:
    recipe = Recipe(
        task="fuse", data=tmp_path, out=tmp_path, epochs=3, batch_size=4, preset=SHAPE,
        workers=0, threads=1, learning_rate=4e-3, labels=maps, seed=1,
    )  # fmt: skip
    said: list[str] = []
    last = train(recipe, report=said.append)
    told = [line.split("validation ")[1] for line in said if "  validation " in line]
    errors = [float(text.split()[0]) for text in told]
    assert len(errors) == 3
    assert errors[-1] < 0.2  # the blot is a third of the person: left alone it costs more
    export_checkpoint(last, tmp_path / "fuse.onnx")
    shipped = Network(tmp_path / "fuse.onnx").require_task("fuse")
    assert shipped.contract.channels == FUSION_INPUTS
    stack = FusionSamples.from_options(MaterialOptions(maps, SHAPE, maps)).sample((0, False, 3))[
        "image"
    ][None]
    state = torch.load(last, weights_only=True)
    network = FusionNetwork()
    network.load_state_dict(state["mean"])
    with torch.no_grad():
        out = network.eval()(torch.from_numpy(stack))
    verdict = _predict_foreground(stack[0], shipped)
    alpha = stack[0, 0]
    learned = upsample_like(out[0].sigmoid(), torch.from_numpy(alpha)[None, None])[0, 0].numpy()
    assert np.abs(verdict - learned).max() < 0.02
    fused = region_decision.apply_foreground(alpha, verdict, np.zeros_like(verdict))
    # Regions are kept, dropped or restored whole: what was certain is certain afterwards, but for
    # outlines.
    certain = (alpha < 0.01) | (alpha > 0.99)
    assert ((fused > 0.01) & (fused < 0.99) & certain).mean() < 0.1
