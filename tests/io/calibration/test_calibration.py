"""Calibration files: three families, one meaning; what is unclear is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import room_files
from depthmatte.camera import Camera, Rig
from depthmatte.errors import InputError
from depthmatte.io.calibration import calibration_reader
from places import ROOT
from rigs import cameras, rotation

K = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
K2 = np.array([[400.0, 0, 310], [0, 405, 250], [0, 0, 1]])
D = np.array([0.1, -0.2, 0.001, 0.002, 0.03])
R = rotation(0.01, 0.02, 0.03)
T = np.array([-0.06, 0.001, 0.002])

OWN: dict[str, Any] = {
    "depthmatte": 1,
    "photo": {"size": [640, 480], "fx": 500, "fy": 510, "cx": 320, "cy": 240},
    "other": {"size": [320, 240], "fx": 200, "fy": 202, "cx": 155, "cy": 125},
    "rotation": R.T.tolist(),
    "translation": (-R.T @ T).tolist(),
}


def storage(folder: Path, suffix: str, entries: dict[str, Any]) -> Path:
    """A file as OpenCV itself writes it."""
    path = folder / f"calib.{suffix}"
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in entries.items():
        file.write(key, value)
    file.release()
    return path


def moved(cx: float) -> NDArray[Any]:
    """K with its principal point so much farther right."""
    matrix = K.copy()
    matrix[0, 2] += cx
    return matrix


def same(one: Rig, two: Rig) -> None:
    assert one.rectified == two.rectified
    for a, b in ((one.photo, two.photo), (one.other, two.other)):
        assert a.shape == b.shape
        assert a.matrix == pytest.approx(b.matrix)
        assert a.distortion == pytest.approx(b.distortion)
    for a, b in zip(one.pose, two.pose, strict=True):
        assert a == pytest.approx(b, abs=1e-9)


# Our own JSON


def test_own_json_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "calib.json"
    path.write_text(json.dumps(OWN))
    rig = calibration_reader.read_calibration(path)
    assert (rig.photo.shape, rig.photo.fx, rig.photo.cy) == ((480, 640), 500, 240)
    assert (rig.other.shape, rig.other.distortion) == ((240, 320), ())
    assert not rig.rectified
    turn, shift = rig.pose  # from the other camera to the photo's, as in the file
    assert turn == pytest.approx(R.T)
    assert shift == pytest.approx(-R.T @ T)


def test_one_camera_took_both() -> None:
    rig = calibration_reader.parse_calibration(
        json.dumps({key: OWN[key] for key in ("depthmatte", "photo")})
    )
    assert rig.photo == rig.other


@given(cameras(turn=1), cameras(turn=1))
def test_own_json_comes_back(photo: Camera, other: Camera) -> None:
    rig = Rig(photo, other)
    back = calibration_reader.parse_calibration(calibration_reader.encode_calibration(rig))
    assert back.pose[0] == pytest.approx(rig.pose[0], abs=1e-9)
    assert back.pose[1] == pytest.approx(rig.pose[1], abs=1e-9)
    shown = [*photo.distortion, 0] if any(photo.distortion) else [0]
    assert [*back.photo.distortion, 0] == shown
    assert back.photo.matrix == pytest.approx(photo.matrix)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"depthmatte": 2}, '"depthmatte": 1'),
        ({"rotatoin": []}, "'rotatoin' is unknown"),
        ({"photo": [1]}, "photo must be an object"),
        ({"photo": {**OWN["photo"], "fx": -1}}, "fx, fy positive"),
        ({"photo": {**OWN["photo"], "fx": "wide"}}, "photo fx, fy, cx, cy must be"),
        ({"photo": {**OWN["photo"], "size": [640]}}, "photo size must be 2"),
        ({"photo": {**OWN["photo"], "size": [0, 480]}}, "give height and width"),
        ({"photo": {**OWN["photo"], "k1": 0.1}}, "'k1' is unknown"),
        ({"other": {**OWN["other"], "distortion": [1, 2]}}, "give none, 4, 5 or 8"),
        ({"other": {**OWN["other"], "distortion": {"k1": 1}}}, "other distortion"),
        ({"rotation": (np.eye(3) * 2).tolist()}, "not a 3 x 3 rotation"),
        ({"rotation": np.diag([1, 1, -1]).tolist()}, "not a 3 x 3 rotation"),
        ({"translation": [60.0, 0, 0]}, "60 m apart"),
        ({"translation": [None, 0, 0]}, "translation must be 3"),
        ({"rectified": 1}, "true or false"),
        ({"rectified": True}, "says rectified"),
    ],
)
def test_own_json_is_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"me.json: .*{said}") as found:
        calibration_reader.parse_calibration(json.dumps({**OWN, **change}), "me.json")
    assert "\n" not in str(found.value)


# OpenCV


@pytest.mark.parametrize("suffix", ["yml", "xml", "json"])
@pytest.mark.parametrize(
    "names",
    [
        ("M1", "D1", "M2", "D2", "R", "T"),
        ("K1", "D1", "K2", "D2", "R", "t"),
        ("cameraMatrix1", "distCoeffs1", "cameraMatrix2", "distCoeffs2", "R", "T"),
        ("camera_matrix_1", "dist_coeffs_1", "camera_matrix_2", "dist_coeffs_2", "R", "T"),
    ],
)
def test_opencv_pairs(tmp_path: Path, suffix: str, names: tuple[str, ...]) -> None:
    """stereoCalibrate's R, T lead from camera 1, the photo's, to camera 2."""
    values = (K, D, K2, np.zeros((1, 14)), R, T[:, None])
    entries = {"image_width": 640, "image_height": 480, **dict(zip(names, values, strict=True))}
    rig = calibration_reader.read_calibration(storage(tmp_path, suffix, entries))
    assert rig.photo.distortion == pytest.approx(tuple(D))
    assert rig.other.distortion == ()
    assert rig.other.rotation == pytest.approx(R, abs=1e-9)
    assert rig.other.translation == pytest.approx(T)
    same(rig, calibration_reader.parse_calibration(calibration_reader.encode_calibration(rig)))


@pytest.mark.parametrize("name", ["camera_matrix", "cameraMatrix", "intrinsic", "K", "M1", "mtx"])
def test_opencv_one_camera(tmp_path: Path, name: str) -> None:
    path = storage(tmp_path, "yml", {name: K})
    rig = calibration_reader.read_calibration(path, (480, 640), (240, 320))
    assert rig.photo == rig.other
    assert rig.photo.matrix == pytest.approx(K)
    assert rig.photo.shape == (480, 640)
    with pytest.raises(InputError, match="names no image size; add"):
        calibration_reader.read_calibration(path)
    with pytest.raises(InputError, match="do not fit the picture's 4000 x 3000"):
        calibration_reader.read_calibration(path, (3000, 4000))


def test_opencv_millimeters_are_said(tmp_path: Path) -> None:
    entries = {"image_size": np.array([640, 480]), "M1": K, "M2": K2, "R": R, "T": T * 1000}
    with pytest.raises(InputError, match=r"60\.04 m apart; .*unit: mm"):
        calibration_reader.read_calibration(storage(tmp_path, "yml", entries))
    rig = calibration_reader.read_calibration(storage(tmp_path, "yml", {**entries, "unit": "mm"}))
    assert rig.other.translation == pytest.approx(T)
    with pytest.raises(InputError, match="'inch' is unknown"):
        calibration_reader.read_calibration(storage(tmp_path, "yml", {**entries, "unit": "inch"}))


def test_opencv_rectified_projections(tmp_path: Path) -> None:
    """P2 of stereoRectify holds T fx; the second view lies to the right."""
    second = np.hstack([moved(7), [[-0.12 * 500], [0], [0]]])
    entries = {"P1": np.hstack([K, np.zeros((3, 1))]), "P2": second}
    rig = calibration_reader.read_calibration(storage(tmp_path, "yml", entries), (480, 640))
    assert rig.rectified
    assert (rig.side, rig.baseline, rig.doffs) == ("right", pytest.approx(0.12), pytest.approx(7))
    for place, said in (((1, 3), "one camera above the other"), ((0, 0), "fx, fy positive")):
        wrong = second.copy()
        wrong[place] = -60.0 if place[0] else 0.0
        with pytest.raises(InputError, match=said):
            calibration_reader.read_calibration(
                storage(tmp_path, "yml", {**entries, "P2": wrong}), (480, 640)
            )


def test_ros_camera_info() -> None:
    """Plain YAML of a ROS camera, which lacks OpenCV's first line and tags."""
    text = """image_width: 640
image_height: 480
camera_matrix:
  rows: 3
  cols: 3
  data: [612.1, 0, 320.2, 0, 611.0, 241.0, 0, 0, 1]
distortion_coefficients:
  rows: 1
  cols: 5
  data: [0.1, -0.2, 0.001, 0.0, 0]
"""
    camera = calibration_reader.parse_calibration(text).photo
    assert (camera.fx, camera.cy, camera.shape) == (612.1, 241.0, (480, 640))
    assert camera.distortion == (0.1, -0.2, 0.001, 0, 0)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({"M1": K, "M2": K2}, "no R and T"),
        ({"M2": K2, "R": R, "T": T}, "name the camera matrix"),
        ({"foo": 1}, "holds foo"),
        ({"K": np.eye(2)}, "camera matrix must be 3 x 3"),
        ({"K": np.where(np.arange(9).reshape(3, 3) == 1, 5, K)}, "K must be fx 0 cx"),
        ({"K": "wide"}, "camera matrix must be 3 x 3"),
    ],
)
def test_opencv_files_are_checked(tmp_path: Path, entries: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        calibration_reader.read_calibration(storage(tmp_path, "yml", entries), (480, 640))


# Middlebury

MIDDLEBURY = """cam0=[3979.911 0 1244.772; 0 3979.911 1019.507; 0 0 1]
cam1=[3979.911 0 1369.115; 0 3979.911 1019.507; 0 0 1]
doffs=124.343
baseline=193.001
width=2964
height=1988
ndisp=270
"""


def test_middlebury() -> None:
    rig = calibration_reader.parse_calibration(MIDDLEBURY)
    assert rig.rectified
    assert rig.photo.shape == (1988, 2964)
    assert (rig.side, rig.baseline) == ("right", pytest.approx(0.193001))
    assert rig.doffs == pytest.approx(124.343)
    point = rig.photo.unproject(np.array([1500.0, 900]), np.array(3.0))
    disparity = rig.photo.project(point)[0] - rig.other.project(point)[0]
    assert disparity == pytest.approx(3979.911 * 0.193001 / 3 - 124.343)


def test_middlebury_with_one_camera_and_no_size() -> None:
    lines = MIDDLEBURY.splitlines()
    rig = calibration_reader.parse_calibration(
        "\n".join([lines[0], *lines[2:4]]), "calib.txt", (1988, 2964)
    )
    assert rig.doffs == pytest.approx(124.343)
    with pytest.raises(InputError, match="names no image size"):
        calibration_reader.parse_calibration("\n".join([lines[0], *lines[2:4]]))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("doffs=124.343", "doffs=12", "doffs is not cx of cam1"),
        ("baseline=193.001", "", "baseline must be"),
        ("baseline=193.001", "baseline=-3", "baseline must be positive"),
        ("cam0=[3979.911 0", "cam0=[3979.911", "cam0 must be 3 x 3"),
        ("width=2964", "width=x", "width must be"),
    ],
)
def test_middlebury_is_checked(old: str, new: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        calibration_reader.parse_calibration(MIDDLEBURY.replace(old, new))


# Anything else


def test_other_files_are_told_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello world")
    (tmp_path / "empty").write_text("")
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    (tmp_path / "large").write_bytes(b" " * 2**21)
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "deep.json").write_text('{"a":' * 20000)
    (tmp_path / "cut.xml").write_text('<?xml version="1.0"?><opencv_storage><K>')
    (tmp_path / "folder").mkdir()
    for path in (*tmp_path.iterdir(), tmp_path / "absent"):
        with pytest.raises(InputError) as found:
            calibration_reader.read_calibration(path)
        assert str(found.value).startswith(str(path))
        assert "\n" not in str(found.value)


