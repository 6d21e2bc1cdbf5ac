"""Hard scenes: drawn alike every time, exact in alpha, depth, both views and the depth camera."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from depthmatte.errors import InputError
from depthmatte.io.calibration import calibration_reader
from depthmatte.training.data.assets import Assets
from depthmatte.training.data.splits import Split
from depthmatte.training.scenes.depth_sensor import (
    DEPTH_SENSORS,
)
from depthmatte.training.scenes.hard_scenes.scene import SCENE_TAGS, HardScene, draw_hard_scene
from hard_scene_data import benchmark, lay_out_scene_photos


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The photos from which scenes are drawn."""
    return lay_out_scene_photos(tmp_path_factory.mktemp("data"))


COUNT = 8


@pytest.fixture(scope="module", autouse=True)
def _small_photos() -> Iterator[None]:
    """Photos of 640 x 480 pixels: a third of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("depthmatte.training.scenes.hard_scenes.scene._PORTRAIT_SHAPE", (640, 480))
        yield


@cache
def scenes_of(root: Path) -> list[HardScene]:
    assets = Assets.for_hard_scenes(root, "test")
    return [draw_hard_scene(assets, "test", 3, index) for index in range(COUNT)]


@pytest.fixture
def scenes(data: Path) -> list[HardScene]:
    return scenes_of(data)


def arrays(scene: HardScene) -> list[np.ndarray]:
    return [scene.rgb, scene.alpha, scene.depth, scene.sensor, scene.right]


def test_a_scene_is_a_function_of_split_seed_and_index(data: Path, scenes: list[HardScene]) -> None:
    again = draw_hard_scene(Assets.for_hard_scenes(data, "test"), "test", 3, 1)
    assert all(map(np.array_equal, arrays(again), arrays(scenes[1])))
    assert again.info == scenes[1].info
    assert again.sensor_rig == scenes[1].sensor_rig
    other = draw_hard_scene(Assets.for_hard_scenes(data, "test"), "test", 4, 1)
    assert not np.array_equal(other.alpha, again.alpha)


def test_splits_share_no_file(data: Path) -> None:
    def files(split: Split) -> set[Path]:
        assets = Assets.for_hard_scenes(data, split)
        people = {item.photo for item in assets.people}
        return people | {*assets.cutouts, *assets.portraits, *assets.backgrounds, *assets.objects}

    train, test = files("train"), files("test")
    assert train
    assert test
    assert not train & test
    assert not any("eval" in path.parts for path in train)
    assert any("eval" in path.parts for path in test)
    everything = {p for p in data.rglob("*.png") if "masks" not in p.parts}
    assert train | test == everything


def test_what_a_scene_shows_comes_from_its_split(data: Path, scenes: list[HardScene]) -> None:
    assets = Assets.for_hard_scenes(data, "test")
    people = {assets.name(item.photo) for item in assets.people}
    others = {assets.name(path) for path in (*assets.cutouts, *assets.objects)}
    for scene in scenes:
        assert scene.info["subject"]["source"] in people
        used = {note["source"] for note in scene.info["placed"]}
        assert used <= people | others | {"drawn"}


def test_every_difficulty_has_its_turn(scenes: list[HardScene]) -> None:
    held = [SCENE_TAGS[index % len(SCENE_TAGS)] in s.info["tags"] for index, s in enumerate(scenes)]
    assert sum(held) >= COUNT - 1
    assert all(set(s.info["tags"]) <= set(SCENE_TAGS) for s in scenes)
    for scene in scenes:
        height, width = scene.alpha.shape
        assert (width > height) == ("landscape" in scene.info["tags"])


def test_alpha_belongs_to_the_subject_and_what_is_held(scenes: list[HardScene]) -> None:
    for scene in scenes:
        assert scene.alpha.dtype == np.float32
        assert scene.alpha.min() >= 0
        assert scene.alpha.max() <= 1
        assert (scene.alpha > 0.99).mean() > 0.02
        boxes = np.zeros(scene.alpha.shape, bool)
        for note in scene.info["placed"]:
            if note["own"]:
                left, top, width, height = note["box"]
                boxes[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = 1
        assert not scene.alpha[~boxes].any()
        kinds = {n["kind"] for n in scene.info["placed"] if n["own"]}
        assert kinds - {"subject"} == {f"held {k}" for k in scene.info["subject"]["held"]}


def test_depth_agrees_with_who_hides_whom(scenes: list[HardScene]) -> None:
    """Inside alpha lies the subject's depth; what is clearly nearer or farther has alpha 0."""
    for scene in scenes:
        own = [n["meters"] for n in scene.info["placed"] if n["own"]]
        solid = scene.depth[scene.alpha > 0.95]
        assert solid.max() <= max(own) + 1e-4
        assert solid.min() >= min(own) - 0.45
        for note in scene.info["placed"]:
            if note["kind"] == "passer-by":
                nearer = scene.depth <= note["meters"] + 1e-4
                assert scene.alpha[nearer].max(initial=0) <= 0.5
        farther = scene.depth > max(own) + 0.2
        assert scene.alpha[farther].max(initial=0) <= 0.75  # two half-covering parts
        assert np.isfinite(scene.depth).all()
        assert scene.depth.min() > 0.2


