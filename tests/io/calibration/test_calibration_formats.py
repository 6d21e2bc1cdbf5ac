# ruff: noqa: E501 (numbers as the programs write them)
"""Calibrations as other programs write them mean what their authors say; hostile ones one line."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthmatte.camera import Rig
from depthmatte.errors import InputError
from depthmatte.io.calibration import bounded_markup, calibration_reader
from rigs import rotation

K = [600.0, 0.0, 255.5, 0.0, 610.0, 250.5, 0.0, 0.0, 1.0]
"""By rows."""

MATRIX = np.array(K).reshape(3, 3)
R = rotation(0.01, 0.02, 0.03)
T = np.array([-0.11, 0.0004, -0.0008])
BENT = [-0.28, 0.07, 0.0002, 0.01]


def camera_info(model: str, bent: list[float], **changes: Any) -> str:
    """What `ros2 topic echo --once` prints."""
    roi = {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False}
    entries = {
        "header": {"stamp": {"sec": 1, "nanosec": 2}, "frame_id": "camera"},
        "height": 512, "width": 512, "distortion_model": model,
        "d": bent, "k": K, "r": np.eye(3).ravel().tolist(), "p": [*K[:3], 0, *K[3:6], 0, *K[6:], 0],
        "binning_x": 1, "binning_y": 1, "roi": roi, **changes,
    }  # fmt: skip
    return "\n".join(yaml_lines(entries)) + "\n---\n"


def yaml_lines(value: Any, indent: str = "") -> list[str]:
    """Block YAML."""
    lines = []
    for key, each in value.items():
        if isinstance(each, dict):
            lines += [f"{indent}{key}:", *yaml_lines(each, indent + "  ")]
        elif isinstance(each, list):
            lines += [f"{indent}{key}:", *(f"{indent}- {number}" for number in each)]
        else:
            lines.append(f"{indent}{key}: {each}")
    return lines


@pytest.mark.parametrize(
    ("said", "bent", "model", "kept"),
    [
        ("plumb_bob", [*BENT, 0.5], "brown-conrady", 5),
        ("plumb_bob", BENT, "brown-conrady", 4),
        ("plumb_bob", [0.0] * 5, "brown-conrady", 0),
        ("rational_polynomial", [*BENT, 0.1, 0.2, 0.3, 0.4], "brown-conrady", 8),
        ("equidistant", BENT, "equidistant", 4),
        ("fisheye", BENT, "equidistant", 4),
        ("''", [], "brown-conrady", 0),
    ],
)
def test_ros_camera_info(said: str, bent: list[float], model: str, kept: int) -> None:
    """Both spellings: ROS 2 has k and d, ROS 1 has K and D; R and P play no part."""
    text = camera_info(said, bent)
    if not bent:
        text = text.replace("d:\n", "d: []\n")
    rig = calibration_reader.parse_calibration(text, "info.yaml")
    older = text.replace("\nk:", "\nK:").replace("\nd:", "\nD:").replace("\nr:", "\nR:")
    assert calibration_reader.parse_calibration(older.replace("\np:", "\nP:")) == rig
    assert rig.photo == rig.other
    assert (rig.photo.model, rig.photo.shape) == (model, (512, 512))
    assert rig.photo.distortion == pytest.approx(bent[:kept])
    assert rig.photo.matrix == pytest.approx(MATRIX)


def test_ros_region_of_interest_moves_the_center() -> None:
    roi = {"x_offset": 100, "y_offset": 50, "height": 200, "width": 300, "do_rectify": False}
    camera = calibration_reader.parse_calibration(
        camera_info("plumb_bob", [], roi=roi).replace("d:\n", "d: []\n")
    ).photo
    assert (camera.shape, camera.cx, camera.cy) == ((200, 300), 155.5, 200.5)
    for wrong in ({**roi, "width": 500}, {**roi, "x_offset": -3}):
        with pytest.raises(InputError, match="roi"):
            calibration_reader.parse_calibration(camera_info("plumb_bob", BENT, roi=wrong))


def calibrated_ros(model: str, bent: list[float]) -> str:
    """What ROS's camera_calibration saves."""
    return f"""image_width: 512
image_height: 512
camera_name: head_camera
camera_matrix:
  rows: 3
  cols: 3
  data: {K}
distortion_model: {model}
distortion_coefficients:
  rows: 1
  cols: {len(bent)}
  data: {bent}
"""


def test_four_fisheye_numbers_are_no_tangential_ones() -> None:
    camera = calibration_reader.parse_calibration(calibrated_ros("equidistant", BENT)).photo
    assert (camera.model, camera.distortion) == ("equidistant", tuple(BENT))
    assert (
        calibration_reader.parse_calibration(calibrated_ros("plumb_bob", BENT)).photo.model
        == "brown-conrady"
    )


