"""Strands are exact, patches hold what the network sees, and a short run learns from them."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from depthmatte.errors import InputError, OptionError
from depthmatte.networks.network import Network
from depthmatte.segment.refine import DETAIL_INPUTS, prepare_detail
from depthmatte.training.augment.strands import STRAND_STYLES, StrandStyle, draw_strands
from depthmatte.training.export import export_checkpoint
from depthmatte.training.loop import train
from depthmatte.training.networks.detail import DetailNetwork, DetailOutput, sharpen
from depthmatte.training.recipe import Recipe
from depthmatte.training.tasks.augmentation import DetailAugmentation, DetailPatch
from depthmatte.training.tasks.detail import DetailSamples, detail_loss, read_patches
from depthmatte.training.tasks.detail_composites import CompositeMaterial, draw_composite
from depthmatte.training.tasks.detail_patches import canvas_factor, cut_patches
from depthmatte.training.tasks.task import MaterialOptions
from training_data import use_small_checks


def bust(rows: int = 240, columns: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """A head on shoulders, brown above: colors and alpha."""
    alpha = np.zeros((rows, columns), np.uint8)
    middle = columns // 2
    cv2.ellipse(alpha, (middle, rows // 3), (columns // 6, rows // 5), 0, 0, 360, 255, -1, 16)
    cv2.rectangle(
        alpha, (middle - columns // 12, rows // 3), (middle + columns // 12, rows), 255, -1
    )
    cv2.ellipse(alpha, (middle, rows), (columns // 2 - 9, rows * 2 // 5), 0, 0, 360, 255, -1, 16)
    colors = np.empty((rows, columns, 3), np.uint8)
    colors[:], colors[rows * 4 // 9 :] = (90, 60, 40), (40, 70, 160)
    return colors, alpha.astype(np.float32) / 255


@pytest.fixture(scope="module")
def patches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Patches of drawn busts, whose coarse alpha is the blurred truth."""
    out = tmp_path_factory.mktemp("patches")
    for index in range(6):
        rng = np.random.default_rng(index)
        colors, alpha = draw_strands(rng, *bust(), STRAND_STYLES[index % 4])
        scene = np.float32(rng.uniform(150, 255, 3))
        rgb = np.rint(colors * alpha[..., None] + scene * (1 - alpha[..., None])).astype(np.uint8)
        coarse = np.asarray(cv2.GaussianBlur(alpha, (0, 0), 3), np.float32)
        seen = prepare_detail(rgb, coarse, 1.5)
        assert seen is not None
        split = "test" if index < 2 else "train"
        np.save(out / f"{split}_0_{index}.npy", cut_patches(rng, seen, alpha))
    return out


@pytest.mark.parametrize("style", STRAND_STYLES, ids=lambda style: style.name)
def test_strands_add_to_a_person(style: StrandStyle) -> None:
    colors, alpha = bust()
    drawn, whole = draw_strands(np.random.default_rng(1), colors, alpha, style)
    assert whole.dtype == np.float32
    assert (whole >= alpha - 1e-6).all()
    assert whole.max() <= 1 + 1e-6
    added = (whole - alpha) > 0.05
    assert 50 < added.sum() < 0.4 * added.size
    np.testing.assert_array_equal(drawn[~added & (alpha == 0) & (whole == 0)],
                                  colors[~added & (alpha == 0) & (whole == 0)])  # fmt: skip
    again = draw_strands(np.random.default_rng(1), colors, alpha, style)
    np.testing.assert_array_equal(again[0], drawn)
    np.testing.assert_array_equal(again[1], whole)


def test_nothing_grows_where_nobody_is() -> None:
    colors, alpha = bust()
    empty = np.zeros_like(alpha)
    for style in STRAND_STYLES:
        assert draw_strands(np.random.default_rng(0), colors, empty, style)[1] is empty


def test_patches_are_what_the_network_sees(patches: Path) -> None:
    held = read_patches(patches / "test_0_0.npy")
    assert held.shape[1:] == (DETAIL_INPUTS + 2, 160, 160)
    assert (held[:, DETAIL_INPUTS].max((1, 2)) > 128).any()
    samples = DetailSamples.from_options(MaterialOptions(patches, (64, 96), patches))
    assert len(samples.files) == 4
    for seed in range(6):
        sample = samples.sample((seed % 4, False, seed))
        assert sample["image"].shape == (DETAIL_INPUTS, 64, 96)
        assert sample["alpha"].shape == sample["weight"].shape == (1, 64, 96)
        for value in sample.values():
            assert value.dtype == np.float32
            assert value.min() >= 0
            assert value.max() <= 1
        again = samples.sample((seed % 4, False, seed))
        assert all(np.array_equal(sample[name], again[name]) for name in sample)


def test_photos_are_drawn_as_often_as_the_recipe_says(patches: Path, tmp_path: Path) -> None:
    for path in patches.glob("train_*"):
        (tmp_path / path.name).symlink_to(path)
    np.save(tmp_path / "train_photo_0_00000.npy", read_patches(patches / "train_0_2.npy")[:4])
    how = DetailAugmentation(patch=DetailPatch(share=3.0, photo_share=0.5))
    samples = DetailSamples.of_split(tmp_path, (64, 96), "train", how)
    drawn = dict(zip((file.name for file in samples.files), samples.shares, strict=True))
    assert drawn.pop("train_photo_0_00000.npy") == 0.5
    assert set(drawn.values()) == {3.0}