def warped_error(scene: HardScene, wrong: float = 1.0) -> float:
    """Mean difference of the photo and the right view brought over it, where both see the point."""
    rig = scene.stereo_rig
    disparity = rig.photo.fx * rig.baseline / scene.depth * wrong
    rows, columns = scene.depth.shape
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    target = (x - disparity).astype(np.float32)
    moved = cv2.remap(cv2.GaussianBlur(scene.right, (0, 0), 2), target, y, cv2.INTER_LINEAR)
    # In each row of the right view the nearest surface wins.
    column = np.rint(target).astype(int)
    inside = (column >= 0) & (column < columns)
    front = np.zeros((rows, columns), np.float32)
    np.maximum.at(front, (y[inside].astype(int), column[inside]), disparity[inside])
    seen = inside.copy()
    seen[inside] = disparity[inside] > front[y[inside].astype(int), column[inside]] - 0.7
    seen = cv2.erode(seen.astype(np.uint8), np.ones((9, 9))) > 0
    assert seen.mean() > 0.5
    difference = cv2.absdiff(cv2.GaussianBlur(scene.rgb, (0, 0), 2), moved)
    gain = float(scene.rgb[seen].mean()) + 1
    return float(difference[seen].mean()) / gain


def test_the_right_view_is_the_photo_moved_by_its_disparity(scenes: list[HardScene]) -> None:
    for scene in scenes:
        assert scene.stereo_rig.rectified
        assert scene.stereo_rig.side == "right"
        assert scene.right.shape == scene.rgb.shape
        assert warped_error(scene) < 0.06 + 0.06 * ("noise" in scene.info["tags"])
        assert warped_error(scene) < 0.75 * warped_error(scene, 1.3)


def test_the_sensor_sees_the_true_depth(scenes: list[HardScene]) -> None:
    """Through the calibrated rig, which is a little wrong, its answers still lie on surfaces."""
    kinds = set()
    for scene in scenes:
        rig = scene.sensor_rig
        assert rig.other.shape in {sensor.shape for sensor in DEPTH_SENSORS}
        assert 0.01 < rig.baseline < 0.08
        kinds.add(scene.info["sensor"]["kind"])
        y, x = np.nonzero(scene.sensor)
        points = rig.other.unproject(np.stack([x, y], axis=-1), scene.sensor[y, x])
        u, v = np.rint(rig.photo.project(points)).T
        rows, columns = scene.depth.shape
        seen = (u >= 0) & (u < columns) & (v >= 0) & (v < rows)
        assert seen.sum() > 2000
        truth = scene.depth[v[seen].astype(int), u[seen].astype(int)]
        off = np.abs(points[seen, 2] / truth - 1)
        assert np.median(off) < 0.01
        assert (off > 0.05).mean() < 0.08
        assert 0.02 < (scene.sensor == 0).mean() < 0.95
        assert np.allclose(scene.sensor * 1000, np.rint(scene.sensor * 1000), atol=1e-3)
    assert kinds == {sensor.name for sensor in DEPTH_SENSORS}