def damaged(text: str, places: list[tuple[int, str]]) -> str:
    for place, sign in places:
        text = text[: place % len(text)] + sign + text[place % len(text) + 1 :]
    return text


@given(
    st.sampled_from([json.dumps(OWN), MIDDLEBURY, "%YAML:1.0\n---\nK: [1,0,1,0,1,1,0,0,1]\n"]),
    st.lists(st.tuples(st.integers(0, 999), st.characters(max_codepoint=200)), max_size=4),
)
def test_damage_never_gets_through(text: str, places: list[tuple[int, str]]) -> None:
    try:
        rig = calibration_reader.parse_calibration(damaged(text, places), "me", (480, 640))
    except InputError:
        return
    assert isinstance(rig, Rig)


def test_the_documented_example_works() -> None:
    text = (ROOT / "docs" / "reference" / "calibration.md").read_text("utf-8")
    examples = text.split("```json\n")[1:]
    rigs = [calibration_reader.parse_calibration(part.split("```")[0]) for part in examples]
    assert rigs
    assert all(rig.baseline > 0 for rig in rigs)


def test_an_xml_that_places_its_one_camera_in_a_room(tmp_path: Path) -> None:
    """One camera for photo and depth; its R and t place it in a room that does not matter."""
    name = room_files.save(tmp_path)
    rig = calibration_reader.read_calibration(
        tmp_path / f"{name}_camera.xml", (480, 640), (480, 640)
    )
    assert rig.photo == rig.other == Camera((480, 640), 525, 525, 320, 240)


def test_the_office_xml(shared: Path) -> None:
    path = shared / "data" / "rgbd" / "office" / "0000000025_camera.xml"
    rig = calibration_reader.read_calibration(path, (480, 640), (480, 640))
    assert rig.photo == rig.other == Camera((480, 640), 525, 525, 320, 240)
