"""Ablation: every fusion with every source, on plain sets and on scenes, from files made here."""

from __future__ import annotations

import csv
import json
import shutil
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import phone_files
import tinynets
from depthmatte.camera import Camera, Rig
from depthmatte.canvas import Canvas
from depthmatte.cli.app import app
from depthmatte.errors import InputError
from depthmatte.evaluation.ablation import (
    FALSE_AREA,
    MISSED_AREA,
    SCENE_FILES,
    AblationSetup,
    _score_portrait,
    ablate_folders,
    ablation_fusions,
    find_cases,
)
from depthmatte.io.calibration import calibration_reader
from depthmatte.io.photo.photo_reader import read
from depthmatte.photo import Photo
from depthmatte.portrait import Portrait
from depthmatte.session import Session
from depthmatte.values import Depth

SHAPE = (160, 128)


def scene(folder: Path, seed: int) -> None:
    """A red person at 1 m before a wall at 3 m that has a red poster; everything a scene holds."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 80, (20, 16, 3), dtype=np.uint8)
    rgb = cv2.resize(rough, SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
    alpha = np.zeros(SHAPE, np.uint8)
    alpha[60:, 20:70] = 255
    meters = np.full(SHAPE, 3.0, np.float32)
    meters[alpha > 0] = 1.0
    rgb[alpha > 0] = (250, 200, 20)
    rgb[10:40, 85:115] = (250, 200, 20)
    camera = Camera(SHAPE, 150, 150, 63.5, 79.5)
    other = Camera(SHAPE, 150, 150, 63.5, 79.5, translation=np.array([-0.05, 0, 0]))
    right = np.roll(rgb, -2, axis=1)
    cv2.imwrite(str(folder / "photo.jpg"), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(str(folder / "right.jpg"), right[..., ::-1])
    cv2.imwrite(str(folder / "alpha.png"), alpha)
    for name in ("depth_true.png", "depth_sensor.png"):
        cv2.imwrite(str(folder / name), (meters * 1000).astype(np.uint16))
    for name, rig in (("calib", Rig(camera, camera)), ("stereo", Rig(camera, other, True))):
        (folder / f"{name}.json").write_text(calibration_reader.encode_calibration(rig))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scenes")
    for index in range(2):
        scene(root / f"{index:04}", index)
    return root


@pytest.fixture
def nets(tmp_path: Path) -> dict[str, str]:
    return tinynets.save(tmp_path)


def test_scenes_and_plain_folders_are_told_apart(scenes: Path, tmp_path: Path) -> None:
    found = find_cases(scenes)
    assert [case.name for case in found] == ["0000", "0001"]
    assert found[0].sources == ("sensor", "stereo", "mono", "true")
    for part, name in (("images", "photo.jpg"), ("masks", "alpha.png")):
        (tmp_path / part).mkdir()
        (tmp_path / part / f"a{Path(name).suffix}").write_bytes(
            (scenes / "0000" / name).read_bytes()
        )
    assert find_cases(tmp_path)[0].sources == ("mono",)
    lame = tmp_path / "lame" / "0000"
    lame.mkdir(parents=True)
    (lame / "photo.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"no alpha\.png"):
        find_cases(lame.parent)
    for part in ("images", "masks"):  # a plain set whose photo has the name of a scene's
        (tmp_path / part / f"photo.{'jpg' if part == 'images' else 'png'}").write_bytes(b"")
    assert [case.name for case in find_cases(tmp_path)] == ["a", "photo"]
    shutil.copytree(scenes / "0000", tmp_path / "0000")
    with pytest.raises(InputError, match="holds both scenes and images"):
        find_cases(tmp_path)


def test_a_plain_folder_may_hold_the_depth_of_a_camera(scenes: Path, tmp_path: Path) -> None:
    for part, name in (
        ("images", "photo.jpg"),
        ("masks", "alpha.png"),
        ("depth", "depth_true.png"),
    ):
        (tmp_path / part).mkdir()
        shutil.copy(scenes / "0000" / name, tmp_path / part / f"a{Path(name).suffix}")
    (case,) = find_cases(tmp_path)
    assert case.sources == ("sensor", "mono")
    photo = read(case.sample.photo)
    assert case.photo_for("mono", photo) is photo
    given = case.photo_for("sensor", photo).evidence.depth_map
    assert given is not None
    assert given.metric
    for found in ("two depth files", "no depth file"):
        (tmp_path / "depth" / "a.tiff").write_bytes(b"")
        if found == "no depth file":
            shutil.rmtree(tmp_path / "depth")
            (tmp_path / "depth").mkdir()
        with pytest.raises(InputError, match=found):
            find_cases(tmp_path)


def test_every_source_meets_every_fusion(scenes: Path, nets: dict[str, str]) -> None:
    session = Session(networks=nets | {"stereo": "sgbm"})
    pipeline, sources = session.pipeline(), session.sources()
    outcome = ablate_folders([scenes], AblationSetup(pipeline, sources))
    rows = outcome.table[scenes.as_posix()]
    expected = {
        f"{s}/{v}" for s in ("sensor", "stereo", "mono", "true") for v in ablation_fusions()
    }
    assert set(rows) == {"none"} | {name for name in expected if not name.endswith("/none")}
    # The poster is red too: a share of the person's area that is known here.
    assert rows["none"][FALSE_AREA] == pytest.approx(900 / 5000, abs=0.03)
    assert rows["none"][MISSED_AREA] < 0.03
    # With true depth the patent description's product falls where the poster hangs.
    assert rows["true/product"]["iou"] != rows["none"]["iou"]
    assert len(outcome.gains) == 8
    assert not outcome.unmatched


def test_depth_that_a_photo_brings_is_a_source(
    scenes: Path, tmp_path: Path, nets: dict[str, str]
) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for index, name in enumerate(("0000", "0001")):
        photo, truth = (scenes / name / file for file in ("photo.jpg", "alpha.png"))
        depth = cv2.imencode(".png", 255 - cv2.imread(str(truth), 0) // 2)[1].tobytes()
        plain = photo.read_bytes()
        content = phone_files.gdepth(plain, depth) if index == 0 else plain
        (tmp_path / "images" / f"{name}.jpg").write_bytes(content)
        shutil.copy(truth, tmp_path / "masks" / f"{name}.png")
    session = Session(networks=nets | {"stereo": "sgbm"})
    outcome = ablate_folders([tmp_path], AblationSetup(session.pipeline(), session.sources()))
    assert {"stored/adaptive", "mono/adaptive"} <= set(outcome.table[tmp_path.as_posix()])
    assert [(case.name, source) for _, case, source in outcome.gains] == [
        ("0000", "stored"), ("0000", "mono"), ("0001", "mono")
    ]  # fmt: skip


def copied(scenes: Path, to: Path) -> Path:
    shutil.copytree(scenes, to / "scenes")
    return to / "scenes"


@pytest.mark.parametrize("name", ["alpha.png", *chain(*SCENE_FILES.values())])
def test_a_scene_that_lacks_what_others_have_is_an_error(
    scenes: Path, tmp_path: Path, name: str
) -> None:
    folder = copied(scenes, tmp_path)
    (folder / "0001" / name).unlink()
    with pytest.raises(InputError, match=f"0001: holds a photo but no {name}"):
        find_cases(folder)


def test_scenes_need_not_have_every_source(scenes: Path, tmp_path: Path) -> None:
    folder = copied(scenes, tmp_path)
    for one in folder.iterdir():
        for name in ("right.jpg", "stereo.json", "depth_true.png"):
            (one / name).unlink()
    assert [case.sources for case in find_cases(folder)] == [("sensor", "mono")] * 2


@pytest.mark.parametrize("name", ["depth_sensor.png", "calib.json", "right.jpg", "stereo.json"])
def test_what_a_scene_holds_must_be_readable(
    scenes: Path, tmp_path: Path, nets: dict[str, str], name: str
) -> None:
    folder = copied(scenes, tmp_path)
    (folder / "0001" / name).write_bytes(b"junk")
    session = Session(networks=nets | {"stereo": "sgbm"})
    with pytest.raises(InputError, match=name):
        ablate_folders([folder], AblationSetup(session.pipeline(), session.sources()))


def test_a_pair_that_cannot_be_matched_counts_as_no_depth(
    scenes: Path, nets: dict[str, str]
) -> None:
    def swapped(photo: Photo, canvas: Canvas) -> Depth:
        raise InputError("stereo: left and right views seem swapped; exchange them")

    session = Session(networks=nets | {"stereo": "sgbm"})
    pipeline, sources = session.pipeline(), session.sources()
    outcome = ablate_folders([scenes], AblationSetup(pipeline, sources | {"stereo": swapped}))
    rows = outcome.table[scenes.as_posix()]
    assert rows["stereo/adaptive"] == pytest.approx(rows["none"])
    assert outcome.unmatched == 2
    with pytest.raises(InputError, match="seem swapped"):
        ablate_folders([scenes], AblationSetup(pipeline, sources | {"sensor": swapped}))


def test_without_a_subject_there_are_no_shares_of_it() -> None:
    rgb, alpha = np.zeros((10, 10, 3), np.uint8), np.ones((10, 10), np.float32)
    numbers = _score_portrait(Portrait.from_arrays(rgb, alpha), np.zeros((10, 10), np.float32))
    assert np.isnan([numbers[FALSE_AREA], numbers[MISSED_AREA]]).all()
    assert numbers["iou"] == 0


def test_areas_by_hand() -> None:
    truth = np.zeros((10, 10), np.float32)
    truth[:, :5] = 1
    alpha = np.zeros((10, 10), np.float32)
    alpha[:, 2:7] = 1
    rgb = np.zeros((10, 10, 3), np.uint8)
    numbers = _score_portrait(Portrait.from_arrays(rgb, alpha), truth)
    assert numbers[FALSE_AREA] == pytest.approx(0.4)
    assert numbers[MISSED_AREA] == pytest.approx(0.4)


def test_the_command_writes_table_bars_and_sheet(
    scenes: Path, tmp_path: Path, nets: dict[str, str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    one = tmp_path / "scenes"  # the network for stereo is the shipped one, and slow
    shutil.copytree(scenes / "0000", one / "0000")
    targets = {name: tmp_path / f"t.{name}" for name in ("json", "csv")}
    pictures = {name: tmp_path / f"{name}.png" for name in ("plot", "sheet")}
    words = [f"--{name}={path}" for name, path in (targets | pictures).items()]
    nets_given = [f"--matte-network={nets['matte']}", f"--depth-network={nets['depth']}"]
    result = CliRunner().invoke(
        app, ["evaluate", str(one), "--ablation", "-q", *words, *nets_given]
    )
    assert result.exit_code == 0, result.output
    table = json.loads(targets["json"].read_text())[one.as_posix()]
    rows = list(csv.DictReader(targets["csv"].read_text().splitlines()))
    assert [row["variant"] for row in rows] == list(table)
    assert float(rows[0][FALSE_AREA]) == pytest.approx(table["none"][FALSE_AREA], rel=1e-4)
    for path in pictures.values():
        assert cv2.imread(str(path)).std() > 5


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--plot", "{out}/t.xyz"], "cannot be plotted in this format"),
        (["--sheet", "{out}/t.txt"], "cannot be written; use one of"),
        (["--json", "{out}/t", "--csv", "{out}/t"], "is given for two results"),
        (["--json", "{scenes}/0000/alpha.png"], "is an input and is not overwritten"),
        (["--sheet", "{scenes}/0001/right.jpg"], "is an input and is not overwritten"),
    ],
)
def test_places_are_checked_before_anything_is_measured(
    scenes: Path, tmp_path: Path, words: list[str], problem: str
) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra plot")
    places = [word.format(out=tmp_path, scenes=scenes) for word in words]
    nowhere = "--matte-network=nowhere.onnx"  # would be the error if networks were asked first
    result = CliRunner().invoke(app, ["evaluate", str(scenes), "--ablation", nowhere, *places])
    assert result.exit_code == 1
    assert problem in result.output
    assert not list(tmp_path.iterdir())


def test_plot_without_ablation_is_one_clear_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--plot", "x.png"])
    assert result.exit_code == 2
    assert "goes with --ablation" in result.output