def test_the_command_writes_what_its_readme_says(
    data: Path, tmp_path: Path, scenes: list[HardScene], capsys: pytest.CaptureFixture[str]
) -> None:
    main = benchmark("__main__").main
    flags = ["--data", str(data), "--out", str(tmp_path / "out"), "--count", "1", "--seed", "3"]
    assert main([*flags, "--start", "1", "--split", "test"]) == 0
    folder, scene = tmp_path / "out" / "00001", scenes[1]
    assert {path.name for path in folder.iterdir()} == {
        "photo.jpg", "right.jpg", "alpha.png", "depth_true.png", "depth_sensor.png",
        "calib.json", "stereo.json", "scene.json",
    }  # fmt: skip
    assert json.loads((folder / "scene.json").read_text()) == scene.info
    alpha = cv2.imread(str(folder / "alpha.png"), cv2.IMREAD_UNCHANGED)
    assert alpha.dtype == np.uint8
    assert np.abs(alpha / 255 - scene.alpha).max() < 0.5 / 255 + 1e-6
    for name, truth in (("depth_true", scene.depth), ("depth_sensor", scene.sensor)):
        depth = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        assert np.abs(depth / 1000 - truth).max() < 0.00051
    for name, rgb in (("photo", scene.rgb), ("right", scene.right)):
        photo = cv2.imread(str(folder / f"{name}.jpg"))[..., ::-1]
        assert cv2.absdiff(np.ascontiguousarray(photo), rgb).mean() < 6
    for name, rig in (("calib", scene.sensor_rig), ("stereo", scene.stereo_rig)):
        found = calibration_reader.read_calibration(folder / f"{name}.json")
        assert found.rectified == rig.rectified
        for one, two in zip(found.pose, rig.pose, strict=True):
            assert one == pytest.approx(two)
        assert (found.photo.matrix == rig.photo.matrix).all()
        assert (found.other.matrix == rig.other.matrix).all()
    assert capsys.readouterr().out.strip().startswith("1 test scenes in")


def test_optional_sets_may_be_missing(data: Path, tmp_path: Path) -> None:
    for name in ("people", "backgrounds"):
        (tmp_path / name).symlink_to(data / name)
    assets = Assets.for_hard_scenes(tmp_path, "train")
    assert len(assets.notes) == 3
    assert all("scenes go without them" in note for note in assets.notes)
    for index in (0, 2):
        assert draw_hard_scene(assets, "train", 0, index).alpha.any()


def test_without_people_or_places_the_command_says_what_to_add(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--count", "1"]
    main = benchmark("__main__").main
    assert main(["--data", str(tmp_path / "no"), *flags[2:]]) == 1
    assert "no: is no folder" in capsys.readouterr().err
    assert main(flags) == 1
    said = capsys.readouterr().err.strip()
    assert "no people for the test split" in said
    assert "\n" not in said
    (tmp_path / "people").symlink_to(data / "people")
    with pytest.raises(InputError, match="no backgrounds"):
        Assets.for_hard_scenes(tmp_path, "train")
    assert not (tmp_path / "out").exists()


def test_scenes_of_the_real_data(shared: Path) -> None:
    for split in ("train", "test"):
        assets = Assets.for_hard_scenes(shared / "data", split)
        assert assets.notes == ()
        for index in (0, 7):
            scene = draw_hard_scene(assets, split, 11, index)
            assert SCENE_TAGS[index] in scene.info["tags"]
            assert warped_error(scene) < 0.2
            evaluated = "/eval/" in scene.info["subject"]["source"]
            assert split == "test" or not evaluated
