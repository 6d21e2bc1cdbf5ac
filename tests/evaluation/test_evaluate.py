"""Folders of truth become the right table, and wrong folders one clear line."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from depthmatte.canvas import PRESET_SHAPE, Canvas
from depthmatte.errors import InputError
from depthmatte.evaluation.metrics import METRICS
from depthmatte.evaluation.run import (
    MASK_IOU,
    MetricTable,
    evaluate_folders,
    find_samples,
    fusion_variants,
    write_csv,
    write_json,
)
from depthmatte.fusion import FUSIONS
from depthmatte.photo import Photo
from depthmatte.pipeline import Pipeline
from depthmatte.values import Depth, Matte

SHAPE = PRESET_SHAPE
"""Photos of the canvas's own size: nothing is scaled, so the numbers below are exact."""


def red(canvas: Canvas) -> Matte:
    """Whoever wears red is the portrait, and surely so."""
    alpha = np.where(canvas.fit.inside(), np.clip(canvas.rgb[0, 0], 0, 1), np.float32(0))
    return Matte(alpha, np.ones_like(alpha))


def half_sure(photo: Photo, canvas: Canvas) -> Depth:
    """Everything at d = 0.5 but one farthest corner; I2 is 0.8."""
    z = np.full(canvas.fit.canvas, 0.5, np.float32)
    z[0, 0] = 1
    return Depth(z, np.full(canvas.fit.canvas, 0.8, np.float32), source="sensor")


PIPELINE = Pipeline(red, half_sure, FUSIONS["none"])