def test_composites_of_a_folder(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "backgrounds").symlink_to(data / "backgrounds")
    (folder / "cutouts_soft").mkdir()
    for name in ("ann-a", "ann-b", "bea-a", "cid-a"):
        colors, alpha = bust()
        rgba = np.dstack([colors[..., ::-1], np.rint(alpha * 255).astype(np.uint8)])
        cv2.imwrite(str(folder / "cutouts_soft" / f"{name}.png"), rgba)
    trained = CompositeMaterial.of_split(folder, None, "train")
    held = CompositeMaterial.of_split(folder, None, "test")
    assert [path.stem for path in held.cutouts] == ["bea-a"]
    assert {path.stem for path in trained.cutouts} == {"ann-a", "ann-b", "cid-a"}
    for seed in range(4):
        rgb, truth = draw_composite(np.random.default_rng(seed), trained, (200, 300))
        assert rgb.shape == (*truth.shape, 3)
        assert rgb.dtype == np.uint8
        assert truth.dtype == np.float32
        assert 0 <= truth.min() < 0.05
        assert 0.95 < truth.max() <= 1
        assert canvas_factor(truth.shape) >= 1
        again = draw_composite(np.random.default_rng(seed), trained, (200, 300))
        np.testing.assert_array_equal(again[0], rgb)


def test_the_loss_prefers_the_truth() -> None:
    truth = torch.zeros(1, 1, 32, 32)
    truth[..., 16:] = 1
    coarse = torch.full_like(truth, 0.5)
    batch = {"alpha": truth, "weight": torch.ones_like(truth)}
    good = detail_loss(DetailOutput(truth, coarse), batch)
    bad = detail_loss(DetailOutput(coarse, coarse), batch)
    assert sum(good.values()).item() < 1e-5
    assert all(bad[name] > good[name] + 0.001 for name in good)
    doubt = detail_loss(DetailOutput(0.9 * truth + 0.05, coarse), batch)
    assert bad["undecided"] > doubt["undecided"] > good["undecided"]
    everywhere = {"alpha": coarse, "weight": torch.ones_like(truth)}
    assert detail_loss(DetailOutput(coarse, coarse), everywhere)["undecided"] == 0
    nowhere = {"alpha": truth, "weight": torch.zeros_like(truth)}
    assert sum(detail_loss(DetailOutput(truth, coarse), nowhere).values()).item() == 0


def test_sharpening_keeps_order_and_the_middle() -> None:
    alpha = torch.linspace(0, 1, 101, dtype=torch.float64)
    moved = []
    for coarse in (0.5, 0.97, 0.0):
        sharp = sharpen(alpha, torch.full_like(alpha, coarse))
        assert sharp[[0, 50, 100]].tolist() == pytest.approx([0, 0.5, 1])
        assert (sharp.diff() > 0).all()
        assert ((sharp - 0.5).abs() >= (alpha - 0.5).abs() - 1e-12).all()
        moved.append(float((sharp - alpha).abs().mean()))
    assert moved == sorted(moved)  # most where the coarse alpha is certain


def test_a_run_learns_and_its_export_equals_torch(
    patches: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_small_checks(monkeypatch)
    recipe = Recipe(
        task="detail", data=tmp_path, out=tmp_path / "run", steps=24, validate_every=12,
        batch_size=4, preset=(64, 64), workers=0, threads=1, learning_rate=4e-3, labels=patches,
    )  # fmt: skip
    last = train(recipe, report=lambda _: None)
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").read_text().splitlines()))
    assert float(rows[-1]["loss"]) < float(rows[0]["loss"])
    parity = export_checkpoint(last, tmp_path / "detail.onnx")
    network = Network(tmp_path / "detail.onnx").require_task("detail")
    assert network.contract.channels == DETAIL_INPUTS
    assert network.contract.parity == pytest.approx(parity)
    assert set(network.contract.outputs) == {"alpha"}


def test_far_pixels_do_not_reach_the_result() -> None:
    """What lies a block away has no part in a pixel: the tiles' margin hides nothing."""
    torch.manual_seed(0)
    network = DetailNetwork().eval()
    image = torch.rand(1, DETAIL_INPUTS, 128, 128, requires_grad=True)
    network(image).alpha[0, 0, 64, 64].backward()
    assert image.grad is not None
    rows, columns = torch.nonzero(image.grad.abs().sum(1)[0], as_tuple=True)
    reach = torch.cat([rows - 64, columns - 64]).abs().max()
    assert 8 < reach <= 31


def test_useless_labels_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--labels: no patches to learn from; make them"):
        DetailSamples.from_options(MaterialOptions(tmp_path, (64, 64)))
    with pytest.raises(InputError, match="holds no train patches; make them"):
        DetailSamples.from_options(MaterialOptions(tmp_path, (64, 64), tmp_path))
    for content in (b"", b"text", np.lib.format.magic(1, 0)):
        (tmp_path / "train_0_0.npy").write_bytes(content)
        with pytest.raises(InputError, match="holds no patches; make them"):
            read_patches(tmp_path / "train_0_0.npy")
    np.save(tmp_path / "train_0_0.npy", np.zeros((2, 3, 4, 4), np.uint8))
    with pytest.raises(InputError, match="holds no patches; make them"):
        read_patches(tmp_path / "train_0_0.npy")
    with pytest.raises(OptionError, match="train detail has no use for it"):
        Recipe("detail", tmp_path, encoder="mobilenet")
