"""Real photos for the detail network: what is true of them, what is stored, what is left out."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import depthmatte as dm
from depthmatte.segment.refine import DETAIL_INPUTS
from depthmatte.training.data.folders import LabeledPhoto, label_file
from depthmatte.training.tasks.detail import read_patches
from depthmatte.training.tasks.detail_patches import cut_patches, make_detail_patches
from depthmatte.training.tasks.detail_photos import photo_truth, see_photo, shuffle_photos
from known_people import COMPOSITES


def test_a_mask_rules_sharp_outlines_and_a_teacher_hair() -> None:
    mask = np.zeros((420, 420), np.uint8)
    mask[60:, 50:350] = 255
    matte = cv2.GaussianBlur(mask, (0, 0), 1.2)
    matte[45:75, 45:355] = cv2.GaussianBlur(mask, (0, 0), 4)[45:75, 45:355]
    truth, binary, soft = photo_truth(mask, matte), mask / 255, matte / 255
    assert truth.dtype == np.float32
    assert 0 <= truth.min() < 0.001
    assert 0.999 < truth.max() <= 1
    np.testing.assert_allclose(truth[56:64, 90:310], soft[56:64, 90:310], atol=0.02)
    side = np.s_[120:380, 45:55]  # the teacher's outline is softer there
    assert np.abs(truth - binary)[side].mean() < 0.7 * np.abs(soft - binary)[side].mean()
    other = np.zeros_like(mask)
    other[:, :40] = 255
    strict = photo_truth(mask, other)  # a teacher who shows somebody else
    assert ((strict > 0.5) == (mask > 127)).all()


def test_patches_of_photos_and_what_is_left_out(tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="needs the extra demo")
    known = COMPOSITES["rocket"]()
    rgb, matte = known.rgb, np.rint(known.alpha * 255).astype(np.uint8)
    shape = rows, columns = matte.shape
    folder = tmp_path / "people" / "drawn" / "train"
    sizes = {"large": shape, "small": (rows // 3, columns // 3), "other": shape}
    items = {}
    for name, (height, width) in sizes.items():
        for kind, picture in (("images", rgb[..., ::-1]), ("masks", matte)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            shown = cv2.resize(picture, (width, height))
            cv2.imwrite(str(folder / kind / f"{name}.png"), shown)
        photo = folder / "images" / f"{name}.png"
        items[name] = LabeledPhoto(photo, folder / "masks" / f"{name}.png", "drawn")
        cv2.imwrite(str(label_file(tmp_path, photo, ".png")), cv2.resize(matte, (width, height)))
    cv2.imwrite(str(folder / "masks" / "other.png"), 255 - matte)
    with dm.Session(threads=1) as session:
        assert see_photo(items["small"], tmp_path, session, 6.0, 0.0) is None  # not refined
        assert see_photo(items["other"], tmp_path, session, 6.0, 0.85) is None
        found = see_photo(items["large"], tmp_path, session, 6.0, 0.0)
    assert found is not None
    seen, truth = found
    assert seen.shape == truth.shape == shape
    stack = cut_patches(np.random.default_rng(0), seen, truth, 3)
    assert stack.shape == (3, DETAIL_INPUTS + 2, 160, 160)
    photos = list(items.values())
    for count in (0, 2, 9):
        drawn = shuffle_photos(np.random.default_rng(4), photos, count)
        assert len(drawn) == len({one.photo for one in drawn}) == min(count, 3)
        assert drawn == shuffle_photos(np.random.default_rng(4), photos, count)


def test_a_folder_of_photos_becomes_patches(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("skimage", reason="needs the extra demo")
    folder, labels, out = tmp_path / "data", tmp_path / "labels", tmp_path / "out"
    labels.mkdir()
    for name, kinds in (("flickr", ("brick", "rocket")), ("ccp", ("coffee", "grass"))):
        for part in ("images", "masks"):
            (folder / "people" / name / "train" / part).mkdir(parents=True)
        for kind in kinds:
            known = COMPOSITES[kind]()
            photo = folder / "people" / name / "train" / "images" / f"{kind}.png"
            alpha = np.rint(known.alpha * 255).astype(np.uint8)
            cv2.imwrite(str(photo), known.rgb[..., ::-1])
            cv2.imwrite(str(photo.parent.parent / "masks" / photo.name), alpha)
            cv2.imwrite(str(label_file(labels, photo, ".png")), alpha)
    (folder / "backgrounds").symlink_to(data / "backgrounds")
    (folder / "cutouts_soft").mkdir()
    made = make_detail_patches(folder, labels, out, 1, report=lambda _: None, photos=10)
    names = sorted(path.name for path in out.iterdir())
    assert names == [
        "test_0_00000.npy", "test_photo_0_00000.npy", "train_0_00000.npy",
        "train_photo_0_00000.npy", "train_photo_0_00001.npy",
    ]  # fmt: skip
    assert made == len(names)
    assert {len(read_patches(out / name)) for name in names if "photo" in name} == {4}
    (out / names[-1]).unlink()
    assert make_detail_patches(folder, labels, out, 1, report=lambda _: None, photos=10) == 1