def person(shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    """A block from the middle down to the lower frame."""
    mask = np.zeros(shape, bool)
    mask[shape[0] // 4 :, shape[1] // 4 : 3 * shape[1] // 4] = True
    return mask


def save(
    folder: Path, stem: str, truth: NDArray[np.bool_] | None = None, suffix: str = ".png"
) -> None:
    mask = person()
    rgb = np.zeros((*mask.shape, 3), np.uint8)
    rgb[mask] = (255, 0, 0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgb).save(folder / "images" / f"{stem}{suffix}")
    truth = mask if truth is None else truth
    Image.fromarray(np.where(truth, 255, 0).astype(np.uint8)).save(folder / "masks" / f"{stem}.png")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(tmp_path / "set", "one")
    save(tmp_path / "set", "two", truth=np.zeros(SHAPE, bool))
    return tmp_path / "set"


def test_the_whole_table(folder: Path) -> None:
    """`one` is perfect, `two` shows somebody who should not be there: 3/8 of the photo."""
    table = evaluate_folders([folder], PIPELINE)
    assert list(table) == [folder.as_posix()]
    rows = table[folder.as_posix()]
    assert list(rows) == list(FUSIONS)
    assert list(rows["none"]) == [*METRICS, MASK_IOU]
    share = float(person().mean())
    assert rows["none"]["mae"] == pytest.approx(share / 2, abs=1e-3)
    assert rows["none"]["iou"] == pytest.approx(0.5, abs=1e-3)
    assert rows["none"][MASK_IOU] == pytest.approx(0.5, abs=1e-3)
    assert rows["none"]["sad"] == pytest.approx(share * SHAPE[0] * SHAPE[1] / 1000 / 2, rel=1e-2)
    assert rows["none"]["band"] == pytest.approx(0, abs=1e-3)  # `two` has no band and counts not


def test_each_fusion_from_the_same_networks(folder: Path) -> None:
    """The product is 0.8 (1 - 0.5) = 0.4 inside: too faint for IoU, not for its own mask.

    At 0.5 it misses the person of `one` (0) and rightly sees nobody in `two` (1).
    """
    rows = evaluate_folders([folder], PIPELINE)[folder.as_posix()]
    share = float(person().mean())
    assert rows["product"]["mae"] == pytest.approx((0.6 * share + 0.4 * share) / 2, abs=2e-3)
    assert rows["product"]["iou"] == 0.5
    assert rows["product"][MASK_IOU] == pytest.approx(0.5, abs=1e-2)
    assert rows["normalized"]["iou"] == pytest.approx(0.5, abs=1e-2)
    assert rows["adaptive"]["mae"] == pytest.approx(share / 2, abs=1e-3)


def test_networks_run_once_per_photo(folder: Path) -> None:
    runs = []

    def counted(canvas: Canvas) -> Matte:
        runs.append(canvas)
        return red(canvas)

    evaluate_folders([folder], Pipeline(counted, half_sure, FUSIONS["none"]))
    assert len(runs) == 2


def test_variants_are_what_the_pipeline_says() -> None:
    rgb = np.zeros((400, 500, 3), np.uint8)
    rgb[100:, 100:300, 0] = 255
    photo = Photo(rgb)
    for name, portrait in fusion_variants(PIPELINE, photo):
        rule = FUSIONS[name]
        alone = Pipeline(red, half_sure, rule, fused_threshold=rule.threshold)(photo)
        assert np.array_equal(portrait.alpha, alone.alpha)
        assert np.array_equal(portrait.mask, alone.mask)


def test_peers_stand_in_the_same_table(folder: Path) -> None:
    def everything(photo: Photo) -> NDArray[np.float32]:
        return np.ones(photo.shape, np.float32)

    rows = evaluate_folders([folder], PIPELINE, {"all": everything})[folder.as_posix()]
    assert list(rows) == [*FUSIONS, "all"]
    share = float(person().mean())
    assert rows["all"]["mae"] == pytest.approx(((1 - share) + 1) / 2)
    assert rows["all"][MASK_IOU] == rows["all"]["iou"] == pytest.approx(share / 2)


def test_progress_names_every_photo(folder: Path) -> None:
    seen: list[Path] = []
    evaluate_folders([folder], PIPELINE, progress=seen.append)
    assert [path.name for path in seen] == ["one.png", "two.png"]


def test_soft_truth_is_read_as_gray(tmp_path: Path) -> None:
    save(tmp_path, "soft")
    gray = np.full(SHAPE, 51, np.uint8)
    Image.fromarray(gray).save(tmp_path / "masks" / "soft.png")
    truth = find_samples(tmp_path)[0].read()[1]
    assert truth.dtype == np.float32
    assert truth == pytest.approx(0.2)


def test_suffixes_may_differ(tmp_path: Path) -> None:
    save(tmp_path, "b", suffix=".JPG")
    save(tmp_path, "a", suffix=".webp")
    (tmp_path / "images" / ".hidden.png").touch()
    (tmp_path / "images" / "notes.txt").touch()
    assert [sample.photo.name for sample in find_samples(tmp_path)] == ["a.webp", "b.JPG"]


@pytest.mark.parametrize("part", ["images", "masks"])
def test_a_missing_half(folder: Path, part: str) -> None:
    (folder / part).rename(folder / "elsewhere")
    with pytest.raises(InputError, match=f"set: has no folder {part}; give") as caught:
        evaluate_folders([folder], PIPELINE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("part", "message"), [("masks", "one.png: has no mask"), ("images", "one.png: has no photo")]
)
def test_a_missing_partner(folder: Path, part: str, message: str) -> None:
    (folder / part / "one.png").unlink()
    with pytest.raises(InputError, match=message):
        evaluate_folders([folder], PIPELINE)


def test_a_stem_that_occurs_twice(folder: Path) -> None:
    save(folder, "one", suffix=".jpg")
    with pytest.raises(InputError, match="the name one occurs twice"):
        evaluate_folders([folder], PIPELINE)


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(InputError, match="holds no photos"):
        evaluate_folders([tmp_path], PIPELINE)


def test_a_mask_of_another_size(folder: Path) -> None:
    Image.new("L", (100, 200)).save(folder / "masks" / "two.png")
    size = f"{SHAPE[1]} x {SHAPE[0]}"
    with pytest.raises(InputError, match=f"two.png: is 100 x 200 pixels but its photo {size}"):
        evaluate_folders([folder], PIPELINE)


def test_every_folder_is_checked_before_the_work(folder: Path, tmp_path: Path) -> None:
    seen: list[Path] = []
    with pytest.raises(InputError, match="nowhere: has no folder images"):
        evaluate_folders([folder, tmp_path / "nowhere"], PIPELINE, progress=seen.append)
    assert seen == []


def test_a_damaged_photo(folder: Path) -> None:
    (folder / "images" / "two.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(InputError, match=r"two\.png"):
        evaluate_folders([folder], PIPELINE)


def table() -> MetricTable:
    row = dict.fromkeys([*METRICS, MASK_IOU], 0.25)
    return {"set": {"none": row, "product": row | {"band": math.nan}}}


def test_json(tmp_path: Path) -> None:
    file = tmp_path / "table.json"
    write_json(table(), file)
    stored = json.loads(file.read_text("utf-8"))
    assert stored["set"]["none"]["iou"] == 0.25
    assert stored["set"]["product"]["band"] is None
    assert list(tmp_path.iterdir()) == [file]


def test_csv(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    write_csv(table(), file)
    rows = list(csv.DictReader(file.read_text("utf-8").splitlines()))
    assert [row["variant"] for row in rows] == ["none", "product"]
    assert rows[1]["s_measure"] == "0.25"
    assert rows[1]["band"] == "nan"


@pytest.mark.parametrize("write", [write_json, write_csv])
def test_a_file_that_cannot_be_written(tmp_path: Path, write: object) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write(table(), tmp_path / "nowhere" / "file")  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="its folder is a file"):
        write(table(), tmp_path / "file" / "table")  # type: ignore[operator]
