"""`depthmatte labels`: out to a labeling tool, corrected there, and back."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from depthmatte.cli.app import app
from depthmatte.training.data.folders import list_pairs
from depthmatte.training.data.formats.brush_rle import encode_brush

FORMATS = {
    "coco": "annotations/instances_default.json",
    "label-studio": "tasks.json",
    "cvat": "annotations.xml",
}
"""Format -> its file in the folder of an export."""


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["labels", *map(str, words)])


def person(height: int, width: int) -> np.ndarray:
    """BGR: a bright figure on black, which the tiny network's red channel takes for people."""
    rgb = np.zeros((height, width, 3), np.uint8)
    center = (width // 2, height)
    cv2.ellipse(rgb, center, (width // 3, height * 3 // 4), 0, 0, 360, (255, 255, 255), -1)
    cv2.circle(rgb, (width // 2, height * 3 // 4), height // 8, (0, 0, 0), -1)  # a hole
    return rgb


@pytest.fixture
def portraits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of photos, two of them with one name, and the place where the command runs."""
    folder = tmp_path / "portraits"
    (folder / "sub dir").mkdir(parents=True)
    cv2.imwrite(str(folder / "a.png"), person(320, 256))
    cv2.imwrite(str(folder / "sub dir" / "a.png"), person(256, 320))
    monkeypatch.chdir(tmp_path)
    return folder


def export(nets: list[str], *words: str | Path, out: str = "out") -> Result:
    return run("export", *words, "-o", out, "--no-second-look", *nets[:2])


def submit(path: Path) -> None:
    """Do what Label Studio does when an annotator submits a prediction unchanged."""
    tasks = json.loads(path.read_text())
    for task in tasks:
        task["annotations"] = [
            {"id": 1, "was_cancelled": False, "result": one["result"], "updated_at": "2026-01-01"}
            for one in task["predictions"]
        ]
        name = task["data"]["image"].rpartition("/")[2]
        task["data"]["image"] = f"/data/upload/1/0123abcd-{name}"
    path.write_text(json.dumps(tasks))


def iou(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def written_masks(folder: Path) -> dict[str, np.ndarray]:
    """Stem -> mask of a folder to train on, each the size of its photo."""
    found = {}
    for item in list_pairs(folder, "set"):
        rgb, mask = item.read()
        assert mask.shape == rgb.shape[:2]
        assert set(np.unique(mask)) <= {0, 255}
        found[item.photo.stem] = mask > 0
    return found


@pytest.mark.parametrize("shape", ["mask", "polygon"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_labels_go_out_and_come_back(
    portraits: Path, nets: list[str], format: str, shape: str
) -> None:
    done = export(nets, portraits, "--format", format, "--shape", shape)
    assert done.exit_code == 0, done.output
    file = Path("out") / FORMATS[format]
    assert done.stdout == f"{file}: labels of 2 photos\n"
    if format == "label-studio":
        submit(file)
    done = run("import", file, "-o", "corrected")
    assert done.exit_code == 0, done.output
    assert "2 photos with people, 0 without" in done.stdout
    masks = written_masks(Path("corrected"))
    assert sorted(masks) == ["a", "a-2"]
    for stem, (height, width) in {"a": (320, 256), "a-2": (256, 320)}.items():
        truth = person(height, width)[..., 2] > 127
        assert iou(masks[stem], truth) >= 0.99
        assert not masks[stem][height * 3 // 4, width // 2]  # the hole


def test_a_correction_in_the_tools_own_shape_comes_back(portraits: Path, nets: list[str]) -> None:
    """A part erased by hand in each tool, saved as the tool saves it."""
    wrong = np.zeros((320, 256), bool)
    wrong[:150] = True
    corrected = (person(320, 256)[..., 2] > 127) & ~wrong
    photo = portraits / "a.png"

    export(nets, photo, "--format", "label-studio", out="studio")
    file = Path("studio/tasks.json")
    submit(file)
    tasks = json.loads(file.read_text())
    tasks[0]["annotations"][0]["result"][0]["value"]["rle"] = encode_brush(corrected)
    file.write_text(json.dumps(tasks))
    assert run("import", file, "-o", "one").exit_code == 0
    assert np.array_equal(written_masks(Path("one"))["a"], corrected)

    export(nets, photo, "--format", "cvat", "--shape", "polygon", out="cvat")
    file = Path("cvat/annotations.xml")
    outline = "128.00,150.00;210.00,320.00;46.00,320.00"
    file.write_text(re.sub('points="[^"]*"', f'points="{outline}"', file.read_text()))
    assert run("import", file, "-o", "two").exit_code == 0
    y, x = np.mgrid[:320, :256] + 0.5
    triangle = (y > 150) & (np.abs(x - 128) < (y - 150) * 82 / 170)
    assert iou(written_masks(Path("two"))["a"], triangle) >= 0.99

    export(nets, photo, "--format", "coco", out="coco")
    file = Path("coco/annotations/instances_default.json")
    content = json.loads(file.read_text())
    flat = np.flatnonzero(np.diff(np.concatenate([[0], corrected.T.ravel(), [0]])))
    counts = np.diff(np.concatenate([[0], flat, [corrected.size]])).tolist()
    content["annotations"][0]["segmentation"] = {"size": [320, 256], "counts": counts}
    file.write_text(json.dumps(content))
    assert run("import", file, "-o", "three").exit_code == 0
    assert np.array_equal(written_masks(Path("three"))["a"], corrected)


def test_photos_stay_where_they_are(portraits: Path, nets: list[str]) -> None:
    done = export(nets, portraits, "--format", "label-studio", "--photos", "reference")
    assert done.exit_code == 0, done.output
    assert sorted(one.name for one in Path("out").iterdir()) == [
        "labeling_interface.xml", "tasks.json"
    ]  # fmt: skip
    tasks = json.loads(Path("out/tasks.json").read_text())
    assert [one["data"]["image"] for one in tasks] == [
        "/data/local-files/?d=a.png", "/data/local-files/?d=sub%20dir/a.png"
    ]  # fmt: skip
    for one in tasks:
        one["annotations"] = one.pop("predictions")
    Path("out/tasks.json").write_text(json.dumps(tasks))
    done = run("import", "out/tasks.json", "--images", portraits, "-o", "corrected")
    assert done.exit_code == 0, done.output
    assert sorted(written_masks(Path("corrected"))) == ["a", "a-2"]


def test_photos_that_browsers_do_not_show_become_png(portraits: Path, nets: list[str]) -> None:
    cv2.imwrite(str(portraits / "t.tif"), person(90, 70))
    done = export(nets, portraits / "t.tif", "--format", "coco")
    assert done.exit_code == 0, done.output
    assert [one.name for one in Path("out/images").iterdir()] == ["t.png"]
    done = export(
        nets, portraits / "t.tif", "--format", "coco", "--photos", "reference", out="other"
    )
    assert done.exit_code == 1
    assert "t.tif: cannot be shown by labeling tools" in done.output
    assert not Path("other").exists()


def test_nothing_is_overwritten(portraits: Path, nets: list[str]) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    done = export(nets, portraits, "--format", "coco")
    assert done.exit_code == 1
    assert done.stderr == "depthmatte: out: exists already and is kept; name a new folder\n"
    shutil.rmtree("out")
    Path("out").mkdir()  # an empty folder is used
    assert export(nets, portraits, "--format", "coco").exit_code == 0
    file = Path("out") / FORMATS["coco"]
    before = sorted(str(one) for one in Path().rglob("*"))
    done = run("import", file, "-o", "out")
    assert done.exit_code == 1
    assert "out: exists already" in done.stderr
    assert sorted(str(one) for one in Path().rglob("*")) == before


def test_a_bad_photo_does_not_stop_the_others(portraits: Path, nets: list[str]) -> None:
    (portraits / "b.png").write_text("no picture")
    done = export(nets, portraits, "--format", "cvat")
    assert done.exit_code == 1
    assert "labels of 2 photos" in done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"depthmatte: {portraits / 'b.png'}: ")
    (Path("out/images") / "a-2.png").unlink()
    done = run("import", "out/annotations.xml", "-o", "corrected")
    assert done.exit_code == 1
    assert "photo a-2.png: is missing" in done.stderr
    assert list(written_masks(Path("corrected"))) == ["a"]


def test_a_file_without_corrections_leaves_no_folder(portraits: Path, nets: list[str]) -> None:
    export(nets, portraits, "--format", "label-studio")
    done = run("import", "out/tasks.json", "-o", "corrected")
    assert done.exit_code == 1
    assert "2 tasks have no submitted annotation" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not Path("corrected").exists()
    assert [one.name for one in Path().iterdir() if one.name.startswith(".")] == []


def test_photos_without_people_are_kept_or_not(portraits: Path, nets: list[str]) -> None:
    cv2.imwrite(str(portraits / "empty.png"), np.zeros((64, 64, 3), np.uint8))
    export(nets, portraits, "--format", "coco", "--category", "human")
    words: list[Any] = ["import", Path("out") / FORMATS["coco"], "--category", "human"]
    done = run(*words, "-o", "with")
    assert "2 photos with people, 1 without" in done.stdout
    assert not written_masks(Path("with"))["empty"].any()
    assert run(*words, "-o", "without", "--no-empty").exit_code == 0
    assert sorted(written_masks(Path("without"))) == ["a", "a-2"]


def test_wrong_options_are_named(portraits: Path) -> None:
    done = run("export", portraits, "--format", "yolo", "-o", "out")
    assert done.exit_code == 2
    assert "--format is 'yolo'; give coco" in done.stderr
    done = run("export", "missing", "--format", "coco", "-o", "out")
    assert done.exit_code == 1
    assert "missing: " in done.stderr