@pytest.mark.parametrize("model", ["omnidirectional", "thin_prism", "double_sphere", "\x1b[2J"])
def test_other_lens_models_are_refused_by_name(model: str) -> None:
    with pytest.raises(InputError, match=r"lens model .* is not supported") as found:
        calibration_reader.parse_calibration(calibrated_ros(json.dumps(model), BENT), "me.yaml")
    assert str(found.value).isprintable()


KALIBR = {
    "cam0": {"camera_model": "pinhole", "distortion_model": "radtan", "intrinsics": [600, 610, 255.5, 250.5],
             "distortion_coeffs": BENT, "resolution": [512, 400], "rostopic": "/cam0"},
    "cam1": {"camera_model": "pinhole", "distortion_model": "equidistant", "intrinsics": [500, 510, 155.5, 150.5],
             "distortion_coeffs": BENT, "resolution": [320, 300],
             "T_cn_cnm1": np.block([[R, T[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]]).round(3).tolist()},
}  # fmt: skip


def test_kalibr_camchain_leads_from_cam0_to_cam1() -> None:
    """T_cn_cnm1 takes points of cam0's frame to cam1's; three decimals are enough."""
    rig = calibration_reader.parse_calibration(json.dumps(KALIBR))
    assert (rig.photo.shape, rig.photo.fy, rig.photo.model) == ((400, 512), 610, "brown-conrady")
    assert (rig.other.shape, rig.other.cx, rig.other.model) == ((300, 320), 155.5, "equidistant")
    assert rig.other.rotation == pytest.approx(R, abs=1e-3)
    assert rig.other.translation == pytest.approx(T, abs=1e-3)
    alone = calibration_reader.parse_calibration(json.dumps({"cam0": KALIBR["cam0"]}))
    assert alone.photo == alone.other


@pytest.mark.parametrize("key", ["camera_model", "distortion_model"])
def test_kalibr_models_beyond_ours_are_named(key: str) -> None:
    with pytest.raises(InputError, match="'omni'"):
        calibration_reader.parse_calibration(json.dumps({"cam0": {**KALIBR["cam0"], key: "omni"}}))


def test_open3d_is_stored_by_columns() -> None:
    columns = MATRIX.T.ravel().tolist()
    inside = {"width": 512, "height": 400, "intrinsic_matrix": columns}
    whole = {"class_name": "PinholeCameraParameters", "extrinsic": [0] * 16, "intrinsic": inside}
    for content in (inside, whole, {**inside, "intrinsic_matrix": K}):
        camera = calibration_reader.parse_calibration(json.dumps(content)).photo
        assert camera.shape == (400, 512)
        assert camera.matrix == pytest.approx(MATRIX)


def test_a_matrix_by_columns_is_seen_to_be_one() -> None:
    """Record3D and others write K by columns under other names."""
    for numbers in (K, MATRIX.T.ravel().tolist()):
        content = {"K": numbers, "w": 512, "h": 400}
        assert calibration_reader.parse_calibration(
            json.dumps(content)
        ).photo.matrix == pytest.approx(MATRIX)


REALSENSE: dict[str, Any] = {
    "color": {"width": 640, "height": 480, "ppx": 320.5, "ppy": 240.5, "fx": 600, "fy": 601,
              "model": "distortion.inverse_brown_conrady", "coeffs": [0] * 5},
    "depth": {"width": 848, "height": 480, "ppx": 424.5, "ppy": 239.5, "fx": 420, "fy": 420,
              "model": "distortion.brown_conrady", "coeffs": [0] * 5},
    "depth_scale": 0.001,
    "extrinsics": {"rotation": R.T.ravel().tolist(), "translation": [0.0147, 0.0002, 0.0003]},
}  # fmt: skip


def test_realsense_extrinsics_lead_from_depth_to_color() -> None:
    """librealsense's rotation is stored by columns: color = R depth + t."""
    rig = calibration_reader.parse_calibration(
        json.dumps(REALSENSE), "rs.json", (480, 640), (480, 848)
    )
    turn, shift = rig.pose  # from the other camera's frame to the photo's
    assert turn == pytest.approx(R, abs=1e-9)
    assert shift == pytest.approx([0.0147, 0.0002, 0.0003])
    assert (rig.photo.fx, rig.other.fx, rig.other.shape) == (600, 420, (480, 848))


def test_realsense_depth_aligned_to_color_needs_no_way() -> None:
    rig = calibration_reader.parse_calibration(
        json.dumps(REALSENSE), "rs.json", (480, 640), (480, 640)
    )
    assert rig.photo == rig.other
    assert rig.photo.fx == 600
    assert calibration_reader.parse_calibration(json.dumps(REALSENSE["color"])).photo == rig.photo


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"extrinsics": None}, "no extrinsics"),
        ({"color": {**REALSENSE["color"], "coeffs": [0.1, 0, 0, 0, 0]}}, "inverse_brown_conrady"),
        ({"depth": {**REALSENSE["depth"], "ppx": None}}, "depth fx, fy, ppx, ppy"),
        ({"depth": {**REALSENSE["depth"], "width": 84.5}}, "width must be a whole number"),
    ],
)
def test_realsense_is_checked(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        calibration_reader.parse_calibration(json.dumps({**REALSENSE, **change}))


@pytest.mark.parametrize(
    ("line", "fx", "model", "bent"),
    [
        ("SIMPLE_PINHOLE 512 400 600 256 200", 600, "brown-conrady", ()),
        ("PINHOLE 512 400 600 610 256 200", 600, "brown-conrady", ()),
        ("SIMPLE_RADIAL 512 400 600 256 200 0.1", 600, "brown-conrady", (0.1, 0, 0, 0)),
        ("RADIAL 512 400 600 256 200 0.1 0.2", 600, "brown-conrady", (0.1, 0.2, 0, 0)),
        ("OPENCV 512 400 600 610 256 200 .1 .2 .01 .02", 600, "brown-conrady", (0.1, 0.2, 0.01, 0.02)),
        (
            "FULL_OPENCV 512 400 600 610 256 200 .1 .2 .01 .02 .3 .4 .5 .6", 600, "brown-conrady",
            (0.1, 0.2, 0.01, 0.02, 0.3, 0.4, 0.5, 0.6),
        ),
        ("OPENCV_FISHEYE 512 400 600 610 256 200 .1 .2 .03 .04", 600, "equidistant", (0.1, 0.2, 0.03, 0.04)),
        ("RADIAL_FISHEYE 512 400 600 256 200 .1 .2", 600, "equidistant", (0.1, 0.2, 0, 0)),
    ],
)  # fmt: skip
def test_colmap_cameras(line: str, fx: float, model: str, bent: tuple[float, ...]) -> None:
    """COLMAP's (0.5, 0.5) is the center of the first pixel."""
    camera = calibration_reader.parse_calibration(
        f"# Camera list\n#   CAMERA_ID, MODEL\n1 {line}\n"
    ).photo
    assert (camera.shape, camera.fx, camera.model) == ((400, 512), fx, model)
    assert (camera.cx, camera.cy) == (255.5, 199.5)
    assert camera.distortion == pytest.approx(bent)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 FOV 512 400 600 610 256 200 0.1", "'FOV' is not supported"),
        ("1 PINHOLE 512 400 600 610 256", "PINHOLE parameters must be 4"),
        ("1 PINHOLE 5 4 6 6 2 2\n2 PINHOLE 5 4 6 6 2 2", "2 cameras"),
    ],
)
def test_colmap_is_checked(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        calibration_reader.parse_calibration(text)


def test_opencv_fisheyes_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "calib.yml"
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in {"camera_matrix": MATRIX, "D": np.array(BENT)}.items():
        file.write(key, value)
    file.write("fisheye_model", 1)
    file.release()
    assert calibration_reader.read_calibration(path, (512, 512)).photo.model == "equidistant"
    path.write_text(path.read_text().replace("fisheye_model: 1", "model: fisheye"))
    assert calibration_reader.read_calibration(path, (512, 512)).photo.model == "equidistant"


def test_own_json_has_fisheyes() -> None:
    own = {"size": [512, 400], "fx": 600, "fy": 600, "cx": 255, "cy": 199, "distortion": BENT}
    text = json.dumps({"depthmatte": 1, "photo": {**own, "model": "equidistant"}})
    rig = calibration_reader.parse_calibration(text)
    assert rig.photo.model == "equidistant"
    assert calibration_reader.parse_calibration(calibration_reader.encode_calibration(rig)) == rig


# What anybody may have sent


def lines() -> dict[str, str]:
    camera = '{"size":[640,480],"fx":525,"fy":525,"cx":319.5,"cy":239.5%s}'
    photo = camera % ""
    deep = 3000
    return {
        "deep.json": '{"x":{"type_id":"opencv-matrix"},"a":' + "[" * deep + "]" * deep + "}",
        "deep.yaml": "%YAML:1.0\n---\nK: " + "[" * deep,
        "deep-block.yaml": "\n".join(" " * level + "a:" for level in range(900)),
        "deep.xml": "<a>" * deep,
        "deeper.json": '{"a":' * 20000,
        "wide.json": json.dumps({"K": [[]] * 150_000}),
        "ragged.json": f'{{"depthmatte":1,"photo":{camera % ","}"distortion":[[1,2],[3]]}}}}'.replace(
            '}"distortion"', '"distortion"'
        ),
        "turn.json": f'{{"depthmatte":1,"photo":{photo},"rotation":[[1e200,0,0],[0,1,0],[0,0,1]]}}',
        "far.json": f'{{"depthmatte":1,"photo":{photo},"translation":[1e300,0,0]}}',
        "whole.json": '{"K":[' + "9" * 5000 + "]}",
        "big.json": f'{{"K":[{10**400},0,0,0,1,0,0,0,1]}}',
        "huge.json": '{"K":[1e308,0,9,0,1e308,9,0,0,1],"width":20,"height":20}',
        "size.json": '{"K":[9,0,9,0,9,9,0,0,1],"width":1e300,"height":20}',
        "bent.json": '{"K":[9,0,9,0,9,9,0,0,1],"D":[1e300,0,0,0],"width":20,"height":20}',
        "empty.txt": "cam0=",
        "alias.yaml": "a: &a [1,2]\nb: [*a,*a]",
        "python.yaml": "K: !!python/object/apply:os.system ['true']",
        "laughs.xml": '<!DOCTYPE a [<!ENTITY b "ha">]><a>&b;</a>',
        "signs.xml": '<?xml version="1.0"?><opencv_storage><unit>&#xff;&#xfe;</unit></opencv_storage>',
        "binary.yaml": "K: !!binary aGVsbG8=",
        "escape.json": json.dumps({"depthmatte": 1, "\x1b[2J": 1}),
        "list.yaml": "- 1\n- 2",
        "text.txt": "hello",
        "keys.yaml": "? [a]\n: b",
        "null.json": '{"depthmatte":1,"photo":null}',
        "kalibr.json": '{"cam0":{"intrinsics":{"a":1}}}',
    }  # fmt: skip


@pytest.mark.parametrize("name", list(lines()))
def test_hostile_text_is_one_line(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="me: ") as found:
        calibration_reader.parse_calibration(lines()[name], "me", (480, 640))
    assert str(found.value).isprintable()
    assert len(str(found.value)) < 400
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("filling", ["\n", " \n", "a:\n", "#\n", "[", "- ", "'", "= \n", "<_>"])
def test_no_text_takes_long(filling: str) -> None:
    """A file as large as allowed is answered in linear time."""
    start = time.process_time()
    text = "%YAML:1.0\n---\n" + filling * (bounded_markup._MAX_FILE_BYTES // len(filling) // 4)
    with pytest.raises(InputError):
        calibration_reader.parse_calibration(text, "me")
    assert time.process_time() - start < 20


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="is not a file"):
        calibration_reader.read_calibration(tmp_path / "pipe")


ANY = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5),
        st.just(K), st.just(BENT), st.just([512, 512]),
    ),
    lambda inside: st.one_of(
        st.lists(inside, max_size=4),
        st.dictionaries(st.sampled_from(["data", "intrinsics", "ppx", "rows", "model"]), inside),
    ),
    max_leaves=8,
)  # fmt: skip
KEYS = [
    "depthmatte", "photo", "other", "rotation", "translation", "rectified", "K", "D", "K1", "K2",
    "D1", "R", "T", "P1", "P2", "unit", "width", "height", "image_size", "distortion_model",
    "cam0", "cam1", "intrinsic_matrix", "intrinsic", "color", "depth", "extrinsics", "ppx", "roi",
]  # fmt: skip


def check_answer(text: str, photo: tuple[int, int] | None = (480, 640)) -> None:
    """A rig, or one printable line."""
    said = "nothing"
    try:
        rig = calibration_reader.parse_calibration(text, "me", photo, (9, 9))
    except InputError as error:
        said = str(error)
    else:
        assert isinstance(rig, Rig)
    assert said.isprintable()


@given(st.dictionaries(st.sampled_from(KEYS), ANY, max_size=6), st.booleans())
def test_any_content_is_a_rig_or_one_line(content: dict[str, Any], sized: bool) -> None:
    check_answer(json.dumps(content), (480, 640) if sized else None)


@given(
    st.sampled_from([calibrated_ros("plumb_bob", BENT), camera_info("equidistant", BENT)]),
    st.lists(st.tuples(st.integers(0, 2000), st.characters(max_codepoint=300)), max_size=4),
)
def test_damaged_yaml_is_a_rig_or_one_line(text: str, places: list[tuple[int, str]]) -> None:
    for place, sign in places:
        text = text[: place % len(text)] + sign + text[place % len(text) + 1 :]
    check_answer(text)
